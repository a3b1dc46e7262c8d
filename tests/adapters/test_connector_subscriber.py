"""How an amendment ended, told by webhook: signed, and the same event at every attempt."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.connector.signatures import HEADER, verify
from adapters.connector.subscriber import WebhookSubscriber
from domain.amendments import Amended, AmendmentState
from domain.errors import OrderError, OutcomeUnknown, Refused, Unavailable
from domain.ids import OrderId
from domain.keys import Key
from domain.money import Money

SECRET = "a-secret-of-the-desk"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDED = NOON - timedelta(hours=7)
AMENDED = Amended(
    amendment_id="call-1",
    state=AmendmentState.UNDONE,
    revision=1,
    total=Money(minor=1999, currency="EUR"),
    why="the card was declined",
)
PROBLEM = {"Content-Type": "application/problem+json"}


async def told_to(handler: Callable[[httpx.Request], httpx.Response]) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        subscriber = WebhookSubscriber(
            client, "https://desk.example/told?by=us", SECRET, lambda: NOON, timedelta(seconds=42)
        )
        await subscriber.tell(OrderId("order:shop:1001"), AMENDED, ENDED, key=Key("the-event"))


async def test_the_event_is_signed_anew_and_says_when_it_happened() -> None:
    sent: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(204)

    await told_to(take)
    (request,) = sent
    assert str(request.url) == "https://desk.example/told?by=us"
    assert verify(SECRET, request.content, request.headers[HEADER], NOON)
    assert json.loads(request.content) == {
        "event_id": "the-event",
        "event": "amendment_ended",
        "order_id": "order:shop:1001",
        "amendment_id": "call-1",
        "state": "undone",
        "revision": 1,
        "total": {"amount": "19.99", "currency": "EUR"},
        "why": "the card was declined",
        "occurred_at": "2026-03-01T05:00:00Z",
    }
    assert request.headers["Idempotency-Key"] == "the-event"


@pytest.mark.parametrize(
    ("status", "more", "error"),
    [
        (503, {}, Unavailable),
        (429, {"headers": {"Retry-After": "7"}}, Unavailable),
        (404, {}, Unavailable),  # an address that is wrong until somebody mends it
        (500, {}, OutcomeUnknown),
        (307, {"headers": {"Location": "https://elsewhere.example"}}, OutcomeUnknown),
        (
            422,
            {"headers": PROBLEM, "json": {"title": "no", "status": 422, "code": "unknown_order"}},
            Refused,
        ),
    ],
)
async def test_an_answer_that_is_none_says_what_to_do_next(
    status: int, more: dict[str, object], error: type[OrderError]
) -> None:
    with pytest.raises(error):
        await told_to(lambda _: httpx.Response(status, **more))  # type: ignore[arg-type]


async def test_a_reply_that_is_lost_leaves_it_unknown() -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("by script", request=request)

    with pytest.raises(OutcomeUnknown) as unknown:
        await told_to(lose)
    assert unknown.value.settled_after == timedelta(seconds=42)
