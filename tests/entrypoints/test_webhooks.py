"""The receiver: who may tell us something, what is kept of it, and what it is answered."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from adapters.connector.signatures import HEADER, sign
from adapters.database.engine import writing
from adapters.database.schema import InboxState
from adapters.webhooks import HINT_BYTES_MAX
from entrypoints.webhooks.app import create_app
from entrypoints.webhooks.direct import Direct
from tests.entrypoints.receiving import PLAIN, SHOP, Receiver, order, parse_plain, receiver

SECRET = "whsec_of_the_erp"
SECRETS = {(SHOP, "erp"): SECRET, (SHOP, "warehouse"): "another"}
ADDRESS = f"/webhooks/{SHOP}/erp"


class Door:
    """The receiver as its senders see it."""

    def __init__(self, world: Receiver) -> None:
        self.world = world
        self.woken = 0
        direct = Direct(world.temporal.start, world.temporal.look_again, {PLAIN: parse_plain}, world.clock)
        app = create_app(world.inbox, SECRETS, world.clock, stored=self._wake, act_at_once=direct.act)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver")

    def _wake(self) -> None:
        self.woken += 1

    async def send(
        self, body: bytes, *, address: str = ADDRESS, secret: str = SECRET, late: float = 0
    ) -> httpx.Response:
        at = self.world.clock() - timedelta(seconds=late)
        return await self.http.post(address, content=body, headers={HEADER: sign(secret, body, at)})


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with receiver(tmp_path) as world:
        door = Door(world)
        async with door.http:
            yield door


def event(event_id: Any = "evt_1", **more: Any) -> bytes:
    fields = {
        "event_id": event_id,
        "event": "order_changed",
        "system": "erp",
        "order_id": order("1"),
        "occurred_at": "2026-03-01T11:59:58Z",
    }
    return json.dumps(fields | more).encode()


# --- taken


async def test_a_signed_webhook_is_stored_before_it_is_acknowledged(door: Door) -> None:
    answer = await door.send(event())
    assert answer.status_code == 202
    item = await door.world.item(answer.json()["inbox_id"])
    assert (item.body, item.state, item.order_id) == (event(), InboxState.WAITING, order("1"))
    assert (item.channel, item.system) == (SHOP, "erp")
    assert HEADER.lower() not in item.headers
    assert door.woken == 1


async def test_the_same_event_again_is_acknowledged_and_changes_nothing(door: Door) -> None:
    first = await door.send(event())
    await door.world.inbox.mark_forwarded(first.json()["inbox_id"])
    again = await door.send(event(occurred_at="2026-03-01T12:00:00Z"))
    assert (again.status_code, again.json()) == (200, first.json())
    (item,) = await door.world.inbox.list()
    assert item.state is InboxState.FORWARDED


async def test_two_systems_may_count_their_events_alike(door: Door) -> None:
    address = f"/webhooks/{SHOP}/warehouse"
    assert (await door.send(event())).status_code == 202
    other = await door.send(event(system="warehouse"), address=address, secret="another")
    assert other.status_code == 202
    assert len(await door.world.inbox.list()) == 2


# --- refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "guessed"},
        {"late": 301},
        {"late": -301},
        {"address": f"/webhooks/{SHOP}/warehouse"},
        {"address": f"/webhooks/{SHOP}/no-such-system"},
        {"address": "/webhooks/no-such-channel/erp"},
        {"address": "/webhooks/%00/%F0%9F%92%A3"},
    ],
    ids=str,
)
async def test_what_is_not_signed_by_this_sender_just_now_is_refused_and_not_kept(
    door: Door, wrong: dict[str, Any]
) -> None:
    answer = await door.send(event(), **wrong)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert await door.world.inbox.list() == ()


async def test_a_signature_of_another_body_is_refused(door: Door) -> None:
    headers = {HEADER: sign(SECRET, event("evt_1"), door.world.clock())}
    assert (await door.http.post(ADDRESS, content=event("evt_2"), headers=headers)).status_code == 401
    assert (await door.http.post(ADDRESS, content=event("evt_2"))).status_code == 401


async def test_a_signature_that_is_nearly_too_old_still_counts(door: Door) -> None:
    assert (await door.send(event(), late=299)).status_code == 202


async def test_a_body_over_the_limit_is_refused_before_it_is_read(door: Door) -> None:
    at_the_limit = event(padding="x" * HINT_BYTES_MAX)[:HINT_BYTES_MAX]
    assert (await door.send(at_the_limit)).status_code == 400
    assert (await door.send(at_the_limit + b"x")).status_code == 413
    assert len(await door.world.inbox.list()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff\xfe\x00", "body"),
        (b'{"a":' * 5_000, "body"),
        (event(event_id=""), "event_id"),
        (event(event_id=17), "event_id"),
        (event(system="moon"), "system"),
        (event(system="warehouse"), "system"),
        (event(order_id="1001"), "order_id"),
        (event(order_id="order:shop-at:1"), "order_id"),
        (event(occurred_at="yesterday"), "occurred_at"),
        (event(occurred_at="2026-03-01T11:59:58"), "occurred_at"),
        (event(surprise="x"), "surprise"),
        (event(**{"long" * 1_000: "x"}), ("long" * 1_000)[:100]),
    ],
)
async def test_a_malformed_webhook_names_field_and_reason_and_is_kept(
    door: Door, body: bytes, field: str
) -> None:
    answer = await door.send(body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"], problem["field"]) == (400, "malformed", field)
    assert problem["detail"]
    item = await door.world.item(problem["inbox_id"])
    assert (item.state, item.body) == (InboxState.PARKED, body)
    assert item.problems[0].field == field
    assert door.woken == 0
    assert (await door.send(body)).json() == problem
    assert len(await door.world.inbox.list()) == 1


async def test_every_problem_is_named(door: Door) -> None:
    answer = await door.send(event(system="warehouse", order_id="order:shop-at:1"))
    assert [problem["field"] for problem in answer.json()["problems"]] == ["system", "order_id"]


async def test_a_malformed_body_does_not_pass_for_an_event_of_the_same_name(door: Door) -> None:
    assert (await door.send(b"evt_1")).status_code == 400
    assert (await door.send(event("evt_1"))).status_code == 202


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
_FIELDS = st.sampled_from(["event_id", "event", "system", "order_id", "occurred_at", "more"])
_BODIES = (
    st.binary(max_size=300)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(_FIELDS, _JSON).map(lambda fields: event(**fields))
)
_IN_ONE_WORLD = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@given(body=_BODIES)
@_IN_ONE_WORLD
async def test_no_signed_garbage_breaks_the_receiver(door: Door, body: bytes) -> None:
    answer = await door.send(body)
    assert answer.status_code in {200, 202, 400}
    state = (await door.world.item(answer.json()["inbox_id"])).state
    assert state is (InboxState.PARKED if answer.status_code == 400 else InboxState.WAITING)


@given(
    body=st.binary(max_size=50),
    signature=st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"))
    | st.from_regex(r"t=[0-9]{1,20},v1=[0-9a-f]{0,64}", fullmatch=True)
    | st.just("t=" + "9" * 9_000),
)
@_IN_ONE_WORLD
async def test_no_garbage_in_the_signature_breaks_the_receiver(
    door: Door, body: bytes, signature: str
) -> None:
    answer = await door.http.post(
        ADDRESS, content=body, headers=[(HEADER.encode(), signature.encode("latin-1"))]
    )
    assert answer.status_code == 401


# --- health


async def test_it_is_alive_and_ready_without_temporal(door: Door) -> None:
    door.world.temporal.away = True
    assert (await door.http.get("/livez")).status_code == 200
    assert (await door.http.get("/readyz")).status_code == 200


async def test_without_its_database_it_is_alive_but_takes_nothing(door: Door) -> None:
    async with writing(door.world.engine) as connection:
        await connection.execute(text("DROP TABLE inbox"))
    assert (await door.http.get("/livez")).status_code == 200
    assert (await door.http.get("/readyz")).status_code == 503
    answer = await door.send(event())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert door.woken == 0


async def test_other_addresses_are_answered_with_a_problem(door: Door) -> None:
    for answer in (await door.http.get("/"), await door.http.get(ADDRESS)):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    assert answer.status_code == 405
