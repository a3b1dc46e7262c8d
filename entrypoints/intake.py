"""The one door for orders: store the document, understand it, register the order, start its workflow."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from traceback import extract_tb
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.database.engine import Clock, migrate, open_database
from adapters.database.inbox import MALFORMED, Inbox, InboxItem, dedupe_key
from adapters.database.orders import Accepted, AlreadyKnown, Orders
from adapters.database.schema import InboxKind, InboxState
from adapters.database.skus import SkuMappings
from adapters.documents import PARSERS, load
from domain.base import Value
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, PlatformId, order_id
from domain.intake import DocumentParser, Problem, UnusableDocument
from domain.orders import PlacedOrder
from domain.records import OrderState
from workers.clock import now
from workers.connection import connect
from workers.settings import Settings
from workers.temporal import Started, start_order

# So long the forwarder leaves a document to whoever is just taking it in.
_IN_HAND = timedelta(seconds=30)


class Parked(Value):
    """The document is kept whole in the inbox until someone mends what it needs, and replays it."""

    inbox_id: int
    problems: tuple[Problem, ...]


class Intake:
    """Safe to call with the same document, at once and again: there is one row and one workflow per order, for ever."""

    def __init__(
        self,
        inbox: Inbox,
        orders: Orders,
        skus: SkuMappings,
        *,
        parsers: Mapping[str, DocumentParser],
        start: Callable[[PlacedOrder], Awaitable[Started]],
    ) -> None:
        self._inbox = inbox
        self._orders = orders
        self._skus = skus
        self._parsers = parsers
        self._start = start

    async def accept(
        self, document: bytes, *, channel: ChannelId, platform: str
    ) -> Accepted | AlreadyKnown | Parked:
        """Unavailable: the document could not be stored. After that it is ours, even while Temporal is away."""
        stored = await self._inbox.store(
            InboxKind.DOCUMENT,
            channel=channel,
            system=platform,
            key=dedupe_key(InboxKind.DOCUMENT, channel, platform, document),
            body=document,
            due_in=_IN_HAND,
        )
        return await self.take_in(await self._item(stored.id))

    async def replay(self, inbox_id: int) -> Accepted | AlreadyKnown | Parked:
        """Take in a parked document again, say after its SKU was mapped. LookupError: there is no such document."""
        document = await self._item(inbox_id)
        await self._inbox.replay(document.id)
        return await self.take_in(await self._item(document.id))

    async def take_in(
        self, item: InboxItem, if_known: Callable[[OrderId], Awaitable[None]] | None = None
    ) -> Accepted | AlreadyKnown | Parked:
        """From a stored document to a started order, from wherever an earlier try stopped.

        `if_known` is done for an order that is known already, before its document counts as forwarded.
        """
        if item.state is InboxState.FORWARDED and item.order_id is not None:
            return AlreadyKnown(order_id=item.order_id)
        try:
            document = load(item.body)
            answer = await self._known(item.channel, document) or await self._accept(item, document)
        except UnusableDocument as unusable:
            await self._inbox.park(item.id, MALFORMED, unusable.problems)
            return Parked(inbox_id=item.id, problems=unusable.problems)
        try:
            if if_known is not None and isinstance(answer, AlreadyKnown):
                await if_known(answer.order_id)
            await self._ensure_started(answer.order_id)
        except Unavailable as away:
            await self._inbox.retry_later(item, str(away))
        else:
            await self._inbox.mark_forwarded(item.id, answer.order_id)
        return answer

    async def _known(self, channel: ChannelId, document: Mapping[str, Any]) -> AlreadyKnown | None:
        """Every platform calls its immutable id `id`. A known order's later documents need not be usable: say shipped."""
        try:
            order = order_id(channel, PlatformId(str(document.get("id"))))
        except ValueError:
            return None
        return AlreadyKnown(order_id=order) if await self._orders.get(order) else None

    async def _accept(self, item: InboxItem, document: Mapping[str, Any]) -> Accepted | AlreadyKnown:
        return await self._orders.accept(await self._understood(item, document))

    async def _understood(self, item: InboxItem, document: Mapping[str, Any]) -> PlacedOrder:
        if (parse := self._parsers.get(item.system)) is None:
            raise _unusable("platform", f"nobody reads documents of {item.system!r}")
        skus = await self._skus.of(item.channel)
        try:
            return parse(document, channel=item.channel, skus=skus)
        except UnusableDocument:
            raise
        except Exception as error:
            # A parser that trips over a document is our bug. The document waits for its repair; others go on.
            # The error's own words may quote the customer: only its type and place are told.
            place = extract_tb(error.__traceback__)[-1]
            told = f"{type(error).__name__} in {place.name}, line {place.lineno}"
            raise _unusable("document", f"its parser failed: {told}") from error

    async def _ensure_started(self, order: OrderId) -> None:
        """Whoever finds it unstarted starts it, as it was accepted first; Temporal lets only one of them."""
        registered = await self._orders.get(order)
        if registered is not None and registered.state is OrderState.ACCEPTED:
            await self._start(registered.placed)
            await self._inbox.release(order)
            await self._orders.started(order)

    async def _item(self, inbox_id: int) -> InboxItem:
        item = await self._inbox.get(inbox_id)
        if item is None or item.kind is not InboxKind.DOCUMENT:
            raise LookupError(f"the inbox holds no document {inbox_id}")
        return item


def open_intake(engine: AsyncEngine, client: Client, *, clock: Clock, task_queue: str) -> Intake:
    """The intake of this installation: every platform's documents, orders started at Temporal."""
    return Intake(
        Inbox(engine, clock),
        Orders(engine, clock),
        SkuMappings(engine),
        parsers=PARSERS,
        start=partial(start_order, client, task_queue=task_queue),
    )


@asynccontextmanager
async def opened_inbox(settings: Settings) -> AsyncIterator[Inbox]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        yield Inbox(engine, now)
    finally:
        await engine.dispose()


@asynccontextmanager
async def opened_intake(settings: Settings) -> AsyncIterator[Intake]:
    """While Temporal is away an accepted document waits in the inbox for the forwarder."""
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    client = await connect(settings, lazy=True)
    try:
        yield open_intake(engine, client, clock=now, task_queue=settings.task_queue)
    finally:
        await engine.dispose()


def _unusable(field: str, reason: str) -> UnusableDocument:
    return UnusableDocument((Problem(field=field, reason=reason),))
