"""What is Tryton's own, beyond the contracts: late twins, resuming, partial picks, shipments cut off by an amendment."""

from decimal import Decimal

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.sales import sale_of, sales_of
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.erp import SalesOrder
from domain.errors import OutcomeUnknown, Refused
from domain.ids import CustomerRef, OrderId
from domain.keys import effect_key
from domain.money import Money
from domain.orders import Customer
from domain.shipments import PickCancelled, PickState
from tests.contracts.erp import enter, enter_key
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, pick_request, place, unique, whole
from tests.contracts.tryton_world import REGULAR, Hands, clerk, hands, reserve, server, shelves, tryton
from tests.contracts.warehouse import cancel_pick, request_pick

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]  # tests/contracts/test_tryton.py has the like


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique(request.node.nodeid)


async def test_a_sale_made_too_late_is_cancelled_as_a_twin(
    tryton: TrytonClient, hands: Hands, network: Lossy, name: str
) -> None:
    erp, order = TrytonErp(tryton), place(name, [(await hands.stocked(5), 1, "10.00")], buyer=REGULAR)
    key = effect_key(order.order_id, "customer")
    target = SalesOrder(order=order, customer=await erp.register_customer(order.customer, key=key))
    network.fault = Fault.LATE
    while ("POST", "/erp/rest/model/sale.sale") not in network.sent:
        with pytest.raises(OutcomeUnknown):
            await erp.enter_order(target, key=enter_key(order))
    network.fault = Fault.NONE
    entered = await erp.enter_order(target, key=enter_key(order))
    await network.settle()
    assert len(await sales_of(tryton, order.order_id)) == 2
    assert await erp.enter_order(target, key=enter_key(order)) == entered
    assert await hands.open_orders(order.order_id) == 1


@pytest.mark.parametrize("left", ["draft", "quotation"])
async def test_a_sale_is_entered_from_wherever_it_was_left(
    tryton: TrytonClient, hands: Hands, name: str, left: str
) -> None:
    erp = TrytonErp(tryton)
    order = place(name, [(await hands.stocked(5), 3, "3.3333")], buyer=REGULAR)
    await hands.leave_in(order, left)
    assert (await enter(erp, order)).total == order.total
    sale = await sale_of(tryton, order.order_id)
    assert sale is not None
    assert sale.state == "processing"


async def test_a_tax_that_tryton_lacks_is_refused_by_its_rate(
    tryton: TrytonClient, hands: Hands, name: str
) -> None:
    order = place(name, [(await hands.stocked(5), 1, "10.00")], buyer=REGULAR)
    (line,) = order.lines
    odd = line.taxes[0].model_copy(update={"rate": Decimal("0.1375")})
    order = order.model_copy(update={"lines": (line.model_copy(update={"taxes": (odd,)}),)})
    with pytest.raises(Refused, match=r"0\.1375"):
        await enter(TrytonErp(tryton), order)


async def test_a_difference_of_more_than_cents_is_refused_with_both_totals(
    tryton: TrytonClient, hands: Hands, name: str
) -> None:
    (line,) = place(name, [(await hands.stocked(5), 1, "10.00")]).lines
    odd = line.taxes[0].model_copy(update={"amount": Money.parse("2.00", EUR)})
    dearer = whole(name, (line.model_copy(update={"taxes": (odd,)}),))
    with pytest.raises(Refused, match=r"11\.90 EUR.*12\.00 EUR"):
        await enter(TrytonErp(tryton), dearer)


async def test_a_vat_id_with_wrong_check_digits_still_finds_its_customer(
    tryton: TrytonClient, name: str
) -> None:
    erp, key = TrytonErp(tryton), effect_key(OrderId(f"order:contract:{name}"), "customer")
    refs = {
        vat_id: await erp.register_customer(Customer(name=f"Firm {vat_id}", vat_id=vat_id), key=key)
        for vat_id in ("DE136695976", "DE000000000")
    }
    assert len(set(refs.values())) == 2
    for vat_id, ref in refs.items():
        spaced = f"{vat_id[:2]} {vat_id[2:5]} {vat_id[5:]}"
        assert await erp.register_customer(Customer(name="Firm", vat_id=spaced), key=key) == ref
    kinds = await tryton.search(
        "party.identifier", [["party", "in", [int(ref) for ref in refs.values()]]], ["type"]
    )
    assert [kind["type"] for kind in kinds] == ["eu_vat", None]


