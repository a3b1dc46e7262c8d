"""Stripe's events: which order, or which payment, one of them is about. Its webhooks and its list of events carry the same.

The signature is the connector's own scheme, byte for byte: `t=…,v1=…`, HMAC-SHA256 of `{t}.{raw body}`, 300 s. The SDK
verifies text by the wall clock, and stumbles over bytes that are none.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from adapters.connector.signatures import verify
from adapters.documents import load
from adapters.stripe.parsing import ORDER_ID
from adapters.webhooks import Dialect, Headers, Hint, problem
from domain.erp import Changes
from domain.ids import ChannelId, OrderId, PaymentRef, PlatformId, System, order_id

HEADER = "Stripe-Signature"

# The list can be asked for twenty kinds. A dispute's money moves with its other events.
_EVENTS = (
    *(f"payment_intent.{event}" for event in ("succeeded", "canceled", "payment_failed", "processing")),
    *("payment_intent.amount_capturable_updated", "payment_intent.requires_action"),
    *("payment_intent.partially_funded", "charge.captured", "charge.succeeded", "charge.failed"),
    *("charge.expired", "charge.refunded", "charge.refund.updated"),
    *("refund.created", "refund.updated", "refund.failed"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
)
_OVERLAP_SECONDS = 300
_NO_CHANNEL = ChannelId("")  # whatever is no order id of ours as it stands is found by its payment

_ABOUT_PAYMENTS = ("payment_intent.", "charge.", "refund.")  # a dispute is `charge.dispute.…`


def about(event: Mapping[str, Any], channel: ChannelId) -> Hint:
    """Shops that fill the metadata themselves (WooCommerce does) know the order by its platform's id.

    UnusableDocument: it is not about a payment.
    """
    name, kind = event.get("id"), event.get("type")
    if not isinstance(name, str) or not name:
        raise problem("id", "the event's id is missing")
    if not isinstance(kind, str) or not kind.startswith(_ABOUT_PAYMENTS):
        raise problem("type", "not about a payment")
    data = event.get("data")
    told = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(told, Mapping):
        raise problem("data.object", "missing")
    return Hint(event=(name,), system=System.PAYMENTS, order_id=_order(told, channel), payment=_payment(told))


def events_since(cursor: str | None) -> dict[str, Any]:
    """What to ask the list of events for. The newest come first; events of the same seconds come again."""
    asked: dict[str, Any] = {"types": list(_EVENTS)}
    if cursor is not None:
        asked["created"] = {"gte": int(cursor) - _OVERLAP_SECONDS}
    return asked


def changes_of(events: Iterable[Mapping[str, Any]], since: str | None) -> Changes:
    """Orders that events name, and payments of those that name no order. Without a cursor: only what to ask with next."""
    listed = list(events)
    newest = max((int(event["created"]) for event in listed), default=0)
    cursor = str(max(newest, int(since or 0)))
    if since is None:
        return Changes(orders=(), cursor=cursor)
    hints = [about(event, _NO_CHANNEL) for event in listed]
    named = dict.fromkeys(hint.order_id for hint in hints if hint.order_id)
    only_paid = dict.fromkeys(hint.payment for hint in hints if hint.payment and not hint.order_id)
    return Changes(orders=tuple(named), payments=tuple(only_paid), cursor=cursor)


def _order(told: Mapping[str, Any], channel: ChannelId) -> OrderId | None:
    """One account may take the payments of several shops, so its id may be of another channel than the address."""
    metadata = told.get("metadata")
    named = metadata.get(ORDER_ID) if isinstance(metadata, Mapping) else None
    if not isinstance(named, str):
        return None
    _, channel_named, platform_id = (
        named.split(":", 2) if named.startswith("order:") and named.count(":") > 1 else ("", channel, named)
    )
    try:
        return order_id(ChannelId(channel_named), PlatformId(platform_id))
    except ValueError:  # somebody else's way to number orders
        return None


def _payment(told: Mapping[str, Any]) -> PaymentRef | None:
    name = told.get("id") if told.get("object") == "payment_intent" else told.get("payment_intent")
    return PaymentRef(name) if isinstance(name, str) and name else None


def _signed(secret: str, body: bytes, headers: Headers, now: datetime) -> bool:
    return verify(secret, body, headers.get(HEADER.lower(), "")[:1000], now)


def _read(body: bytes, _headers: Headers, channel: ChannelId, _system: str) -> Hint:
    return about(load(body), channel)


DIALECT = Dialect(header=HEADER, signed=_signed, read=_read)
