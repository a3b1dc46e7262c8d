"""What every ERP is held to when people edit orders in it: nothing that a person wrote is overwritten unseen.

Subclasses give the same two fixtures as those of `ErpContract`: `erp` and `hands`.
"""

from decimal import Decimal
from typing import Protocol

import pytest

from domain.erp import Edited, ErpLine, ErpOrder, ErpOrderState, SalesOrder
from domain.errors import Refused
from domain.ids import LineId, OrderId, Sku
from domain.keys import effect_key
from domain.money import Money
from domain.orders import Address, PlacedOrder
from domain.ports import Erp
from tests.contracts.erp import enter
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, place, unique

FIRST, SECOND = LineId("1"), LineId("2")
ELSEWHERE = Address(name="Ada", street="2 Side Street", postal_code="20095", city="Hamburg", country="DE")


class ClerkHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that no other test uses, with so many units on hand."""

    async def priced(self, price: str) -> Sku:
        """A SKU that the ERP sells for so much without taxes, with German VAT of 19 % on top."""

    async def set_quantity(self, order: OrderId, line: LineId, quantity: int) -> None: ...

    async def set_price(self, order: OrderId, line: LineId, price: str) -> None:
        """The unit price without taxes."""

    async def add_line(self, order: OrderId, sku: Sku, quantity: int, price: str) -> None: ...

    async def remove_line(self, order: OrderId, line: LineId) -> None: ...

    async def readdress(self, order: OrderId, address: Address) -> None: ...

    async def cancel_by_hand(self, order: OrderId) -> None: ...


class EditedErpContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def order(self, name: str, hands: ClerkHands) -> PlacedOrder:
        """Three of one article and one of another, with freight."""
        return place(name, [(await hands.stocked(100), 3, "19.99"), (await hands.stocked(100), 1, "5.00")])

    @pytest.fixture
    async def entered(self, erp: Erp, order: PlacedOrder) -> ErpOrder:
        return await enter(erp, order)

    # -- versions

    async def test_every_edit_makes_another_version(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await held(erp, order)
        assert goods(by_hand)[0] == (FIRST, order.lines[0].sku, 4)
        ours = await write(erp, order, 2, by_hand.version)
        assert isinstance(ours, ErpOrder)
        assert goods(ours) == goods(entered)
        assert len({"", entered.version, by_hand.version, ours.version}) == 4
        assert (await held(erp, order)).version == ours.version

    @pytest.mark.usefixtures("entered")
    async def test_an_edit_is_among_the_changes(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder
    ) -> None:
        cursor = (await erp.changes(None)).cursor
        await hands.set_price(order.order_id, FIRST, "18.00")
        assert order.order_id in (await erp.changes(cursor)).orders
        line = next(line for line in (await held(erp, order)).lines if line.line_id == FIRST)
        assert line.unit_price == Decimal("18.00")
        assert line.total == Money.parse("64.26", EUR)

    # -- what people wrote is not overwritten unseen

    async def test_what_a_person_edited_is_not_overwritten(
        self, erp: Erp, hands: ClerkHands, name: str, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await held(erp, order)
        less = place(name, [(order.lines[0].sku, 3, "19.99")])
        for _ in range(2):
            assert await write(erp, less, 2, entered.version) == Edited(version=by_hand.version)
        assert await held(erp, order) == by_hand

    async def test_nor_when_every_reply_is_lost(
        self, erp: Erp, hands: ClerkHands, network: Lossy, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await held(erp, order)
        network.fault = Fault.REPLY_LOST
        assert await insist(lambda: write(erp, order, 2, entered.version)) == Edited(version=by_hand.version)

    @pytest.mark.usefixtures("entered")
    async def test_nor_by_a_repeat_of_what_was_written_before(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder
    ) -> None:
        await hands.set_price(order.order_id, FIRST, "18.00")
        by_hand = await held(erp, order)
        assert await write(erp, order, 1, "") == Edited(version=by_hand.version)
        assert await held(erp, order) == by_hand

    @pytest.mark.usefixtures("entered")
    async def test_what_was_seen_is_overwritten(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder
    ) -> None:
        await hands.set_quantity(order.order_id, FIRST, 4)
        by_hand = await held(erp, order)
        ours = await write(erp, order, 2, by_hand.version)
        assert isinstance(ours, ErpOrder)
        assert ours.total == order.total
        assert ours == await held(erp, order)

    @pytest.mark.usefixtures("entered")
    async def test_without_a_known_version_it_is_written_whatever_is_there(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder
    ) -> None:
        await hands.set_quantity(order.order_id, FIRST, 4)
        ours = await write(erp, order, 2, "")
        assert isinstance(ours, ErpOrder)
        assert ours.total == order.total

    async def test_an_edit_to_what_we_want_is_no_reason_to_refuse(
        self, erp: Erp, hands: ClerkHands, name: str, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        await hands.set_quantity(order.order_id, FIRST, 2)
        wanted = place(name, [(order.lines[0].sku, 2, "19.99"), (order.lines[1].sku, 1, "5.00")])
        ours = await write(erp, wanted, 2, entered.version)
        assert isinstance(ours, ErpOrder)
        assert ours.total == wanted.total

    async def test_a_former_target_is_ensured_again(
        self, erp: Erp, name: str, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        less = place(name, [(order.lines[0].sku, 2, "19.99")])
        amended = await write(erp, less, 2, entered.version)
        assert isinstance(amended, ErpOrder)
        assert amended.total == less.total
        undone = await write(erp, order, 3, amended.version)
        assert isinstance(undone, ErpOrder)
        assert (goods(undone), undone.total) == (goods(entered), entered.total)

    async def test_what_we_wrote_ourselves_since_is_nobodys_edit(
        self, erp: Erp, hands: ClerkHands, name: str, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        """The reply was lost, or a later step was refused: what is known is older than what we wrote."""
        skus = [line.sku for line in order.lines]
        wanted = [(skus[0], 2, "19.99"), (skus[1], 1, "5.00"), (await hands.stocked(100), 2, "7.00")]
        amended = await write(erp, place(name, wanted), 2, entered.version)
        assert isinstance(amended, ErpOrder)
        undone = await write(erp, order, 3, entered.version)
        assert isinstance(undone, ErpOrder)
        assert (goods(undone), undone.total) == (goods(entered), entered.total)
        await hands.set_quantity(order.order_id, FIRST, 4)
        assert isinstance(await write(erp, order, 4, entered.version), Edited)

    # -- lines that people add and remove

    @pytest.mark.usefixtures("entered")
    async def test_an_added_line_is_nobodys_until_it_is_given_an_id(
        self, erp: Erp, hands: ClerkHands, name: str, order: PlacedOrder
    ) -> None:
        sku = await hands.stocked(100)
        await hands.add_line(order.order_id, sku, 2, "10.00")
        by_hand = await held(erp, order)
        added = the_added(by_hand)
        assert (added.sku, int(added.quantity), added.total) == (sku, 2, Money.parse("23.80", EUR))
        wanted = with_added(order, place(name, [(sku, 2, "10.00")]), added)
        ours = await write(erp, wanted, 2, by_hand.version)
        assert isinstance(ours, ErpOrder)
        assert ours.total == wanted.total == by_hand.total
        assert goods(ours)[2:] == [(f"erp-{added.erp_line}", sku, 2)]

    async def test_an_added_line_that_is_not_wanted_goes(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        await hands.add_line(order.order_id, await hands.stocked(100), 2, "10.00")
        by_hand = await held(erp, order)
        ours = await write(erp, order, 2, by_hand.version)
        assert isinstance(ours, ErpOrder)
        assert (goods(ours), ours.total) == (goods(entered), entered.total)

    async def test_a_line_of_ours_is_added(
        self, erp: Erp, hands: ClerkHands, name: str, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        skus = [line.sku for line in order.lines]
        more = place(
            name, [(skus[0], 3, "19.99"), (skus[1], 1, "5.00"), (await hands.stocked(100), 2, "7.00")]
        )
        for _ in range(2):
            ours = await write(erp, more, 2, entered.version)
            assert isinstance(ours, ErpOrder)
            assert ours.total == more.total
            assert goods(ours)[2:] == [(LineId("3"), more.lines[2].sku, 2)]

    @pytest.mark.usefixtures("entered")
    async def test_a_removed_line_is_gone(
        self, erp: Erp, hands: ClerkHands, name: str, order: PlacedOrder
    ) -> None:
        await hands.remove_line(order.order_id, SECOND)
        by_hand = await held(erp, order)
        assert [line_id for line_id, _, _ in goods(by_hand)] == [FIRST]
        less = place(name, [(order.lines[0].sku, 3, "19.99")])
        assert by_hand.total == less.total
        ours = await write(erp, less, 2, by_hand.version)
        assert isinstance(ours, ErpOrder)
        assert ours.total == less.total

    # -- addresses

    async def test_the_address_is_told_and_written(
        self, erp: Erp, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        assert entered.shipping == order.shipping
        moved = order.model_copy(update={"shipping": ELSEWHERE})
        ours = await write(erp, moved, 2, entered.version)
        assert isinstance(ours, ErpOrder)
        assert ours.shipping == ELSEWHERE
        assert (goods(ours), ours.total) == (goods(entered), entered.total)

    async def test_an_address_that_a_person_wrote_is_not_overwritten(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        await hands.readdress(order.order_id, ELSEWHERE)
        by_hand = await held(erp, order)
        assert by_hand.shipping == ELSEWHERE
        assert await write(erp, order, 2, entered.version) == Edited(version=by_hand.version)
        assert (await held(erp, order)).shipping == ELSEWHERE

    # -- cancelled by hand

    async def test_an_order_that_a_person_cancelled_is_not_entered_again(
        self, erp: Erp, hands: ClerkHands, order: PlacedOrder, entered: ErpOrder
    ) -> None:
        cursor = (await erp.changes(None)).cursor
        await hands.cancel_by_hand(order.order_id)
        assert (await held(erp, order)).state is ErpOrderState.CANCELLED
        assert order.order_id in (await erp.changes(cursor)).orders
        with pytest.raises(Refused):
            await write(erp, order, 2, entered.version)

    # -- prices

    async def test_an_article_is_priced_as_the_erp_sells_it(self, erp: Erp, hands: ClerkHands) -> None:
        sku = await hands.priced("12.50")
        article = await erp.price_article(sku, 2, EUR)
        assert article is not None
        assert (article.sku, article.unit_price, article.taxes_included) == (sku, Decimal("12.50"), False)
        assert article.tax_rates == (Decimal("0.19"),)

    async def test_what_the_erp_does_not_sell_has_no_price(self, erp: Erp, name: str) -> None:
        assert await erp.price_article(Sku(f"none-{name}"), 1, EUR) is None


def goods(order: ErpOrder) -> list[tuple[LineId | None, Sku | None, int]]:
    """The lines of goods in the order of their ids, which people's have none of."""
    lines = [(line.line_id, line.sku, int(line.quantity)) for line in order.lines]
    return sorted(
        (line for line in lines if line[0] is None or line[0] != "freight"),
        key=lambda line: (len(line[0] or "none"), line[0] or ""),
    )


def the_added(order: ErpOrder) -> ErpLine:
    (added,) = (line for line in order.lines if line.line_id is None)
    return added


def with_added(order: PlacedOrder, other: PlacedOrder, added: ErpLine) -> PlacedOrder:
    """The order and the first line of the other one, under our id of what was added."""
    line = other.lines[0].model_copy(update={"line_id": LineId(f"erp-{added.erp_line}")})
    return PlacedOrder.model_validate(
        {**dict(order), "lines": (*order.lines, line), "total": order.total + line.total}
    )


async def held(erp: Erp, order: PlacedOrder) -> ErpOrder:
    found = await erp.look_up_order(order.order_id)
    assert found is not None
    return found


async def write(erp: Erp, order: PlacedOrder, revision: int, known: str) -> ErpOrder | Edited:
    customer = await erp.register_customer(order.customer, key=effect_key(order.order_id, "customer"))
    target = SalesOrder(order=order, customer=customer, revision=revision, known=known)
    return await erp.enter_order(target, key=effect_key(order.order_id, "enter-order", f"r{revision}"))
