"""The demo: orders run through a whole installation while its worker is killed, and everybody's books are audited."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowExecutionStatus

from activities.fulfilment import FulfilmentActivities
from activities.payments import PaymentActivities
from activities.steps import Step, step_of
from domain.errors import OrderError
from domain.ids import ChannelId
from domain.policies import OrderPolicies
from entrypoints.audit.report import AuditReport
from entrypoints.audit.run import audit
from entrypoints.books import books_of
from entrypoints.demo.documents import CURRENCIES, DemoDocument, demo_documents
from entrypoints.demo.shopper import checkout
from entrypoints.embedded.installation import Installation, Wishes, installation
from entrypoints.embedded.processes import Child, python
from entrypoints.intake import Parked, opened_intake
from workers.run import connect
from workflows.order import Order
from workflows.visibility import ATTENTION, ORDER_PHASE

Say = Callable[[str], None]

CANCEL_EVERY = 10  # the customer of every tenth order changes their mind at once
_SLOW_SECONDS = 2.0
_STALLED_SECONDS = 120


@dataclass
class Progress:
    """What a person may watch: the phase of every order, and how many workers were killed."""

    documents: list[DemoDocument]
    phases: dict[str, str] = field(default_factory=dict)
    resting: set[str] = field(default_factory=set)
    worker_kills: int = 0

    @property
    def at_rest(self) -> bool:
        return all(document.order_id in self.resting for document in self.documents)


@dataclass(frozen=True)
class DemoResult:
    """`repeated`: the effects that were in flight when the worker died and were asked for again, by the outside books."""

    report: AuditReport
    worker_kills: int
    repeated: int
    seconds: float


class DemoFailed(OrderError):  # noqa: N818  it reads as what happened
    """The demo did not get where it should; the message says where it stopped."""


def wishes(counterparts: frozenset[str]) -> Wishes:
    """Free ports, quick people, quick repeats; real systems are given the time they take."""
    request_seconds = 15.0 if counterparts else 2.0

    def quick(policies: OrderPolicies) -> OrderPolicies:
        return policies.model_copy(
            update={
                "attempt_seconds": request_seconds + 1,
                "request_seconds_max": request_seconds,
                "attention_seconds": 60,
                "retry_seconds_min": 0.3,
                "retry_seconds_max": 5,
                "look_again_minutes": 0.5,
                "return_window_days": 0,
            }
        )

    return Wishes(
        counterparts=counterparts,
        ports={"temporal": 0, "ui": 0, "simulator": 0, "webhooks": 0},
        policies=quick,
        pick_seconds="0.5",
        deliver_seconds="1",
        adapter_timeout_seconds=request_seconds,
        settled_after_seconds=request_seconds,
        sweep_seconds=1,
    )


async def run_demo(
    directory: Path, orders: int, counterparts: frozenset[str], say: Say, watch: Callable[[Progress], None]
) -> DemoResult:
    """Everything, once. DemoFailed, StartFailed: the message says where it stopped; logs are in `directory`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with installation(directory, wishes(counterparts), say) as running:
        async with _clerk(running):
            progress = Progress(_documents(orders, counterparts))
            client = await connect(running.settings)
            killed = _killing(counterparts)
            await _slow(running, killed)
            say(f"placing {orders} orders")
            await _place(running, progress, client)
            watching = asyncio.create_task(_watch(client, progress, watch))
            try:
                await _kill_in_flight(running, progress, killed, say)
                await _all_at_rest(progress, watching)
            finally:
                watching.cancel()
        say("auditing the books of all systems")
        report = await audit(books_of(running.settings))
        repeated = await _repeated(running, killed)
    if not repeated:
        raise DemoFailed(f"the worker was killed during {killed.name}, and nothing was asked for again")
    return DemoResult(report, progress.worker_kills, repeated, loop.time() - began)


def _documents(orders: int, counterparts: frozenset[str]) -> list[DemoDocument]:
    """Shopify's documents name no payment, so they are not for Stripe; the real ERP keeps its books in euros."""
    platforms = (
        ["woocommerce", "ordersaga"] if "stripe" in counterparts else ["shopify", "woocommerce", "ordersaga"]
    )
    return demo_documents(
        orders, platforms=platforms, currencies=["EUR"] if "tryton" in counterparts else CURRENCIES
    )


def _killing(counterparts: frozenset[str]) -> Step:
    """The effect during which the worker dies: one that the simulated world can be told to take its time for."""
    if "stripe" in counterparts:
        return step_of(FulfilmentActivities.create_labels)
    return step_of(PaymentActivities.capture_payment)


_OPERATIONS = {"create_labels": "create_labels", "capture_payment": "capture"}


