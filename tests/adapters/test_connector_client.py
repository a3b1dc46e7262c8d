"""What the wire does, told as what to do next: refused, unavailable, or unknown."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from adapters.connector.client import Problematic, connector
from adapters.connector.payments import ConnectorPayments
from adapters.connector.stock import ConnectorStock
from domain.errors import OrderError, OutcomeUnknown, Refused, Unavailable
from domain.ids import OrderId, PaymentRef
from domain.keys import Key
from domain.money import Money
from domain.payments import Capture, Declined

ORDER = OrderId("order:shop:1001")
SETTLED_AFTER = timedelta(seconds=42)
PROBLEM = {"Content-Type": "application/problem+json"}
SECRET_NAME = "Jane Doe"

Handler = Callable[[httpx.Request], httpx.Response]


def gateway(handler: Handler) -> ConnectorPayments:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://peer.example")
    return ConnectorPayments(client, SETTLED_AFTER)


def answering(status: int, **more: object) -> Handler:
    return lambda _: httpx.Response(status, **more)  # type: ignore[arg-type]


def raising(error: type[httpx.RequestError]) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("by script", request=request)

    return handler


async def capture_error(handler: Handler) -> OrderError:
    with pytest.raises(OrderError) as caught:
        await gateway(handler).capture(
            PaymentRef("p"), Money(minor=1999, currency="EUR"), key=Key("k"), final=True
        )
    return caught.value


async def look_error(handler: Handler) -> OrderError:
    with pytest.raises(OrderError) as caught:
        await gateway(handler).look_up(ORDER, None)
    return caught.value


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
)
async def test_what_was_never_sent_did_not_happen(error: type[httpx.RequestError]) -> None:
    assert isinstance(await capture_error(raising(error)), Unavailable)
    assert isinstance(await look_error(raising(error)), Unavailable)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.RemoteProtocolError,
        httpx.DecodingError,
    ],
)
async def test_an_answer_that_never_came_leaves_the_outcome_unknown(error: type[httpx.RequestError]) -> None:
    unknown = await capture_error(raising(error))
    assert isinstance(unknown, OutcomeUnknown)
    assert unknown.settled_after == SETTLED_AFTER
    assert isinstance(await look_error(raising(error)), Unavailable)


@pytest.mark.parametrize("status", [301, 303, 307, 500, 501, 502, 504])
async def test_a_server_that_broke_or_points_elsewhere_leaves_the_outcome_unknown(status: int) -> None:
    elsewhere = answering(status, headers={"Location": "http://elsewhere.example/"})
    assert isinstance(await capture_error(elsewhere), OutcomeUnknown)
    assert isinstance(await look_error(elsewhere), Unavailable)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"{}",
        b'{"outcome": "captured"}',
        b'{"outcome": "captured", "capture": {"key": "k", "reference": "c", "amount": {"amount": 19.99, "currency": "EUR"}}}',
        b'{"outcome": "captured", "capture": {"key": "k", "reference": "c", "amount": {"amount": "19.999", "currency": "EUR"}}}',
        b'{"outcome": "captured", "capture": {"key": "k", "reference": "c", "amount": {"amount": "1", "currency": "XXQ"}}}',
        b"\xff\xfe",
    ],
)
async def test_an_answer_that_is_not_of_the_protocol_leaves_the_outcome_unknown(body: bytes) -> None:
    assert isinstance(await capture_error(answering(200, content=body)), OutcomeUnknown)
    assert isinstance(await look_error(answering(200, content=body)), Unavailable)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "7"}, timedelta(seconds=7)),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            timedelta(seconds=30),
        ),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            timedelta(0),
        ),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
    ],
)
async def test_who_is_busy_says_for_how_long(
    status: int, headers: dict[str, str], wait: timedelta | None
) -> None:
    for error in (
        await capture_error(answering(status, headers=headers)),
        await look_error(answering(status, headers=headers)),
    ):
        assert isinstance(error, Unavailable)
        assert error.retry_after == wait


async def test_a_refusal_carries_its_code_and_field() -> None:
    problem = {
        "title": "unknown sku",
        "status": 422,
        "code": "unknown_sku",
        "detail": "there is no article MUG-9",
        "field": "lines[0].sku",
        "later": "fields that we do not know are no trouble",
    }
    refused = await capture_error(answering(422, json=problem, headers=PROBLEM))
    assert isinstance(refused, Problematic)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.field) == ("unknown_sku", "lines[0].sku")
    assert str(refused) == "payments.capture: unknown_sku, there is no article MUG-9 (lines[0].sku)"


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (401, {"json": {"title": "t", "status": 401, "code": "unauthorised"}, "headers": PROBLEM}),
        (403, {"json": {"title": "t", "status": 403, "code": "forbidden"}, "headers": PROBLEM}),
        (404, {"text": "<html>Not Found</html>"}),
        (405, {"json": {"detail": "Method Not Allowed"}}),
        (400, {"json": {"code": "x"}, "headers": PROBLEM}),
    ],
)
async def test_a_wrong_token_or_address_is_no_business_answer(status: int, more: dict[str, object]) -> None:
    """Nothing fails an order because somebody set up a connection wrongly, and nothing is taken for "there is none"."""
    for error in (
        await capture_error(answering(status, **more)),
        await look_error(answering(status, **more)),
    ):
        assert isinstance(error, Unavailable)


async def test_only_the_protocols_own_not_found_means_there_is_none() -> None:
    problem = {"title": "not found", "status": 404, "code": "not_found"}
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(answering(404, json=problem, headers=PROBLEM)),
        base_url="http://peer.example",
    )
    assert await ConnectorStock(client, SETTLED_AFTER).look_up_reservation(ORDER) is None
    assert await ConnectorPayments(client, SETTLED_AFTER).look_up(ORDER, None) == ()


async def test_no_error_repeats_what_the_answer_said_beyond_the_problems_own_words() -> None:
    body = f'{{"outcome": "captured", "capture": {{"name": "{SECRET_NAME}"}}}}'.encode()
    error = await capture_error(answering(200, content=body))
    assert SECRET_NAME not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


async def test_a_request_carries_its_key_its_money_as_text_and_our_token() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(
            200,
            json={
                "outcome": "captured",
                "capture": {
                    "key": "order:shop:1001/capture/s1",
                    "reference": "c1",
                    "amount": {"amount": "19.90", "currency": "EUR"},
                },
            },
        )

    async with connector("http://peer.example/base", "the-token") as made:
        client = httpx.AsyncClient(
            transport=httpx.MockTransport(handler), base_url=made.base_url, headers=made.headers
        )
        captured = await ConnectorPayments(client, SETTLED_AFTER).capture(
            PaymentRef("p1"),
            Money.parse("19.90", "EUR"),
            key=Key("order:shop:1001/capture/s1"),
            final=True,
        )
    (request,) = seen
    assert str(request.url) == "http://peer.example/base/payments/capture"
    assert request.headers["Idempotency-Key"] == "order:shop:1001/capture/s1"
    assert request.headers["Authorization"] == "Bearer the-token"
    assert request.content == b'{"payment":"p1","amount":{"amount":"19.90","currency":"EUR"},"final":true}'
    assert captured == Capture(
        key=Key("order:shop:1001/capture/s1"), reference="c1", amount=Money.parse("19.90", "EUR")
    )


async def test_order_and_shipment_ids_survive_the_query() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.params["order_id"] == ORDER
        return httpx.Response(200, json={"lines": []})

    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://peer.example")
    reservation = await ConnectorStock(client, SETTLED_AFTER).look_up_reservation(ORDER)
    assert reservation is not None
    assert reservation.lines == ()


async def test_declined_is_an_answer() -> None:
    declined = answering(200, json={"outcome": "declined", "reason": "amount_too_large"})
    answer = await gateway(declined).capture(
        PaymentRef("p"), Money(minor=1, currency="JPY"), key=Key("k"), final=True
    )
    assert answer == Declined(reason="amount_too_large")
