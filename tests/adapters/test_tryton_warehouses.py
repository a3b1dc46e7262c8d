"""Goods in two warehouses, in several shipments, and shipments that people begin by hand (docs/adr/0013)."""

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.sales import sale_of
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.errors import Refused
from domain.ids import MAIN, LineId, Location, OrderId, ShipmentId, Sku, shipment_id
from domain.keys import effect_key
from domain.orders import PlacedOrder
from domain.reservations import Demand, Reservation, Shelf
from domain.shipments import PickCancelled, PickRequest, PickState, ShipmentLine
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, pick_request, place, unique
from tests.contracts.tryton_world import REGULAR, Hands, clerk, hands, server, shelves, tryton
from tests.contracts.warehouse import cancel_pick, request_pick

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]  # TestTrytonWarehouses holds the adapter to the like

EAST = Location("east")


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique(request.node.nodeid)


@pytest.fixture
def stock(tryton: TrytonClient) -> TrytonStock:
    return TrytonStock(tryton)


@pytest.fixture
def warehouse(tryton: TrytonClient) -> TrytonWarehouse:
    return TrytonWarehouse(tryton)


@pytest.fixture
async def sku(hands: Hands) -> Sku:
    """Three in the main warehouse and four in the other."""
    sku = await hands.stocked(3)
    await hands.receive(sku, 4, EAST)
    return sku


@pytest.fixture
async def order(hands: Hands, sku: Sku, name: str) -> PlacedOrder:
    order = place(name, [(sku, 5, "10.00")], buyer=REGULAR)
    await hands.enter(order)
    return order


def wanted(order: PlacedOrder, *units: tuple[str, int, Location]) -> tuple[Demand, ...]:
    return tuple(
        Demand(line_id=LineId(line), sku=order.line(LineId(line)).sku, quantity=quantity, location=location)
        for line, quantity, location in units
    )


async def reserve(
    stock: TrytonStock, order: PlacedOrder, *units: tuple[str, int, Location]
) -> list[tuple[Location, int]]:
    key = effect_key(order.order_id, "reserve-stock")
    return _held(await stock.reserve(order.order_id, wanted(order, *units), key=key))


def pick(order: PlacedOrder, number: int, location: Location, *units: tuple[str, int]) -> PickRequest:
    lines = tuple(
        ShipmentLine(line_id=LineId(line), sku=order.line(LineId(line)).sku, quantity=quantity)
        for line, quantity in units
    )
    return pick_request(order, number).model_copy(update={"lines": lines, "location": location})


# -- shelves and reservations


async def test_shelves_tell_what_each_warehouse_could_give(
    stock: TrytonStock, hands: Hands, order: PlacedOrder, sku: Sku, name: str
) -> None:
    async def shelves_of(order: PlacedOrder) -> list[tuple[Location, int]]:
        found = await stock.look_up_shelves(order.order_id, (sku, Sku("no-such-sku")))
        return [(shelf.location, shelf.units) for shelf in found]

    other = place(f"{name}o", [(sku, 2, "10.00")], buyer=REGULAR)
    await hands.enter(other)
    assert await stock.look_up_shelves(order.order_id, (sku,)) == (
        Shelf(location=MAIN, sku=sku, units=3),
        Shelf(location=EAST, sku=sku, units=4),
    )
    await reserve(stock, other, ("1", 2, MAIN))
    await reserve(stock, order, ("1", 1, MAIN), ("1", 4, EAST))
    assert await shelves_of(order) == [(MAIN, 1), (EAST, 4)]
    assert await shelves_of(other) == [(MAIN, 2), (EAST, 0)]


async def test_a_line_is_kept_in_two_warehouses(
    stock: TrytonStock, hands: Hands, order: PlacedOrder, sku: Sku
) -> None:
    for _ in range(2):
        assert await reserve(stock, order, ("1", 1, MAIN), ("1", 4, EAST)) == [(MAIN, 1), (EAST, 4)]
    assert [await hands.reserved(sku, at) for at in (MAIN, EAST)] == [1, 4]
    held = await stock.look_up_reservation(order.order_id)
    assert held is not None
    assert _held(held) == [(MAIN, 1), (EAST, 4)]
    await stock.release(order.order_id, key=effect_key(order.order_id, "release-stock"))
    assert await hands.reserved(sku) == 0


async def test_it_is_kept_in_two_warehouses_though_every_reply_is_lost(
    stock: TrytonStock, hands: Hands, network: Lossy, order: PlacedOrder, sku: Sku
) -> None:
    network.fault = Fault.REPLY_LOST
    held = await insist(lambda: reserve(stock, order, ("1", 2, MAIN), ("1", 3, EAST)))
    network.fault = Fault.NONE
    assert held == [(MAIN, 2), (EAST, 3)]
    assert await reserve(stock, order, ("1", 2, MAIN), ("1", 3, EAST)) == held
    assert [await hands.reserved(sku, at) for at in (MAIN, EAST)] == [2, 3]


