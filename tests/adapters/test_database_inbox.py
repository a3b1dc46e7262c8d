"""The inbox: stored once, tried for ever, parked whole, replayed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import migrate, open_database
from adapters.database.inbox import UNHEARD_OF, Inbox, InboxItem, Stored, dedupe_key
from adapters.database.schema import InboxKind, InboxState
from domain.ids import ChannelId, OrderId
from domain.intake import Problem
from tests.postgres import KINDS, migrated_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOP = ChannelId("shop-de")
ORDER = OrderId("order:shop-de:1")


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **units: float) -> None:
        self.time += timedelta(**units)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return migrated_url(request.param, tmp_path)


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    await migrate(url)
    engine = open_database(url)
    yield engine
    await engine.dispose()


@pytest.fixture
def inbox(engine: AsyncEngine, clock: Clock) -> Inbox:
    return Inbox(engine, clock)


async def _store(inbox: Inbox, event: str, **more: object) -> Stored:
    return await inbox.store(
        InboxKind.WEBHOOK,
        channel=SHOP,
        system="erp",
        key=dedupe_key("webhook", SHOP, "erp", event),
        body=b'{"event_id": "%s"}\xff' % event.encode(),
        order_id=ORDER,
        **more,  # type: ignore[arg-type]
    )


async def _due(inbox: Inbox) -> list[int]:
    return [item.id for item in await inbox.due(100)]


async def _get(inbox: Inbox, item: int) -> InboxItem:
    found = await inbox.get(item)
    assert found is not None
    return found


async def test_what_is_stored_is_kept_to_the_byte_and_due_at_once(inbox: Inbox) -> None:
    stored = await _store(inbox, "1")
    (item,) = await inbox.due(10)
    assert (item.id, item.body, item.state) == (stored.id, b'{"event_id": "1"}\xff', InboxState.WAITING)
    assert (item.channel, item.system, item.order_id) == (SHOP, "erp", ORDER)
    assert (item.received_at, item.attempts) == (NOON, 0)


async def test_the_same_key_again_is_a_duplicate_of_the_first(inbox: Inbox) -> None:
    first = await _store(inbox, "1")
    again = await asyncio.gather(*(_store(inbox, "1") for _ in range(20)))
    assert set(again) == {Stored(id=first.id, duplicate=True)}
    assert len(await inbox.list()) == 1


async def test_of_the_same_that_come_at_once_one_is_the_first(inbox: Inbox) -> None:
    stored = await asyncio.gather(*(_store(inbox, event) for event in ("1", "2", "1", "1", "2")))
    assert [one.duplicate for one in stored] == [False, False, True, True, True]
    assert [one.id for one in stored] == [stored[event].id for event in (0, 1, 0, 0, 1)]


async def test_what_does_not_fit_fails_alone(inbox: Inbox) -> None:
    wrong = inbox.store(
        InboxKind.WEBHOOK, channel=SHOP, system="erp", key="k", body=cast("bytes", "no bytes")
    )
    right = [_store(inbox, str(number)) for number in range(3)]
    answers = await asyncio.gather(wrong, *right, return_exceptions=True)
    assert isinstance(answers[0], Exception)
    assert [item.id for item in await inbox.due(10)] == [
        one.id for one in answers[1:] if isinstance(one, Stored)
    ]


async def test_who_is_cancelled_while_others_wait_costs_them_nothing(inbox: Inbox) -> None:
    gone, stays = (asyncio.create_task(_store(inbox, event)) for event in ("1", "2"))
    await asyncio.sleep(0)
    gone.cancel()
    assert not (await stays).duplicate
    assert gone.cancelled()


def test_keys_tell_their_parts_apart() -> None:
    assert (
        len({dedupe_key("a", "bc"), dedupe_key("ab", "c"), dedupe_key("abc"), dedupe_key("a", "b", "c")}) == 4
    )
    assert len(dedupe_key("x" * 100_000)) == 64


async def test_no_secret_of_the_headers_reaches_the_disk(inbox: Inbox) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer x", "OrderSaga-Signature": "t=1"}
    stored = await _store(inbox, "1", headers=headers)
    assert (await _get(inbox, stored.id)).headers == {"content-type": "application/json"}


async def test_an_item_in_hand_is_due_only_after_its_grace(inbox: Inbox, clock: Clock) -> None:
    stored = await _store(inbox, "1", due_in=timedelta(seconds=30))
    assert await _due(inbox) == []
    clock.advance(seconds=30)
    assert await _due(inbox) == [stored.id]
    assert await inbox.due(10, without={stored.id}) == ()


async def test_retries_come_later_and_later_and_at_least_once_a_minute(inbox: Inbox, clock: Clock) -> None:
    stored = await _store(inbox, "1")
    delays = []
    for _ in range(20):
        item = await _get(inbox, stored.id)
        await inbox.retry_later(item, "temporal: away")
        item = await _get(inbox, stored.id)
        delays.append((item.next_attempt_at - clock()).total_seconds())
        assert await _due(inbox) == []
        clock.time = item.next_attempt_at
        assert await _due(inbox) == [stored.id]
    assert delays[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(delays[7:]) == {60}
    assert (await _get(inbox, stored.id)).reason == "temporal: away"


async def test_one_that_is_retried_does_not_stand_before_those_that_came_later(
    inbox: Inbox, clock: Clock
) -> None:
    stuck = await _store(inbox, "1")
    await inbox.retry_later(await _get(inbox, stuck.id), "away")
    later = await _store(inbox, "2")
    clock.advance(seconds=10)
    assert [item.id for item in await inbox.due(1)] == [later.id]


async def test_a_parked_item_waits_for_a_person_with_all_its_problems(inbox: Inbox, clock: Clock) -> None:
    stored = await _store(inbox, "1")
    problems = (Problem(field="lines[0].sku", reason="missing"), Problem(field="total", reason="too high"))
    await inbox.park(stored.id, "it cannot be read", problems)
    clock.advance(days=30)
    assert await _due(inbox) == []
    (item,) = await inbox.list(InboxState.PARKED)
    assert (item.reason, item.problems) == ("it cannot be read", problems)
    assert item.body.endswith(b"\xff")


async def test_what_is_stored_with_problems_is_parked_at_once(inbox: Inbox) -> None:
    stored = await _store(inbox, "1", problems=(Problem(field="system", reason="unknown"),))
    assert await _due(inbox) == []
    assert (await _get(inbox, stored.id)).state is InboxState.PARKED


async def test_what_came_before_its_order_is_due_once_that_has_come(inbox: Inbox) -> None:
    early = [
        await inbox.store(kind, channel=SHOP, system="erp", key=kind, body=b"{}", order_id=ORDER)
        for kind in (InboxKind.WEBHOOK, InboxKind.COMMAND)
    ]
    refused = await _store(inbox, "refused")
    for item in early:
        await inbox.park(item.id, UNHEARD_OF)
    await inbox.park(refused.id, "the order is completed already")
    await inbox.release(OrderId("order:shop-de:2"))
    assert await _due(inbox) == []
    await inbox.release(ORDER)
    assert await _due(inbox) == [item.id for item in early]


async def test_a_replayed_item_is_as_new(inbox: Inbox, clock: Clock) -> None:
    stored = await _store(inbox, "1")
    await inbox.retry_later(await _get(inbox, stored.id), "away")
    await inbox.park(stored.id, "unknown order", (Problem(field="order_id", reason="unknown"),))
    clock.advance(hours=1)
    item = await inbox.replay(stored.id)
    assert item is not None
    assert (item.state, item.attempts, item.reason, item.problems) == (InboxState.WAITING, 0, "", ())
    assert await _due(inbox) == [stored.id]
    assert await inbox.replay(stored.id + 1) is None


async def test_what_was_forwarded_stays_so_whoever_still_had_it_in_hand(inbox: Inbox, clock: Clock) -> None:
    stored = await _store(inbox, "1")
    in_hand = await _get(inbox, stored.id)
    await inbox.mark_forwarded(stored.id)
    clock.advance(seconds=5)
    await inbox.retry_later(in_hand, "away")
    await inbox.park(stored.id, "late")
    await inbox.mark_forwarded(stored.id)
    item = await _get(inbox, stored.id)
    assert (item.state, item.forwarded_at, item.reason) == (InboxState.FORWARDED, NOON, "")


async def test_the_list_shows_the_newest_first(inbox: Inbox) -> None:
    ids = [(await _store(inbox, str(number))).id for number in range(3)]
    await inbox.mark_forwarded(ids[0], order_id=ORDER)
    assert [item.id for item in await inbox.list()] == ids[::-1]
    assert [item.id for item in await inbox.list(InboxState.WAITING, limit=1)] == [ids[2]]
