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


class ShopDocument(Value):
    """An order as the shop's own webhook would carry it: JSON as text, so that its numbers stay exact."""

    order_id: OrderId
    document: str


class ShopNews(Value):
    """Orders that were placed or changed since a cursor. An order may be named again; none may be left out."""

    orders: tuple[ShopDocument, ...]
    cursor: str


class StorefrontOrder(Value):
    """The order as the shop shows it to its customer now."""

    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money
