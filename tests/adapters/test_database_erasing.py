"""What a customer asks to be forgotten is gone from our database; what the books need stays."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import migrate, open_database, reading
from adapters.database.erasing import ERASED, Erased, Erasing
from adapters.database.inbox import Inbox, dedupe_key
from adapters.database.orders import Orders
from adapters.database.records import SqlRecords
from adapters.database.schema import Base, DecisionRow, InboxKind, InboxState
from adapters.database.trail import Deed, Trail
from domain.document import OrderDocument
from domain.ids import ChannelId, CustomerRef, OrderId, Sku
from domain.orders import Address, Customer, PlacedOrder
from domain.records import OrderState
from tests.contracts.placing import place
from tests.personal import CITY, COMPANY, EMAIL, NAME, PHONE, POSTAL_CODE, STREET, traces_in
from tests.postgres import KINDS, migrated_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=2)
SHOP = ChannelId("shop")


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
def erasing(engine: AsyncEngine) -> Erasing:
    return Erasing(engine, lambda: LATER)


def hers(name: str, email: str = EMAIL) -> PlacedOrder:
    buyer = Customer(name=NAME, email=email, company=COMPANY, phone=PHONE, vat_id="GB7718")
    address = Address(name=NAME, street=STREET, postal_code=POSTAL_CODE, city=CITY, country="GB", phone=PHONE)
    return place(name, [(Sku("QX7-MUG"), 2, "12.50")], buyer=buyer).model_copy(
        update={"billing": address, "shipping": address}
    )


async def closed(
    engine: AsyncEngine, placed: PlacedOrder, state: OrderState = OrderState.COMPLETED
) -> OrderId:
    """An order whose customer also said something about themselves on the phone."""
    document = OrderDocument.begun(placed)
    document.erp_customer = CustomerRef("C-77")
    document.cancel_reason = f"{NAME} moved to {CITY.upper()}"
    await opened(engine, placed)
    await SqlRecords(engine, lambda: NOON).close_order(
        placed.order_id, state, document.model_dump_json(), NOON
    )
    return placed.order_id


async def opened(engine: AsyncEngine, placed: PlacedOrder) -> OrderId:
    await Orders(engine, lambda: NOON).accept(placed)
    inbox = Inbox(engine, lambda: NOON)
    stored = await inbox.store(
        InboxKind.DOCUMENT,
        channel=placed.channel,
        system="ordersaga",
        key=dedupe_key("document", placed.order_id),
        body=placed.model_dump_json().encode(),
    )
    await inbox.mark_forwarded(stored.id, placed.order_id)
    return placed.order_id


async def came(engine: AsyncEngine, name: str, body: bytes, state: InboxState) -> int:
    inbox = Inbox(engine, lambda: NOON)
    key = dedupe_key("document", name)
    placed = hers(name)
    stored = await inbox.store(
        InboxKind.DOCUMENT, channel=placed.channel, system="shopify", key=key, body=body
    )
    if state is InboxState.PARKED:
        await inbox.park(stored.id, f"no such country: {CITY}")
    return stored.id


async def everything(engine: AsyncEngine) -> bytes:
    async with reading(engine) as connection:
        rows = [
            dict(row._mapping)
            for table in Base.metadata.sorted_tables
            for row in await connection.execute(select(table))
        ]
    return json.dumps(
        rows, default=lambda told: told.decode() if isinstance(told, bytes) else str(told)
    ).encode()


@pytest.mark.parametrize("who", [{"email": EMAIL.upper()}, {"customer": "C-77"}])
async def test_an_erased_customer_is_nowhere_and_the_books_still_add_up(
    engine: AsyncEngine, erasing: Erasing, who: dict[str, str]
) -> None:
    order, cancelled = (
        await closed(engine, hers("one")),
        await closed(engine, hers("two"), OrderState.CANCELLED),
    )
    assert traces_in(await everything(engine), depth=0)
    assert await erasing.erase(**who) == Erased(orders=(order, cancelled), open=(), inbox_items=2)
    assert traces_in(await everything(engine), depth=0) == set()
    registered = await Orders(engine, lambda: LATER).get(order)
    assert registered is not None
    assert registered.closed_document is not None
    document = OrderDocument.model_validate_json(registered.closed_document)
    for placed in (registered.placed, document.order):
        assert (placed.total, placed.lines, placed.order_id) == (hers("one").total, hers("one").lines, order)
        assert placed.shipping is not None
        assert (placed.shipping.name, placed.shipping.country, placed.customer.email) == (ERASED, "GB", "")
    assert document.erp_customer == "C-77"
    assert document.cancel_reason == f"{ERASED} moved to {ERASED}"


async def test_erasing_twice_changes_nothing(engine: AsyncEngine, erasing: Erasing) -> None:
    order = await closed(engine, hers("one"))
    await erasing.erase(customer="C-77")
    before = await everything(engine)
    assert await erasing.erase(customer="C-77") == Erased(orders=(order,), open=(), inbox_items=0)
    assert await erasing.erase(email=EMAIL) == Erased(orders=(), open=(), inbox_items=0)
    assert await everything(engine) == before


async def test_an_order_that_runs_keeps_what_it_needs_and_is_named(
    engine: AsyncEngine, erasing: Erasing
) -> None:
    running, done = await opened(engine, hers("runs")), await closed(engine, hers("done"))
    before = await Orders(engine, lambda: NOON).get(running)
    assert await erasing.erase(email=EMAIL) == Erased(orders=(done,), open=(running,), inbox_items=1)
    assert await Orders(engine, lambda: NOON).get(running) == before


async def test_an_order_closed_a_moment_ago_waits(engine: AsyncEngine) -> None:
    order = await closed(engine, hers("one"))
    soon = Erasing(engine, lambda: NOON + timedelta(minutes=59))
    assert (await soon.erase(email=EMAIL)).open == (order,)


async def test_nobody_else_is_touched(engine: AsyncEngine, erasing: Erasing) -> None:
    await closed(engine, hers("other", email=f"not-{EMAIL}"))
    await came(engine, "else", b'{"email": "somebody@else.example"}', InboxState.PARKED)
    before = await everything(engine)
    for who in ({"email": EMAIL}, {"customer": "C-7"}, {"customer": "7"}, {"email": ""}, {"customer": "%"}):
        assert await erasing.erase(**who) == Erased(orders=(), open=(), inbox_items=0)
    assert await everything(engine) == before


async def test_what_never_became_an_order_is_found_by_the_address(
    engine: AsyncEngine, erasing: Erasing
) -> None:
    body = json.dumps({"email": EMAIL.upper().replace("@", "\\u0040")}).replace("\\\\u", "\\u").encode()
    assert b"@" not in body
    await came(engine, "parked", body, InboxState.PARKED)
    waiting = await came(engine, "waiting", body, InboxState.WAITING)
    assert (await erasing.erase(email=EMAIL)).inbox_items == 1
    inbox = Inbox(engine, lambda: LATER)
    (parked,) = await inbox.list(InboxState.PARKED)
    assert (parked.body, parked.reason, parked.headers) == (b"", ERASED, {})
    still = await inbox.get(waiting)
    assert still is not None
    assert still.body == body


async def asked(engine: AsyncEngine, order: OrderId, command: str, actor: str, *, to: str = CITY) -> int:
    """A command as it was given: kept in the inbox, taken by its order, and in the audit trail."""
    inbox = Inbox(engine, lambda: NOON)
    body = json.dumps({"id": command, "reason": f"{NAME} moved", "body": {"ship_to": {"city": to}}})
    stored = await inbox.store(
        InboxKind.COMMAND, channel=SHOP, system="amend", key=command, body=body.encode(), order_id=order
    )
    await inbox.mark_forwarded(stored.id, reason=f"refused: {NAME} is unknown")
    deed = Deed(
        actor=actor,
        role="customer_service",
        action="orders.amend",
        channel=SHOP,
        order_id=order,
        command=command,
        digest="d" * 64,
    )
    return await Trail(engine, lambda: NOON).begin(deed)


async def test_what_was_asked_of_an_erased_order_is_forgotten_and_who_asked_is_not(
    engine: AsyncEngine, erasing: Erasing
) -> None:
    order, other = await closed(engine, hers("one")), await closed(engine, hers("two", email="a@b.example"))
    await asked(engine, order, "move-1", "agent")
    await asked(engine, order, f"move-{EMAIL.upper()}", f"jwt:{EMAIL}")
    await asked(engine, other, "move-3", "agent", to="elsewhere")
    trail = Trail(engine, lambda: LATER)
    theirs = await trail.page(order_id=other)
    assert (await erasing.erase(email=EMAIL)).inbox_items == 3
    assert [(one.actor, one.command) for one in await trail.page(order_id=order)] == [
        (ERASED, f"{ERASED}-2"),
        ("agent", "move-1"),
    ]
    assert await trail.page(order_id=other) == theirs
    async with reading(engine) as connection:
        told = await connection.execute(select(DecisionRow.order_id, DecisionRow.digest))
        assert {(one.order_id, one.digest) for one in told} == {(order, ""), (other, "d" * 64)}
    kept = {(item.kind, item.order_id, bool(item.body)) for item in await Inbox(engine, lambda: LATER).list()}
    assert kept == {
        (kind, *one)
        for kind in (InboxKind.COMMAND, InboxKind.DOCUMENT)
        for one in ((order, False), (other, True))
    }


async def test_a_command_for_an_order_that_never_came_is_found_by_the_address(
    engine: AsyncEngine, erasing: Erasing
) -> None:
    inbox = Inbox(engine, lambda: NOON)
    nowhere = OrderId("order:shop:never")
    stored = await inbox.store(
        InboxKind.COMMAND, channel=SHOP, system="cancel", key="k", body=EMAIL.encode(), order_id=nowhere
    )
    await inbox.park(stored.id, "it names an order that was never accepted")
    assert (await erasing.erase(email=EMAIL)).inbox_items == 1
    assert traces_in(await everything(engine), depth=0) == set()


async def test_the_trail_goes_whole_once_it_is_old(engine: AsyncEngine) -> None:
    await asked(engine, OrderId("order:shop:1"), "old", "agent")
    await Trail(engine, lambda: LATER).begin(Deed(actor="agent", role="operator", action="orders.hold"))
    erasing = Erasing(engine, lambda: NOON + timedelta(days=400, hours=1))
    assert await erasing.forget_decisions(401) == 0
    assert await erasing.forget_decisions(400) == 1
    assert [one.action for one in await Trail(engine, lambda: LATER).page()] == ["orders.hold"]


async def test_old_words_of_commands_are_forgotten_as_all_others(engine: AsyncEngine) -> None:
    await asked(engine, OrderId("order:shop:1"), "old", "agent")
    assert await Erasing(engine, lambda: NOON + timedelta(days=2)).forget_bodies(1) == 1
    assert traces_in(await everything(engine), depth=0) == set()


async def test_old_words_of_the_inbox_are_forgotten_and_what_waits_is_not(
    engine: AsyncEngine, erasing: Erasing
) -> None:
    await opened(engine, hers("old"))
    await came(engine, "parked", b"{}", InboxState.PARKED)
    assert await erasing.forget_bodies(1) == 0
    assert await Erasing(engine, lambda: NOON + timedelta(days=2)).forget_bodies(1) == 1
    assert await Erasing(engine, lambda: NOON + timedelta(days=2)).forget_bodies(1) == 0
    bodies = {item.state: item.body for item in await Inbox(engine, lambda: LATER).list()}
    assert bodies == {InboxState.FORWARDED: b"", InboxState.PARKED: b"{}"}
