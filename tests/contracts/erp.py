"""What every ERP is held to: one customer, one sales order to the cent, one invoice, whatever is repeated or lost.

A subclass `TestSomeErp(ErpContract)` gives two fixtures: `erp`, the adapter, sending all it sends through the fixture
`network`; and `hands`, which sets the scene in the ERP and reads its own books.
"""

from decimal import Decimal
from typing import Protocol

import pytest

from domain.erp import ErpOrder, ErpOrderState, SalesOrder
from domain.errors import Refused
from domain.ids import LineId, OrderId, Sku
from domain.keys import Key, effect_key
from domain.money import Money
from domain.orders import Customer, OrderLine, PlacedOrder, Tax
from domain.ports import Erp
from domain.shipments import Labels
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, NONE, insist, place, report_of, unique, whole

UNKNOWN_SKU = Sku("no-such-sku")


class ErpHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that the ERP sells and no other test uses, with so many units on hand."""

    async def customers(self, name: str) -> int:
        """How many active customers of this name the books hold."""

    async def open_orders(self, order: OrderId) -> int:
        """How many sales orders of this order the books hold, cancelled ones left out."""

    async def ship_order(self, order: PlacedOrder) -> Labels:
        """Reserve, pick, pack and ship all of it, as the warehouse does, under these labels."""

    async def money(self, order: OrderId) -> list[Money]:
        """The payments of the customer for this order."""

    async def invoices(self, order: OrderId) -> list[Money]:
        """The totals of the posted invoices."""


class ErpContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def order(self, name: str, hands: ErpHands) -> PlacedOrder:
        return place(name, [(await hands.stocked(100), 3, "19.99"), (await hands.stocked(100), 1, "5.00")])

    # -- customers

    async def test_a_customer_is_registered_once(self, erp: Erp, hands: ErpHands, name: str) -> None:
        buyer = Customer(name=f"Buyer {name}", email=f"{name}@example.com")
        first = await erp.register_customer(buyer, key=_key("customer", name))
        assert await erp.register_customer(buyer, key=_key("customer", name)) == first
        assert await hands.customers(buyer.name) == 1

    async def test_a_customer_is_registered_once_though_every_reply_is_lost(
        self, erp: Erp, hands: ErpHands, network: Lossy, name: str
    ) -> None:
        buyer = Customer(name=f"Buyer {name}", email=f"{name}@example.com")
        network.fault = Fault.REPLY_LOST
        lost = await insist(lambda: erp.register_customer(buyer, key=_key("customer", name)))
        network.fault = Fault.NONE
        assert await erp.register_customer(buyer, key=_key("customer", name)) == lost
        assert await hands.customers(buyer.name) == 1

    @pytest.mark.parametrize("by", ["account_number", "vat_id", "email"])
    async def test_a_known_customer_is_found(self, erp: Erp, hands: ErpHands, name: str, by: str) -> None:
        value = {"account_number": f"A-{name}", "vat_id": f"DE{name}", "email": f"{name}@example.com"}[by]
        known = Customer(name=f"Buyer {name}", **{by: value})
        again = Customer(name=f"Buyer {name} junior", **{by: value})
        first = await erp.register_customer(known, key=_key("customer", name, "first"))
        assert await erp.register_customer(again, key=_key("customer", name, "again")) == first
        assert await hands.customers(again.name) == 0

    async def test_the_account_number_comes_before_the_email(self, erp: Erp, name: str) -> None:
        by_number = Customer(name=f"Number {name}", account_number=f"A-{name}")
        by_email = Customer(name=f"Email {name}", email=f"{name}@example.com")
        first = await erp.register_customer(by_number, key=_key("customer", name, "number"))
        other = await erp.register_customer(by_email, key=_key("customer", name, "email"))
        assert first != other
        both = Customer(name="Both", account_number=f"A-{name}", email=f"{name}@example.com")
        assert await erp.register_customer(both, key=_key("customer", name, "both")) == first

    # -- orders

    async def test_an_order_nobody_entered_is_not_there(self, erp: Erp, name: str) -> None:
        assert await erp.look_up_order(_order_id(name)) is None

    async def test_an_order_is_entered_once_and_to_the_cent(
        self, erp: Erp, hands: ErpHands, order: PlacedOrder
    ) -> None:
        first = await enter(erp, order)
        again = await enter(erp, order)
        assert first == again == await erp.look_up_order(order.order_id)
        assert await hands.open_orders(order.order_id) == 1
        assert first.state is ErpOrderState.ENTERED
        assert first.total == order.total
        held = {line.line_id: line for line in first.lines}
        assert {line.line_id: (line.sku, line.quantity) for line in order.lines} == {
            line.line_id: (held[line.line_id].sku, int(held[line.line_id].quantity)) for line in order.lines
        }

    async def test_an_order_is_entered_once_though_every_reply_is_lost(
        self, erp: Erp, hands: ErpHands, network: Lossy, order: PlacedOrder
    ) -> None:
        network.fault = Fault.REPLY_LOST
        entered = await insist(lambda: enter(erp, order))
        assert entered.total == order.total
        assert await hands.open_orders(order.order_id) == 1

    async def test_discounts_and_included_taxes_keep_the_total(
        self, erp: Erp, hands: ErpHands, name: str
    ) -> None:
        """Three for 10.00 with 19 % in it and 1.01 off: no net unit price of any digits gives this exactly."""
        gross = Money.parse("8.99", EUR)
        tax = Money.rounded(gross.major - gross.major / Decimal("1.19"), EUR)
        line = OrderLine(
            line_id=LineId("1"),
            sku=await hands.stocked(10),
            name="Three for ten",
            quantity=3,
            unit_price=Decimal("3.33333"),
            discount=Money.parse("1.01", EUR),
            order_discount=NONE,
            taxes=(Tax(name="VAT", rate=Decimal("0.19"), amount=tax),),
            taxes_included=True,
        )
        order = whole(name, (line,))
        assert order.total == gross
        assert (await enter(erp, order)).total == gross

    async def test_an_unknown_sku_is_refused_and_leaves_no_order(
        self, erp: Erp, hands: ErpHands, name: str
    ) -> None:
        order = place(name, [(UNKNOWN_SKU, 1, "1.00")])
        with pytest.raises(Refused, match=UNKNOWN_SKU):
            await enter(erp, order)
        assert await hands.open_orders(order.order_id) == 0

    # -- cancelling

    async def test_cancelling_what_never_was_is_fine(self, erp: Erp, name: str) -> None:
        await erp.cancel_order(_order_id(name), key=_key("cancel-order", name))
        assert await erp.look_up_order(_order_id(name)) is None

    async def test_an_order_is_cancelled_and_stays_so(
        self, erp: Erp, hands: ErpHands, order: PlacedOrder
    ) -> None:
        await enter(erp, order)
        for _ in range(2):
            await cancel(erp, order)
        held = await erp.look_up_order(order.order_id)
        assert held is not None
        assert held.state is ErpOrderState.CANCELLED
        assert await hands.open_orders(order.order_id) == 0
        with pytest.raises(Refused):
            await enter(erp, order)

    async def test_an_order_is_cancelled_though_every_reply_is_lost(
        self, erp: Erp, hands: ErpHands, network: Lossy, order: PlacedOrder
    ) -> None:
        await enter(erp, order)
        network.fault = Fault.REPLY_LOST
        await insist(lambda: cancel(erp, order))
        assert await hands.open_orders(order.order_id) == 0

    async def test_what_shipped_is_not_cancelled(self, erp: Erp, hands: ErpHands, order: PlacedOrder) -> None:
        await enter(erp, order)
        await hands.ship_order(order)
        with pytest.raises(Refused):
            await cancel(erp, order)
        assert await hands.open_orders(order.order_id) == 1

    # -- after the goods left

    async def test_shipment_money_and_invoice_are_booked_once(
        self, erp: Erp, hands: ErpHands, order: PlacedOrder
    ) -> None:
        await enter(erp, order)
        report = report_of(order, await hands.ship_order(order))
        for _ in range(2):
            await erp.record_shipment(report, key=effect_key(order.order_id, "record-shipment", "s1"))
        invoices = [await erp.post_invoice(order.order_id, key=_invoice_key(order)) for _ in range(2)]
        assert invoices[0] == invoices[1]
        assert invoices[0].total == order.total
        assert await hands.money(order.order_id) == [order.total]
        assert await hands.invoices(order.order_id) == [order.total]
        held = await erp.look_up_order(order.order_id)
        assert held is not None
        assert held.state is ErpOrderState.INVOICED

    async def test_shipment_money_and_invoice_are_booked_once_though_every_reply_is_lost(
        self, erp: Erp, hands: ErpHands, network: Lossy, order: PlacedOrder
    ) -> None:
        await enter(erp, order)
        report = report_of(order, await hands.ship_order(order))
        network.fault = Fault.REPLY_LOST
        record_key = effect_key(order.order_id, "record-shipment", "s1")
        await insist(lambda: erp.record_shipment(report, key=record_key))
        await insist(lambda: erp.post_invoice(order.order_id, key=_invoice_key(order)))
        assert await hands.money(order.order_id) == [order.total]
        assert await hands.invoices(order.order_id) == [order.total]

    async def test_what_is_captured_later_for_a_shipment_is_booked_beside(
        self, erp: Erp, hands: ErpHands, order: PlacedOrder
    ) -> None:
        await enter(erp, order)
        whole = report_of(order, await hands.ship_order(order))
        parts = order.total.split((2, 1))
        for _ in range(2):
            for captured, name in zip(parts, ("first", "rest"), strict=True):
                reference = f"ch_{order.platform_id}_{name}"
                told = whole.model_copy(update={"captured": captured, "capture_reference": reference})
                await erp.record_shipment(told, key=effect_key(order.order_id, "record-shipment", name))
        assert sorted(await hands.money(order.order_id)) == sorted(parts)

    # -- changes

    async def test_changes_name_what_was_entered_since_the_cursor(self, erp: Erp, order: PlacedOrder) -> None:
        before = await erp.changes(None)
        assert order.order_id not in before.orders
        await enter(erp, order)
        after = await erp.changes(before.cursor)
        assert order.order_id in after.orders
        assert order.order_id in (await erp.changes(None)).orders


async def enter(erp: Erp, order: PlacedOrder) -> ErpOrder:
    key = effect_key(order.order_id, "customer")
    customer = await erp.register_customer(order.customer, key=key)
    target = SalesOrder(order=order, customer=customer)
    entered = await erp.enter_order(target, key=enter_key(order))
    assert isinstance(entered, ErpOrder)
    return entered


def enter_key(order: PlacedOrder) -> Key:
    return effect_key(order.order_id, "enter-order", "r1")


async def cancel(erp: Erp, order: PlacedOrder) -> None:
    await erp.cancel_order(order.order_id, key=effect_key(order.order_id, "cancel-order"))


def _order_id(name: str) -> OrderId:
    return OrderId(f"order:contract:{name}")


def _key(step: str, name: str, target: str = "") -> Key:
    return effect_key(_order_id(name), step, target)


def _invoice_key(order: PlacedOrder) -> Key:
    return effect_key(order.order_id, "post-invoice")
