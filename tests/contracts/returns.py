"""What warehouse, stock and carrier are held to when goods come back.

Subclasses give the fixtures that the suites of the same system have: `warehouse`, `stock` or `carrier`, and `hands`.
"""

from collections.abc import Mapping
from typing import Protocol

import pytest

from domain.errors import Refused
from domain.ids import LineId, Location, OrderId, ReturnId, Sku, return_id
from domain.keys import effect_key
from domain.orders import Address, PlacedOrder
from domain.ports import Carrier, Stock, Warehouse
from domain.returns import Condition, Receipt, ReturnLine, ReturnNotice, ReturnParcel
from domain.shipments import Labels
from tests.contracts.erp_afterwards import return_key
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, place, unique

Found = Mapping[tuple[LineId, Condition], int]
FIRST, SECOND = LineId("1"), LineId("2")
GOOD, DAMAGED = Condition.GOOD, Condition.DAMAGED


class ReturnHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that no other test uses, with so many units on hand."""

    async def left(self, order: PlacedOrder) -> Location:
        """Bring the order to where its goods may come back: all of it has shipped, from there."""

    async def receive(self, returned: ReturnId, found: Found, *, complete: bool) -> None:
        """People open a box of the return and find this. `complete`: they expect no other."""

    async def on_hand(self, sku: Sku) -> int:
        """Units on hand that can be sold, as the books say."""


class _Returning:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    async def order(self, request: pytest.FixtureRequest, hands: ReturnHands) -> PlacedOrder:
        wanted = [(await hands.stocked(10), 3, "10.00"), (await hands.stocked(10), 1, "5.00")]
        return place(unique(request.node.nodeid), wanted)

    @pytest.fixture
    async def notice(self, hands: ReturnHands, order: PlacedOrder) -> ReturnNotice:
        """All of the order is to come back."""
        lines = tuple(
            ReturnLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in order.lines
        )
        return ReturnNotice(
            return_id=return_id(order.order_id, 1),
            order_id=order.order_id,
            order_number=order.number,
            lines=lines,
            location=await hands.left(order),
        )


class ReturnsContract(_Returning):
    async def test_a_return_that_nobody_announced_is_not_expected(
        self, warehouse: Warehouse, notice: ReturnNotice
    ) -> None:
        assert await warehouse.look_up_return(notice.return_id) is None

    async def test_announced_twice_it_is_expected_once_and_empty_at_first(
        self, warehouse: Warehouse, notice: ReturnNotice
    ) -> None:
        for _ in range(2):
            await expect(warehouse, notice)
        assert await received(warehouse, notice) == ({}, False)

    async def test_it_is_expected_once_though_every_reply_is_lost(
        self, warehouse: Warehouse, hands: ReturnHands, network: Lossy, notice: ReturnNotice
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: expect(warehouse, notice))
        network.fault = Fault.NONE
        everything = {(FIRST, GOOD): 3, (SECOND, GOOD): 1}
        await hands.receive(notice.return_id, everything, complete=True)
        assert await received(warehouse, notice) == (everything, True)

    async def test_fewer_units_and_damaged_ones_are_told_as_they_are(
        self, warehouse: Warehouse, hands: ReturnHands, notice: ReturnNotice
    ) -> None:
        await expect(warehouse, notice)
        found = {(FIRST, GOOD): 1, (FIRST, DAMAGED): 1}
        await hands.receive(notice.return_id, found, complete=True)
        assert await received(warehouse, notice) == (found, True)

    async def test_several_boxes_add_up_until_it_is_complete(
        self, warehouse: Warehouse, hands: ReturnHands, notice: ReturnNotice
    ) -> None:
        await expect(warehouse, notice)
        await hands.receive(notice.return_id, {(FIRST, GOOD): 1}, complete=False)
        assert await received(warehouse, notice) == ({(FIRST, GOOD): 1}, False)
        await hands.receive(notice.return_id, {(FIRST, GOOD): 2, (SECOND, GOOD): 1}, complete=True)
        assert await received(warehouse, notice) == ({(FIRST, GOOD): 3, (SECOND, GOOD): 1}, True)

    async def test_changes_name_the_order_whose_goods_came_back(
        self, warehouse: Warehouse, hands: ReturnHands, notice: ReturnNotice
    ) -> None:
        await expect(warehouse, notice)
        cursor = (await warehouse.changes(None)).cursor
        await hands.receive(notice.return_id, {(FIRST, GOOD): 1}, complete=False)
        assert notice.order_id in (await warehouse.changes(cursor)).orders


class RestockContract(_Returning):
    @pytest.fixture
    async def receipt(
        self, warehouse: Warehouse, hands: ReturnHands, network: Lossy, notice: ReturnNotice
    ) -> Receipt:
        """Of three units two are good and one is damaged."""
        assert network.fault is Fault.NONE
        await expect(warehouse, notice)
        await hands.receive(notice.return_id, {(FIRST, GOOD): 2, (FIRST, DAMAGED): 1}, complete=True)
        found = await warehouse.look_up_return(notice.return_id)
        assert found is not None
        return found

    async def test_good_units_are_on_hand_again_once_and_damaged_ones_are_not(
        self, stock: Stock, hands: ReturnHands, notice: ReturnNotice, receipt: Receipt
    ) -> None:
        for _ in range(2):
            await restock(stock, notice, receipt)
        assert await hands.on_hand(notice.lines[0].sku) == 9
        assert await hands.on_hand(notice.lines[1].sku) == 9

    async def test_they_are_on_hand_once_though_every_reply_is_lost(
        self, stock: Stock, hands: ReturnHands, network: Lossy, notice: ReturnNotice, receipt: Receipt
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: restock(stock, notice, receipt))
        assert await hands.on_hand(notice.lines[0].sku) == 9


class AddressHands(Protocol):
    async def address(self) -> Address:
        """Where the carrier goes."""

    async def unserved(self) -> Address:
        """Where it does not."""

    async def return_labels(self, returned: ReturnId) -> list[str]:
        """The tracking numbers that are to be paid for, as the books say."""


class ReturnLabelContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    async def parcel(self, request: pytest.FixtureRequest, hands: AddressHands) -> ReturnParcel:
        order = OrderId(f"order:contract:{unique(request.node.nodeid)}")
        return ReturnParcel(return_id=return_id(order, 1), order_id=order, ship_from=await hands.address())

    async def test_a_return_has_one_label(
        self, carrier: Carrier, hands: AddressHands, parcel: ReturnParcel
    ) -> None:
        first = await label(carrier, parcel)
        assert await label(carrier, parcel) == first
        (made,) = first.labels
        assert await hands.return_labels(parcel.return_id) == [made.tracking_number]

    async def test_it_has_one_though_every_reply_is_lost(
        self, carrier: Carrier, hands: AddressHands, network: Lossy, parcel: ReturnParcel
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: label(carrier, parcel))
        assert len(await hands.return_labels(parcel.return_id)) == 1

    async def test_where_the_carrier_does_not_go_nothing_is_sent_back(
        self, carrier: Carrier, hands: AddressHands, parcel: ReturnParcel
    ) -> None:
        for nowhere in (await hands.unserved(), None):
            with pytest.raises(Refused):
                await label(carrier, parcel.model_copy(update={"ship_from": nowhere}))
        assert await hands.return_labels(parcel.return_id) == []


async def expect(warehouse: Warehouse, notice: ReturnNotice) -> None:
    await warehouse.expect_return(notice, key=return_key(notice.return_id, "expect-return"))


async def received(warehouse: Warehouse, notice: ReturnNotice) -> tuple[Found, bool]:
    receipt = await warehouse.look_up_return(notice.return_id)
    assert receipt is not None
    assert receipt.return_id == notice.return_id
    found: dict[tuple[LineId, Condition], int] = {}
    for line in receipt.lines:
        found[line.line_id, line.condition] = found.get((line.line_id, line.condition), 0) + line.quantity
    return found, receipt.complete


async def restock(stock: Stock, notice: ReturnNotice, receipt: Receipt) -> None:
    key = return_key(notice.return_id, "restock")
    await stock.restock(receipt, notice.location, key=key)


async def label(carrier: Carrier, parcel: ReturnParcel) -> Labels:
    country = parcel.ship_from.country if parcel.ship_from else "none"
    key = effect_key(parcel.order_id, "return-label", country)
    return await carrier.create_return_label(parcel, key=key)
