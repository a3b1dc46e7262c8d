from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from adapters.tryton.client import TrytonClient
from domain.errors import OrderError, OutcomeUnknown, Refused, Unavailable

SETTLED = timedelta(seconds=42)
Call = Callable[[TrytonClient], Awaitable[object]]


def answering(handler: Callable[[httpx.Request], httpx.Response]) -> TrytonClient:
    return TrytonClient(
        "http://erp", "db", "key", settled_after=SETTLED, transport=httpx.MockTransport(handler)
    )


async def read(tryton: TrytonClient) -> object:
    return await tryton.search("sale.sale", [], ["id"])


async def write(tryton: TrytonClient) -> object:
    return await tryton.write("sale.sale", 1, {"reference": "x"})


@pytest.mark.parametrize(
    ("status", "call", "error"),
    [
        (400, read, Refused),
        (400, write, Refused),
        (403, write, Refused),
        (404, write, Refused),
        (401, write, Unavailable),
        (409, write, Unavailable),
        (429, write, Unavailable),
        (503, write, Unavailable),
        (502, read, Unavailable),
        (500, read, Unavailable),
        (500, write, OutcomeUnknown),
        (502, write, OutcomeUnknown),
        (504, write, OutcomeUnknown),
    ],
)
async def test_a_status_says_what_to_do_next(status: int, call: Call, error: type[OrderError]) -> None:
    async with answering(lambda _: httpx.Response(status, text="<h1>no JSON</h1>")) as tryton:
        with pytest.raises(error):
            await call(tryton)


@pytest.mark.parametrize(
    ("raised", "call", "error"),
    [
        (httpx.ConnectError, write, Unavailable),
        (httpx.ConnectTimeout, write, Unavailable),
        (httpx.ReadTimeout, write, OutcomeUnknown),
        (httpx.RemoteProtocolError, write, OutcomeUnknown),
        (httpx.WriteError, write, OutcomeUnknown),
        (httpx.ReadTimeout, read, Unavailable),
    ],
)
async def test_a_broken_connection_is_never_a_refusal(
    raised: type[httpx.TransportError], call: Call, error: type[OrderError]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise raised("no", request=request)

    async with answering(fail) as tryton:
        with pytest.raises(error):
            await call(tryton)


async def test_an_unknown_outcome_says_when_it_is_settled() -> None:
    async with answering(lambda _: httpx.Response(500)) as tryton:
        with pytest.raises(OutcomeUnknown) as caught:
            await write(tryton)
    assert caught.value.settled_after == SETTLED


async def test_a_refusal_carries_trytons_message_and_not_its_description() -> None:
    body = {"status": 400, "message": "not salable", "description": "of Alice"}
    async with answering(lambda _: httpx.Response(400, json=body)) as tryton:
        with pytest.raises(Refused, match=r"^Tryton: not salable$"):
            await write(tryton)


async def test_money_travels_as_decimal_text() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        assert b'"decimal": "19.9900"' in request.content
        return httpx.Response(200, content=request.content)

    async with answering(echo) as tryton:
        assert (await tryton.create("sale.line", {"unit_price": Decimal("19.9900")}, ["id"])) == {
            "unit_price": Decimal("19.9900")
        }
