"""The register of orders page by page, for readers who may not see every channel."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import reading
from adapters.database.schema import OrderRow
from domain.base import Value
from domain.ids import ChannelId, OrderId
from domain.money import Money
from domain.records import OrderState


class ListedOrder(Value):
    """`total` as the order was placed."""

    order_id: OrderId
    channel: ChannelId
    number: str
    state: OrderState
    total: Money
    placed_at: datetime
    accepted_at: datetime
    closed_at: datetime | None


class OrderPages:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(
        self,
        *,
        channels: Collection[ChannelId] | None = None,
        number: str | None = None,
        state: OrderState | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> tuple[ListedOrder, ...]:
        """The newest first, behind the order `after` (when it was accepted, and its id). None: of all channels."""
        query = select(OrderRow).order_by(OrderRow.accepted_at.desc(), OrderRow.order_id).limit(limit)
        if channels is not None:
            query = query.where(OrderRow.channel.in_(channels))
        if number is not None:
            query = query.where(OrderRow.number == number)
        if state is not None:
            query = query.where(OrderRow.state == state)
        if after is not None:
            at, order_id = after
            same_moment = and_(OrderRow.accepted_at == at, OrderRow.order_id > order_id)
            query = query.where(or_(OrderRow.accepted_at < at, same_moment))
        async with reading(self._engine) as connection:
            return tuple(
                ListedOrder(
                    order_id=row.order_id,
                    channel=row.channel,
                    number=row.number,
                    state=row.state,
                    total=Money.model_validate(row.placed["total"]),
                    placed_at=row.placed["placed_at"],
                    accepted_at=row.accepted_at,
                    closed_at=row.closed_at,
                )
                for row in await connection.execute(query)
            )
