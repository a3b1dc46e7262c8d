from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from adapters.connector.protocol.common import Address, Edited, LineId, Model, Money, OrderId, Text
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge


class AmendShopOrder(Model):
    """The target: the shop shows exactly this.

    `known` is the `version` that you told last, or empty. Where people have edited the order since, and it does not show
    the target, answer `edited` and write nothing.
    """

    order_id: OrderId
    known: str = ""
    lines: Annotated[tuple[SalesLine, ...], Field(min_length=1, max_length=500)]
    surcharges: tuple[SalesSurcharge, ...] = ()
    shipping: Address | None = None
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
    sku: str | None = None
    name: Text = ""


class ShopDocument(Model):
    """`document` is the order's own document as text: JSON, its numbers as they were written."""

    order_id: OrderId
    document: str


class ShopNews(Model):
    """The next orders that were placed or changed after the cursor, oldest first, and what to ask with next."""

    orders: tuple[ShopDocument, ...]
    cursor: str


class StorefrontOrder(Model):
    """The order as its customer sees it now. `version` changes with every edit; `shipping` none: no address is told."""

    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money
    version: str = ""
    shipping: Address | None = None


class Amended(Model):
    """The shop shows the target. `order` is as `look_up_order` tells it."""

    outcome: Literal["amended"] = "amended"
    order: StorefrontOrder


AmendAnswer = Annotated[Amended | Edited, Field(discriminator="outcome")]
