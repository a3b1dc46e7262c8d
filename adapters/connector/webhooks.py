"""The connector's own webhooks: a system's hints, and a custom shop's orders in our own document."""

from datetime import datetime

from pydantic import ValidationError

from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.connector.signatures import HEADER, verify
from adapters.documents import BODY_BYTES_MAX
from adapters.webhooks import Dialect, Headers, Hint, OrderCame
from domain.ids import ChannelId, OrderId, System, channel_of
from domain.intake import Problem, UnusableDocument

_SIGNATURE_LENGTH_MAX = 1000
_FIELD_LENGTH_MAX = 100


def _signed(secret: str, body: bytes, headers: Headers, now: datetime) -> bool:
    return verify(secret, body, headers.get(HEADER.lower(), "")[:_SIGNATURE_LENGTH_MAX], now)


def _read(body: bytes, _headers: Headers, channel: ChannelId, system: str) -> Hint:
    """The reasons of its problems repeat nothing of what was sent."""
    try:
        event = WebhookEvent.model_validate_json(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise UnusableDocument(
            tuple(Problem(field=_path(problem["loc"]), reason=problem["msg"]) for problem in problems)
        ) from None
    wrong = []
    if event.system != system:
        wrong.append(Problem(field="system", reason="not the system of the address"))
    if channel_of(OrderId(event.order_id)) != channel:
        wrong.append(Problem(field="order_id", reason="not an order of the address's channel"))
    if wrong:
        raise UnusableDocument(tuple(wrong))
    return Hint(event=(event.event_id,), system=System(event.system), order_id=OrderId(event.order_id))


def _read_order(body: bytes, _headers: Headers, _channel: ChannelId, _system: str) -> OrderCame:
    return OrderCame(event=(body,))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))[:_FIELD_LENGTH_MAX] or "body"


HINTS = Dialect(header=HEADER, signed=_signed, read=_read, answers_problems=True)
ORDERS = Dialect(header=HEADER, signed=_signed, read=_read_order, body_bytes_max=BODY_BYTES_MAX)
