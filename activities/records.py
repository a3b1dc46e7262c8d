"""The steps at our own database and settings."""

from collections.abc import Mapping
from datetime import datetime

from activities.steps import Effect, Look, effect, reading
from domain.errors import Unavailable
from domain.ids import ChannelId, System, channel_of
from domain.policies import OrderPolicies
from domain.records import ClosedOrder, OrderState, Records


class CloseOrder(Effect):
    """`document` is the whole order as JSON."""

    state: OrderState
    document: str
    closed_at: datetime


class ReopenOrder(Effect):
    """`closed_at`: when it closed, as far as we know."""

    closed_at: datetime


class RecordActivities:
    def __init__(self, records: Records, policies: Mapping[ChannelId, OrderPolicies]) -> None:
        self._records = records
        self._policies = policies

    @reading(System.DATABASE)
    async def resolve_policies(self, look: Look) -> OrderPolicies:
        channel = channel_of(look.order_id)
        if channel not in self._policies:
            raise Unavailable(f"no settings for channel {channel!r}: add it to ORDERSAGA_CHANNELS")
        return self._policies[channel]

    @reading(System.DATABASE)
    async def look_up_closed_order(self, look: Look) -> ClosedOrder | None:
        return await self._records.closed_order(look.order_id)

    @effect(System.DATABASE)
    async def reopen_order_record(self, effect: ReopenOrder) -> None:
        await self._records.reopen_order(effect.order_id, effect.closed_at)

    @effect(System.DATABASE)
    async def close_order_record(self, effect: CloseOrder) -> None:
        await self._records.close_order(effect.order_id, effect.state, effect.document, effect.closed_at)
