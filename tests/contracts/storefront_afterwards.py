"""What every shop is held to when an order is changed after it was placed, or goods come back.

Subclasses give the same two fixtures as those of `StorefrontContract`: `shop` and `hands`.
"""

from typing import Protocol

import pytest

from domain.errors import Refused
from domain.ids import LineId, OrderId, Sku
from domain.keys import effect_key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.ports import Storefront
from domain.returns import CreditNote
from domain.storefront import StorefrontState
from tests.contracts.erp_afterwards import credit_note, return_key
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, place, shipment_lines, unique
from tests.contracts.storefront import cancel, everything, part, tell

FIRST, SECOND = LineId("1"), LineId("2")


class AfterwardsHands(Protocol):
    async def placed(self, order: PlacedOrder) -> None:
        """The shopper has ordered this, and it is authorised."""

    async def refunded(self, order: OrderId) -> Money:
        """What the shop shows as given back."""


class _Afterwards:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def order(self, name: str, hands: AfterwardsHands) -> PlacedOrder:
        order = place(name, [(Sku(f"MUG-{name}"), 3, "19.99"), (Sku(f"TEA-{name}"), 1, "5.00")])
        await hands.placed(order)
        return order


class AmendedShopContract(_Afterwards):
    @pytest.fixture
    def less(self, name: str, order: PlacedOrder) -> PlacedOrder:
        """Two of three, and no tea."""
        return place(name, [(order.lines[0].sku, 2, "19.99")])

    async def test_the_shop_shows_exactly_what_is_left(self, shop: Storefront, less: PlacedOrder) -> None:
        for _ in range(2):
            await amend(shop, less)
            await shows(shop, less, StorefrontState.OPEN)

    async def test_it_shows_it_though_every_reply_is_lost(
        self, shop: Storefront, network: Lossy, less: PlacedOrder
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: amend(shop, less))
        await shows(shop, less, StorefrontState.OPEN)

    async def test_it_shows_more_as_well(self, shop: Storefront, name: str, order: PlacedOrder) -> None:
        more = place(name, [(line.sku, line.quantity + 1, "19.99") for line in order.lines])
        await amend(shop, more)
        await shows(shop, more, StorefrontState.OPEN)

    async def test_no_quantity_goes_below_what_is_shown_as_shipped(
        self, shop: Storefront, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        await tell(shop, part(order, 1, shipment_lines(order)[0], "71.37"))
        with pytest.raises(Refused):
            await amend(shop, less)
        assert (await shop.look_up_order(order.order_id)) is not None
        await shows(shop, order, StorefrontState.OPEN)

    async def test_when_the_rest_is_taken_out_the_order_is_fulfilled(
        self, shop: Storefront, name: str, order: PlacedOrder
    ) -> None:
        await tell(shop, part(order, 1, shipment_lines(order)[0], "71.37"))
        rest = place(name, [(order.lines[0].sku, 3, "19.99")])
        await amend(shop, rest)
        await shows(shop, rest, StorefrontState.FULFILLED)

    async def test_a_cancelled_order_is_not_amended(
        self, shop: Storefront, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        await cancel(shop, order)
        with pytest.raises(Refused):
            await amend(shop, less)


class RefundShownContract(_Afterwards):
    @pytest.fixture
    async def left(self, shop: Storefront, order: PlacedOrder) -> PlacedOrder:
        await tell(shop, everything(order))
        return order

    async def test_a_refund_is_shown_once(
        self, shop: Storefront, hands: AfterwardsHands, left: PlacedOrder
    ) -> None:
        for _ in range(2):
            await record(shop, credit_note(left, 1, {FIRST: 1}, "23.79"))
        assert await hands.refunded(left.order_id) == Money.parse("23.79", EUR)

    async def test_it_is_shown_once_though_every_reply_is_lost(
        self, shop: Storefront, hands: AfterwardsHands, network: Lossy, left: PlacedOrder
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: record(shop, credit_note(left, 1, {FIRST: 1}, "23.79")))
        assert await hands.refunded(left.order_id) == Money.parse("23.79", EUR)

    async def test_every_return_is_shown(
        self, shop: Storefront, hands: AfterwardsHands, left: PlacedOrder
    ) -> None:
        await record(shop, credit_note(left, 1, {FIRST: 1}, "23.79"))
        await record(shop, credit_note(left, 2, {FIRST: 1, SECOND: 1}, "29.74"))
        assert await hands.refunded(left.order_id) == Money.parse("53.53", EUR)
        shown = await shop.look_up_order(left.order_id)
        assert shown is not None
        assert shown.state is StorefrontState.FULFILLED


async def amend(shop: Storefront, order: PlacedOrder) -> None:
    key = effect_key(order.order_id, "amend-shop-order", "r2")
    shown = await shop.amend_order(order, known="", key=key)
    assert shown == await shop.look_up_order(order.order_id)


async def record(shop: Storefront, note: CreditNote) -> None:
    await shop.record_refund(note, key=return_key(note.return_id, "record-refund"))


async def shows(shop: Storefront, order: PlacedOrder, state: StorefrontState) -> None:
    """Every line as it is, and the total. Whether freight is a line of its own is the shop's affair."""
    shown = await shop.look_up_order(order.order_id)
    assert shown is not None
    assert (shown.total, shown.state) == (order.total, state)
    extras = {surcharge.line_id for surcharge in order.surcharges}
    assert [
        (line.line_id, line.quantity, line.total) for line in shown.lines if line.line_id not in extras
    ] == [(line.line_id, line.quantity, line.total) for line in order.lines]
