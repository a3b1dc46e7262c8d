"""The effects of an order: for each its activity, its key, and the words the Web UI shows."""

from typing import TypedDict

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities, NoteInCrm
    from activities.erp import EnterOrder, ErpActivities, RecordShipment, RegisterCustomer
    from activities.fulfilment import (
        CreateLabels,
        FulfilmentActivities,
        HandOver,
        LookUpShipment,
        RequestPick,
        ShipmentEffect,
    )
    from activities.notifications import (
        CustomerFacts,
        MailCustomer,
        NotificationActivities,
        TellOperators,
        Undeliverable,
    )
    from activities.payments import CapturePayment, LookUpPayment, PaymentActivities, VoidHold
    from activities.records import CloseOrder, RecordActivities
    from activities.steps import Effect, Look
    from activities.stock import ReserveStock, StockActivities
    from activities.storefront import CancelShopOrder, StorefrontActivities
    from domain.document import Shipment
    from domain.erp import ErpOrder, Invoice, SalesOrder
    from domain.errors import InvariantBroken
    from domain.ids import CustomerRef, OrderId, ShipmentId, System, shipment_number_of
    from domain.keys import Key, effect_key
    from domain.ledger import Entry
    from domain.notifications import Occasion
    from domain.orders import PlacedOrder
    from domain.payments import Capture, Declined, Payment
    from domain.records import OrderState
    from domain.reservations import Reservation, demand_of
    from domain.shipments import Labels, Parcel, PickCancelled, PickRequest, ShipmentReport, TooLate
    from workflows.owner import Owner, Todo


class _Call(TypedDict):
    adapter: str
    order_id: OrderId
    key: Key


