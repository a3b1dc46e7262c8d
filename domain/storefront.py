from enum import StrEnum

from domain.base import Value
from domain.ids import LineId, OrderId
from domain.money import Money


class StorefrontState(StrEnum):
    OPEN = "open"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


class StorefrontLine(Value):
    line_id: LineId
    quantity: int
    total: Money


class StorefrontOrder(Value):
    """The order as the shop shows it to its customer now."""

    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money
