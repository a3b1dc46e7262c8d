"""Returned goods: expected, received by a clerk as they come, put away by Tryton itself, and credited."""

from decimal import Decimal

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.erp import Invoice
from domain.errors import Refused
from domain.ids import MAIN, LineId, Location, ReturnId, return_id
from domain.keys import Key, effect_key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.returns import Condition, CreditNote, Receipt, ReturnLine, ReturnNotice
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, place, unique
from tests.contracts.tryton_world import REGULAR, Hands, clerk, hands, server, shelves, tryton

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]  # tests/contracts/test_tryton_goods.py has the like

EAST = Location("east")


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique(request.node.nodeid)


@pytest.fixture
def erp(tryton: TrytonClient) -> TrytonErp:
    return TrytonErp(tryton)


@pytest.fixture
def stock(tryton: TrytonClient) -> TrytonStock:
    return TrytonStock(tryton)


@pytest.fixture
def warehouse(tryton: TrytonClient) -> TrytonWarehouse:
    return TrytonWarehouse(tryton)


@pytest.fixture
async def order(hands: Hands, name: str) -> PlacedOrder:
    """Shipped: three of one article for 19.99 and one of another for 5.00 without taxes, freight 4.90."""
    order = place(
        name, [(await hands.stocked(3), 3, "19.99"), (await hands.stocked(1), 1, "5.00")], buyer=REGULAR
    )
    await hands.enter(order)
    await hands.ship_order(order)
    return order


def lines(order: PlacedOrder, *units: tuple[str, int]) -> tuple[ReturnLine, ...]:
    return tuple(
        ReturnLine(line_id=LineId(line), sku=order.line(LineId(line)).sku, quantity=quantity)
        for line, quantity in units
    )


async def expect(
    warehouse: TrytonWarehouse, order: PlacedOrder, *units: tuple[str, int], at: Location = MAIN
) -> ReturnId:
    returned = return_id(order.order_id, 1)
    notice = ReturnNotice(
        return_id=returned,
        order_id=order.order_id,
        order_number=order.number,
        lines=lines(order, *units),
        location=at,
    )
    await warehouse.expect_return(notice, key=key(order, "expect-return"))
    return returned


def came(receipt: Receipt | None) -> list[tuple[str, int, Condition]]:
    assert receipt is not None
    assert receipt.complete
    return sorted((line.line_id, line.quantity, line.condition) for line in receipt.lines)


# -- goods


async def test_returned_goods_are_put_away_once_and_told(
    warehouse: TrytonWarehouse, stock: TrytonStock, hands: Hands, order: PlacedOrder
) -> None:
    assert await warehouse.look_up_return(return_id(order.order_id, 1)) is None
    returned = await expect(warehouse, order, ("1", 2), ("2", 1))
    assert await expect(warehouse, order, ("1", 2), ("2", 1)) == returned
    assert hands.returns(returned) == 1
    nothing_yet = Receipt(return_id=returned)
    assert await warehouse.look_up_return(returned) == nothing_yet
    hands.receive_return(returned)
    assert await warehouse.look_up_return(returned) == nothing_yet
    with pytest.raises(Refused, match="not put away"):
        await stock.restock(nothing_yet, MAIN, key=key(order, "restock"))
    hands.put_away(returned)
    receipt = await warehouse.look_up_return(returned)
    assert came(receipt) == [("1", 2, Condition.GOOD), ("2", 1, Condition.GOOD)]
    assert receipt is not None
    for _ in range(2):
        await stock.restock(receipt, MAIN, key=key(order, "restock"))
    assert [await hands.on_hand(line.sku) for line in order.lines] == [2, 1]


async def test_a_return_is_expected_once_though_the_reply_is_lost_and_never_of_more_than_left(
    warehouse: TrytonWarehouse, hands: Hands, network: Lossy, order: PlacedOrder
) -> None:
    with pytest.raises(Refused, match="more of line 1 would come back than left"):
        await expect(warehouse, order, ("1", 4))
    network.fault = Fault.REPLY_LOST
    returned = await insist(lambda: expect(warehouse, order, ("1", 1)))
    assert hands.returns(returned) == 1
    cursor = (await warehouse.changes(None)).cursor
    hands.receive_return(returned)
    assert order.order_id in (await warehouse.changes(cursor)).orders


