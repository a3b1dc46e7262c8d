"""Every mutating call of the connector, each on an order of its own that stands just before it."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import httpx

from adapters.connector.carrier import ConnectorCarrier
from adapters.connector.client import connector
from adapters.connector.crm import ConnectorCrm
from adapters.connector.erp import ConnectorErp
from adapters.connector.notifications import ConnectorNotifier
from adapters.connector.payments import ConnectorPayments
from adapters.connector.stock import ConnectorStock
from adapters.connector.storefront import ConnectorStorefront
from adapters.connector.warehouse import ConnectorWarehouse
from domain.erp import SalesOrder
from domain.ids import MAIN, CustomerRef, PaymentRef, ReturnId, Sku, return_id, shipment_id
from domain.keys import Key, effect_key
from domain.money import Money
from domain.notifications import Mail
from domain.orders import PlacedOrder
from domain.returns import CreditNote, Receipt, ReceivedLine, ReturnLine, ReturnNotice, ReturnParcel
from domain.shipments import Labels, Parcel, ShipmentReport
from tests.contracts.placing import demand_of, pick_request, place, report_of
from tests.contracts.simulator_process import Simulator

SETTLED_AFTER = timedelta(seconds=5)
ON_HAND = 100
_numbers = count(1)

Call = Callable[["Systems"], Awaitable[Any]]


class Systems:
    """All eight of one world, through one client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.storefront = ConnectorStorefront(client, SETTLED_AFTER)
        self.payments = ConnectorPayments(client, SETTLED_AFTER)
        self.erp = ConnectorErp(client, SETTLED_AFTER)
        self.stock = ConnectorStock(client, SETTLED_AFTER)
        self.warehouse = ConnectorWarehouse(client, SETTLED_AFTER)
        self.carrier = ConnectorCarrier(client, SETTLED_AFTER)
        self.crm = ConnectorCrm(client, SETTLED_AFTER)
        self.notifications = ConnectorNotifier(client, SETTLED_AFTER)


def systems(world: Simulator, *, seconds: float = 10) -> Systems:
    return Systems(connector(world.url, None, timeout=timedelta(seconds=seconds)))


