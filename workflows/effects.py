"""The effects of an order: for each its activity, its key, and the words the Web UI shows."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities
    from activities.erp import (
        ApproveCredit,
        EnterOrder,
        ErpActivities,
        LookUpAccount,
        PriceArticle,
        RecordShipment,
        RegisterCustomer,
    )
    from activities.fulfilment import (
        Adopt,
        CreateLabels,
        FulfilmentActivities,
        HandOver,
        LookUpPicks,
        LookUpShipment,
        RequestPick,
        ShipmentEffect,
    )
    from activities.payments import (
        CapturePayment,
        HoldPayment,
        IncrementHold,
        LookUpPayments,
        MakePayLink,
        PaymentActivities,
        RefundPayment,
        VoidHolds,
    )
    from activities.records import CloseOrder, RecordActivities, ReopenOrder
    from activities.steps import Effect, Look
    from activities.stock import ReleaseStock, ReserveStock, StockActivities
    from activities.storefront import AmendShopOrder, CancelShopOrder, StorefrontActivities
    from domain.allocation import Wanted
    from domain.document import Shipment
    from domain.erp import CreditApproved, CreditRefused, Edited, ErpOrder, Invoice, SalesOrder
    from domain.errors import InvariantBroken, Refused
    from domain.ids import CustomerRef, PaymentRef, ShipmentId, Sku, System, shipment_name
    from domain.money import Money
    from domain.payments import Capture, Declined, Part, PayLink, Payment, Refund
    from domain.planner import Increment, NewHold
    from domain.records import OrderState
    from domain.reservations import Demand, Reservation
    from domain.shipments import Label, Labels, Parcel, PickCancelled, PickRequest, ShipmentReport, TooLate
    from domain.storefront import StorefrontOrder
    from workflows.return_effects import ReturnEffects
    from workflows.todo import Todo


class Effects(ReturnEffects):
    """What may be done for one order. Every effect states a target, so that a repeat or an undo is always legal."""

    def look_at(self, system: System) -> Look:
        return Look(adapter=self._adapter(system), order_id=self._id)

    def look_at_payments(self) -> LookUpPayments:
        return LookUpPayments(
            adapter=self._adapter(System.PAYMENTS),
            order_id=self._id,
            reference=self._order.payment.reference,
            currency=self._order.currency,
        )

    def look_at_account(self, customer: CustomerRef) -> LookUpAccount:
        return LookUpAccount(adapter=self._adapter(System.ERP), order_id=self._id, customer=customer)

    def look_at_article(self, sku: Sku, quantity: int) -> PriceArticle:
        return PriceArticle(
            adapter=self._adapter(System.ERP),
            order_id=self._id,
            sku=sku,
            quantity=quantity,
            currency=self._order.currency,
        )

    def look_at_picks(self, shipments: tuple[ShipmentId, ...]) -> LookUpPicks:
        return LookUpPicks(adapter=self._adapter(System.WAREHOUSE), order_id=self._id, shipments=shipments)

    def look_at_shipment(self, system: System, shipment: ShipmentId) -> LookUpShipment:
        return LookUpShipment(adapter=self._adapter(system), order_id=self._id, shipment_id=shipment)

    # -- customer, ERP, stock ----------------------------------------------------------------------------------

    def register_in_erp(self) -> Todo[CustomerRef]:
        call = RegisterCustomer(
            **self._call(System.ERP, "customer", self._corrected), customer=self._order.customer
        )
        return Todo(
            ErpActivities.register_customer_in_erp,
            call,
            "erp-customer",
            "Know the customer in the ERP",
            done_as=self._erp_customer_outside,
        )

    def register_in_crm(self) -> Todo[CustomerRef | None]:
        call = RegisterCustomer(
            **self._call(System.CRM, "crm-customer", self._corrected), customer=self._order.customer
        )
        return Todo(
            CrmActivities.register_customer_in_crm,
            call,
            "crm-customer",
            "Know the customer in the CRM",
            may_skip=True,
        )

    def approve_credit(self) -> Todo[CreditApproved | CreditRefused]:
        call = ApproveCredit(
            **self._call(System.ERP, "credit", self._edition),
            customer=self._erp_customer(),
            amount=self._order.total,
        )
        return Todo(
            ErpActivities.approve_credit,
            call,
            "credit",
            f"Set {self._order.total} of the customer's credit aside",
        )

    def enter_erp_order(self) -> Todo[ErpOrder | Edited]:
        sales_order = SalesOrder(
            order=self._order,
            customer=self._erp_customer(),
            revision=self._document.edition,
            secured=self._document.payments.secured if self._document.payments.payments else None,
            known=self._document.erp_order.version if self._document.erp_order else "",
        )
        call = EnterOrder(
            **self._call(System.ERP, "erp", f"r{self._document.edition}"), sales_order=sales_order
        )
        return Todo(ErpActivities.enter_erp_order, call, "erp-order", "Enter the sales order in the ERP")

    def cancel_erp_order(self) -> Todo[None]:
        call = Effect(**self._call(System.ERP, "erp-cancel"))
        return Todo(ErpActivities.cancel_erp_order, call, "erp-cancel", "Cancel the sales order in the ERP")

    def reserve_stock(self) -> Todo[Reservation]:
        """What is in no shipment yet is looked for everywhere; what is in one, and has not left, stays kept for it."""
        document = self._document
        units = document.unassigned
        policies = self._owner.policies
        call = ReserveStock(
            **self._call(System.STOCK, "reserve"),
            wanted=tuple(
                Wanted(line_id=line.line_id, sku=line.sku, quantity=units[line.line_id])
                for line in self._order.shippable
                if units[line.line_id]
            ),
            kept=tuple(
                Demand(line_id=line.line_id, sku=line.sku, quantity=line.quantity, location=shipment.location)
                for shipment in document.shipments
                if not shipment.left and not shipment.ended
                for line in shipment.lines
            ),
            warehouses=policies.warehouses,
            passed_over=document.passed_over,
            promised_at=self._order.placed_at,
            waited=document.reservation is not None and bool(document.reservation.short),
        )
        return Todo(StockActivities.reserve_stock, call, "reserve", "Reserve stock")

    def release_stock(self) -> Todo[None]:
        call = ReleaseStock(**self._call(System.STOCK, "release"), promised_at=self._order.placed_at)
        return Todo(StockActivities.release_stock, call, "release", "Release what is reserved")

    # -- fulfilment --------------------------------------------------------------------------------------------

    def request_pick(self, shipment: Shipment) -> Todo[None]:
        pick = PickRequest(
            shipment_id=shipment.shipment_id,
            order_id=self._id,
            order_number=self._order.number,
            lines=shipment.lines,
            location=shipment.location,
            ship_to=self._order.shipping,
        )
        target = shipment_name(shipment.shipment_id) + self._corrected
        call = RequestPick(**self._call(System.WAREHOUSE, "pick", target), pick=pick)
        return Todo(
            FulfilmentActivities.request_pick,
            call,
            f"pick-{shipment_name(shipment.shipment_id)}",
            "Ask the warehouse to pick",
        )

    def adopt_shipment(self, reference: str, shipment: Shipment) -> Todo[None]:
        name = shipment_name(shipment.shipment_id)
        call = Adopt(
            **self._call(System.WAREHOUSE, "adopt", name),
            shipment_id=shipment.shipment_id,
            reference=reference,
        )
        return Todo(
            FulfilmentActivities.adopt_shipment, call, f"adopt-{name}", "Take over what was begun by hand"
        )

    def cancel_pick(self, shipment: Shipment) -> Todo[PickCancelled | TooLate]:
        call = ShipmentEffect(
            **self._call(System.WAREHOUSE, "pick-cancel", shipment_name(shipment.shipment_id)),
            shipment_id=shipment.shipment_id,
        )
        return Todo(
            FulfilmentActivities.cancel_pick,
            call,
            f"pick-cancel-{shipment_name(shipment.shipment_id)}",
            "Stop the warehouse",
        )

    def create_labels(self, shipment: Shipment) -> Todo[Labels]:
        parcel = Parcel(
            shipment_id=shipment.shipment_id, packages=shipment.packages, ship_to=self._order.shipping
        )
        target = shipment_name(shipment.shipment_id) + self._corrected
        call = CreateLabels(**self._call(System.CARRIER, "labels", target), parcel=parcel)

        async def by_hand(tracking_number: str) -> Labels:
            labels = (
                Label(package_id=package.package_id, tracking_number=tracking_number)
                for package in shipment.packages
            )
            return Labels(carrier="by hand", labels=tuple(labels))

        return Todo(
            FulfilmentActivities.create_labels,
            call,
            f"labels-{shipment_name(shipment.shipment_id)}",
            "Get the carrier's labels",
            done_as=by_hand,
        )

    def void_labels(self, shipment: Shipment) -> Todo[None]:
        call = ShipmentEffect(
            **self._call(System.CARRIER, "labels-void", shipment_name(shipment.shipment_id)),
            shipment_id=shipment.shipment_id,
        )
        return Todo(
            FulfilmentActivities.void_labels,
            call,
            f"labels-void-{shipment_name(shipment.shipment_id)}",
            "Void the labels",
            may_skip=True,
        )

    def hand_over(self, shipment: Shipment) -> Todo[None]:
        if shipment.labels is None:
            raise InvariantBroken("a shipment leaves with its labels")
        call = HandOver(
            **self._call(System.WAREHOUSE, "hand-over", shipment_name(shipment.shipment_id)),
            shipment_id=shipment.shipment_id,
            labels=shipment.labels,
        )
        return Todo(
            FulfilmentActivities.hand_over,
            call,
            f"hand-over-{shipment_name(shipment.shipment_id)}",
            "Give the labels to the warehouse",
        )

    # -- money -------------------------------------------------------------------------------------------------

    def capture_payment(
        self, shipment: ShipmentId | None, part: Part, number: int, *, final: bool
    ) -> Todo[Capture | Declined]:
        """`number`: of the payment among the order's; each capture for a shipment has a key of its own.

        `final` releases the rest of the hold. Without a shipment: what was left to be taken at the end.
        """
        what = shipment_name(shipment) if shipment else "rest"
        target = what if number == 1 else f"{what}-p{number}"
        call = CapturePayment(
            **self._call(System.PAYMENTS, "capture", target),
            payment=part.payment,
            amount=part.amount,
            shipment_id=shipment,
            final=final,
        )
        return Todo(PaymentActivities.capture_payment, call, f"capture-{target}", f"Capture {part.amount}")

    def refund_payment(self, part: Part, number: int, former: int) -> Todo[Refund | Declined]:
        """`former`: so many refunds the gateway has of this payment already, failed ones too."""
        target = f"p{number}-{former + 1}"
        call = RefundPayment(
            **self._call(System.PAYMENTS, "refund", target), payment=part.payment, amount=part.amount
        )
        return Todo(PaymentActivities.refund_payment, call, f"refund-{target}", f"Give back {part.amount}")

    def hold_payment(self, hold: NewHold) -> Todo[Payment | Declined]:
        target = str(self._document.holds_asked)
        call = HoldPayment(**self._call(System.PAYMENTS, "hold", target), like=hold.like, amount=hold.amount)
        return Todo(PaymentActivities.hold_payment, call, f"hold-{target}", f"Hold {hold.amount} anew")

    def increment_hold(self, step: Increment) -> Todo[Payment | Declined]:
        target = str(self._document.holds_asked)
        call = IncrementHold(
            **self._call(System.PAYMENTS, "increment", target),
            payment=step.payment,
            authorised=step.authorised,
        )
        return Todo(
            PaymentActivities.increment_hold, call, f"increment-{target}", f"Hold {step.authorised} in all"
        )

    def make_pay_link(self, amount: Money) -> Todo[PayLink]:
        target = str(amount.minor)
        call = MakePayLink(**self._call(System.PAYMENTS, "pay-link", target), amount=amount)
        return Todo(PaymentActivities.make_pay_link, call, f"pay-link-{target}", "Make a page to pay at")

    def void_hold(self, payment: PaymentRef, number: int) -> Todo[None]:
        """`number`: of the payment among the order's."""
        call = VoidHolds(
            **self._call(System.PAYMENTS, "void-hold", str(number)),
            reference=self._order.payment.reference,
            only=payment,
        )
        return Todo(PaymentActivities.void_holds, call, f"void-hold-{number}", "Let the former hold go")

    def void_holds(self) -> Todo[None]:
        call = VoidHolds(**self._call(System.PAYMENTS, "void"), reference=self._order.payment.reference)
        return Todo(PaymentActivities.void_holds, call, "void", "Release what is held")

    def post_invoice(self) -> Todo[Invoice]:
        call = Effect(**self._call(System.ERP, "invoice"))
        return Todo(ErpActivities.post_invoice, call, "invoice", "Post the invoice")

    # -- telling -----------------------------------------------------------------------------------------------

    def record_shipment_in_erp(self, report: ShipmentReport, again: str = "") -> Todo[None]:
        """`again`: what sets it apart from what was told of this shipment before."""
        target = shipment_name(report.shipment_id) + again
        call = RecordShipment(**self._call(System.ERP, "erp-shipped", target), report=report)
        return Todo(
            ErpActivities.record_shipment_in_erp,
            call,
            f"erp-shipped-{target}",
            "Tell the ERP of the shipment",
            may_skip=True,
        )

    def report_shipment_to_shop(self, report: ShipmentReport, again: str = "") -> Todo[None]:
        target = shipment_name(report.shipment_id) + again
        call = RecordShipment(**self._call(System.STOREFRONT, "shop-shipped", target), report=report)
        return Todo(
            StorefrontActivities.report_shipment_to_shop,
            call,
            f"shop-shipped-{target}",
            "Tell the shop of the shipment",
            may_skip=True,
        )

    def amend_shop_order(self) -> Todo[StorefrontOrder | Edited]:
        known = self._document.shop_order
        call = AmendShopOrder(
            **self._call(System.STOREFRONT, "shop-amend", f"r{self._document.edition}"),
            order=self._order,
            known=known.version if known else "",
        )
        return Todo(
            StorefrontActivities.amend_shop_order,
            call,
            "shop-amend",
            "Show the shop the order as it is now",
            may_skip=True,
        )

    def cancel_shop_order(self, reason: str) -> Todo[None]:
        call = CancelShopOrder(**self._call(System.STOREFRONT, "shop-cancel"), reason=reason)
        return Todo(
            StorefrontActivities.cancel_shop_order,
            call,
            "shop-cancel",
            "Cancel the order in the shop",
            may_skip=True,
        )

    def close_record(self, state: OrderState) -> Todo[None]:
        call = CloseOrder(
            **self._call(System.DATABASE, "close"),
            state=state,
            document=self._document.model_dump_json(),
            closed_at=workflow.now(),
        )
        return Todo(RecordActivities.close_order_record, call, "close", "Keep the closed order")

    def reopen_record(self, closed_at: datetime) -> Todo[None]:
        target = f"{closed_at:%Y%m%dT%H%M%S.%f}"
        call = ReopenOrder(**self._call(System.DATABASE, "reopen", target), closed_at=closed_at)
        return Todo(RecordActivities.reopen_order_record, call, "reopen", "Count the closed order as open")

    # -- how calls are made ------------------------------------------------------------------------------------

    @property
    def _corrected(self) -> str:
        """Part of the key of what states the order's own data: corrected data are another request."""
        return f"r{self._document.revision}" if self._document.revision > 1 else ""

    @property
    def _edition(self) -> str:
        return f"r{self._document.edition}" if self._document.edition > 1 else ""

    def _erp_customer(self) -> CustomerRef:
        if self._document.erp_customer is None:
            raise InvariantBroken("the order has no customer in the ERP yet")
        return self._document.erp_customer

    async def _erp_customer_outside(self, reference: str) -> CustomerRef:
        """Refused when the ERP does not know that customer."""
        customer = CustomerRef(reference)
        if await self._owner.look(ErpActivities.look_up_account, self.look_at_account(customer)) is None:
            raise Refused(f"the ERP has no customer {reference}")
        return customer
