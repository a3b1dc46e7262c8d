from enum import StrEnum

from domain.base import Value
from domain.ids import LineId, OrderId, Sku
from domain.money import Money
from domain.orders import Address


class StorefrontState(StrEnum):
    OPEN = "open"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


class StorefrontLine(Value):
    """`sku` and `name` where the shop tells them."""

    line_id: LineId
    quantity: int
    total: Money
    sku: Sku | None = None
    name: str = ""


class ShopDocument(Value):
    """An order as the shop's own webhook would carry it: JSON as text, so that its numbers stay exact."""

    order_id: OrderId
    document: str


class ShopNews(Value):
    """Orders that were placed or changed since a cursor. An order may be named again; none may be left out."""

    orders: tuple[ShopDocument, ...]
    cursor: str


class StorefrontOrder(Value):
    """The order as the shop shows it to its customer now. `version` changes with every edit, where the shop has one.

    `shipping` is None where the shop does not tell an address.
    """

    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money
    version: str = ""
    shipping: Address | None = None