async def test_fewer_and_damaged_units_are_told_as_they_came_and_where(
    warehouse: TrytonWarehouse, stock: TrytonStock, hands: Hands, order: PlacedOrder
) -> None:
    """With the sale's line as their origin they would count as shipped, and warn the clerk who receives them."""
    first, second = (line.sku for line in order.lines)
    returned = await expect(warehouse, order, ("1", 3), ("2", 1), at=EAST)
    hands.receive_return(returned, {first: 2})
    hands.put_away(returned, damaged=first)
    receipt = await warehouse.look_up_return(returned)
    assert came(receipt) == [
        ("1", 1, Condition.DAMAGED),
        ("1", 1, Condition.GOOD),
        ("2", 1, Condition.GOOD),
    ]
    assert receipt is not None
    await stock.restock(receipt, EAST, key=key(order, "restock"))
    with pytest.raises(Refused, match="in east, not in main"):
        await stock.restock(receipt, MAIN, key=key(order, "restock"))
    assert [await hands.on_hand(sku, EAST) for sku in (first, second)] == [1, 1]
    assert await stock.look_up_reservation(order.order_id) is None
    assert [shipment.state for shipment in hands.sale(order).shipments] == ["done"]


async def test_several_boxes_add_up_until_the_last_is_put_away(
    warehouse: TrytonWarehouse, stock: TrytonStock, hands: Hands, order: PlacedOrder
) -> None:
    sku = order.lines[0].sku
    returned = await expect(warehouse, order, ("1", 3))
    hands.announce_box(returned, {sku: 2})
    hands.receive_return(returned, {sku: 1})
    hands.put_away(returned)
    assert await expect(warehouse, order, ("1", 3)) == returned
    receipt = await warehouse.look_up_return(returned)
    assert receipt is not None
    assert [(line.quantity, receipt.complete) for line in receipt.lines] == [(1, False)]
    hands.receive_return(returned)
    hands.put_away(returned, damaged=sku)
    receipt = await warehouse.look_up_return(returned)
    assert came(receipt) == [("1", 1, Condition.DAMAGED), ("1", 2, Condition.GOOD)]
    assert receipt is not None
    await stock.restock(receipt, MAIN, key=key(order, "restock"))
    assert await hands.on_hand(sku) == 2


# -- money


async def test_the_credit_note_of_a_return_is_posted_once_and_to_the_cent(
    erp: TrytonErp, hands: Hands, network: Lossy, order: PlacedOrder
) -> None:
    note = note_of(order, 1, "47.58", ("1", 2))  # 39.98 and 19 % of it: 7.5962
    with pytest.raises(Refused, match="no posted invoice"):
        await credit(erp, note)
    await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
    network.fault = Fault.REPLY_LOST
    posted = await insist(lambda: credit(erp, note))
    network.fault = Fault.NONE
    assert await credit(erp, note) == posted
    assert posted.total == note.amount
    assert hands.credited(note.return_id) == {"19 %": Decimal("-7.60"), "net": Decimal("-39.98")}
    assert await hands.invoices(order.order_id) == [order.total]
    with pytest.raises(Refused, match=r"47\.58 EUR, given back were 20\.00 EUR"):
        await credit(erp, note_of(order, 1, "20.00", ("1", 1)))


async def test_what_is_given_back_beside_the_goods_is_in_it_with_its_taxes(
    erp: TrytonErp, hands: Hands, order: PlacedOrder
) -> None:
    await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
    less_a_fee = note_of(order, 1, "20.00", ("1", 1))
    with_freight = note_of(order, 2, "35.69", ("1", 1))
    goodwill = note_of(order, 3, "10.00")
    for note in (less_a_fee, with_freight, goodwill):
        assert (await credit(erp, note)).total == note.amount
        booked = hands.credited(note.return_id)
        assert sum(booked.values()) == -note.amount.major
        assert abs(booked["net"] * Decimal("0.19") - booked["19 %"]) <= Decimal("0.02")
    a_cent_apart = note_of(order, 4, "5.96", ("2", 1))
    await credit(erp, a_cent_apart)
    assert hands.credited(a_cent_apart.return_id) == {"19 %": Decimal("-0.95"), "net": Decimal("-5.01")}


def note_of(order: PlacedOrder, number: int, amount: str, *units: tuple[str, int]) -> CreditNote:
    return CreditNote(
        return_id=return_id(order.order_id, number),
        order_id=order.order_id,
        lines=lines(order, *units),
        amount=Money.parse(amount, EUR),
        reference="re_1",
    )


async def credit(erp: TrytonErp, note: CreditNote) -> Invoice:
    return await erp.post_credit_note(note, key=effect_key(note.order_id, "credit-note", "r1"))


def key(order: PlacedOrder, step: str) -> Key:
    return effect_key(order.order_id, step, "r1")
