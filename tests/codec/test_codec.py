"""The codec endpoint: what it decodes, for whom, and for which pages."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads

from domain.errors import Refused
from entrypoints.codec.app import BODY_BYTES_MAX, create_app
from entrypoints.codec.server import authorised, serve
from workers.keys import GivenKeys, KeyRing, PayloadKey
from workers.payloads import encrypted
from workers.settings import Settings

TOKEN = "a token of more than twenty-four characters"
UI, OURS = "https://temporal.example", "https://codec.example"
WORDS = "Ada Lovelace"
KEYS = GivenKeys(KeyRing((PayloadKey.drawn(datetime(2026, 3, 1, tzinfo=UTC)),)).text())

Opened = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def opened(token: str = TOKEN, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    codec = encrypted(KEYS).payload_codec
    assert codec is not None
    known = authorised(Settings(codec_token=SecretStr(token)), host)
    app = create_app(codec, known, ours=OURS, web_ui=f"{UI}/namespaces")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OURS) as client:
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        yield client


BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def sealed(words: str = WORDS) -> list[Payload]:
    return await encrypted(KEYS).encode([words])


def wire(payloads: list[Payload]) -> Any:
    return MessageToDict(Payloads(payloads=payloads))


def words(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [json.loads(base64.b64decode(payload["data"])) for payload in answer.json()["payloads"]]


async def test_encrypted_payloads_come_back_in_clear_and_clear_ones_as_they_are(
    client: httpx.AsyncClient,
) -> None:
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"plain"')
    answer = await client.post("/decode", json=wire([*await sealed(), clear]), headers=BEARER)
    assert words(answer) == [WORDS, "plain"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}]
)
async def test_who_has_no_token_reads_nothing(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/decode", json=wire(await sealed()), headers=headers)
    assert answer.status_code == 401
    assert WORDS not in answer.text


async def test_a_browser_signs_in_once(client: httpx.AsyncClient) -> None:
    assert "password" in (await client.get("/sign-in")).text
    assert (await client.post("/sign-in", data={"token": "wrong"})).status_code == 401
    assert not client.cookies
    answer = await client.post("/sign-in", data={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{UI}/namespaces")
    cookie = answer.headers["set-cookie"].lower()
    assert {"httponly", "secure", "samesite=lax"} <= set(cookie.split("; "))
    assert words(await client.post("/decode", json=wire(await sealed()))) == [WORDS]


@pytest.mark.parametrize(("origin", "allowed"), [(UI, UI), ("https://evil.example", None)])
async def test_only_the_web_uis_pages_may_ask(
    client: httpx.AsyncClient, origin: str, allowed: str | None
) -> None:
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-namespace",
    }
    preflight = await client.options("/decode", headers={"Origin": origin} | asks)
    answer = await client.post("/decode", json=wire(await sealed()), headers=BEARER | {"Origin": origin})
    for response in (preflight, answer):
        assert response.headers.get("access-control-allow-origin") == allowed
    assert preflight.is_success is (allowed is not None)


async def test_a_name_that_somebody_lets_point_here_is_not_answered(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/decode", json=wire(await sealed()), headers=BEARER | {"Host": "evil.example"}
    )
    assert answer.status_code == 400
    assert "Ada" not in answer.text


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"payloads": 1}', b"\xff\xfe"])
async def test_what_is_no_payload_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("/decode", content=body, headers=BEARER)).status_code == 400


async def test_a_body_without_end_is_cut_off(client: httpx.AsyncClient) -> None:
    answer = await client.post("/decode", content=b" " * (BODY_BYTES_MAX + 1), headers=BEARER)
    assert answer.status_code == 413


async def test_an_unknown_key_and_a_changed_payload_are_told_apart(client: httpx.AsyncClient) -> None:
    (unknown,), (changed,) = await sealed(), await sealed()
    unknown.metadata["encryption-key-id"] = b"elsewhere"
    changed.data = changed.data[:-1]
    for payload, status in ((unknown, 503), (changed, 422)):
        answer = await client.post("/decode", json=wire([payload]), headers=BEARER)
        assert answer.status_code == status
        assert answer.json()["error"]


async def test_without_a_token_it_listens_to_its_own_machine_only() -> None:
    async with opened(token="", host="127.0.0.1") as client:
        assert words(await client.post("/decode", json=wire(await sealed()))) == [WORDS]
    for host in ("0.0.0.0", "::", "codec.example"):  # noqa: S104  that it is refused is the claim
        with pytest.raises(Refused, match="ORDERSAGA_CODEC_TOKEN"):
            authorised(Settings(), host)
    with pytest.raises(Refused, match="guessed"):
        authorised(Settings(codec_token=SecretStr("short")), "127.0.0.1")


async def test_without_keys_there_is_nothing_to_decode_with() -> None:
    with pytest.raises(Refused, match="no key"):
        await serve(Settings(), host="127.0.0.1")