async def _slow(running: Installation, step: Step) -> None:
    fault = {"kind": "slow", "operation": _OPERATIONS[step.name], "seconds": _SLOW_SECONDS}
    await _simulator(running, "PUT", f"/faults/{step.system}", fault)


async def _place(running: Installation, progress: Progress, client: Client) -> None:
    async with opened_intake(running.settings) as intake:
        for number, document in enumerate(progress.documents, 1):
            channel = ChannelId(document.channel)
            content = await checkout(running.settings, channel, json.dumps(document.document).encode())
            answer = await intake.accept(content, channel=channel, platform=document.platform)
            if isinstance(answer, Parked):
                raise DemoFailed(f"{document.order_id} was parked: {answer.problems}")
            if number % CANCEL_EVERY == 0:
                handle = client.get_workflow_handle(document.order_id)
                await handle.execute_update(
                    Order.cancel, args=["customer service", "the customer changed their mind"]
                )


async def _kill_in_flight(running: Installation, progress: Progress, step: Step, say: Say) -> None:
    """SIGKILL the worker while the outside works on what it asked for, and start another one."""
    async with asyncio.timeout(_STALLED_SECONDS):
        while not await _in_flight(running, step):  # noqa: ASYNC110  the simulated world has no event to wait for
            await asyncio.sleep(0.1)
    worker = running.workers[-1]
    await worker.kill()
    progress.worker_kills += 1
    say(f"killed the worker (pid {worker.pid}, SIGKILL) during {step.name}; starting another one")
    await _simulator(running, "DELETE", f"/faults/{step.system}")
    await running.start_worker()


async def _in_flight(running: Installation, step: Step) -> bool:
    """Whether a request for this effect has arrived and is not done yet, by the books of whoever does it."""
    return any(
        request["outcomes"].get("slow", 0) > request["attempts"] for request in await _requests(running, step)
    )


async def _watch(client: Client, progress: Progress, watch: Callable[[Progress], None]) -> None:
    """Look at all orders twice a second, through Temporal's own eyes, until all are at rest."""
    while not progress.at_rest:
        async for execution in client.list_workflows("WorkflowType = 'Order'"):
            attributes = execution.typed_search_attributes
            closed = execution.status is not WorkflowExecutionStatus.RUNNING
            progress.phases[execution.id] = attributes.get(ORDER_PHASE) or "received"
            if closed or attributes.get(ATTENTION) is not None:
                progress.resting.add(execution.id)
        watch(progress)
        await asyncio.sleep(0.5)


async def _all_at_rest(progress: Progress, watching: asyncio.Task[None]) -> None:
    """As long as orders move on it goes on; DemoFailed when none did for two minutes."""
    loop = asyncio.get_running_loop()
    seen, since = dict(progress.phases), loop.time()
    while not watching.done():
        await asyncio.sleep(0.2)
        if progress.phases != seen:
            seen, since = dict(progress.phases), loop.time()
        if loop.time() - since > _STALLED_SECONDS:
            raise DemoFailed(f"no order moved for {_STALLED_SECONDS} s: {dict(Counter(seen.values()))}")
    await watching


async def _repeated(running: Installation, step: Step) -> int:
    """How many effects of this kind the outside was asked for more than once, with the same key."""
    return sum(1 for request in await _requests(running, step) if request["attempts"] > 1)


async def _requests(running: Installation, step: Step) -> list[dict[str, Any]]:
    books = await _simulator(running, "GET", "/books")
    return [request for request in books["requests"] if request["operation"] == _OPERATIONS[step.name]]


async def _simulator(
    running: Installation, method: str, path: str, content: dict[str, Any] | None = None
) -> Any:
    async with httpx.AsyncClient(base_url=running.simulator_url, timeout=30) as client:
        response = await client.request(
            method, path, json=content, headers={"Authorization": f"Bearer {running.token}"}
        )
        response.raise_for_status()
        return response.json()


@asynccontextmanager
async def _clerk(running: Installation) -> AsyncIterator[None]:
    """With a real ERP, its clerk picks, packs and ships by hand, through the ERP's own client library."""
    if running.tryton is None:
        yield
        return
    tryton = running.tryton
    arguments = ["--url", tryton.url, "--database", tryton.database]
    arguments += [
        "--user",
        tryton.user,
        "--password",
        tryton.password,
        "--carrier-url",
        running.simulator_url,
    ]
    clerk = Child(
        "clerk", python("-m", "entrypoints.demo.clerk", *arguments), log=running.log_directory / "clerk.log"
    )

    async def at_work() -> bool:
        return clerk.alive

    await clerk.start(at_work)
    try:
        yield
    finally:
        await clerk.stop()
