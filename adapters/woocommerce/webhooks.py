"""WooCommerce's webhooks. Its delivery ids are not unique, so the content alone tells one from another."""

import re

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

HEADER = "X-WC-Webhook-Signature"
TOPIC = "x-wc-webhook-topic"

_PING = re.compile(rb"webhook_id=\d{1,20}")  # sent once, unsigned, when the webhook is made; it wants a 200


def _read(body: bytes, headers: Headers, channel: ChannelId, _system: str) -> Notification:
    topic = headers.get(TOPIC, "")
    if topic in {"order.created", "order.restored"}:
        return OrderCame(event=(topic, body))
    if topic == "order.updated":  # a payment moves the order's state, and there is no other word of it
        return OrderCame(event=(topic, body), news=(System.STOREFRONT, System.PAYMENTS))
    if topic == "order.deleted":
        named = order_named(channel, load(body).get("id"), "id")
        return Hint(event=(topic, body), system=System.STOREFRONT, order_id=named)
    raise problem(TOPIC, f"nothing is known of {topic!r}" if topic else "missing")


def _is_ping(body: bytes, headers: Headers) -> bool:
    return HEADER.lower() not in headers and _PING.fullmatch(body) is not None


DIALECT = Dialect(
    header=HEADER,
    signed=signed_base64(HEADER.lower()),
    read=_read,
    body_bytes_max=BODY_BYTES_MAX,
    is_ping=_is_ping,
)
