"""The demo: orders of every kind run through a whole installation while its worker is killed; all books are audited."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.policies import OrderPolicies, ShortagePolicy
from entrypoints.audit.report import AuditReport
from entrypoints.audit.run import audit
from entrypoints.books import books_of
from entrypoints.demo.kinds import AT_ONCE_SHOP, BUSINESS_SHOP, KINDS, RETURNS_SHOP, WATCHFUL_SHOP, playable
from entrypoints.demo.progress import Part, Progress, parts_of
from entrypoints.demo.staging import opened_stage, place, watch_all
from entrypoints.demo.trouble import Killing, erp_comes_back, erp_goes_down, webhooks_come_as_they_like
from entrypoints.demo.watching import DemoFailed, Say
from entrypoints.embedded.installation import Installation, Wishes, installation
from entrypoints.embedded.processes import Child, python

_DAY_SECONDS = 86_400
_HOUR_SECONDS = 3_600
_RETURN_SECONDS = 30  # a question to an order whose worker was killed is open for ten of them


@dataclass(frozen=True)
class DemoResult:
    """`repeated`: the effects that were in flight when the worker died and were asked for again, by the outside books.

    `kinds` counts the orders of each; `otherwise` tells of those that did not end as they must.
    """

    report: AuditReport
    worker_kills: int
    repeated: int
    kinds: dict[str, int]
    otherwise: list[str]
    seconds: float


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
                "retry_seconds_max": 2,
                "look_again_minutes": 0.5,
                "return_window_days": 0,
                "transfer_reminder_days": 2 / _DAY_SECONDS,
            }
        )

    return Wishes(
        counterparts=counterparts,
        ports={"temporal": 0, "ui": 0, "simulator": 0, "webhooks": 0},
        policies=quick,
        channels={
            BUSINESS_SHOP: _strict,
            AT_ONCE_SHOP: _without_backorders,
            RETURNS_SHOP: _returnable,
            WATCHFUL_SHOP: _watchful,
        },
        pick_seconds="0.5",
        deliver_seconds="1",
        adapter_timeout_seconds=request_seconds,
        settled_after_seconds=request_seconds,
        sweep_seconds=2,
        catch_up_seconds=15,
    )


def _strict(policies: OrderPolicies) -> OrderPolicies:
    return policies.model_copy(
        update={
            "attention_seconds": 1.5,
            "business_approval": True,
            "payment_wait_hours_max": 4 / _HOUR_SECONDS,
        }
    )


def _without_backorders(policies: OrderPolicies) -> OrderPolicies:
    return policies.model_copy(update={"shortage": ShortagePolicy.CANCEL_MISSING})


def _returnable(policies: OrderPolicies) -> OrderPolicies:
    """As long as it may take here until somebody has asked for a return; what was begun is brought to its end."""
    return policies.model_copy(update={"return_window_days": _RETURN_SECONDS / _DAY_SECONDS})


def _watchful(policies: OrderPolicies) -> OrderPolicies:
    """What the pickers did not find the stock system still has: it tells of nothing when it is found."""
    return policies.model_copy(update={"look_again_minutes": 0.1})


async def run_demo(
    directory: Path, orders: int, counterparts: frozenset[str], say: Say, watch: Callable[[Progress], None]
) -> DemoResult:
    """Everything, once. DemoFailed, StartFailed: the message says where it stopped; logs are in `directory`."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with installation(directory, wishes(counterparts), say) as running, AsyncExitStack() as stack:
        await stack.enter_async_context(_clerk(running))
        stage = await stack.enter_async_context(opened_stage(running))
        progress = Progress(stage, parts_of(orders, counterparts, stage))
        _say_what_is_played(progress, counterparts, say)
        killing = Killing(counterparts, stage.world)
        try:
            await _play(running, progress, killing, say, watch)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        say("auditing the books of all systems")
        report = await audit(books_of(running.settings))
        repeated = await killing.repeated()
    if not repeated:
        raise DemoFailed(f"the worker was killed during {killing.step.name}, and nothing was asked for again")
    kinds = Counter(part.kind.name for part in progress.parts)
    took = loop.time() - began
    return DemoResult(report, progress.worker_kills, repeated, dict(kinds), progress.otherwise(), took)


def _say_what_is_played(progress: Progress, counterparts: frozenset[str], say: Say) -> None:
    kinds = playable(counterparts)
    say(f"placing {len(progress.parts)} orders of {min(len(progress.parts), len(kinds))} kinds")
    if left_out := [kind.name for kind in KINDS if kind not in kinds]:
        say(f"left out, for only simulated systems can be told to play them: {'; '.join(left_out)}")


async def _play(
    running: Installation,
    progress: Progress,
    killing: Killing,
    say: Say,
    watch: Callable[[Progress], None],
) -> None:
    """Until every order is at rest."""
    await webhooks_come_as_they_like(progress.stage.world)
    await killing.prepare()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch_all(running, progress, watch))
        await _place_all(running, progress, tasks)
        tasks.create_task(erp_comes_back(progress, say))
        await killing.kill(running, progress, say)


async def _place_all(running: Installation, progress: Progress, tasks: asyncio.TaskGroup) -> None:
    """Those that take longest come first, and those that wait for the ERP last, when it is down."""
    down = False
    for part in sorted(progress.parts, key=_turn):
        if part.kind.in_outage and not down:
            down = True
            await erp_goes_down(progress.stage.world)
        await part.kind.before(part.scene)
        await place(running, part)
        part.play = tasks.create_task(part.perform())


def _turn(part: Part) -> tuple[bool, bool]:
    return part.kind.in_outage, part.kind.channel != RETURNS_SHOP


@asynccontextmanager
async def _clerk(running: Installation) -> AsyncIterator[None]:
    """With a real ERP, its clerk picks, packs and ships by hand, through the ERP's own client library."""
    if running.tryton is None:
        yield
        return
    tryton = running.tryton
    arguments = ["--url", tryton.url, "--database", tryton.database]
    arguments += ["--user", tryton.user, "--password", tryton.password]
    arguments += ["--carrier-url", running.simulator_url]
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