async def test_units_move_to_another_warehouse_and_back(
    stock: TrytonStock, hands: Hands, tryton: TrytonClient, order: PlacedOrder, sku: Sku
) -> None:
    assert await reserve(stock, order, ("1", 5, MAIN)) == [(MAIN, 3)]
    assert await reserve(stock, order, ("1", 5, EAST)) == [(EAST, 4)]
    assert await reserve(stock, order, ("1", 3, MAIN), ("1", 2, EAST)) == [(MAIN, 3), (EAST, 2)]
    assert await reserve(stock, order, ("1", 5, MAIN)) == [(MAIN, 3)]
    assert [await hands.reserved(sku, at) for at in (MAIN, EAST)] == [3, 0]
    sale = await sale_of(tryton, order.order_id)
    assert sale is not None
    assert [one.location for one in sale.shipments if not one.cancelled] == [MAIN]
    assert sum(move.quantity for one in sale.shipments if not one.cancelled for move in one.leaving) == 5


async def test_less_than_is_outstanding_is_kept_and_the_rest_is_not(
    stock: TrytonStock, hands: Hands, order: PlacedOrder, sku: Sku
) -> None:
    assert await reserve(stock, order, ("1", 2, EAST)) == [(EAST, 2)]
    assert await hands.reserved(sku) == 2
    with pytest.raises(Refused, match="outstanding"):
        await reserve(stock, order, ("1", 6, EAST))


async def test_an_unknown_warehouse_is_refused(stock: TrytonStock, order: PlacedOrder) -> None:
    with pytest.raises(Refused, match="no warehouse moon"):
        await reserve(stock, order, ("1", 1, Location("moon")))


# -- several shipments


async def test_two_warehouses_ship_side_by_side(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, order: PlacedOrder, sku: Sku
) -> None:
    await reserve(stock, order, ("1", 2, MAIN), ("1", 3, EAST))
    first, second = pick(order, 1, MAIN, ("1", 2)), pick(order, 2, EAST, ("1", 3))
    for one in (first, second):
        await request_pick(warehouse, one)
    await hands.pick(first.shipment_id)
    await hands.send(second)
    assert await reserve(stock, order, ("1", 2, MAIN)) == [(MAIN, 2)]
    await hands.pack(first.shipment_id)
    await hands.hand_over(first)
    await hands.ship(first.shipment_id)
    assert await states(warehouse, first, second) == [PickState.SHIPPED] * 2
    assert [await hands.on_hand(sku, at) for at in (MAIN, EAST)] == [1, 1]
    assert await units_of(warehouse, second) == 3
    assert await stock.look_up_reservation(order.order_id) is None


async def test_part_of_what_is_kept_is_picked_and_the_rest_stays_kept(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, name: str
) -> None:
    apart, whole = await hands.stocked(10), await hands.stocked(10)
    order = place(name, [(apart, 5, "10.00"), (whole, 2, "5.00")], buyer=REGULAR)
    await hands.enter(order)
    everything = (("1", 5, MAIN), ("2", 2, MAIN))
    await reserve(stock, order, *everything)
    first = pick(order, 1, MAIN, ("1", 3))
    for _ in range(2):
        await request_pick(warehouse, first)
    assert [await hands.reserved(sku) for sku in (apart, whole)] == [5, 2]
    assert await reserve(stock, order, *everything) == [(MAIN, 5), (MAIN, 2)]
    await hands.send(first)
    second = pick(order, 2, MAIN, ("1", 2), ("2", 2))
    await request_pick(warehouse, second)
    await hands.send(second)
    assert await states(warehouse, first, second) == [PickState.SHIPPED] * 2
    assert [await hands.on_hand(sku) for sku in (apart, whole)] == [5, 8]


async def test_a_part_is_picked_once_though_every_reply_is_lost(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, network: Lossy, order: PlacedOrder
) -> None:
    await reserve(stock, order, ("1", 5, EAST))
    first = pick(order, 1, EAST, ("1", 3))
    network.fault = Fault.REPLY_LOST
    await insist(lambda: request_pick(warehouse, first))
    network.fault = Fault.NONE
    assert await hands.picks(first.shipment_id) == 1
    assert await hands.reserved(order.lines[0].sku, EAST) == 4
    await hands.send(first)
    assert await units_of(warehouse, first) == 3


async def test_the_backorder_is_kept_while_the_first_part_is_still_picked(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, name: str
) -> None:
    sku = await hands.stocked(2)
    order = place(name, [(sku, 6, "10.00")], buyer=REGULAR)
    await hands.enter(order)
    assert await reserve(stock, order, ("1", 6, MAIN)) == [(MAIN, 2)]
    picks = [pick(order, 1, MAIN, ("1", 2)), pick(order, 2, MAIN, ("1", 3)), pick(order, 3, MAIN, ("1", 1))]
    await request_pick(warehouse, picks[0])
    await hands.receive(sku, 3)
    assert await reserve(stock, order, ("1", 6, MAIN)) == [(MAIN, 5)]
    await request_pick(warehouse, picks[1])
    await hands.send(picks[1])
    await hands.send(picks[0])
    await hands.receive(sku, 5)
    assert await reserve(stock, order, ("1", 1, MAIN)) == [(MAIN, 1)]
    await request_pick(warehouse, picks[2])
    await hands.send(picks[2])
    assert await states(warehouse, *picks) == [PickState.SHIPPED] * 3
    assert [await units_of(warehouse, one) for one in picks] == [2, 3, 1]
    assert await hands.on_hand(sku) == 4


