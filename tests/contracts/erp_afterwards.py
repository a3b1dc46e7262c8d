"""What every ERP is held to once some of an order has shipped: what never comes is taken out, what came back is credited.

Subclasses give the same two fixtures as those of `ErpContract`: `erp` and `hands`.
"""

from collections.abc import Mapping
from typing import Protocol

import pytest

from domain.erp import ErpOrder, ErpOrderState, Invoice, SalesOrder
from domain.errors import Refused
from domain.ids import LineId, OrderId, ReturnId, Sku, return_id, shipment_id
from domain.keys import Key, effect_key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.ports import Erp
from domain.returns import CreditNote, ReturnLine
from domain.shipments import Labels, ShipmentLine, ShipmentReport
from tests.contracts.erp import enter
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, place, unique

FIRST, SECOND = LineId("1"), LineId("2")


class AfterwardsHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that no other test uses, with so many units on hand."""

    async def ship_part(self, order: PlacedOrder, number: int, units: Mapping[LineId, int]) -> Labels:
        """Reserve, pick, pack and ship so many units of these lines, as the order's shipment of that number."""

    async def invoices(self, order: OrderId) -> list[Money]:
        """The totals of the posted invoices."""

    async def credit_notes(self, order: OrderId) -> list[Money]:
        """The totals of the posted credit notes."""


class _Afterwards:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def order(self, name: str, hands: AfterwardsHands) -> PlacedOrder:
        """Three of one article and one of another, with freight."""
        return place(name, [(await hands.stocked(100), 3, "19.99"), (await hands.stocked(100), 1, "5.00")])


class PartlyShippedContract(_Afterwards):
    @pytest.fixture
    async def shipped(self, erp: Erp, hands: AfterwardsHands, order: PlacedOrder) -> PlacedOrder:
        """Two of the three have left, and the ERP knows it."""
        await enter(erp, order)
        await leave(erp, hands, order, 1, {FIRST: 2}, "47.58")
        return order

    async def test_what_never_comes_is_taken_out_by_a_later_revision(
        self, erp: Erp, name: str, shipped: PlacedOrder
    ) -> None:
        less = place(name, [(shipped.lines[0].sku, 2, "19.99")])
        for _ in range(2):
            held = await amend(erp, less)
            assert held == await erp.look_up_order(less.order_id)
            assert held.total == less.total
            goods = [
                (line.line_id, int(line.quantity)) for line in held.lines if line.line_id in (FIRST, SECOND)
            ]
            assert goods == [(FIRST, 2)]

    async def test_it_is_taken_out_though_every_reply_is_lost(
        self, erp: Erp, network: Lossy, name: str, shipped: PlacedOrder
    ) -> None:
        less = place(name, [(shipped.lines[0].sku, 2, "19.99"), (shipped.lines[1].sku, 1, "5.00")])
        network.fault = Fault.REPLY_LOST
        assert (await insist(lambda: amend(erp, less))).total == less.total

    async def test_no_quantity_goes_below_what_shipped(
        self, erp: Erp, name: str, shipped: PlacedOrder
    ) -> None:
        less = place(name, [(shipped.lines[0].sku, 1, "19.99")])
        with pytest.raises(Refused):
            await amend(erp, less)
        held = await erp.look_up_order(shipped.order_id)
        assert held is not None
        assert held.total == shipped.total

    async def test_the_invoice_is_what_shipped_in_all(
        self, erp: Erp, hands: AfterwardsHands, name: str, shipped: PlacedOrder
    ) -> None:
        less = place(name, [(shipped.lines[0].sku, 3, "19.99")])
        await amend(erp, less)
        await leave(erp, hands, less, 2, {FIRST: 1}, "29.62")
        invoice = await erp.post_invoice(less.order_id, key=effect_key(less.order_id, "post-invoice"))
        assert invoice.total == less.total
        assert await hands.invoices(less.order_id) == [less.total]
        held = await erp.look_up_order(less.order_id)
        assert held is not None
        assert held.state is ErpOrderState.INVOICED


