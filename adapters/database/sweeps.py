"""What sweeps know of our own database: which orders are registered, what webhooks told, and what they have counted."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import Clock, insert_new, reading, writing
from adapters.database.inbox import Inbox, dedupe_key
from adapters.database.incidents import SqlIncidents
from adapters.database.orders import CLOSED, Orders
from adapters.database.records import SqlRecords
from adapters.database.schema import (
    BackorderRow,
    InboxKind,
    InboxRow,
    IncidentRow,
    OrderRow,
    OutageRow,
    StrandedRow,
    SweepCountRow,
)
from domain.base import Value
from domain.ids import ChannelId, OrderId, PaymentRef, System, channel_of
from domain.orders import PlacedOrder
from domain.records import OrderState, Outage

# A webhook may come a moment after the change that it tells of was seen by a sweep, and the other way round.
_OVERLAP = timedelta(minutes=2)


class SweepCount(Value):
    """Since the sweep was set up. `missed`: of `changed`, those that no webhook had told of when it looked."""

    name: str
    looks: int
    changed: int
    missed: int
    looked_at: datetime


class StrandedOrder(Value):
    """`ended` is how Temporal says that its workflow ended; `left_open` is what it left behind, in plain words."""

    order_id: OrderId
    ended: str
    found_at: datetime
    left_open: str
    told_at: datetime | None


class SqlSweeps:
    """`activities.sweeps.Register` and `activities.sweeps_orders.Books`."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._orders = Orders(engine, clock)
        self._inbox = Inbox(engine, clock)
        self._incidents = SqlIncidents(engine, clock)
        records = SqlRecords(engine, clock)
        self.cursor, self.keep_cursor = records.cursor, records.keep_cursor

    # -- what webhooks told ------------------------------------------------------------------------------------

    async def known(self, orders: Collection[OrderId]) -> frozenset[OrderId]:
        return await self._orders.known(orders)

    async def paid_by(self, payment: PaymentRef) -> OrderId | None:
        return await self._orders.paid_by(payment)

    async def put_into_inbox(self, channel: ChannelId, platform: str, document: str) -> None:
        """As if its webhook had come; whoever forwards the inbox takes it in."""
        body = document.encode()
        await self._inbox.store(
            InboxKind.DOCUMENT,
            channel=channel,
            system=platform,
            key=dedupe_key(InboxKind.DOCUMENT, channel, platform, body),
            body=body,
        )

    async def tell_of_closed(self, orders: Collection[OrderId], system: System, cursor: str) -> None:
        for order in orders:
            if await self._orders.state(order) in CLOSED:
                await self._inbox.store(
                    InboxKind.WEBHOOK,
                    channel=channel_of(order),
                    system=system,
                    key=dedupe_key("sweep", system, cursor, order),
                    body=b"{}",
                    order_id=order,
                )

    async def heard_of(
        self, orders: Collection[OrderId], name: str, system: System | None
    ) -> frozenset[OrderId]:
        """All of them at the first look of this sweep. A platform's webhooks are of its shop and its payments."""
        looked_at = select(SweepCountRow.looked_at).where(SweepCountRow.name == name)
        async with reading(self._engine) as connection:
            if (since := await connection.scalar(looked_at)) is None:
                return frozenset(orders)
            told = select(InboxRow.order_id).where(
                InboxRow.order_id.in_(orders),
                InboxRow.kind != InboxKind.COMMAND,
                InboxRow.received_at >= since - _OVERLAP,
            )
            if system is not None:
                told = told.where(InboxRow.system.not_in([other for other in System if other is not system]))
            return frozenset(OrderId(order) for order in await connection.scalars(told) if order)

    async def count(self, name: str, changed: int, missed: int) -> None:
        now, row = self._clock(), SweepCountRow
        new = insert_new(self._engine, row).values(
            name=name, looks=1, changed=changed, missed=missed, looked_at=now
        )
        more = {
            "looks": row.looks + 1,
            "changed": row.changed + changed,
            "missed": row.missed + missed,
            "looked_at": now,
        }
        async with writing(self._engine) as connection:
            await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=more))

    async def counts(self) -> tuple[SweepCount, ...]:
        async with reading(self._engine) as connection:
            rows = await connection.execute(select(SweepCountRow).order_by(SweepCountRow.name))
            return tuple(SweepCount.model_validate(dict(row._mapping)) for row in rows)  # noqa: SLF001  SQLAlchemy's public name

    # -- orders whose workflow is not there --------------------------------------------------------------------

    async def register(self, placed: PlacedOrder) -> None:
        """The row of an order that was started while this database was away."""
        await self._orders.accept(placed)
        await self._orders.started(placed.order_id)

    async def open_orders(
        self, *, among: Collection[OrderId] | None = None, after: OrderId | None = None, limit: int = 100
    ) -> tuple[PlacedOrder, ...]:
        """Started and not closed, by their id."""
        query = select(OrderRow.placed).where(OrderRow.state == OrderState.STARTED)
        if among is not None:
            query = query.where(OrderRow.order_id.in_(among))
        if after is not None:
            query = query.where(OrderRow.order_id > after)
        async with reading(self._engine) as connection:
            rows = await connection.scalars(query.order_by(OrderRow.order_id).limit(limit))
            return tuple(PlacedOrder.model_validate(placed) for placed in rows)

    async def release(self, order: OrderId) -> None:
        """Nobody waits behind it for goods any more, and no incident counts it."""
        stopped = (
            select(IncidentRow, OutageRow.step)
            .join(OutageRow, OutageRow.incident == IncidentRow.number)
            .where(OutageRow.order_id == order, OutageRow.ended_at.is_(None))
        )
        async with reading(self._engine) as connection:
            outages = [
                Outage(order_id=order, system=row.system, adapter=row.adapter, step=row.step)
                for row in await connection.execute(stopped)
            ]
        for outage in outages:
            await self._incidents.end(outage)
        async with writing(self._engine) as connection:
            await connection.execute(delete(BackorderRow).where(BackorderRow.order_id == order))

    async def strand(self, order: OrderId, ended: str, left_open: str) -> bool:
        """Ensure it is listed with what is open now; whether operators are still to be told."""
        new = insert_new(self._engine, StrandedRow).values(
            order_id=order, ended=ended, found_at=self._clock(), left_open=left_open
        )
        listed = new.on_conflict_do_update(
            index_elements=["order_id"], set_={"ended": ended, "left_open": left_open}
        ).returning(StrandedRow.told_at)
        async with writing(self._engine) as connection:
            return (await connection.execute(listed)).scalar_one() is None

    async def told(self, order: OrderId) -> None:
        async with writing(self._engine) as connection:
            await connection.execute(
                update(StrandedRow).where(StrandedRow.order_id == order).values(told_at=self._clock())
            )

    async def carried_again(self, order: OrderId) -> None:
        """Its workflow runs, or has ended as it should."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(StrandedRow).where(StrandedRow.order_id == order))

    async def listed(self) -> tuple[OrderId, ...]:
        return tuple(one.order_id for one in await self.stranded())

    async def stranded(self) -> tuple[StrandedOrder, ...]:
        """The longest known first."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(select(StrandedRow).order_by(StrandedRow.found_at))
            return tuple(StrandedOrder.model_validate(dict(row._mapping)) for row in rows)  # noqa: SLF001  as above
