"""Whole orders with a real Tryton as ERP, stock and warehouse: what its people do there, every system follows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from domain.amendments import AmendmentState, Origin
from domain.document import OrderDocument
from domain.ids import MAIN, LineId, Location, OrderId
from domain.money import Money, total
from domain.orders import Address
from domain.phases import Phase
from domain.returns import ReturnState
from domain.shipments import PickState
from entrypoints.demo.tenders import by_card_in_parts
from tests.contracts.tryton_world import Hands
from tests.e2e.office import STOCKED, Office, money, office

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.tryton,
    pytest.mark.long,  # Tryton serves one request at a time: minutes, where others want the machine as well
    pytest.mark.asyncio(loop_scope="module"),
]

ONE, TWO = LineId("1"), LineId("2")
EAST = Location("east")
HOME = Address(name="Roald Weiss", street="Hafenweg 3", postal_code="25813", city="Husum", country="DE")

Edit = Callable[[Hands, OrderId], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tryton(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


async def adds_a_line(hands: Hands, order: OrderId) -> None:
    await hands.add_line(order, await hands.stocked(STOCKED), 2, "12.00")


# What is edited: how many units of each line are sold then (None: of the line that Tryton named), and what it costs more.
EDITS: dict[str, tuple[Edit, list[int], str]] = {
    "more": (lambda hands, order: hands.set_quantity(order, ONE, 5), [5, 3], "99.99"),
    "fewer": (lambda hands, order: hands.set_quantity(order, ONE, 1), [1, 3], "-99.98"),
    "dearer": (lambda hands, order: hands.set_price(order, TWO, "9.50"), [3, 3], "3.97"),
    "a line more": (adds_a_line, [3, 3, 2], "28.56"),
    "a line less": (lambda hands, order: hands.remove_line(order, TWO), [3], "-29.95"),
    "elsewhere": (lambda hands, order: hands.readdress(order, HOME), [3, 3], "0.00"),
}


async def test_what_a_clerk_edits_in_tryton_alone_every_system_follows(tryton: Office) -> None:
    orders = {name: await tryton.place() for name in EDITS}
    for order in orders.values():
        await tryton.asks_for_a_pick(order)
    for name, order in orders.items():
        await EDITS[name][0](tryton.hands, order.order_id)
    for order in orders.values():
        await tryton.until(order, _is_amended)
    for name, order in orders.items():
        document = await tryton.until(order, _is_settled, work=True)
        _, units, dearer = EDITS[name]
        assert [line.quantity for line in document.order.lines] == units
        await _everybody_agrees(tryton, document)
        assert abs((document.order.total.major - order.total.major) - Decimal(dearer)) <= Decimal("0.02")
        where = document.order.shipping
        assert where
        assert (where.city == HOME.city) == (name == "elsewhere")
    report = await tryton.product.audit()
    assert report.kept, [promise.violations for promise in report.promises]


async def _everybody_agrees(tryton: Office, document: OrderDocument) -> None:
    """Tryton, shop, gateway and customer, each by its own books; nobody edited it anywhere else."""
    (amendment,) = document.amendments
    assert amendment.amendment.origin is Origin.ERP
    order, whole = document.order, document.order.total
    books = await tryton.books(order.order_id)
    (shop,) = books["orders"]
    assert not shop["by_hand"]
    shown = {
        line["line_id"]: (line["quantity"], money(line["total"])) for line in shop["lines"] if line["sku"]
    }
    assert shown == {line.line_id: (line.quantity, line.total) for line in order.lines}
    assert money(shop["total"]) == whole
    assert shop["shipping"]["city"] == (order.shipping and order.shipping.city)
    assert _taken(books) == whole
    assert total(await tryton.hands.money(order.order_id), "EUR") == whole
    assert total(await tryton.hands.invoices(order.order_id), "EUR") == whole
    assert tryton.sold(order) == {f"Shop line {line.line_id}": line.quantity for line in order.lines}
    for line in order.lines:
        assert await tryton.hands.on_hand(line.sku) == STOCKED - line.quantity
        assert await tryton.hands.reserved(line.sku) == 0
    assert _mails(books, "amended") == 1


async def test_an_order_split_over_two_warehouses_waits_for_what_was_not_found_and_comes_back_in_part(
    tryton: Office,
) -> None:
    order = await tryton.place(on_hand={ONE: {MAIN: 3}, TWO: {EAST: 3}}, pays=by_card_in_parts)
    kettle, mug = order.lines
    document = await tryton.until(order, lambda told: _requested(told) == {MAIN, EAST})
    in_main = next(one for one in document.shipments if one.location == MAIN)
    tryton.hands.pick_short(in_main.shipment_id, 2)
    await tryton.hands.receive(kettle.sku, -1)  # the third is not there: they count the shelf
    document = await tryton.until(
        order, lambda told: "stock" in told.waits_for and all(one.told for one in told.shipments), work=True
    )
    some = await tryton.books(order.order_id)
    assert _taken(some) == document.ledger.balance < order.total
    await tryton.looked_for(kettle.sku)
    await tryton.hands.receive(kettle.sku, 1)
    document = await tryton.until(order, _is_settled, work=True)
    assert [(one.location, sum(line.quantity for line in one.lines)) for one in document.shipments] == [
        (in_main.location, 2),
        (EAST, 3),
        (MAIN, 1),
    ]
    books = await tryton.books(order.order_id)
    assert _taken(books) == total(await tryton.hands.invoices(order.order_id), "EUR") == order.total
    assert _mails(books, "shipped") == 3
    assert _mails(books, "backordered") == 1

    await tryton.until(order, lambda told: all(one.tracking for one in told.shipments))
    back = await tryton.send_back(order, mug.line_id, 1)
    tryton.hands.receive_return(back)
    tryton.hands.put_away(back)
    document = await tryton.until(order, lambda told: told.returns[0].state is ReturnState.CLOSED)
    credited = document.returns[0].credited
    assert credited
    assert abs(3 * credited.minor - mug.total.minor) <= 1  # a third of the line
    assert abs(sum(tryton.hands.credited(back).values())) == credited.major
    assert await tryton.hands.on_hand(mug.sku, document.returns[0].location) == 1
    books = await tryton.books(order.order_id)
    assert _taken(books) == order.total - credited
    report = await tryton.product.audit()
    assert report.kept, [promise.violations for promise in report.promises]


async def test_what_tryton_begins_to_ship_by_hand_is_paid_told_and_invoiced(tryton: Office) -> None:
    order = await tryton.place(on_hand={})
    await tryton.until(order, lambda told: "stock" in told.waits_for)
    await tryton.hold(order)
    for line in order.lines:
        await tryton.hands.receive(line.sku, line.quantity)
    number = tryton.hands.ship_by_hand(order, MAIN, ("wait", "assign_try", "pick", "pack"))
    await tryton.release(order)
    document = await tryton.until(order, _is_settled, work=True)
    (shipment,) = document.shipments
    assert shipment.labels
    (label,) = shipment.labels.labels
    assert tryton.hands.shipment(shipment.shipment_id).number == number
    assert await tryton.hands.tracking_numbers(shipment.shipment_id) == [label.tracking_number]
    books = await tryton.books(order.order_id)
    assert _taken(books) == total(await tryton.hands.invoices(order.order_id), "EUR") == order.total
    assert _mails(books, "shipped") == 1
    report = await tryton.product.audit()
    assert report.kept, [promise.violations for promise in report.promises]


def _is_amended(document: OrderDocument) -> bool:
    return [one.state for one in document.amendments] == [AmendmentState.COMMITTED]


def _is_settled(document: OrderDocument) -> bool:
    return document.phase is Phase.AFTER_SALES


def _requested(document: OrderDocument) -> set[Location]:
    return {one.location for one in document.shipments if one.state is PickState.REQUESTED}


def _taken(books: dict[str, Any]) -> Money:
    """What the gateway has moved to the merchant."""
    captured, refunded = (
        total((money(one["amount"]) for one in books[kind]), "EUR") for kind in ("captures", "refunds")
    )
    return captured - refunded


def _mails(books: dict[str, Any], occasion: str) -> int:
    return sum(f"/{occasion}" in mail["key"] for mail in books["mails"])