class CreditNoteContract(_Afterwards):
    @pytest.fixture
    async def invoiced(self, erp: Erp, hands: AfterwardsHands, order: PlacedOrder) -> PlacedOrder:
        """All of it has left."""
        await enter(erp, order)
        await leave(erp, hands, order, 1, {FIRST: 3, SECOND: 1}, f"{order.total.major}")
        await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
        return order

    async def test_the_credit_note_of_a_return_is_posted_once(
        self, erp: Erp, hands: AfterwardsHands, invoiced: PlacedOrder
    ) -> None:
        first = await credit(erp, invoiced, 1, {FIRST: 1}, "23.79")
        assert first.total == Money.parse("23.79", EUR)
        assert first.reference
        assert await credit(erp, invoiced, 1, {FIRST: 1}, "23.79") == first
        assert await hands.credit_notes(invoiced.order_id) == [first.total]
        assert await hands.invoices(invoiced.order_id) == [invoiced.total]

    async def test_it_is_posted_once_though_every_reply_is_lost(
        self, erp: Erp, hands: AfterwardsHands, network: Lossy, invoiced: PlacedOrder
    ) -> None:
        network.fault = Fault.REPLY_LOST
        posted = await insist(lambda: credit(erp, invoiced, 1, {FIRST: 1}, "23.79"))
        assert await hands.credit_notes(invoiced.order_id) == [posted.total]

    async def test_every_return_has_a_credit_note_of_its_own(
        self, erp: Erp, hands: AfterwardsHands, invoiced: PlacedOrder
    ) -> None:
        first = await credit(erp, invoiced, 1, {FIRST: 2}, "47.58")
        second = await credit(erp, invoiced, 2, {FIRST: 1, SECOND: 1}, "29.74")
        assert first.reference != second.reference
        assert sorted(total.minor for total in await hands.credit_notes(invoiced.order_id)) == [2974, 4758]

    async def test_a_restocking_fee_makes_it_less_than_the_goods_are_worth(
        self, erp: Erp, hands: AfterwardsHands, invoiced: PlacedOrder
    ) -> None:
        await credit(erp, invoiced, 1, {FIRST: 1}, "20.00")
        assert await hands.credit_notes(invoiced.order_id) == [Money.parse("20.00", EUR)]

    async def test_goodwill_is_credited_though_nothing_comes_back(
        self, erp: Erp, hands: AfterwardsHands, invoiced: PlacedOrder
    ) -> None:
        await credit(erp, invoiced, 1, {}, "5.00")
        assert await hands.credit_notes(invoiced.order_id) == [Money.parse("5.00", EUR)]

    async def test_an_order_that_the_erp_has_not_gets_no_credit_note(
        self, erp: Erp, hands: AfterwardsHands, order: PlacedOrder
    ) -> None:
        with pytest.raises(Refused):
            await credit(erp, order, 1, {FIRST: 1}, "23.79")
        assert await hands.credit_notes(order.order_id) == []


async def leave(  # noqa: PLR0917  the facts of a shipment
    erp: Erp,
    hands: AfterwardsHands,
    order: PlacedOrder,
    number: int,
    units: Mapping[LineId, int],
    captured: str,
) -> None:
    """The shipment leaves, and the ERP is told."""
    labels = await hands.ship_part(order, number, units)
    report = ShipmentReport(
        order_id=order.order_id,
        shipment_id=shipment_id(order.order_id, number),
        lines=lines_of(order, units),
        labels=labels,
        captured=Money.parse(captured, EUR),
        capture_reference=f"ch_{order.platform_id}_{number}",
    )
    await erp.record_shipment(report, key=effect_key(order.order_id, "record-shipment", f"s{number}"))


def lines_of(order: PlacedOrder, units: Mapping[LineId, int]) -> tuple[ShipmentLine, ...]:
    return tuple(
        ShipmentLine(line_id=line_id, sku=order.line(line_id).sku, quantity=quantity)
        for line_id, quantity in units.items()
    )


async def amend(erp: Erp, order: PlacedOrder, revision: int = 2) -> ErpOrder:
    customer = await erp.register_customer(order.customer, key=effect_key(order.order_id, "customer"))
    target = SalesOrder(order=order, customer=customer, revision=revision)
    entered = await erp.enter_order(target, key=effect_key(order.order_id, "enter-order", f"r{revision}"))
    assert isinstance(entered, ErpOrder)
    return entered


async def credit(
    erp: Erp, order: PlacedOrder, number: int, units: Mapping[LineId, int], amount: str
) -> Invoice:
    note = credit_note(order, number, units, amount)
    return await erp.post_credit_note(note, key=return_key(note.return_id, "credit-note"))


def credit_note(order: PlacedOrder, number: int, units: Mapping[LineId, int], amount: str) -> CreditNote:
    return CreditNote(
        return_id=return_id(order.order_id, number),
        order_id=order.order_id,
        lines=tuple(
            ReturnLine(line_id=line_id, sku=order.line(line_id).sku, quantity=quantity)
            for line_id, quantity in units.items()
        ),
        amount=Money.parse(amount, EUR),
        reference=f"re_{order.platform_id}_{number}",
    )


def return_key(returned: ReturnId, step: str) -> Key:
    order, _, number = returned.rpartition("/")
    return effect_key(OrderId(order), step, number)
