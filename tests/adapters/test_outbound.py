"""What leaves us goes to the address of the settings, and to no other; nobody is waited for without end."""

import ast
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import OrderError, Unavailable
from domain.ids import OrderId, PaymentRef
from workers.settings import AdapterSettings, ConnectorSettings, Settings, StripeSettings, TrytonSettings
from workers.wiring import Systems, systems

ROOT = Path(__file__).parents[2]
ORDER = OrderId("order:shop:1")
SECRET = SecretStr("a secret for this host alone")


class Listener:
    """Takes connections and says one thing, or nothing at all."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.connections = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                await writer.drain()
        finally:
            writer.close()


def redirect(to: str) -> bytes:
    return (
        f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}/elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
    )


def adapter(kind: str, url: str) -> AdapterSettings:
    times = {"timeout_seconds": 0.3, "settled_after_seconds": 0.3}
    match kind:
        case "connector":
            return ConnectorSettings(kind="connector", url=url, token=SECRET, **times)
        case "tryton":
            return TrytonSettings(kind="tryton", url=url, database="db", api_key=SECRET, **times)
        case _:
            return StripeSettings(kind="stripe", url=url, api_key=SECRET, **times)


ASKS: dict[str, Callable[[Systems], Awaitable[object]]] = {
    "connector": lambda found: found.storefronts["it"].look_up_order(ORDER),
    "tryton": lambda found: found.erps["it"].look_up_order(ORDER),
    "stripe": lambda found: found.gateways["it"].look_up(ORDER, PaymentRef("pi_1")),
}


@asynccontextmanager
async def asking(kind: str, url: str) -> AsyncIterator[Awaitable[object]]:
    async with systems(Settings(adapters={"it": adapter(kind, url)})) as found:
        yield ASKS[kind](found)


@pytest.mark.parametrize("kind", ASKS)
async def test_an_answer_that_points_elsewhere_is_not_followed(kind: str) -> None:
    elsewhere = Listener(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    async with elsewhere.listening() as there:
        here = Listener(redirect(there))
        async with here.listening() as url, asking(kind, url) as asked:
            with pytest.raises(OrderError):
                await asked
    assert here.connections >= 1
    assert elsewhere.connections == 0


@pytest.mark.parametrize("kind", ASKS)
async def test_who_never_answers_is_not_waited_for(kind: str) -> None:
    async with asyncio.timeout(20), Listener(None).listening() as url, asking(kind, url) as asked:
        with pytest.raises(Unavailable):
            await asked


def test_every_client_says_how_long_it_waits_and_none_follows_redirects() -> None:
    found = 0
    for file in (
        path for folder in ("activities", "adapters", "workers") for path in (ROOT / folder).rglob("*.py")
    ):
        for call in ast.walk(ast.parse(file.read_text())):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) not in {
                "httpx.AsyncClient",
                "httpx.Client",
            }:
                continue
            found += 1
            said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert said.get("timeout", "None") != "None", file
            assert said.get("follow_redirects", "False") == "False", file
    assert found >= 3