class Scene:
    """One order, authorised in the shop, and the steps of its life; each step may be repeated."""

    def __init__(self, world: Simulator) -> None:
        self.world = world
        self.name = f"scene{next(_numbers)}"
        sku = Sku(f"SKU-{self.name}")
        world.call("PUT", "/world/stock", {"on_hand": {sku: ON_HAND}})
        self.order: PlacedOrder = place(self.name, [(sku, 2, "19.99")])
        self.shipment = shipment_id(self.order.order_id, 1)
        amount = {"amount": f"{self.order.total.major:f}", "currency": "EUR"}
        (line,) = self.order.lines
        shown = {
            "line_id": "1",
            "sku": sku,
            "quantity": 2,
            "total": {**amount, "amount": f"{line.total.major:f}"},
        }
        payment = {"amount": amount, "increment": True, "stored_credential": True, "pay_link": True}
        reference = world.place_order(self.order.order_id, [shown], amount, payment=payment)
        assert reference is not None
        self.payment = PaymentRef(reference)
        self._report: ShipmentReport | None = None

    def key(self, step: str) -> Key:
        return effect_key(self.order.order_id, step)

    async def customer(self, to: Systems) -> CustomerRef:
        return await to.erp.register_customer(self.order.customer, key=self.key("customer"))

    async def contact(self, to: Systems) -> CustomerRef:
        return await to.crm.register_customer(self.order.customer, key=self.key("contact"))

    async def enter(self, to: Systems) -> Any:
        order = SalesOrder(order=self.order, customer=await self.customer(to))
        return await to.erp.enter_order(order, key=self.key("enter"))

    async def reserve(self, to: Systems) -> Any:
        return await to.stock.reserve(self.order.order_id, demand_of(self.order), key=self.key("reserve"))

    async def request_pick(self, to: Systems) -> None:
        await to.warehouse.request_pick(pick_request(self.order), key=self.key("pick"))

    async def packed(self, to: Systems) -> None:
        await self.reserve(to)
        await self.request_pick(to)
        self.world.pack(self.shipment)

    async def labels(self, to: Systems) -> Labels:
        pick = await to.warehouse.look_up_pick(self.shipment)
        assert pick is not None
        parcel = Parcel(shipment_id=self.shipment, packages=pick.packages, ship_to=self.order.shipping)
        return await to.carrier.create_labels(parcel, key=self.key("labels"))

    async def hand_over(self, to: Systems) -> None:
        await to.warehouse.hand_over(self.shipment, await self.labels(to), key=self.key("hand-over"))

    async def capture(self, to: Systems) -> Any:
        return await to.payments.capture(self.payment, self.order.total, key=self.key("capture"), final=True)

    async def shipped(self, to: Systems) -> ShipmentReport:
        await self.packed(to)
        await self.hand_over(to)
        self.world.ship(self.shipment)
        captured = await self.capture(to)
        report = report_of(self.order, await self.labels(to))
        return report.model_copy(update={"capture_reference": captured.reference})

    async def about_to_report(self, to: Systems) -> None:
        await self.enter(to)
        self._report = await self.shipped(to)

    def report(self) -> ShipmentReport:
        assert self._report is not None, "about_to_report first"
        return self._report

    async def recorded(self, to: Systems) -> None:
        await self.enter(to)
        await to.erp.record_shipment(await self.shipped(to), key=self.key("record"))

    async def reported(self, to: Systems) -> None:
        await to.storefront.report_shipment(await self.shipped(to), key=self.key("report"))

    async def begun_by_hand(self, to: Systems) -> None:
        await self.reserve(to)
        told = {"order_id": self.order.order_id, "lines": [{**self.unit, "quantity": 1}]}
        self.world.call("POST", "/world/warehouse/by-hand", told)

    async def expected(self, to: Systems) -> None:
        await to.warehouse.expect_return(self.notice(), key=self.key("expect"))

    async def received(self, to: Systems) -> None:
        await self.shipped(to)
        await self.expected(to)
        told = {"return_id": self.returned, "lines": [{"line_id": "1", "quantity": 1}], "complete": True}
        self.world.call("POST", "/world/returns/receive", told)

    @property
    def unit(self) -> dict[str, Any]:
        return {"line_id": "1", "sku": self.order.lines[0].sku, "quantity": 1}

    @property
    def returned(self) -> ReturnId:
        return return_id(self.order.order_id, 1)

    def notice(self) -> ReturnNotice:
        return ReturnNotice(
            return_id=self.returned,
            order_id=self.order.order_id,
            order_number=self.order.number,
            lines=(ReturnLine(**self.unit),),
        )

    def credit_note(self) -> CreditNote:
        return CreditNote(
            return_id=self.returned,
            order_id=self.order.order_id,
            lines=(ReturnLine(**self.unit),),
            amount=Money.parse("23.79", "EUR"),
            reference="re_1",
        )

    def mail(self) -> Mail:
        return Mail(to=f"{self.name}@example.com", subject="Shipped", plain="Hello", html="<p>Hello</p>")


async def _nothing(to: Systems) -> None:
    del to


Mutation = tuple[str, Call, Call]  # `system.operation`, what brings the order there, and the call itself


def every_mutation(s: Scene) -> Iterator[Mutation]:
    yield from _of_money_and_shop(s)
    yield from _of_the_books(s)
    yield from _of_the_goods(s)
    yield from _of_people(s)


def _of_money_and_shop(s: Scene) -> Iterator[Mutation]:
    order, pay = s.order.order_id, s.payment
    yield (
        "storefront.report_shipment",
        s.about_to_report,
        lambda to: to.storefront.report_shipment(s.report(), key=s.key("report")),
    )
    yield (
        "storefront.cancel_order",
        _nothing,
        lambda to: to.storefront.cancel_order(order, "late", key=s.key("cancel")),
    )
    less = place(s.name, [(s.order.lines[0].sku, 1, "19.99")])
    yield (
        "storefront.amend_order",
        _nothing,
        lambda to: to.storefront.amend_order(less, known="", key=s.key("amend")),
    )
    yield (
        "storefront.record_refund",
        s.reported,
        lambda to: to.storefront.record_refund(s.credit_note(), key=s.key("refunded")),
    )
    more = s.order.total + s.order.total
    yield (
        "payments.increment",
        _nothing,
        lambda to: to.payments.increment(pay, more, key=s.key("increment")),
    )
    yield "payments.hold", _nothing, lambda to: to.payments.hold(pay, more, key=s.key("hold"))
    yield "payments.pay_link", _nothing, lambda to: to.payments.pay_link(order, more, key=s.key("link"))
    yield "payments.capture", _nothing, s.capture
    yield "payments.void", _nothing, lambda to: to.payments.void(pay, key=s.key("void"))
    yield "payments.refund", s.capture, lambda to: to.payments.refund(pay, s.order.total, key=s.key("refund"))


