"""A receiver in one process: a real database, a document shape of its own, and a Temporal that can be away."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import migrate, open_database
from adapters.database.inbox import Inbox, InboxItem, dedupe_key
from adapters.database.orders import Orders, RegisteredOrder
from adapters.database.records import SqlRecords
from adapters.database.schema import InboxKind
from adapters.database.skus import SkuMappings
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, PlatformId, Sku, System, order_id
from domain.intake import Problem, SkuMap, UnusableDocument
from domain.orders import PaymentTerm, PlacedOrder
from domain.phases import Phase
from entrypoints.commands import Commands
from entrypoints.intake import Intake
from entrypoints.webhooks.deliveries import Deliveries, Wake
from entrypoints.webhooks.forwarder import Forwarder
from tests.contracts.placing import place
from workers.temporal import Started, Told

SHOP = ChannelId("shop-de")
PLAIN = "plain"  # the platform whose documents `parse_plain` reads


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **units: float) -> None:
        self.time += timedelta(**units)


class FakeTemporal:
    """Workflow ids that were started ever, those that still run, and what they were told."""

    def __init__(self) -> None:
        self.away = False
        self.started: dict[OrderId, PlacedOrder] = {}
        self.running: set[OrderId] = set()
        self.told: list[tuple[OrderId, System]] = []
        self.looked_after: list[tuple[OrderId, Phase]] = []

    async def start(self, placed: PlacedOrder) -> Started:
        await self._answer()
        if placed.order_id in self.started:
            return Started.KNOWN
        self.started[placed.order_id] = placed
        self.running.add(placed.order_id)
        return Started.NEW

    async def look_again(self, order: OrderId, system: System) -> Told:
        await self._answer()
        if order not in self.running:
            return Told.NOT_RUNNING
        self.told.append((order, system))
        return Told.SIGNALLED

    async def look_after(self, placed: PlacedOrder, ended: Phase) -> None:
        await self._answer()
        self.looked_after.append((placed.order_id, ended))

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("temporal: away")


def document(number: str, **more: Any) -> bytes:
    return json.dumps({"id": number, "sku": "MUG", "term": "authorize_then_capture"} | more).encode()


def order(number: str) -> OrderId:
    return order_id(SHOP, PlatformId(number))


def parse_plain(document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:
    sku = document["sku"] or skus.get("product:1")
    if sku is None:
        missing = Problem(field="sku", reason="no SKU is mapped for product:1")
        raise UnusableDocument((missing, Problem(field="id", reason="and more")))
    placed = place(document["id"], [(Sku(sku), document.get("quantity", 1), "10.00")])
    payment = placed.payment.model_copy(update={"term": PaymentTerm(document["term"])})
    update = {"channel": channel, "platform_id": PlatformId(document["id"]), "payment": payment}
    return placed.model_copy(update=update)


class Receiver:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.clock = Clock()
        self.temporal = FakeTemporal()
        self.inbox = Inbox(engine, self.clock)
        self.orders = Orders(engine, self.clock)
        self.records = SqlRecords(engine, self.clock)
        self.skus = SkuMappings(engine)
        self.intake = self.intake_with(self.temporal.start)
        self.forwarder = self.forwarder_with(self.temporal.look_again)

    def intake_with(self, start: Callable[[PlacedOrder], Awaitable[Started]], **parsers: Any) -> Intake:
        return Intake(self.inbox, self.orders, self.skus, parsers={PLAIN: parse_plain} | parsers, start=start)

    def forwarder_with(self, look_again: Callable[[OrderId, System], Awaitable[Told]]) -> Forwarder:
        no_commands = cast("Commands", None)
        wake = Wake(look_again, self.temporal.look_after)
        deliveries = Deliveries(self.inbox, self.orders, self.intake, no_commands, wake)
        return Forwarder(self.inbox, deliveries.deliver, (InboxKind.DOCUMENT, InboxKind.WEBHOOK))

    async def accept(self, body: bytes, *, platform: str = PLAIN) -> Any:
        return await self.intake.accept(body, channel=SHOP, platform=platform)

    async def hint(self, event: str, system: System = System.ERP, *, number: str = "1") -> int:
        """The inbox id of a stored webhook."""
        stored = await self.inbox.store(
            InboxKind.WEBHOOK,
            channel=SHOP,
            system=system,
            key=dedupe_key(system, event),
            body=b"{}",
            order_id=order(number),
        )
        return stored.id

    async def item(self, inbox_id: int) -> InboxItem:
        item = await self.inbox.get(inbox_id)
        assert item is not None
        return item

    async def registered(self, number: str) -> RegisteredOrder:
        registered = await self.orders.get(order(number))
        assert registered is not None
        return registered


@asynccontextmanager
async def receiver(folder: Path) -> AsyncIterator[Receiver]:
    url = f"sqlite:///{folder}/orders.db"
    await migrate(url)
    engine = open_database(url)
    yield Receiver(engine)
    await engine.dispose()


@asynccontextmanager
async def forwarding(forwarder: Forwarder) -> AsyncIterator[None]:
    """It runs meanwhile. What it fails with fails the test."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(forwarder.run())
        yield
        task.cancel()


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  the condition lies in a database or another process
            await asyncio.sleep(0.01)
