"""The codec endpoint: what it decodes, for whom, and for which pages."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import WorkflowSerializationContext

from adapters.database.engine import migrate, open_database
from adapters.database.tokens import ALL_CHANNELS, Tokens
from domain.errors import Refused
from entrypoints.api.authentication import Authentication
from entrypoints.api.roles import Role
from entrypoints.codec.access import Authorised, anybody, by_tokens, is_private
from entrypoints.codec.app import BODY_BYTES_MAX, create_app
from entrypoints.codec.server import serve
from workers.clock import now
from workers.codec import ENCODING
from workers.keys import GivenKeys, KeyRing, PayloadKey
from workers.payloads import encrypted
from workers.settings import ApiSettings, Settings

UI, OURS = "https://temporal.example", "https://codec.example"
WORDS = "Ada Lovelace"
KEYS = GivenKeys(KeyRing((PayloadKey.drawn(datetime(2026, 3, 1, tzinfo=UTC)),)).text())
SHOP, OTHER = "order:shop-de:1", "order:shop-at:1"


@asynccontextmanager
async def opened(authorised: Authorised = anybody) -> AsyncIterator[httpx.AsyncClient]:
    codec = encrypted(KEYS).payload_codec
    assert codec is not None
    app = create_app(codec, authorised, ours=OURS, web_ui=f"{UI}/namespaces")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OURS) as client:
        yield client


class Door:
    """The endpoint, and who hands out the tokens for it."""

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self.client = client
        self.tokens = tokens

    async def bearer(self, role: Role = Role.OPERATOR, channel: str = ALL_CHANNELS) -> dict[str, str]:
        _, token = await self.tokens.create("ada", role, (channel,), now() + timedelta(days=1))
        return {"Authorization": f"Bearer {token}"}

    async def ask(self, headers: dict[str, str], *orders: str) -> httpx.Response:
        payloads = [payload for order in orders for payload in await sealed(order=order)]
        return await self.client.post("/decode", json=wire(payloads), headers=headers)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    url = f"sqlite:///{tmp_path}/orders.db"
    await migrate(url)
    engine = open_database(url)
    tokens = Tokens(engine, now)
    async with opened(by_tokens(Authentication(tokens, ApiSettings()))) as client:
        yield Door(client, tokens)
    await engine.dispose()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as client:
        yield client


async def sealed(words: str = WORDS, *, order: str = "") -> list[Payload]:
    converter = encrypted(KEYS)
    if order:
        converter = converter.with_context(
            WorkflowSerializationContext(namespace="default", workflow_id=order)
        )
    return await converter.encode([words])


def wire(payloads: list[Payload]) -> Any:
    return MessageToDict(Payloads(payloads=payloads))


def words(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [json.loads(base64.b64decode(payload["data"])) for payload in answer.json()["payloads"]]


async def test_encrypted_payloads_come_back_in_clear_and_clear_ones_as_they_are(
    client: httpx.AsyncClient,
) -> None:
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"plain"')
    answer = await client.post("/decode", json=wire([*await sealed(), clear]))
    assert words(answer) == [WORDS, "plain"]
    assert answer.headers["cache-control"] == "no-store"


async def test_who_has_no_token_reads_nothing(door: Door) -> None:
    token = (await door.bearer())["Authorization"].removeprefix("Bearer ")
    for headers in ({}, {"Authorization": f"Bearer {token}x"}, {"Authorization": f"Basic {token}"}):
        answer = await door.ask(headers, SHOP)
        assert answer.status_code == 401
        assert WORDS not in answer.text


@pytest.mark.parametrize("role", Role)
async def test_people_read_and_a_shops_machine_does_not(door: Door, role: Role) -> None:
    answer = await door.ask(await door.bearer(role), SHOP)
    if role is Role.STOREFRONT:
        assert answer.status_code == 401
    else:
        assert words(answer) == [WORDS]


async def test_one_reads_the_orders_of_ones_channels(door: Door) -> None:
    (answer,) = [await door.ask(await door.bearer(channel="shop-de"), SHOP, OTHER, "", "order:none")]
    own, other, nobodys, odd = answer.json()["payloads"]
    assert json.loads(base64.b64decode(own["data"])) == WORDS
    assert {base64.b64decode(one["metadata"]["encoding"]) for one in (other, nobodys, odd)} == {ENCODING}


async def test_nobody_can_make_anothers_order_look_like_ones_own(door: Door) -> None:
    (stolen,) = await sealed(order=OTHER)
    stolen.metadata["encryption-order"] = SHOP.encode()
    headers = await door.bearer(channel="shop-de")
    answer = await door.client.post("/decode", json=wire([stolen]), headers=headers)
    assert answer.status_code == 422


async def test_a_revoked_token_reads_nothing_any_more(door: Door) -> None:
    headers = await door.bearer()
    assert (await door.ask(headers, SHOP)).is_success
    (known,) = await door.tokens.list()
    await door.tokens.revoke(known.number)
    assert (await door.ask(headers, SHOP)).status_code == 401


async def test_a_browser_signs_in_once(door: Door) -> None:
    client = door.client
    assert "password" in (await client.get("/sign-in")).text
    machine = (await door.bearer(Role.STOREFRONT))["Authorization"].removeprefix("Bearer ")
    for token in ("wrong", machine):
        assert (await client.post("/sign-in", data={"token": token})).status_code == 401
    assert not client.cookies
    token = (await door.bearer())["Authorization"].removeprefix("Bearer ")
    answer = await client.post("/sign-in", data={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{UI}/namespaces")
    cookie = answer.headers["set-cookie"].lower()
    assert {"httponly", "secure", "samesite=lax"} <= set(cookie.split("; "))
    assert words(await door.ask({}, SHOP)) == [WORDS]


@pytest.mark.parametrize(("origin", "allowed"), [(UI, UI), ("https://evil.example", None)])
async def test_only_the_web_uis_pages_may_ask(
    client: httpx.AsyncClient, origin: str, allowed: str | None
) -> None:
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-namespace",
    }
    preflight = await client.options("/decode", headers={"Origin": origin} | asks)
    answer = await client.post("/decode", json=wire(await sealed()), headers={"Origin": origin})
    for response in (preflight, answer):
        assert response.headers.get("access-control-allow-origin") == allowed
    assert preflight.is_success is (allowed is not None)


async def test_a_name_that_somebody_lets_point_here_is_not_answered(client: httpx.AsyncClient) -> None:
    answer = await client.post("/decode", json=wire(await sealed()), headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "Ada" not in answer.text


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"payloads": 1}', b"\xff\xfe"])
async def test_what_is_no_payload_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("/decode", content=body)).status_code == 400


async def test_a_body_without_end_is_cut_off(client: httpx.AsyncClient) -> None:
    answer = await client.post("/decode", content=b" " * (BODY_BYTES_MAX + 1))
    assert answer.status_code == 413


async def test_an_unknown_key_and_a_changed_payload_are_told_apart(client: httpx.AsyncClient) -> None:
    (unknown,), (changed,) = await sealed(), await sealed()
    unknown.metadata["encryption-key-id"] = b"elsewhere"
    changed.data = changed.data[:-1]
    for payload, status in ((unknown, 503), (changed, 422)):
        answer = await client.post("/decode", json=wire([payload]))
        assert answer.status_code == status
        assert answer.json()["error"]


@pytest.mark.parametrize(
    ("host", "ours", "sign_in", "private"),
    [
        ("127.0.0.1", "http://127.0.0.1:8234", False, True),
        ("::1", "http://localhost:8234", False, True),
        ("127.0.0.1", "http://127.0.0.1:8234", True, False),
        ("0.0.0.0", "http://127.0.0.1:8234", False, False),  # noqa: S104  that it is not private is the claim
        ("::", "http://127.0.0.1:8234", False, False),
        ("codec.example", "http://127.0.0.1:8234", False, False),
        ("127.0.0.1", "https://codec.example", False, False),
    ],
)
def test_only_on_its_own_machine_it_asks_for_no_token(
    host: str, ours: str, *, sign_in: bool, private: bool
) -> None:
    assert is_private(Settings(codec_url=ours, codec_sign_in=sign_in), host) is private


async def test_without_keys_there_is_nothing_to_decode_with() -> None:
    with pytest.raises(Refused, match="no key"):
        await serve(Settings(), host="127.0.0.1")