async def test_what_a_cancelled_pick_had_is_kept_again_elsewhere(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, order: PlacedOrder, sku: Sku
) -> None:
    await reserve(stock, order, ("1", 2, MAIN), ("1", 3, EAST))
    await request_pick(warehouse, pick(order, 1, EAST, ("1", 3)))
    assert await cancel_pick(warehouse, shipment_id(order.order_id, 1)) == PickCancelled()
    assert await reserve(stock, order, ("1", 3, MAIN), ("1", 2, EAST)) == [(MAIN, 3), (EAST, 2)]
    assert [await hands.reserved(sku, at) for at in (MAIN, EAST)] == [3, 2]
    again = pick(order, 2, MAIN, ("1", 3))
    await request_pick(warehouse, again)
    await hands.send(again)
    assert await units_of(warehouse, again) == 3


async def test_picked_short_the_rest_can_be_kept_elsewhere(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, order: PlacedOrder
) -> None:
    await reserve(stock, order, ("1", 3, MAIN), ("1", 2, EAST))
    first = pick(order, 1, MAIN, ("1", 3))
    await request_pick(warehouse, first)
    hands.pick_short(first.shipment_id, 1)
    await hands.pack(first.shipment_id)
    assert await units_of(warehouse, first) == 1
    assert await reserve(stock, order, ("1", 1, MAIN), ("1", 4, EAST)) == [(MAIN, 1), (EAST, 4)]
    await hands.hand_over(first)
    await hands.ship(first.shipment_id)
    assert await reserve(stock, order, ("1", 4, EAST)) == [(EAST, 4)]


# -- begun by hand


async def test_a_shipment_begun_by_hand_is_found_and_adopted(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, order: PlacedOrder
) -> None:
    await reserve(stock, order, ("1", 1, MAIN), ("1", 4, EAST))
    assert await warehouse.look_up_unasked(order.order_id) == ()
    number = hands.ship_by_hand(order, EAST)
    (begun,) = await warehouse.look_up_unasked(order.order_id)
    assert (begun.reference, begun.state, begun.location) == (number, PickState.SHIPPED, EAST)
    assert [(line.line_id, line.quantity) for line in begun.lines] == [("1", 4)]
    mine = shipment_id(order.order_id, 1)
    for _ in range(2):
        await adopt(warehouse, number, mine)
    assert await warehouse.look_up_unasked(order.order_id) == ()
    adopted = pick(order, 1, EAST, ("1", 4))
    assert await states(warehouse, adopted) == [PickState.SHIPPED]
    assert await units_of(warehouse, adopted) == 4
    assert await reserve(stock, order, ("1", 1, MAIN)) == [(MAIN, 1)]


async def test_packed_by_hand_it_takes_our_labels(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, order: PlacedOrder
) -> None:
    await reserve(stock, order, ("1", 3, MAIN), ("1", 2, EAST))
    number = hands.ship_by_hand(order, MAIN, only=("pick", "pack"))
    (begun,) = await warehouse.look_up_unasked(order.order_id)
    assert begun.state is PickState.PACKED
    mine = pick(order, 1, MAIN, ("1", 3))
    await adopt(warehouse, number, mine.shipment_id)
    await hands.hand_over(mine)
    await hands.ship(mine.shipment_id)
    assert await states(warehouse, mine) == [PickState.SHIPPED]


async def test_what_bears_another_id_is_not_adopted(
    stock: TrytonStock, warehouse: TrytonWarehouse, hands: Hands, order: PlacedOrder
) -> None:
    await reserve(stock, order, ("1", 3, MAIN), ("1", 2, EAST))
    number = hands.ship_by_hand(order, MAIN)
    await adopt(warehouse, number, shipment_id(order.order_id, 1))
    with pytest.raises(Refused):
        await adopt(warehouse, number, shipment_id(order.order_id, 2))
    with pytest.raises(Refused, match="no shipment 4711"):
        await adopt(warehouse, "4711", shipment_id(order.order_id, 2))


async def adopt(warehouse: TrytonWarehouse, number: str, shipment: ShipmentId) -> None:
    order, _, target = shipment.rpartition("/")
    await warehouse.adopt(number, shipment, key=effect_key(OrderId(order), "adopt", target))


async def states(warehouse: TrytonWarehouse, *picks: PickRequest) -> list[PickState | None]:
    held = [await warehouse.look_up_pick(one.shipment_id) for one in picks]
    return [one.state if one else None for one in held]


async def units_of(warehouse: TrytonWarehouse, asked: PickRequest) -> int:
    held = await warehouse.look_up_pick(asked.shipment_id)
    assert held is not None
    return sum(line.quantity for package in held.packages for line in package.lines)


def _held(reservation: Reservation) -> list[tuple[Location, int]]:
    return [(line.location, line.reserved) for line in reservation.lines if line.reserved]
