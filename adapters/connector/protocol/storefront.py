from enum import StrEnum
from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import LineId, Model, Money, OrderId, Text
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge


class AmendShopOrder(Model):
    """The target: the shop shows exactly this."""

    order_id: OrderId
    lines: Annotated[tuple[SalesLine, ...], Field(min_length=1, max_length=500)]
    surcharges: tuple[SalesSurcharge, ...] = ()
    total: Money


class CancelShopOrder(Model):
    order_id: OrderId
    reason: Text


class StorefrontState(StrEnum):
    OPEN = "open"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


class StorefrontLine(Model):
    line_id: LineId
    quantity: int
    total: Money


class ShopDocument(Model):
    """`document` is the order's own document as text: JSON, its numbers as they were written."""

    order_id: OrderId
    document: str


class ShopNews(Model):
    """The next orders that were placed or changed after the cursor, oldest first, and what to ask with next."""

    orders: tuple[ShopDocument, ...]
    cursor: str


class StorefrontOrder(Model):
    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money
