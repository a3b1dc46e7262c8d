"""What the webhooks of all platforms come down to: signed by somebody, they carry an order or only say where to look."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.base import Value
from domain.ids import ChannelId, OrderId, PaymentRef, PlatformId, System, order_id
from domain.intake import Problem, UnusableDocument

HINT_BYTES_MAX = 256 * 1024
REASON_LENGTH_MAX = 200

Headers = Mapping[str, str]  # names in lower case, as the server gives them
Event = tuple[
    str | bytes, ...
]  # what makes it the same webhook again: the event's id if that is signed, else the body too


class OrderCame(Value):
    """The body is an order as its platform writes it. `news`: the systems to look at again where it is known already."""

    event: Event
    news: tuple[System, ...] = (System.STOREFRONT,)


class Hint(Value):
    """An order is to look at `system` again: the one that is named, or whose payment is."""

    event: Event
    system: System
    order_id: OrderId | None = None
    payment: PaymentRef | None = None


Notification = OrderCame | Hint


@dataclass(frozen=True)
class Dialect:
    """How one kind of sender signs and writes. `signed` compares in constant time, on the bytes that came.

    `read` raises UnusableDocument with every problem. `answers_problems`: its sender is told what is wrong with a signed
    body; a platform is not, for it would end the subscription after a few of them. `is_ping`: it only tries the address.
    """

    header: str
    signed: Callable[[str, bytes, Headers, datetime], bool]
    read: Callable[[bytes, Headers, ChannelId, str], Notification]
    body_bytes_max: int = HINT_BYTES_MAX
    answers_problems: bool = False
    is_ping: Callable[[bytes, Headers], bool] = lambda _body, _headers: False


def signed_base64(header: str) -> Callable[[str, bytes, Headers, datetime], bool]:
    """Base64 of the HMAC-SHA256 of the raw body, as Shopify and WooCommerce sign. No time is signed with it."""

    def signed(secret: str, body: bytes, headers: Headers, _now: datetime) -> bool:
        expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
        return bool(secret) and hmac.compare_digest(expected, headers.get(header, "").encode())

    return signed


def order_named(channel: ChannelId, told: Any, field: str) -> OrderId:
    """From the platform's own id, a number or a text, as it stands in `field`. UnusableDocument: it is none."""
    if isinstance(told, bool) or not isinstance(told, int | str):
        raise problem(field, "the platform's id of an order is needed")
    try:
        return order_id(channel, PlatformId(str(told)))
    except ValueError:  # not an id, or a number of thousands of digits
        raise problem(field, "not an id of an order") from None


def problem(field: str, reason: str) -> UnusableDocument:
    return UnusableDocument((Problem(field=field, reason=reason[:REASON_LENGTH_MAX]),))
