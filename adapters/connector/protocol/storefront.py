from enum import StrEnum

from adapters.connector.protocol.common import LineId, Model, Money, OrderId, Text


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


class StorefrontOrder(Model):
    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money
