"""What every warehouse is held to when its people ship something that nobody asked for: it is told, and can be taken over.

Subclasses give the same two fixtures as those of `WarehouseContract`: `warehouse` and `hands`.
"""

from typing import Literal, Protocol

import pytest

from domain.errors import Refused
from domain.ids import ShipmentId, Sku, shipment_id
from domain.keys import effect_key
from domain.orders import PlacedOrder
from domain.ports import Warehouse
from domain.shipments import Pick, PickState, ShipmentLine, Unasked
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, labels_for, pick_request, place, shipment_lines, unique


class ByHandHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that no other test uses, with so many units on hand."""

    async def reserve(self, order: PlacedOrder) -> None:
        """Bring the order to where goods of it may be picked."""

    async def begin_by_hand(
        self, order: PlacedOrder, lines: tuple[ShipmentLine, ...], state: Literal["packed", "shipped"]
    ) -> None:
        """Pack this, and ship it perhaps, without being asked."""

    async def ship(self, shipment: ShipmentId) -> None: ...


class ByHandContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    async def order(self, request: pytest.FixtureRequest, hands: ByHandHands) -> PlacedOrder:
        wanted = [(await hands.stocked(10), 2, "10.00"), (await hands.stocked(10), 1, "5.00")]
        order = place(unique(request.node.nodeid), wanted)
        await hands.reserve(order)
        return order

    @pytest.fixture
    def some(self, order: PlacedOrder) -> tuple[ShipmentLine, ...]:
        """One of the two of the first line."""
        return (shipment_lines(order)[0].model_copy(update={"quantity": 1}),)

    async def test_what_was_asked_for_is_not_by_hand(self, warehouse: Warehouse, order: PlacedOrder) -> None:
        assert await warehouse.look_up_unasked(order.order_id) == ()
        key = effect_key(order.order_id, "request-pick", "s1")
        await warehouse.request_pick(pick_request(order), key=key)
        assert await warehouse.look_up_unasked(order.order_id) == ()

    @pytest.mark.parametrize("state", ["packed", "shipped"])
    async def test_what_people_began_is_told(
        self,
        warehouse: Warehouse,
        hands: ByHandHands,
        order: PlacedOrder,
        some: tuple[ShipmentLine, ...],
        *,
        state: Literal["packed", "shipped"],
    ) -> None:
        cursor = (await warehouse.changes(None)).cursor
        await hands.begin_by_hand(order, some, state)
        (found,) = await warehouse.look_up_unasked(order.order_id)
        assert (found.state, found.lines) == (PickState(state), some)
        assert order.order_id in (await warehouse.changes(cursor)).orders

    async def test_taken_over_it_bears_our_id_and_no_other(
        self, warehouse: Warehouse, hands: ByHandHands, order: PlacedOrder, some: tuple[ShipmentLine, ...]
    ) -> None:
        found = await begun(warehouse, hands, order, some)
        for _ in range(2):
            await adopt(warehouse, order, found, 2)
        assert await warehouse.look_up_unasked(order.order_id) == ()
        pick = await held(warehouse, order, 2)
        assert pick.state is PickState.PACKED
        assert tuple(line for package in pick.packages for line in package.lines) == some
        with pytest.raises(Refused):
            await adopt(warehouse, order, found, 3)
        assert await warehouse.look_up_pick(shipment_id(order.order_id, 3)) is None

    async def test_it_is_taken_over_though_every_reply_is_lost(
        self,
        warehouse: Warehouse,
        hands: ByHandHands,
        network: Lossy,
        order: PlacedOrder,
        some: tuple[ShipmentLine, ...],
    ) -> None:
        found = await begun(warehouse, hands, order, some)
        network.fault = Fault.REPLY_LOST
        await insist(lambda: adopt(warehouse, order, found, 1))
        assert (await held(warehouse, order, 1)).state is PickState.PACKED

    async def test_taken_over_it_is_labelled_and_leaves(
        self, warehouse: Warehouse, hands: ByHandHands, order: PlacedOrder, some: tuple[ShipmentLine, ...]
    ) -> None:
        await adopt(warehouse, order, await begun(warehouse, hands, order, some), 1)
        pick = await held(warehouse, order, 1)
        key = effect_key(order.order_id, "hand-over", "s1")
        await warehouse.hand_over(pick.shipment_id, labels_for(pick.packages, "T"), key=key)
        await hands.ship(pick.shipment_id)
        assert (await held(warehouse, order, 1)).state is PickState.SHIPPED

    async def test_what_left_by_hand_is_taken_over_as_shipped(
        self, warehouse: Warehouse, hands: ByHandHands, order: PlacedOrder, some: tuple[ShipmentLine, ...]
    ) -> None:
        await hands.begin_by_hand(order, some, "shipped")
        (found,) = await warehouse.look_up_unasked(order.order_id)
        await adopt(warehouse, order, found, 1)
        assert (await held(warehouse, order, 1)).state is PickState.SHIPPED


async def begun(
    warehouse: Warehouse, hands: ByHandHands, order: PlacedOrder, lines: tuple[ShipmentLine, ...]
) -> Unasked:
    await hands.begin_by_hand(order, lines, "packed")
    (found,) = await warehouse.look_up_unasked(order.order_id)
    return found


async def adopt(warehouse: Warehouse, order: PlacedOrder, found: Unasked, number: int) -> None:
    key = effect_key(order.order_id, "adopt", f"s{number}")
    await warehouse.adopt(found.reference, shipment_id(order.order_id, number), key=key)


async def held(warehouse: Warehouse, order: PlacedOrder, number: int) -> Pick:
    pick = await warehouse.look_up_pick(shipment_id(order.order_id, number))
    assert pick is not None
    return pick
