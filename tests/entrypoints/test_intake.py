"""Intake: every document is kept, every order is started once, for ever."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.database.engine import writing
from adapters.database.inbox import dedupe_key
from adapters.database.orders import Accepted, AlreadyKnown
from adapters.database.schema import InboxKind, InboxState
from adapters.documents import PARSERS, load
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, Sku
from domain.intake import Problem, SkuMap
from domain.orders import PaymentTerm, PlacedOrder
from domain.records import OrderState
from entrypoints.demo.documents import demo_documents
from entrypoints.intake import Parked
from tests.entrypoints.receiving import SHOP, Receiver, document, forwarding, order, receiver, until
from workers.temporal import Started

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiver(tmp_path) as world:
        yield world


class KilledError(BaseException):
    """Stands for the end of the process at this point: nothing may handle it."""


# --- accepted


async def test_a_new_order_is_stored_registered_and_started(world: Receiver) -> None:
    body = document("1")
    assert await world.accept(body) == Accepted(order_id=order("1"))
    (item,) = await world.inbox.list()
    assert (item.kind, item.state, item.order_id) == (InboxKind.DOCUMENT, InboxState.FORWARDED, order("1"))
    assert item.body == body
    registered = await world.registered("1")
    assert registered.state is OrderState.STARTED
    assert world.temporal.started == {order("1"): registered.placed}


async def test_the_same_document_again_starts_nothing_and_is_stored_once(world: Receiver) -> None:
    await world.accept(document("1"))
    assert await world.accept(document("1")) == AlreadyKnown(order_id=order("1"))
    assert len(await world.inbox.list()) == 1
    assert len(world.temporal.started) == 1


async def test_a_changed_document_of_a_known_order_is_kept_and_starts_nothing(world: Receiver) -> None:
    await world.accept(document("1", quantity=1))
    assert await world.accept(document("1", quantity=2)) == AlreadyKnown(order_id=order("1"))
    assert [item.state for item in await world.inbox.list()] == [InboxState.FORWARDED] * 2
    assert world.temporal.started[order("1")].lines[0].quantity == 1


async def test_a_known_order_is_known_even_in_a_document_that_no_new_order_could_use(world: Receiver) -> None:
    await world.accept(document("1"))
    assert await world.accept(document("1", sku="")) == AlreadyKnown(order_id=order("1"))
    assert [item.state for item in await world.inbox.list()] == [InboxState.FORWARDED] * 2


async def test_an_order_that_closed_and_that_temporal_forgot_is_not_started_again(world: Receiver) -> None:
    await world.accept(document("1"))
    await world.records.close_order(order("1"), OrderState.COMPLETED, "{}", world.clock())
    world.temporal.started.clear()
    for again in (document("1"), document("1", quantity=2)):
        assert await world.accept(again) == AlreadyKnown(order_id=order("1"))
    assert world.temporal.started == {}


@pytest.mark.parametrize("quantities", [[1] * 20, list(range(1, 21))], ids=["alike", "all different"])
async def test_of_twenty_that_bring_an_order_at_once_one_starts_it(
    world: Receiver, quantities: list[int]
) -> None:
    answers = await asyncio.gather(
        *(world.accept(document("1", quantity=quantity)) for quantity in quantities)
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Accepted"] + ["AlreadyKnown"] * 19
    assert len(await world.orders.list()) == 1
    assert list(world.temporal.started) == [order("1")]
    assert world.temporal.started[order("1")] == (await world.registered("1")).placed
    assert {item.state for item in await world.inbox.list()} == {InboxState.FORWARDED}


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "ordersaga"])
async def test_a_platforms_own_document_comes_back_from_the_register_as_it_was_read(
    world: Receiver, platform: str
) -> None:
    (demo,) = demo_documents(1, platforms=[platform])
    world.intake = world.intake_with(world.temporal.start, **PARSERS)
    body, channel = json.dumps(demo.document).encode(), ChannelId(demo.channel)
    answer = await world.intake.accept(body, channel=channel, platform=platform)
    assert answer == Accepted(order_id=OrderId(demo.order_id))
    registered = await world.orders.get(OrderId(demo.order_id))
    assert registered is not None
    assert registered.placed == PARSERS[platform](load(body), channel=channel, skus={})


# --- parked


async def test_a_line_without_sku_is_parked_by_its_name_until_that_name_is_mapped(world: Receiver) -> None:
    world.intake = world.intake_with(world.temporal.start, **PARSERS)
    body = (FIXTURES / "ordersaga" / "order.json").read_bytes()
    parked = await world.accept(body, platform="ordersaga")
    assert isinstance(parked, Parked)
    assert [problem.field for problem in parked.problems] == ["lines[1].sku"]
    assert "product:tea-7" in parked.problems[0].reason
    await world.skus.map(SHOP, "product:tea-7", Sku("TEA-7"))
    answer = await world.intake.replay(parked.inbox_id)
    assert isinstance(answer, Accepted)
    registered = await world.orders.get(answer.order_id)
    assert registered is not None
    assert registered.placed.lines[1].sku == "TEA-7"


async def test_an_unusable_document_is_parked_whole_with_every_problem(world: Receiver) -> None:
    body = document("1", sku=None)
    problems = (
        Problem(field="sku", reason="no SKU is mapped for product:1"),
        Problem(field="id", reason="and more"),
    )
    answer = await world.accept(body)
    assert isinstance(answer, Parked)
    assert answer.problems == problems
    item = await world.item(answer.inbox_id)
    assert (item.state, item.problems, item.body) == (InboxState.PARKED, problems, body)
    assert await world.orders.list() == ()


async def test_a_parked_document_is_taken_in_once_its_sku_is_mapped(world: Receiver) -> None:
    parked = await world.accept(document("1", sku=None))
    await world.skus.map(SHOP, "product:1", Sku("MUG"))
    assert await world.intake.replay(parked.inbox_id) == Accepted(order_id=order("1"))
    assert (await world.item(parked.inbox_id)).state is InboxState.FORWARDED
    assert order("1") in world.temporal.started


async def test_a_parked_document_that_comes_again_is_tried_again(world: Receiver) -> None:
    parked = await world.accept(document("1", sku=None))
    assert await world.accept(document("1", sku=None)) == parked
    await world.skus.map(SHOP, "product:1", Sku("MUG"))
    assert await world.accept(document("1", sku=None)) == Accepted(order_id=order("1"))
    assert (await world.item(parked.inbox_id)).state is InboxState.FORWARDED


@pytest.mark.parametrize("term", PaymentTerm)
async def test_orders_of_every_payment_term_are_started(world: Receiver, term: PaymentTerm) -> None:
    assert await world.accept(document("1", term=term.value)) == Accepted(order_id=order("1"))
    assert world.temporal.started[order("1")].payment.term is term


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"id": NaN}', b'{"a":' * 5_000, b"\x00", b'"order"', b"{}"],
    ids=repr,
)
@pytest.mark.parametrize("platform", ["plain", "shopify", "woocommerce", "ordersaga", "unheard-of"])
async def test_garbage_is_parked_and_nothing_breaks(world: Receiver, body: bytes, platform: str) -> None:
    world.intake = world.intake_with(world.temporal.start, **PARSERS)
    answer = await world.accept(body, platform=platform)
    assert isinstance(answer, Parked)
    assert answer.problems
    assert (await world.item(answer.inbox_id)).body == body


async def test_a_parser_that_fails_parks_its_document_without_quoting_it(world: Receiver) -> None:
    def stumble(document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:  # noqa: ARG001
        raise KeyError(document["customer"])

    world.intake = world.intake_with(world.temporal.start, stumbling=stumble)
    answer = await world.accept(b'{"customer": "Erika Mustermann"}', platform="stumbling")
    assert isinstance(answer, Parked)
    (problem,) = answer.problems
    assert problem.reason.startswith("its parser failed: KeyError in stumble, line ")


async def test_only_documents_are_replayed_as_documents(world: Receiver) -> None:
    hint = await world.inbox.store(
        InboxKind.WEBHOOK, channel=SHOP, system="erp", key=dedupe_key("1"), body=b"{}"
    )
    for missing in (hint.id, hint.id + 1):
        with pytest.raises(LookupError, match=f"no document {missing}"):
            await world.intake.replay(missing)


# --- never lost


async def test_while_temporal_is_away_orders_are_accepted_and_start_later(world: Receiver) -> None:
    world.temporal.away = True
    assert await world.accept(document("1")) == Accepted(order_id=order("1"))
    assert await world.accept(document("1", quantity=2)) == AlreadyKnown(order_id=order("1"))
    assert {item.state for item in await world.inbox.list()} == {InboxState.WAITING}
    assert [waiting.order_id for waiting in await world.orders.unstarted()] == [order("1")]

    world.temporal.away = False
    world.clock.advance(minutes=1)
    async with forwarding(world.forwarder):
        await until(lambda: _all_forwarded(world))
    assert world.temporal.started[order("1")].lines[0].quantity == 1
    assert (await world.registered("1")).state is OrderState.STARTED


@pytest.mark.parametrize("moment", ["parsing", "starting", "started"])
async def test_an_order_survives_the_end_of_the_process_at_any_moment(world: Receiver, moment: str) -> None:
    def die_parsing(document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:  # noqa: ARG001
        raise KilledError

    async def die_starting(placed: PlacedOrder) -> Started:
        if moment == "started":
            await world.temporal.start(placed)
        raise KilledError

    dying = {"plain": die_parsing} if moment == "parsing" else {}
    with pytest.raises(KilledError):
        await world.intake_with(die_starting, **dying).accept(document("1"), channel=SHOP, platform="plain")
    (item,) = await world.inbox.list()
    assert item.state is InboxState.WAITING

    world.clock.advance(minutes=1)
    async with forwarding(world.forwarder):
        await until(lambda: _all_forwarded(world))
    assert list(world.temporal.started) == [order("1")]
    assert (await world.registered("1")).state is OrderState.STARTED


async def test_what_could_not_be_stored_is_not_accepted(world: Receiver) -> None:
    async with writing(world.engine) as connection:
        await connection.execute(text("DROP TABLE inbox"))
    with pytest.raises(Unavailable):
        await world.accept(document("1"))
    assert world.temporal.started == {}


async def _all_forwarded(world: Receiver) -> bool:
    return {item.state for item in await world.inbox.list()} == {InboxState.FORWARDED}