class Effects:
    """What may be done for one order. Every effect states a target, so that a repeat or an undo is always legal."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._document = owner.document
        self._told = 0

    @property
    def _order(self) -> PlacedOrder:
        return self._document.order

    @property
    def _id(self) -> OrderId:
        return self._document.order.order_id

    def key(self, step: str, target: str = "") -> Key:
        return effect_key(self._id, step, target)

    def look_at(self, system: System) -> Look:
        return Look(adapter=self._adapter(system), order_id=self._id)

    def look_at_payment(self) -> LookUpPayment:
        adapter = self._adapter(System.PAYMENTS)
        return LookUpPayment(adapter=adapter, order_id=self._id, reference=self._order.payment.reference)

    def look_at_shipment(self, system: System, shipment: ShipmentId) -> LookUpShipment:
        return LookUpShipment(adapter=self._adapter(system), order_id=self._id, shipment_id=shipment)

    # -- customer, ERP, stock ----------------------------------------------------------------------------------

    def register_in_erp(self) -> Todo[CustomerRef]:
        call = RegisterCustomer(**self._call(System.ERP, "customer"), customer=self._order.customer)
        return Todo(
            ErpActivities.register_customer_in_erp, call, "erp-customer", "Know the customer in the ERP"
        )

    def register_in_crm(self) -> Todo[CustomerRef]:
        call = RegisterCustomer(**self._call(System.CRM, "crm-customer"), customer=self._order.customer)
        return Todo(
            CrmActivities.register_customer_in_crm, call, "crm-customer", "Know the customer in the CRM"
        )

    def enter_erp_order(self) -> Todo[ErpOrder]:
        customer = self._document.erp_customer
        if customer is None:
            raise InvariantBroken("a sales order needs its customer")
        sales_order = SalesOrder(order=self._order, customer=customer, revision=self._document.revision)
        call = EnterOrder(
            **self._call(System.ERP, "erp", f"r{self._document.revision}"), sales_order=sales_order
        )
        return Todo(ErpActivities.enter_erp_order, call, "erp-order", "Enter the sales order in the ERP")

    def cancel_erp_order(self) -> Todo[None]:
        call = Effect(**self._call(System.ERP, "erp-cancel"))
        return Todo(ErpActivities.cancel_erp_order, call, "erp-cancel", "Cancel the sales order in the ERP")

    def reserve_stock(self) -> Todo[Reservation]:
        call = ReserveStock(
            **self._call(System.STOCK, "reserve", f"r{self._document.revision}"),
            demand=demand_of(self._order),
        )
        return Todo(StockActivities.reserve_stock, call, "reserve", "Reserve stock")

    def release_stock(self) -> Todo[None]:
        call = Effect(**self._call(System.STOCK, "release"))
        return Todo(StockActivities.release_stock, call, "release", "Release what is reserved")

    # -- fulfilment --------------------------------------------------------------------------------------------

    def request_pick(self, shipment: Shipment) -> Todo[None]:
        pick = PickRequest(
            shipment_id=shipment.shipment_id,
            order_id=self._id,
            order_number=self._order.number,
            lines=shipment.lines,
            ship_to=self._order.shipping,
        )
        call = RequestPick(**self._call(System.WAREHOUSE, "pick", _short(shipment.shipment_id)), pick=pick)
        return Todo(
            FulfilmentActivities.request_pick,
            call,
            f"pick-{_short(shipment.shipment_id)}",
            "Ask the warehouse to pick",
        )

    def cancel_pick(self, shipment: Shipment) -> Todo[PickCancelled | TooLate]:
        call = ShipmentEffect(
            **self._call(System.WAREHOUSE, "pick-cancel", _short(shipment.shipment_id)),
            shipment_id=shipment.shipment_id,
        )
        return Todo(
            FulfilmentActivities.cancel_pick,
            call,
            f"pick-cancel-{_short(shipment.shipment_id)}",
            "Stop the warehouse",
        )

    def create_labels(self, shipment: Shipment) -> Todo[Labels]:
        parcel = Parcel(
            shipment_id=shipment.shipment_id, packages=shipment.packages, ship_to=self._order.shipping
        )
        call = CreateLabels(
            **self._call(System.CARRIER, "labels", _short(shipment.shipment_id)), parcel=parcel
        )
        return Todo(
            FulfilmentActivities.create_labels,
            call,
            f"labels-{_short(shipment.shipment_id)}",
            "Get the carrier's labels",
        )

    def void_labels(self, shipment: Shipment) -> Todo[None]:
        call = ShipmentEffect(
            **self._call(System.CARRIER, "labels-void", _short(shipment.shipment_id)),
            shipment_id=shipment.shipment_id,
        )
        return Todo(
            FulfilmentActivities.void_labels,
            call,
            f"labels-void-{_short(shipment.shipment_id)}",
            "Void the labels",
        )

    def hand_over(self, shipment: Shipment) -> Todo[None]:
        if shipment.labels is None:
            raise InvariantBroken("a shipment leaves with its labels")
        call = HandOver(
            **self._call(System.WAREHOUSE, "hand-over", _short(shipment.shipment_id)),
            shipment_id=shipment.shipment_id,
            labels=shipment.labels,
        )
        return Todo(
            FulfilmentActivities.hand_over,
            call,
            f"hand-over-{_short(shipment.shipment_id)}",
            "Give the labels to the warehouse",
        )

    # -- money -------------------------------------------------------------------------------------------------

    def capture_payment(self, payment: Payment, entry: Entry) -> Todo[Capture | Declined]:
        call = CapturePayment(
            adapter=self._adapter(System.PAYMENTS),
            order_id=self._id,
            key=entry.key,
            payment=payment.reference,
            amount=entry.amount,
            shipment_id=entry.shipment,
            final=True,
        )
        return Todo(PaymentActivities.capture_payment, call, "capture-s1", f"Capture {entry.amount}")

    def void_hold(self) -> Todo[None]:
        call = VoidHold(**self._call(System.PAYMENTS, "void"), reference=self._order.payment.reference)
        return Todo(PaymentActivities.void_hold, call, "void", "Release what is held on the card")

    def post_invoice(self) -> Todo[Invoice]:
        call = Effect(**self._call(System.ERP, "invoice"))
        return Todo(ErpActivities.post_invoice, call, "invoice", "Post the invoice")

    # -- telling -----------------------------------------------------------------------------------------------

    def record_shipment_in_erp(self, report: ShipmentReport) -> Todo[None]:
        call = RecordShipment(
            **self._call(System.ERP, "erp-shipped", _short(report.shipment_id)), report=report
        )
        return Todo(
            ErpActivities.record_shipment_in_erp,
            call,
            f"erp-shipped-{_short(report.shipment_id)}",
            "Tell the ERP of the shipment",
        )

    def report_shipment_to_shop(self, report: ShipmentReport) -> Todo[None]:
        call = RecordShipment(
            **self._call(System.STOREFRONT, "shop-shipped", _short(report.shipment_id)), report=report
        )
        return Todo(
            StorefrontActivities.report_shipment_to_shop,
            call,
            f"shop-shipped-{_short(report.shipment_id)}",
            "Tell the shop of the shipment",
        )

    def cancel_shop_order(self, reason: str) -> Todo[None]:
        call = CancelShopOrder(**self._call(System.STOREFRONT, "shop-cancel"), reason=reason)
        return Todo(
            StorefrontActivities.cancel_shop_order, call, "shop-cancel", "Cancel the order in the shop"
        )

    def mail(self, occasion: Occasion, facts: CustomerFacts | None = None) -> Todo[Undeliverable | None]:
        call = MailCustomer(
            **self._call(System.NOTIFICATIONS, "mail", occasion),
            occasion=occasion,
            order=self._order,
            facts=facts or CustomerFacts(),
        )
        return Todo(
            NotificationActivities.mail_customer, call, f"mail-{occasion}", f"Mail the customer: {occasion}"
        )

    def crm_note(self, what: str) -> Todo[None]:
        customer = self._document.crm_customer
        if customer is None:
            raise InvariantBroken("a note in the CRM needs its customer")
        text = f"Order {self._order.number}: {what}"
        call = NoteInCrm(**self._call(System.CRM, "crm-note", what), customer_ref=customer, text=text)
        return Todo(CrmActivities.note_in_crm, call, f"crm-{what}", f"Note in the CRM: {what}")

    def tell_operators(
        self, occasion: Occasion, system: System | None, what: str, next_step: str
    ) -> Todo[None]:
        """Each telling of an order has a number, so that a second incident is told too."""
        self._told += 1
        number = f"{occasion}-{self._told}"
        call = TellOperators(
            **self._call(System.NOTIFICATIONS, "operators", number),
            to=self._owner.policies.operators,
            occasion=occasion,
            order_number=self._order.number,
            system=system,
            what=what,
            next_step=next_step,
        )
        return Todo(
            NotificationActivities.tell_operators, call, f"operators-{number}", f"Tell operators: {occasion}"
        )

    def close_record(self, state: OrderState) -> Todo[None]:
        call = CloseOrder(
            **self._call(System.DATABASE, "close"),
            state=state,
            document=self._document.model_dump_json(),
            closed_at=workflow.now(),
        )
        return Todo(RecordActivities.close_order_record, call, "close", "Keep the closed order")

    # -- how calls are made ------------------------------------------------------------------------------------

    def _adapter(self, system: System) -> str:
        return self._owner.policies.adapters.get(system, "")

    def _call(self, system: System, step: str, target: str = "") -> _Call:
        return _Call(adapter=self._adapter(system), order_id=self._id, key=self.key(step, target))


def _short(shipment: ShipmentId) -> str:
    return f"s{shipment_number_of(shipment)}"
