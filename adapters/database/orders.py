"""The register of accepted orders: one row each, for ever."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import Clock, insert_new, reading, writing
from adapters.database.schema import MovementRow, OrderRow
from adapters.database.together import Together
from domain.base import Value
from domain.ids import ChannelId, OrderId, PaymentRef
from domain.orders import PlacedOrder
from domain.records import OrderState

CLOSED = frozenset({OrderState.COMPLETED, OrderState.CANCELLED})


class Accepted(Value):
    """The order is ours now: whatever happens, it will be started, once."""

    order_id: OrderId


class AlreadyKnown(Value):
    order_id: OrderId


class RegisteredOrder(Value):
    """`placed` as it was accepted first. `closed_document` is the whole order, a JSON document, once it is closed."""

    order_id: OrderId
    channel: ChannelId
    number: str
    state: OrderState
    placed: PlacedOrder
    accepted_at: datetime
    closed_at: datetime | None
    closed_document: str | None

    @property
    def closed(self) -> bool:
        return self.state in CLOSED


class Orders:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._state = Together(self._states)

    async def accept(self, placed: PlacedOrder) -> Accepted | AlreadyKnown:
        """Accepted for one caller alone, however many bring the same order at once. What stands already stays."""
        new = (
            insert_new(self._engine, OrderRow)
            .values(
                order_id=placed.order_id,
                channel=placed.channel,
                platform_id=placed.platform_id,
                number=placed.number,
                payment=placed.payment.reference,
                state=OrderState.ACCEPTED,
                placed=placed.model_dump(mode="json"),
                accepted_at=self._clock(),
            )
            .on_conflict_do_nothing()
            .returning(OrderRow.order_id)
        )
        async with writing(self._engine) as connection:
            inserted = (await connection.execute(new)).first()
        return Accepted(order_id=placed.order_id) if inserted else AlreadyKnown(order_id=placed.order_id)

    async def started(self, order: OrderId) -> None:
        """Its workflow runs. Changes nothing where the order is closed already."""
        async with writing(self._engine) as connection:
            await connection.execute(
                update(OrderRow)
                .where(OrderRow.order_id == order, OrderRow.state == OrderState.ACCEPTED)
                .values(state=OrderState.STARTED)
            )

    async def get(self, order: OrderId) -> RegisteredOrder | None:
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(OrderRow).where(OrderRow.order_id == order))).first()
        return row and _registered(row)

    async def state(self, order: OrderId) -> OrderState | None:
        """None: it is not registered. Cheap, for the row holds whole documents."""
        return await self._state(order)

    async def list(
        self, *, state: OrderState | None = None, channel: ChannelId | None = None, limit: int = 50
    ) -> tuple[RegisteredOrder, ...]:
        """The newest first."""
        query = select(OrderRow).order_by(OrderRow.accepted_at.desc(), OrderRow.order_id).limit(limit)
        if state is not None:
            query = query.where(OrderRow.state == state)
        if channel is not None:
            query = query.where(OrderRow.channel == channel)
        async with reading(self._engine) as connection:
            return tuple(_registered(row) for row in await connection.execute(query))

    async def numbered(self, number: str) -> tuple[RegisteredOrder, ...]:
        """The orders with this number, as people say it: one, unless several storefronts count alike."""
        query = select(OrderRow).where(OrderRow.number == number).order_by(OrderRow.order_id)
        async with reading(self._engine) as connection:
            return tuple(_registered(row) for row in await connection.execute(query))

    async def paid_by(self, payment: PaymentRef) -> OrderId | None:
        """The order of a payment: as its shop told, else as money of it was moved for us."""
        told = select(OrderRow.order_id).where(OrderRow.payment == payment).limit(1)
        moved = select(MovementRow.order_id).where(MovementRow.payment == payment).limit(1)
        async with reading(self._engine) as connection:
            found = await connection.scalar(told) or await connection.scalar(moved)
        return OrderId(found) if found else None

    async def known(self, orders: Collection[OrderId]) -> frozenset[OrderId]:
        """Those of them that are registered."""
        query = select(OrderRow.order_id).where(OrderRow.order_id.in_(orders))
        async with reading(self._engine) as connection:
            return frozenset(OrderId(order) for order in await connection.scalars(query))

    async def unstarted(self, limit: int = 50) -> tuple[RegisteredOrder, ...]:
        """Accepted, but not known to run yet: the longest waiting first."""
        query = (
            select(OrderRow)
            .where(OrderRow.state == OrderState.ACCEPTED)
            .order_by(OrderRow.accepted_at, OrderRow.order_id)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return tuple(_registered(row) for row in await connection.execute(query))

    async def _states(self, orders: Sequence[OrderId]) -> Sequence[OrderState | None]:
        async with reading(self._engine) as connection:
            found = await connection.execute(_STATES, {"orders": tuple(set(orders))})
            states = {row.order_id: row.state for row in found}
        return [states.get(order) for order in orders]


_STATES = select(OrderRow.order_id, OrderRow.state).where(
    OrderRow.order_id.in_(bindparam("orders", expanding=True))
)


def _registered(row: Row[Any]) -> RegisteredOrder:
    return RegisteredOrder(
        order_id=row.order_id,
        channel=row.channel,
        number=row.number,
        state=row.state,
        placed=PlacedOrder.model_validate(row.placed),
        accepted_at=row.accepted_at,
        closed_at=row.closed_at,
        closed_document=row.closed_document,
    )
