"""A later revision of an order that Tryton has processed already: less of what never came, and nothing of what left."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.sales import sale_of
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.erp import Edited, ErpOrder, SalesOrder
from domain.errors import Refused, Unavailable
from domain.keys import effect_key
from domain.money import Money, total
from domain.orders import OrderLine, PlacedOrder
from domain.shipments import PickState
from tests.contracts.erp import enter
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, pick_request, place, unique
from tests.contracts.tryton_world import REGULAR, Hands, clerk, hands, reserve, server, shelves, tryton
from tests.contracts.warehouse import request_pick

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]  # TestTrytonPartlyShipped has the like


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def erp(tryton: TrytonClient) -> TrytonErp:
    return TrytonErp(tryton)


@pytest.fixture
async def order(request: pytest.FixtureRequest, hands: Hands) -> PlacedOrder:
    """Five of an article of which there are two, and one of another."""
    wanted = [(await hands.stocked(2), 5, "3.3333"), (await hands.stocked(10), 1, "5.00")]
    return place(unique(request.node.nodeid), wanted, buyer=REGULAR)


def less(order: PlacedOrder, left: Mapping[str, int], *, cents: int = 0) -> PlacedOrder:
    """So many units left of these lines, 0: the line goes. `cents`: what the shop's rounding is apart."""
    lines = [
        _of(line, left.get(line.line_id, line.quantity))
        for line in order.lines
        if left.get(line.line_id, line.quantity)
    ]
    if cents:
        (tax,) = lines[0].taxes
        apart = tax.model_copy(update={"amount": tax.amount + Money(minor=cents, currency=EUR)})
        lines[0] = lines[0].model_copy(update={"taxes": (apart,)})
    amount = total((item.total for item in (*lines, *order.surcharges)), EUR)
    return PlacedOrder.model_validate(
        order.model_copy(update={"lines": tuple(lines), "total": amount}).model_dump()
    )


def _of(line: OrderLine, quantity: int) -> OrderLine:
    (tax,) = line.taxes
    amount = Money.rounded(line.unit_price * quantity * tax.rate, EUR)
    taxes = (tax.model_copy(update={"amount": amount}),)
    return line.model_copy(update={"quantity": quantity, "taxes": taxes})


async def revise(erp: TrytonErp, order: PlacedOrder, revision: int = 2) -> ErpOrder:
    customer = await erp.register_customer(order.customer, key=effect_key(order.order_id, "customer"))
    target = SalesOrder(order=order, customer=customer, revision=revision)
    entered = await erp.enter_order(target, key=effect_key(order.order_id, "enter-order", f"r{revision}"))
    assert isinstance(entered, ErpOrder)
    return entered


async def amended(tryton: TrytonClient, order: PlacedOrder) -> int:
    """How often the sale was."""
    sale = await sale_of(tryton, order.order_id)
    assert sale is not None
    return sale.parts[0].revision


def quantities(held: ErpOrder) -> dict[str, Decimal]:
    return {line.line_id or "": line.quantity for line in held.lines}


@pytest.mark.parametrize("cents", [0, 1])
async def test_units_that_never_came_are_taken_out_of_the_sale(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, cents: int
) -> None:
    await enter(erp, order)
    smaller = less(order, {"1": 2}, cents=cents)
    first = await revise(erp, smaller)
    assert await revise(erp, smaller) == first
    assert first.total == smaller.total
    assert await amended(tryton, order) == 1
    goods = {line: units for line, units in quantities(first).items() if line in ("1", "2")}
    assert goods == {"1": 2, "2": 1}
    await hands.ship_order(smaller)
    invoice = await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
    assert invoice.total == smaller.total


async def test_they_are_taken_out_once_though_every_reply_is_lost(
    erp: TrytonErp, tryton: TrytonClient, network: Lossy, order: PlacedOrder
) -> None:
    await enter(erp, order)
    smaller = less(order, {"1": 2})
    network.fault = Fault.REPLY_LOST
    assert (await insist(lambda: revise(erp, smaller))).total == smaller.total
    assert await amended(tryton, order) == 1


async def test_after_a_part_has_left_the_rest_is_taken_out_and_nothing_of_what_left(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder
) -> None:
    await enter(erp, order)
    stock, warehouse = TrytonStock(tryton), TrytonWarehouse(tryton)
    await reserve(stock, order)
    pick = pick_request(less(order, {"1": 2}))
    await request_pick(warehouse, pick)
    await hands.send(pick)
    smaller = less(order, {"1": 2})
    assert (await revise(erp, smaller)).total == smaller.total
    held = await warehouse.look_up_pick(pick.shipment_id)
    assert held is not None
    assert held.state is PickState.SHIPPED
    sale = await sale_of(tryton, order.order_id)
    assert sale is not None
    assert {one.state for one in sale.shipments if not one.cancelled} == {"done"}
    with pytest.raises(Refused, match="2 of line 1 have left, 1 are wanted"):
        await revise(erp, less(order, {"1": 1}), 3)


async def test_a_pick_under_way_is_waited_for(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder
) -> None:
    """An amendment would cut it off: its goods would be planned anew, and the clerk would pick for nobody."""
    await enter(erp, order)
    await reserve(TrytonStock(tryton), order)
    smaller = less(order, {"1": 2})
    pick = pick_request(smaller)
    await request_pick(TrytonWarehouse(tryton), pick)
    with pytest.raises(Unavailable, match="is being picked"):
        await revise(erp, smaller)
    await hands.pick(pick.shipment_id)
    with pytest.raises(Unavailable, match="is being picked"):
        await revise(erp, smaller)
    await hands.pack(pick.shipment_id)
    assert (await revise(erp, smaller)).total == smaller.total
    await hands.hand_over(pick)
    await hands.ship(pick.shipment_id)


async def test_what_was_kept_for_the_rest_is_kept_again(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder
) -> None:
    await enter(erp, order)
    await reserve(TrytonStock(tryton), order)
    await revise(erp, less(order, {"1": 1}))
    assert [await hands.reserved(line.sku) for line in order.lines] == [1, 1]
    sale = await sale_of(tryton, order.order_id)
    assert sale is not None
    assert [one.state for one in sale.shipments if not one.cancelled] == ["assigned"]


async def test_a_line_that_goes_is_gone(erp: TrytonErp, order: PlacedOrder) -> None:
    await enter(erp, order)
    smaller = less(order, {"2": 0})
    held = await revise(erp, smaller)
    assert held.total == smaller.total
    assert quantities(held).keys() == {"1", "freight"}


async def test_a_later_revision_that_is_there_already_is_not_taken_back_by_an_older_one(
    erp: TrytonErp, order: PlacedOrder
) -> None:
    await enter(erp, order)
    await revise(erp, less(order, {"1": 2}), 3)
    with pytest.raises(Refused, match="later revision"):
        await revise(erp, less(order, {"1": 4}), 2)


async def test_what_somebody_edited_after_our_revision_is_not_written_over(
    erp: TrytonErp, hands: Hands, order: PlacedOrder
) -> None:
    await enter(erp, order)
    smaller = less(order, {"1": 2})
    await revise(erp, smaller)
    hands.amend(order, 0, quantity=4)
    customer = await erp.register_customer(order.customer, key=effect_key(order.order_id, "customer"))
    target = SalesOrder(order=smaller, customer=customer, revision=2)
    held = await erp.look_up_order(order.order_id)
    assert held is not None
    again = await erp.enter_order(target, key=effect_key(order.order_id, "enter-order", "r2"))
    assert again == Edited(version=held.version)
    assert hands.sale(order).lines[0].quantity == 4