async def test_a_customer_without_any_identifier_is_registered_once_per_order(
    tryton: TrytonClient, hands: Hands, name: str
) -> None:
    erp, nameless = TrytonErp(tryton), Customer(name=f"Nobody {name}")
    key = effect_key(OrderId(f"order:contract:{name}"), "customer")
    first: CustomerRef = await erp.register_customer(nameless, key=key)
    assert await erp.register_customer(nameless, key=key) == first
    assert await hands.customers(nameless.name) == 1


async def test_a_short_order_ships_what_there_is_and_tryton_plans_the_rest(
    tryton: TrytonClient, hands: Hands, name: str
) -> None:
    sku = await hands.stocked(2)
    order = place(name, [(sku, 5, "10.00")], buyer=REGULAR)
    await enter(TrytonErp(tryton), order)
    stock, warehouse = TrytonStock(tryton), TrytonWarehouse(tryton)
    assert [line.reserved for line in (await reserve(stock, order)).lines] == [2]
    pick = pick_request(order)
    pick = pick.model_copy(update={"lines": (pick.lines[0].model_copy(update={"quantity": 2}),)})
    await request_pick(warehouse, pick)
    await hands.send(pick)
    held = await warehouse.look_up_pick(pick.shipment_id)
    assert held is not None
    assert held.state is PickState.SHIPPED
    await hands.receive(sku, 10)
    assert [line.reserved for line in (await reserve(stock, order, 3)).lines] == [3]


async def test_more_than_is_reserved_is_not_picked(tryton: TrytonClient, hands: Hands, name: str) -> None:
    order = place(name, [(await hands.stocked(2), 5, "10.00")], buyer=REGULAR)
    await enter(TrytonErp(tryton), order)
    await reserve(TrytonStock(tryton), order)
    with pytest.raises(Refused, match="does not keep"):
        await request_pick(TrytonWarehouse(tryton), pick_request(order))


async def test_a_shipment_cut_off_by_an_amendment_gives_its_units_back(
    tryton: TrytonClient, hands: Hands, name: str
) -> None:
    """The amendment leaves the assigned shipment standing, empty, linked to no sale, and still on the clerk's list."""
    sku = await hands.stocked(10)
    order = place(name, [(sku, 3, "10.00")], buyer=REGULAR)
    await hands.reserve(order)
    warehouse, pick = TrytonWarehouse(tryton), pick_request(order)
    await request_pick(warehouse, pick)
    hands.amend(order, quantity=2)
    assert await hands.reserved(sku) == 3
    with pytest.raises(Refused):
        await request_pick(warehouse, pick)
    await reserve(TrytonStock(tryton), order, 2)
    assert await hands.reserved(sku) == 2
    assert await warehouse.look_up_pick(pick.shipment_id) is None
    lines = (pick.lines[0].model_copy(update={"quantity": 2}),)
    await request_pick(warehouse, pick.model_copy(update={"lines": lines}))
    assert await cancel_pick(warehouse, pick.shipment_id) == PickCancelled()
    assert await hands.reserved(sku) == 0


async def test_cancelling_takes_shipments_along_that_an_amendment_cut_off(
    tryton: TrytonClient, hands: Hands, name: str
) -> None:
    sku = await hands.stocked(10)
    order = place(name, [(sku, 3, "10.00")], buyer=REGULAR)
    await hands.reserve(order)
    hands.amend(order, quantity=2)
    await TrytonErp(tryton).cancel_order(order.order_id, key=effect_key(order.order_id, "cancel-order"))
    assert await hands.reserved(sku) == 0
    assert await hands.open_orders(order.order_id) == 0
