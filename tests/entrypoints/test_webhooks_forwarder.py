"""The forwarder: every stored hint reaches its order, whatever is away, hangs, ends or cannot be used."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from adapters.database.engine import writing
from adapters.database.schema import InboxState
from domain.ids import OrderId, System
from domain.phases import Phase
from domain.records import OrderState
from entrypoints.webhooks import forwarder as module
from tests.entrypoints.receiving import Receiver, document, forwarding, order, receiver, until
from workers.temporal import Told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Receiver]:
    """Order 1 runs."""
    async with receiver(tmp_path) as world:
        await world.accept(document("1"))
        yield world


@pytest.fixture
def only_when_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 3_600)


@pytest.fixture
def polling_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)


async def _becomes(world: Receiver, item: int, state: InboxState) -> None:
    async def reached() -> bool:
        return (await world.item(item)).state is state

    await until(reached)


# --- forwarded


@pytest.mark.usefixtures("only_when_woken")
async def test_a_stored_hint_wakes_the_forwarder_and_reaches_its_order(world: Receiver) -> None:
    async with forwarding(world.forwarder):
        await asyncio.sleep(0)
        item = await world.hint("1", System.WAREHOUSE)
        world.forwarder.wake()
        await _becomes(world, item, InboxState.FORWARDED)
    assert world.temporal.told == [(order("1"), System.WAREHOUSE)]


@pytest.mark.usefixtures("only_when_woken")
async def test_a_backlog_is_worked_off_without_waiting_for_polls(world: Receiver) -> None:
    items = [await world.hint(str(number)) for number in range(100)]
    async with forwarding(world.forwarder):
        for item in items:
            await _becomes(world, item, InboxState.FORWARDED)
    assert len(world.temporal.told) == 100


@pytest.mark.usefixtures("polling_fast")
async def test_what_another_process_stored_is_found_by_polling(world: Receiver) -> None:
    async with forwarding(world.forwarder):
        await _becomes(world, await world.hint("1"), InboxState.FORWARDED)


@pytest.mark.usefixtures("polling_fast")
async def test_while_temporal_is_away_hints_wait_and_then_arrive(world: Receiver) -> None:
    world.temporal.away = True
    item = await world.hint("1")

    async def tried_again() -> bool:
        world.clock.advance(seconds=61)
        return (await world.item(item)).attempts >= 3

    async with forwarding(world.forwarder):
        await until(tried_again)
        assert (await world.item(item)).reason == "temporal: away"
        world.temporal.away = False
        world.clock.advance(seconds=61)
        await _becomes(world, item, InboxState.FORWARDED)
    assert world.temporal.told == [(order("1"), System.ERP)]


@pytest.mark.usefixtures("polling_fast")
async def test_a_forwarder_that_was_stopped_is_followed_by_another_one(world: Receiver) -> None:
    reached = asyncio.Event()

    async def hang(_order: OrderId, _system: System) -> Told:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    item = await world.hint("1")
    async with forwarding(world.forwarder_with(hang)):
        await reached.wait()
    assert (await world.item(item)).state is InboxState.WAITING
    async with forwarding(world.forwarder):
        await _becomes(world, item, InboxState.FORWARDED)


# --- one does not hold up another


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_that_hangs_holds_up_none_that_comes_later(world: Receiver) -> None:
    await world.accept(document("2"))
    reached = asyncio.Event()

    async def hang_for_1(named: OrderId, system: System) -> Told:
        if named == order("1"):
            reached.set()
            await asyncio.Event().wait()
        return await world.temporal.look_again(named, system)

    async with forwarding(world.forwarder_with(hang_for_1)):
        stuck = await world.hint("1")
        await reached.wait()
        await _becomes(world, await world.hint("2", number="2"), InboxState.FORWARDED)
        assert (await world.item(stuck)).state is InboxState.WAITING


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_that_never_gets_an_answer_is_tried_again(
    world: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ITEM_SECONDS_MAX", 1)
    calls = 0

    async def hang_once(named: OrderId, system: System) -> Told:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        return await world.temporal.look_again(named, system)

    item = await world.hint("1")

    async def forwarded() -> bool:
        world.clock.advance(seconds=1)
        return (await world.item(item)).state is InboxState.FORWARDED

    async with forwarding(world.forwarder_with(hang_once)):
        await until(forwarded)
    assert (await world.item(item)).attempts == 1


@pytest.mark.usefixtures("polling_fast")
async def test_a_bug_at_one_hint_stops_neither_the_forwarder_nor_the_hint(world: Receiver) -> None:
    calls = 0

    async def stumble_once(named: OrderId, system: System) -> Told:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError("Erika Mustermann")
        return await world.temporal.look_again(named, system)

    item = await world.hint("1")

    async def tried() -> bool:
        return (await world.item(item)).attempts == 1

    async with forwarding(world.forwarder_with(stumble_once)):
        await until(tried)
        assert (await world.item(item)).reason == "it failed: ZeroDivisionError"
        world.clock.advance(seconds=2)
        await _becomes(world, item, InboxState.FORWARDED)


@pytest.mark.usefixtures("polling_fast")
async def test_a_database_in_trouble_does_not_end_the_forwarder(world: Receiver) -> None:
    async def polled_in_vain() -> bool:
        return len([line for line in log if line["event"] == "the inbox cannot be read"]) > 1

    with capture_logs() as log:
        async with forwarding(world.forwarder):
            async with writing(world.engine) as connection:
                await connection.execute(text("ALTER TABLE inbox RENAME TO away"))
            await until(polled_in_vain)
            async with writing(world.engine) as connection:
                await connection.execute(text("ALTER TABLE away RENAME TO inbox"))
            await _becomes(world, await world.hint("1"), InboxState.FORWARDED)


# --- not to be forwarded


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_for_an_order_that_was_never_accepted_is_parked(world: Receiver) -> None:
    item = await world.hint("1", number="unheard-of")
    async with forwarding(world.forwarder):
        await _becomes(world, item, InboxState.PARKED)
    assert (await world.item(item)).reason == "it names an order that was never accepted"
    assert world.temporal.told == []


@pytest.mark.usefixtures("polling_fast")
@pytest.mark.parametrize("state", [OrderState.COMPLETED, OrderState.CANCELLED])
async def test_a_hint_for_a_closed_order_is_done_without_asking_temporal(
    world: Receiver, state: OrderState
) -> None:
    await world.records.close_order(order("1"), state, "{}", world.clock())
    world.temporal.away = True
    item = await world.hint("1")
    async with forwarding(world.forwarder):
        await _becomes(world, item, InboxState.FORWARDED)


@pytest.mark.usefixtures("polling_fast")
async def test_news_of_a_closed_orders_payments_begin_its_aftermath(world: Receiver) -> None:
    await world.records.close_order(order("1"), OrderState.CANCELLED, "{}", world.clock())
    world.temporal.away = True
    item = await world.hint("1", System.PAYMENTS)

    async def tried_again() -> bool:
        world.clock.advance(seconds=61)
        return (await world.item(item)).attempts > 0

    async with forwarding(world.forwarder):
        await until(tried_again)
        world.temporal.away = False
        world.clock.advance(seconds=61)
        await _becomes(world, item, InboxState.FORWARDED)
    assert world.temporal.looked_after == [(order("1"), Phase.CANCELLED)]
    assert world.temporal.told == []


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_for_an_order_that_closes_at_this_moment_is_done(world: Receiver) -> None:
    async def closes(named: OrderId, _system: System) -> Told:
        await world.records.close_order(named, OrderState.COMPLETED, "{}", world.clock())
        return Told.NOT_RUNNING

    item = await world.hint("1")
    async with forwarding(world.forwarder_with(closes)):
        await _becomes(world, item, InboxState.FORWARDED)


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_for_an_open_order_without_its_workflow_is_shown_to_a_person(world: Receiver) -> None:
    world.temporal.running.clear()
    item = await world.hint("1")
    async with forwarding(world.forwarder):
        await _becomes(world, item, InboxState.PARKED)
    assert "workflow is gone" in (await world.item(item)).reason


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_waits_for_an_order_that_has_not_started_yet(world: Receiver) -> None:
    world.temporal.away = True
    await world.accept(document("2"))
    world.temporal.away = False
    item = await world.hint("1", number="2")

    async def forwarded() -> bool:
        world.clock.advance(seconds=1)
        return (await world.item(item)).state is InboxState.FORWARDED

    async with forwarding(world.forwarder):
        await until(forwarded)
    assert world.temporal.told == [(order("2"), System.ERP)]


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_whose_order_begins_at_this_moment_reaches_it(world: Receiver) -> None:
    """Temporal did not know it yet, and our register already says that it runs."""
    calls = 0

    async def begins(named: OrderId, system: System) -> Told:
        nonlocal calls
        calls += 1
        return Told.NOT_RUNNING if calls == 1 else await world.temporal.look_again(named, system)

    item = await world.hint("1")
    async with forwarding(world.forwarder_with(begins)):
        await _becomes(world, item, InboxState.FORWARDED)
    assert world.temporal.told == [(order("1"), System.ERP)]


@pytest.mark.usefixtures("polling_fast")
async def test_a_hint_whose_order_is_accepted_at_this_moment_is_not_left_parked(
    world: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    park = world.inbox.park

    async def park_late(*given: Any, **more: Any) -> None:
        await world.accept(document("2"))
        await park(*given, **more)

    monkeypatch.setattr(world.inbox, "park", park_late)
    item = await world.hint("1", number="2")
    async with forwarding(world.forwarder):
        await _becomes(world, item, InboxState.FORWARDED)
    assert world.temporal.told == [(order("2"), System.ERP)]