def _of_the_books(s: Scene) -> Iterator[Mutation]:
    order = s.order.order_id

    async def enter(to: Systems) -> Any:
        target = SalesOrder(order=s.order, customer=CustomerRef(_customer(s, "erp")))
        return await to.erp.enter_order(target, key=s.key("enter"))

    yield "erp.register_customer", _nothing, s.customer

    async def credit(to: Systems) -> Any:
        customer = CustomerRef(_customer(s, "erp"))
        return await to.erp.approve_credit(order, customer, s.order.total, key=s.key("credit"))

    yield "erp.approve_credit", s.customer, credit
    yield "erp.enter_order", s.customer, enter
    yield "erp.cancel_order", s.enter, lambda to: to.erp.cancel_order(order, key=s.key("cancel-erp"))
    yield (
        "erp.record_shipment",
        s.about_to_report,
        lambda to: to.erp.record_shipment(s.report(), key=s.key("record")),
    )
    yield "erp.post_invoice", s.recorded, lambda to: to.erp.post_invoice(order, key=s.key("invoice"))
    yield (
        "erp.post_credit_note",
        s.recorded,
        lambda to: to.erp.post_credit_note(s.credit_note(), key=s.key("credit-note")),
    )


def _of_the_goods(s: Scene) -> Iterator[Mutation]:
    order, shipment = s.order.order_id, s.shipment

    async def labelled(to: Systems) -> None:
        await s.packed(to)
        await s.labels(to)

    async def hand_over(to: Systems) -> None:
        labels = Labels.model_validate(_labels(s))
        await to.warehouse.hand_over(shipment, labels, key=s.key("hand-over"))

    yield "stock.reserve", _nothing, s.reserve
    yield "stock.release", s.reserve, lambda to: to.stock.release(order, key=s.key("release"))
    receipt = Receipt(return_id=s.returned, lines=(ReceivedLine(**s.unit),), complete=True)
    yield (
        "stock.restock",
        s.received,
        lambda to: to.stock.restock(receipt, MAIN, key=s.key("restock")),
    )

    async def adopt(to: Systems) -> None:
        (pick,) = [p for p in s.world.books()["picks"] if p["order_id"] == order]
        await to.warehouse.adopt(pick["by_hand"], shipment, key=s.key("adopt"))

    yield "warehouse.adopt", s.begun_by_hand, adopt
    yield "warehouse.expect_return", _nothing, s.expected
    yield "warehouse.request_pick", _nothing, s.request_pick
    yield (
        "warehouse.cancel_pick",
        s.request_pick,
        lambda to: to.warehouse.cancel_pick(shipment, key=s.key("stop")),
    )
    yield "warehouse.hand_over", labelled, hand_over
    yield "carrier.create_labels", s.packed, s.labels
    back = ReturnParcel(return_id=s.returned, order_id=order, ship_from=s.order.shipping)
    yield (
        "carrier.create_return_label",
        _nothing,
        lambda to: to.carrier.create_return_label(back, key=s.key("return-label")),
    )
    yield (
        "carrier.void_labels",
        labelled,
        lambda to: to.carrier.void_labels(shipment, key=s.key("void-labels")),
    )


def _of_people(s: Scene) -> Iterator[Mutation]:
    async def note(to: Systems) -> None:
        customer = CustomerRef(_customer(s, "crm"))
        await to.crm.note(customer, s.order.order_id, "shipped", key=s.key("note"))

    yield "crm.register_customer", _nothing, s.contact
    yield "crm.note", s.contact, note
    yield "notifications.send", _nothing, lambda to: to.notifications.send(s.mail(), key=s.key("mail"))


def _customer(scene: Scene, system: str) -> str:
    name = scene.order.customer.name
    (found,) = [
        c["reference"]
        for c in scene.world.books()["customers"]
        if (c["system"], c["customer"]["name"]) == (system, name)
    ]
    return str(found)


def _labels(scene: Scene) -> dict[str, Any]:
    (parcel,) = [p for p in scene.world.books()["parcels"] if p["shipment_id"] == scene.shipment]
    return {"carrier": "simulated", "labels": parcel["labels"]}
