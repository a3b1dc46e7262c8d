"""What every shop is held to when people edit orders in it.

Subclasses give the same two fixtures as those of `StorefrontContract`: `shop` and `hands`.
"""

from typing import Protocol

import pytest

from domain.erp import Edited
from domain.ids import LineId, OrderId, Sku
from domain.keys import effect_key
from domain.money import Money
from domain.orders import Address, PlacedOrder
from domain.ports import Storefront
from domain.storefront import StorefrontOrder
from tests.contracts.erp_edits import ELSEWHERE, FIRST
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, place, unique


class ShopkeeperHands(Protocol):
    async def placed(self, order: PlacedOrder) -> None:
        """The shopper has ordered this, and it is authorised."""

    async def set_quantity(self, order: OrderId, line: LineId, quantity: int) -> None: ...

    async def add_line(self, order: OrderId, sku: Sku, quantity: int, price: str) -> None:
        """The unit price without taxes."""

    async def remove_line(self, order: OrderId, line: LineId) -> None: ...

    async def readdress(self, order: OrderId, address: Address) -> None: ...


class EditedShopContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def order(self, name: str, hands: ShopkeeperHands) -> PlacedOrder:
        order = place(name, [(Sku(f"MUG-{name}"), 3, "19.99"), (Sku(f"TEA-{name}"), 1, "5.00")])
        await hands.placed(order)
        return order

    @pytest.fixture
    def less(self, name: str, order: PlacedOrder) -> PlacedOrder:
        return place(name, [(order.lines[0].sku, 2, "19.99")])

    async def test_a_placed_order_has_a_version_and_its_address(
        self, shop: Storefront, order: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        assert placed.version
        assert placed.shipping == order.shipping
        assert [line.sku for line in placed.lines[:2]] == [line.sku for line in order.lines]

    async def test_every_edit_makes_another_version(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await shown(shop, order)
        assert by_hand.lines[0].quantity == 4
        assert by_hand.lines[0].total == Money.parse("95.15", EUR)
        ours = await write(shop, less, by_hand.version)
        assert ours == await shown(shop, order)
        assert isinstance(ours, StorefrontOrder)
        assert ours.total == less.total
        assert len({placed.version, by_hand.version, ours.version}) == 3

    async def test_a_target_that_is_shown_already_makes_none(
        self, shop: Storefront, order: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        assert await write(shop, order, placed.version) == await shown(shop, order)
        assert (await shown(shop, order)).version == placed.version

    async def test_what_a_person_edited_is_not_overwritten(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await shown(shop, order)
        for _ in range(2):
            assert await write(shop, less, placed.version) == Edited(version=by_hand.version)
        assert await shown(shop, order) == by_hand

    async def test_nor_by_a_repeat_of_what_was_written_before(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        await write(shop, less, "")
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await shown(shop, order)
        assert await write(shop, less, "") == Edited(version=by_hand.version)
        assert await shown(shop, order) == by_hand

    async def test_what_we_wrote_ourselves_since_is_nobodys_edit(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        await write(shop, less, "")
        undone = await write(shop, order, placed.version)
        assert isinstance(undone, StorefrontOrder)
        assert undone.total == order.total
        await hands.set_quantity(order.order_id, FIRST, 4)
        assert isinstance(await write(shop, less, undone.version), Edited)

    async def test_an_edit_is_not_overwritten_though_every_reply_is_lost(
        self,
        shop: Storefront,
        hands: ShopkeeperHands,
        network: Lossy,
        order: PlacedOrder,
        less: PlacedOrder,
    ) -> None:
        placed = await shown(shop, order)
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await shown(shop, order)
        network.fault = Fault.REPLY_LOST
        assert await insist(lambda: write(shop, less, placed.version)) == Edited(version=by_hand.version)

    async def test_an_edit_to_what_we_want_is_no_reason_to_refuse(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder, less: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        await hands.set_quantity(order.order_id, FIRST, 2)
        await hands.remove_line(order.order_id, LineId("2"))
        ours = await write(shop, less, placed.version)
        assert isinstance(ours, StorefrontOrder)
        assert ours.total == less.total

    async def test_an_added_line_has_an_id_of_the_shops_own(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        sku = Sku(f"NEW-{order.platform_id}")
        await hands.add_line(order.order_id, sku, 2, "10.00")
        by_hand = await shown(shop, order)
        known = {line.line_id for line in placed.lines}
        (added,) = (line for line in by_hand.lines if line.line_id not in known)
        assert (added.sku, added.quantity, added.total) == (sku, 2, Money.parse("23.80", EUR))
        assert by_hand.total == placed.total + added.total

    async def test_the_address_is_written_and_read(
        self, shop: Storefront, hands: ShopkeeperHands, order: PlacedOrder
    ) -> None:
        placed = await shown(shop, order)
        await hands.readdress(order.order_id, ELSEWHERE)
        by_hand = await shown(shop, order)
        assert by_hand.shipping == ELSEWHERE
        assert await write(shop, order, placed.version) == Edited(version=by_hand.version)
        ours = await write(shop, order, by_hand.version)
        assert isinstance(ours, StorefrontOrder)
        assert ours.shipping == order.shipping


async def shown(shop: Storefront, order: PlacedOrder) -> StorefrontOrder:
    found = await shop.look_up_order(order.order_id)
    assert found is not None
    return found


async def write(shop: Storefront, order: PlacedOrder, known: str) -> StorefrontOrder | Edited:
    key = effect_key(order.order_id, "amend-shop-order", known)
    return await shop.amend_order(order, known=known, key=key)
