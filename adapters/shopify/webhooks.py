"""Shopify's webhooks: which carry an order, which only name one.

Only the body is signed, so the event's id counts together with the body: nobody can spend an id that is still to come.
"""

from collections.abc import Mapping
from typing import Any

from adapters.documents import BODY_BYTES_MAX, load
from adapters.webhooks import (
    Dialect,
    Headers,
    Hint,
    Notification,
    OrderCame,
    order_named,
    problem,
    signed_base64,
)
from domain.ids import ChannelId, System

HEADER = "X-Shopify-Hmac-Sha256"
TOPIC = "x-shopify-topic"
_EVENT = "x-shopify-event-id"  # two subscriptions share it
_WEBHOOK = "x-shopify-webhook-id"

_ORDERS: Mapping[str, System] = {
    "orders/create": System.STOREFRONT,
    "orders/updated": System.STOREFRONT,
    "orders/cancelled": System.STOREFRONT,
    "orders/fulfilled": System.STOREFRONT,
    "orders/partially_fulfilled": System.STOREFRONT,
    "orders/paid": System.PAYMENTS,
}
# The system to look at, and where the order's id stands.
_HINTS: Mapping[str, tuple[System, str]] = {
    "orders/edited": (System.STOREFRONT, "order_edit.order_id"),
    "orders/delete": (System.STOREFRONT, "id"),
    "fulfillments/create": (System.STOREFRONT, "order_id"),
    "fulfillments/update": (System.STOREFRONT, "order_id"),
    "fulfillment_events/create": (System.CARRIER, "order_id"),
    "order_transactions/create": (System.PAYMENTS, "order_id"),
    "refunds/create": (System.PAYMENTS, "order_id"),
    "disputes/create": (System.PAYMENTS, "order_id"),
    "disputes/update": (System.PAYMENTS, "order_id"),
}


def _read(body: bytes, headers: Headers, channel: ChannelId, _system: str) -> Notification:
    topic = headers.get(TOPIC, "")
    event = (topic, headers.get(_EVENT) or headers.get(_WEBHOOK, ""), body)
    if news := _ORDERS.get(topic):
        return OrderCame(event=event, news=(news,))
    if topic not in _HINTS:
        raise problem(TOPIC, f"nothing is known of {topic!r}" if topic else "missing")
    system, field = _HINTS[topic]
    named: Any = load(body)
    for part in field.split("."):
        named = named.get(part) if isinstance(named, Mapping) else None
    return Hint(event=event, system=system, order_id=order_named(channel, named, field))


DIALECT = Dialect(
    header=HEADER, signed=signed_base64(HEADER.lower()), read=_read, body_bytes_max=BODY_BYTES_MAX
)
