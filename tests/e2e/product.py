"""The whole product as processes, with orders in it, and what the outside's books say of one order."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from adapters.tls import trusted
from domain.ids import ChannelId, OrderId, platform_id_of
from domain.policies import OrderPolicies
from domain.records import OrderState
from entrypoints.audit.report import AuditReport
from entrypoints.audit.run import audit
from entrypoints.books import books_of
from entrypoints.demo.documents import demo_documents
from entrypoints.demo.run import wishes
from entrypoints.demo.shopper import checkout
from entrypoints.demo.tenders import Tenders, by_card
from entrypoints.embedded.installation import Installation, installation
from entrypoints.intake import opened_intake
from workers.connection import connect
from workflows.order import Order

SHOP = ChannelId("shop-demo")
SYSTEMS_PATIENCE_SECONDS = 90  # two cores may be shared by many tests
_LOOK_SECONDS = 0.3  # whoever looks takes from those cores what the orders need

# What differs from order to order though the same happened: names, numbers, times.
_OF_ITS_OWN = frozenset(
    {
        *("document", "html", "plain"),
        *("capture_before", "capture_reference", "payment", "reference"),
        *("tracking_number", "tracking_url"),
    }
)
_TOLD_OF_ORDERS = (
    *("orders", "payments", "captures", "refunds", "voids"),
    *("sales_orders", "invoices", "reservations", "picks", "parcels", "notes", "mails"),
)


class Product:
    def __init__(self, running: Installation, temporal: Client, world: httpx.AsyncClient) -> None:
        self.running = running
        self.temporal = temporal
        self._world = world

    async def place(self, number: str) -> OrderId:
        """A shopper checks out, and the shop's document is taken in. All of these orders are alike."""
        return await self.take(document(number))

    async def take(self, ordered: bytes, pays: Tenders = by_card) -> OrderId:
        """The same with a document of its own."""
        content = await checkout(self.running.settings, SHOP, ordered, pays)
        async with opened_intake(self.running.settings) as intake:
            answer = await intake.accept(content, channel=SHOP, platform="ordersaga")
        return OrderId(answer.model_dump()["order_id"])

    async def fault(self, system: str, kind: str, operation: str = "*", **more: float) -> None:
        told = {"kind": kind, "operation": operation, **more}
        (await self._world.put(f"/faults/{system}", json=told)).raise_for_status()

    async def clear_faults(self) -> None:
        (await self._world.delete("/faults")).raise_for_status()

    async def books(self) -> dict[str, Any]:
        books: dict[str, Any] = (await self._world.get("/books")).raise_for_status().json()
        return books

    async def requests(self, operation: str, order: OrderId) -> list[dict[str, Any]]:
        """What this operation was asked for an order, one entry per key."""
        return [
            request
            for request in (await self.books())["requests"]
            if request["operation"] == operation and request["key"].startswith(f"{order}/")
        ]

    async def under_way(self, operation: str, order: OrderId) -> bool:
        """Whether a slow request has arrived there and is not done yet."""
        return any(
            request["outcomes"].get("slow", 0) > request["attempts"]
            for request in await self.requests(operation, order)
        )

    async def ended(self, order: OrderId) -> OrderState:
        """As what the order ends, Temporal being away at times."""
        handle: WorkflowHandle[Order, OrderState] = self.temporal.get_workflow_handle_for(Order.run, order)
        async with asyncio.timeout(SYSTEMS_PATIENCE_SECONDS):
            while True:
                try:
                    return await handle.result()
                except RPCError:
                    await asyncio.sleep(0.2)

    async def audit(self) -> AuditReport:
        return await audit(books_of(self.running.settings))


@asynccontextmanager
async def product(
    directory: Path,
    policies: Callable[[OrderPolicies], OrderPolicies] = lambda policies: policies,
    *,
    counterparts: frozenset[str] = frozenset(),
    api: bool = False,
) -> AsyncIterator[Product]:
    """Everything on free ports, quick as in the demo; `counterparts` are real systems; our API where it is asked for."""
    quick = wishes(counterparts)
    ports = quick.ports | ({"api": 0} if api else {})
    wished = replace(quick, ports=ports, policies=lambda given: policies(quick.policies(given)))
    async with (
        installation(directory, wished) as running,
        httpx.AsyncClient(verify=trusted(), base_url=running.simulator_url, timeout=30) as world,
    ):
        yield Product(running, await connect(running.settings), world)


def document(number: str) -> bytes:
    (demo,) = demo_documents(1, platforms=["ordersaga"])
    return json.dumps(demo.document | {"id": number, "number": number}).encode()


def story(books: dict[str, Any], order: OrderId) -> Any:
    """All that everybody's books say of an order, but for what is each order's own."""
    mine = {kind: [told for told in books[kind] if order in json.dumps(told)] for kind in _TOLD_OF_ORDERS}
    anonymous = json.dumps(mine).replace(order, "ORDER").replace(platform_id_of(order), "NUMBER")
    return _common(json.loads(anonymous))


def _common(told: Any) -> Any:
    if isinstance(told, dict) and told.keys() == {"seq", "at"}:
        return "once upon a time"
    if isinstance(told, dict):
        return {name: _common(value) for name, value in told.items() if name not in _OF_ITS_OWN}
    if isinstance(told, list):
        return sorted((_common(item) for item in told), key=json.dumps)
    return told


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SYSTEMS_PATIENCE_SECONDS):
        while not await true():  # noqa: ASYNC110  it comes true in another process
            await asyncio.sleep(_LOOK_SECONDS)
