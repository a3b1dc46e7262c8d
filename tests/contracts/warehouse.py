"""What every warehouse is held to: one pick per shipment, and a cancel that either stops it or says "too late".

A subclass `TestSomeWarehouse(WarehouseContract)` gives two fixtures: `warehouse`, the adapter, sending all it sends
through the fixture `network`; and `hands`, which works in the warehouse and reads its own books.
"""

from typing import Protocol

import pytest

from domain.errors import Refused
from domain.ids import OrderId, ShipmentId, Sku, shipment_id
from domain.keys import Key, effect_key
from domain.orders import PlacedOrder
from domain.ports import Warehouse
from domain.shipments import Labels, Package, PickCancelled, PickRequest, PickState, TooLate
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, labels_for, pick_request, place, unique


class WarehouseHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that no other test uses, with so many units on hand."""

    async def reserve(self, order: PlacedOrder) -> None:
        """Bring the order to where a pick may be asked for: entered and reserved, where the warehouse wants that."""

    async def picks(self, shipment: ShipmentId) -> int:
        """How many picks of this shipment the books hold, cancelled ones left out."""

    async def pick(self, shipment: ShipmentId) -> None: ...

    async def pack(self, shipment: ShipmentId) -> None:
        """All of it in one box."""

    async def ship(self, shipment: ShipmentId) -> None: ...

    async def tracking_numbers(self, shipment: ShipmentId) -> list[str]:
        """What the boxes carry, as the books say."""


class WarehouseContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    async def pick(self, request: pytest.FixtureRequest, hands: WarehouseHands) -> PickRequest:
        """A pick that may be asked for: two lines, reserved."""
        wanted = [(await hands.stocked(10), 2, "10.00"), (await hands.stocked(10), 1, "5.00")]
        order = place(unique(request.node.nodeid), wanted)
        await hands.reserve(order)
        return pick_request(order)

    async def test_a_pick_nobody_asked_for_is_not_there(
        self, warehouse: Warehouse, pick: PickRequest
    ) -> None:
        assert await warehouse.look_up_pick(pick.shipment_id) is None

    async def test_asked_twice_is_picked_once(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        for _ in range(2):
            await request_pick(warehouse, pick)
        assert await hands.picks(pick.shipment_id) == 1
        held = await warehouse.look_up_pick(pick.shipment_id)
        assert held is not None
        assert held.state in (PickState.REQUESTED, PickState.PICKING)

    async def test_asked_once_though_every_reply_is_lost(
        self, warehouse: Warehouse, hands: WarehouseHands, network: Lossy, pick: PickRequest
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: request_pick(warehouse, pick))
        assert await hands.picks(pick.shipment_id) == 1

    async def test_it_is_told_how_far_the_pick_is(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        await request_pick(warehouse, pick)
        await hands.pick(pick.shipment_id)
        assert await _state(warehouse, pick) is PickState.PICKED
        await hands.pack(pick.shipment_id)
        assert await _state(warehouse, pick) is PickState.PACKED
        (package,) = await packages(warehouse, pick)
        assert _content([package]) == sorted((line.line_id, line.sku, line.quantity) for line in pick.lines)
        await _hand_over(warehouse, pick)
        await hands.ship(pick.shipment_id)
        assert await _state(warehouse, pick) is PickState.SHIPPED

    async def test_labels_reach_the_boxes_and_stay(
        self, warehouse: Warehouse, hands: WarehouseHands, network: Lossy, pick: PickRequest
    ) -> None:
        await _packed(warehouse, hands, pick)
        network.fault = Fault.REPLY_LOST
        labels = await insist(lambda: _hand_over(warehouse, pick))
        network.fault = Fault.NONE
        await _hand_over(warehouse, pick)
        assert await hands.tracking_numbers(pick.shipment_id) == [
            label.tracking_number for label in labels.labels
        ]

    async def test_a_pick_nobody_asked_for_is_cancelled_at_once(
        self, warehouse: Warehouse, pick: PickRequest
    ) -> None:
        unknown = shipment_id(OrderId(f"{pick.order_id}x"), 1)
        assert await cancel_pick(warehouse, unknown) == PickCancelled()

    async def test_cancelled_before_the_pick_it_never_ships(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        await request_pick(warehouse, pick)
        for _ in range(2):
            assert await cancel_pick(warehouse, pick.shipment_id) == PickCancelled()
        assert await hands.picks(pick.shipment_id) == 0
        assert await _state(warehouse, pick) in (None, PickState.CANCELLED)

    async def test_it_is_cancelled_though_every_reply_is_lost(
        self, warehouse: Warehouse, hands: WarehouseHands, network: Lossy, pick: PickRequest
    ) -> None:
        await request_pick(warehouse, pick)
        network.fault = Fault.REPLY_LOST
        assert await insist(lambda: cancel_pick(warehouse, pick.shipment_id)) == PickCancelled()
        assert await hands.picks(pick.shipment_id) == 0

    async def test_once_packed_a_cancel_stops_it_or_says_too_late(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        """Which of the two is the warehouse's own rule; that the books agree with the answer is ours."""
        await _packed(warehouse, hands, pick)
        answer = await cancel_pick(warehouse, pick.shipment_id)
        assert await hands.picks(pick.shipment_id) == (1 if isinstance(answer, TooLate) else 0)

    async def test_what_left_is_too_late_to_cancel(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        await _packed(warehouse, hands, pick)
        await _hand_over(warehouse, pick)
        await hands.ship(pick.shipment_id)
        for _ in range(2):
            assert isinstance(await cancel_pick(warehouse, pick.shipment_id), TooLate)
        assert await _state(warehouse, pick) is PickState.SHIPPED

    async def test_a_cancelled_pick_is_not_asked_for_again(
        self, warehouse: Warehouse, pick: PickRequest
    ) -> None:
        await request_pick(warehouse, pick)
        await cancel_pick(warehouse, pick.shipment_id)
        with pytest.raises(Refused):
            await request_pick(warehouse, pick)

    async def test_a_cancelled_pick_takes_no_labels(self, warehouse: Warehouse, pick: PickRequest) -> None:
        await request_pick(warehouse, pick)
        await cancel_pick(warehouse, pick.shipment_id)
        package = Package(package_id="1", lines=pick.lines)
        with pytest.raises(Refused):
            await warehouse.hand_over(
                pick.shipment_id, labels_for([package], "late"), key=_key("hand-over", pick)
            )

    async def test_changes_name_the_order_whose_pick_moved_on(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        await request_pick(warehouse, pick)
        cursor = (await warehouse.changes(None)).cursor
        await hands.pick(pick.shipment_id)
        assert pick.order_id in (await warehouse.changes(cursor)).orders
        assert pick.order_id in (await warehouse.changes(None)).orders


async def request_pick(warehouse: Warehouse, pick: PickRequest) -> None:
    await warehouse.request_pick(pick, key=_key("request-pick", pick))


async def cancel_pick(warehouse: Warehouse, shipment: ShipmentId) -> PickCancelled | TooLate:
    order = OrderId(shipment.rpartition("/")[0])
    return await warehouse.cancel_pick(shipment, key=effect_key(order, "cancel-pick", "s1"))


async def packages(warehouse: Warehouse, pick: PickRequest) -> tuple[Package, ...]:
    held = await warehouse.look_up_pick(pick.shipment_id)
    assert held is not None
    return held.packages


async def _packed(warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest) -> None:
    await request_pick(warehouse, pick)
    await hands.pick(pick.shipment_id)
    await hands.pack(pick.shipment_id)


async def _hand_over(warehouse: Warehouse, pick: PickRequest) -> Labels:
    labels = labels_for(await packages(warehouse, pick), "T")
    await warehouse.hand_over(pick.shipment_id, labels, key=_key("hand-over", pick))
    return labels


async def _state(warehouse: Warehouse, pick: PickRequest) -> PickState | None:
    held = await warehouse.look_up_pick(pick.shipment_id)
    return held.state if held else None


def _content(held: list[Package]) -> list[tuple[str, str, int]]:
    return sorted((line.line_id, line.sku, line.quantity) for package in held for line in package.lines)


def _key(step: str, pick: PickRequest) -> Key:
    return effect_key(pick.order_id, step, "s1")
