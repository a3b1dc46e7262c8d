"""An order, from paid to settled. `run` is the table of contents of the business; what it calls follows in that order."""

from datetime import timedelta
from typing import NoReturn

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from activities.notifications import CustomerFacts, Undeliverable
    from activities.payments import PaymentActivities
    from activities.records import RecordActivities
    from activities.storefront import StorefrontActivities
    from domain.document import OrderDocument, Reason, Shipment
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.ledger import Entry, EntryKind, whole_order_shares
    from domain.notifications import Occasion
    from domain.orders import PlacedOrder
    from domain.payments import Declined, Payment, PaymentState
    from domain.phases import Phase, advance
    from domain.records import OrderState
    from domain.settlement import disagreements
    from domain.shipments import Labels, ShipmentReport, TrackingState
    from workflows.attention import Desk, asks_a_person
    from workflows.compensations import Compensations
    from workflows.effects import Effects
    from workflows.fulfilment import Fulfilment
    from workflows.owner import CancelAnswer, CancelRequest, CancelWanted, Owner


@workflow.defn(name="Order")
class Order:
    @workflow.init
    def __init__(self, placed: PlacedOrder) -> None:
        self.placed = placed
        self.document = OrderDocument.begun(placed)
        self.owner = Owner(self.document)
        self.effects = Effects(self.owner)
        self.desk = Desk(self.owner, self.effects)
        self.undo = Compensations()
        self.fulfilment = Fulfilment(self.owner, self.effects, self.desk, self.undo)

    # -- the business ------------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, placed: PlacedOrder) -> OrderState:  # noqa: ARG002  __init__ has taken it
        try:
            await self._receive()
            await self._check_customer()
            await self._confirm_payment()
            await self._enter_into_erp()
            await self._reserve_stock()
            await self._fulfil()
            await self._settle()
            await self._serve_after_sales()
        except CancelWanted as wanted:
            await self._cancel(wanted.request)
        return await self._close()

    async def _receive(self) -> None:
        self.owner.note(f"received: {self.placed.total} in {len(self.placed.lines)} lines")
        self.undo.add(self._release_money)  # the shopper paid at the checkout, before we knew of the order
        with self.owner.deciding():
            look = self.effects.look_at(System.DATABASE)
            self.owner.policies = await self.owner.look(RecordActivities.resolve_policies, look)

    @asks_a_person
    async def _check_customer(self) -> None:
        self._enter(Phase.CUSTOMER_CHECK)
        erp, crm = await self.owner.together(self.effects.register_in_erp(), self.effects.register_in_crm())
        self.document.erp_customer, self.document.crm_customer = erp, crm
        self.owner.note("customer known to ERP and CRM")

    @asks_a_person
    async def _confirm_payment(self) -> None:
        """Wait until the gateway holds the whole amount; cancel at the deadline, after asking once more."""
        self._enter(Phase.AWAITING_PAYMENT)
        if not self.placed.total:
            self.owner.note("nothing is to be paid")
            return
        deadline = workflow.now() + timedelta(hours=self.owner.policies.payment_wait_hours_max)
        while True:
            payment = await self._look_at_payment()
            if payment and payment.state is PaymentState.AUTHORISED and payment.held >= self.placed.total:
                break
            if payment and payment.captured:
                raise Refused(f"{payment.captured} were captured before anything shipped")
            left = deadline - workflow.now()
            if left <= timedelta(0):
                self._cancel_for("the payment was not confirmed in time")
            state = payment.state if payment else "not at the gateway yet"
            await self.owner.hinted(System.PAYMENTS, f"the payment, which is {state}", at_most=left)
        self.owner.note(f"payment confirmed: {payment.held} held")

    @asks_a_person
    async def _enter_into_erp(self) -> None:
        self._enter(Phase.ENTERING_ERP)
        self.undo.add(self._cancel_erp_order)
        entered = await self.owner.do(self.effects.enter_erp_order())
        self.document.erp_order = entered
        self.owner.note(f"entered in the ERP as {entered.reference}")

    @asks_a_person
    async def _reserve_stock(self) -> None:
        self._enter(Phase.RESERVING)
        self.undo.add(self._release_stock)
        while True:
            self.owner.hints.discard(System.STOCK)
            reservation = await self.owner.do(self.effects.reserve_stock())
            self.document.reservation = reservation
            if not reservation.short:
                break
            short = ", ".join(f"{line.short} × {line.sku}" for line in reservation.short)
            await self.owner.hinted(System.STOCK, f"stock: {short} missing")
        self.owner.note("stock reserved")

    async def _fulfil(self) -> None:
        self._enter(Phase.FULFILLING)
        await self._confirm_to_customer()
        await self.fulfilment.ship()
        gone = "shipped" if self.fulfilment.shipment else "been paid"
        self.owner.too_late = f"it has {gone}; a return is the way back"
        await self._capture()
        await self._tell_shipped()

    @asks_a_person
    async def _settle(self) -> None:
        """Leave no hold behind, compare everybody's books, and post the invoice when they agree."""
        self._enter(Phase.SETTLING)
        payment = await self._look_at_payment()
        if payment and payment.held:
            await self._void_hold()
        erp = await self.owner.look(ErpActivities.look_up_erp_order, self.effects.look_at(System.ERP))
        shop = await self.owner.look(
            StorefrontActivities.look_up_shop_order, self.effects.look_at(System.STOREFRONT)
        )
        found = disagreements(
            self.placed, self.document.ledger, payment=self.document.payment, erp=erp, shop=shop
        )
        if found:
            raise InvariantBroken("the books differ: " + "; ".join(found))
        self.document.erp_order = erp
        invoice = await self.owner.do(self.effects.post_invoice())
        self.document.invoice = invoice
        if invoice.total != self.placed.total:
            raise InvariantBroken(f"the invoice says {invoice.total}, the order {self.placed.total}")
        self.owner.note(f"settled; invoice {invoice.reference} posted")

    @asks_a_person
    async def _serve_after_sales(self) -> None:
        """The order stays reachable until its return window is over."""
        self._enter(Phase.AFTER_SALES)
        await self.fulfilment.await_delivery()
        if self.fulfilment.shipment and self.fulfilment.shipment.tracking is TrackingState.DELIVERED:
            self._mailed(await self.owner.do(self.effects.mail(Occasion.DELIVERED)))
        self.document.waits_for = "the return window to end"
        self.owner.show()
        await self.owner.until(lambda: False, at_most=timedelta(days=self.owner.policies.return_window_days))
        self.document.waits_for = ""

    async def _cancel(self, request: CancelRequest) -> None:
        """Undo in reverse what was done, from what the outside says, and tell everybody."""
        request.answer = CancelAnswer(allowed=True, why="it is being cancelled; nothing will ship")
        self.owner.too_late = "it is being cancelled already"
        self.document.cancel_reason = request.reason
        self._enter(Phase.CANCELLING)
        self.owner.note(f"cancel wanted by {request.actor}: {request.reason}")
        await self.owner.settled()
        while refused := await self.undo.run():
            await self.desk.ask(Reason.COMPENSATING, "; ".join(refused))
        await self._tell_cancelled()

    async def _close(self) -> OrderState:
        """Keep the whole order in the database; nothing is left in flight and nobody waits for an answer."""
        cancelled = self.document.phase is Phase.CANCELLING
        self.owner.too_late = "the order is closed"
        await self.owner.end_background()
        self._enter(Phase.CANCELLED if cancelled else Phase.COMPLETED)
        await self._keep_record()
        self.owner.serve()
        await self.owner.until(workflow.all_handlers_finished)
        return OrderState(self.document.phase)

    @asks_a_person
    async def _keep_record(self) -> None:
        await self.owner.do(self.effects.close_record(OrderState(self.document.phase)))

    # -- telling and charging ----------------------------------------------------------------------------------

    @asks_a_person
    async def _confirm_to_customer(self) -> None:
        mailed, _ = await self.owner.together(
            self.effects.mail(Occasion.CONFIRMED), self.effects.crm_note("confirmed")
        )
        self._mailed(mailed)

    @asks_a_person
    async def _capture(self) -> None:
        """Take exactly what shipped. Our own books are asked before the gateway is."""
        entry = Entry(
            key=self.effects.key("capture", "s1"),
            kind=EntryKind.CHARGE,
            amount=self.placed.total,
            shares=whole_order_shares(self.placed),
            shipment=self.fulfilment.shipment.shipment_id if self.fulfilment.shipment else None,
        )
        ledger = self.document.ledger.with_entry(entry)
        if entry.amount:
            payment = self.document.payment
            if payment is None:
                raise InvariantBroken("goods have shipped of an order without a payment")
            answer = await self.owner.do(self.effects.capture_payment(payment, entry))
            if isinstance(answer, Declined):
                raise Refused(f"the capture of {entry.amount} was declined ({answer.reason})")
            if answer.amount != entry.amount:
                raise InvariantBroken(f"{answer.amount} was captured instead of {entry.amount}")
        self.document.ledger = ledger
        self.owner.note(f"captured {entry.amount}")
        await self._look_at_payment()

    @asks_a_person
    async def _tell_shipped(self) -> None:
        if self.fulfilment.shipment is None:
            return
        report = self._report(self.fulfilment.shipment)
        facts = CustomerFacts(labels=report.labels, captured=report.captured)
        _, _, mailed, _ = await self.owner.together(
            self.effects.record_shipment_in_erp(report),
            self.effects.report_shipment_to_shop(report),
            self.effects.mail(Occasion.SHIPPED, facts),
            self.effects.crm_note("shipped"),
        )
        self._mailed(mailed)
        self.owner.note("ERP and shop know of the shipment")

    @asks_a_person
    async def _tell_cancelled(self) -> None:
        todos = [self.effects.cancel_shop_order(self.document.cancel_reason)]
        if self.document.crm_customer:
            todos.append(self.effects.crm_note("cancelled"))
        mail = self.effects.mail(Occasion.CANCELLED, CustomerFacts(why=self.document.cancel_reason))
        mailed, *_ = await self.owner.together(mail, *todos)
        self._mailed(mailed)

    def _mailed(self, answer: Undeliverable | None) -> None:
        """A mail that nobody takes stops no order; it is told in the timeline."""
        if answer is not None:
            self.owner.note(f"the customer could not be mailed: {answer.why}")

    def _report(self, shipment: Shipment) -> ShipmentReport:
        entry = self.document.ledger.entries[0]
        captures = self.document.payment.captures if self.document.payment else ()
        return ShipmentReport(
            order_id=self.placed.order_id,
            shipment_id=shipment.shipment_id,
            lines=shipment.lines,
            # Somebody may ship without asking us for labels.
            labels=shipment.labels or Labels(carrier="", labels=()),
            captured=entry.amount,
            capture_reference=next((c.reference for c in captures if c.key == entry.key), ""),
        )

    # -- undoing -----------------------------------------------------------------------------------------------

    async def _void_hold(self) -> None:
        await self.owner.do(self.effects.void_hold())
        await self._look_at_payment()
        self.owner.note("no hold is left")

    async def _release_money(self) -> None:
        """The undo of a payment: no hold is left, and nothing that was taken is kept."""
        await self._void_hold()
        payment = self.document.payment
        if payment and payment.captured > payment.refunded:
            raise Refused(f"{payment.captured - payment.refunded} were captured: refund them at the gateway")

    async def _cancel_erp_order(self) -> None:
        await self.owner.do(self.effects.cancel_erp_order())
        self.owner.note("no open sales order is left in the ERP")

    async def _release_stock(self) -> None:
        await self.owner.do(self.effects.release_stock())
        self.owner.note("nothing is reserved")

    # -- small words -------------------------------------------------------------------------------------------

    def _enter(self, phase: Phase) -> None:
        """Pass the gate into a phase; a step that begins again is in it already."""
        if self.document.phase is not phase:
            self.document.phase = advance(self.document.phase, phase)
            self.owner.show()

    async def _look_at_payment(self) -> Payment | None:
        self.owner.hints.discard(System.PAYMENTS)
        look = self.effects.look_at_payment()
        self.document.payment = await self.owner.look(PaymentActivities.look_up_payment, look)
        return self.document.payment

    def _cancel_for(self, why: str) -> NoReturn:
        raise CancelWanted(CancelRequest(actor="deadline", reason=why))

    # -- doors: they only post ---------------------------------------------------------------------------------

    @workflow.update  # its durable name is the method's: with name= the SDK's types lose that it is a coroutine
    async def cancel(self, actor: str, reason: str) -> CancelAnswer:
        """Ask to cancel the whole order. The answer says that nothing will ship, or why it is too late."""
        request = CancelRequest(actor=actor, reason=reason)
        self.owner.mailbox.append(request)
        await workflow.wait_condition(lambda: request.answer is not None)
        return request.answer or CancelAnswer(allowed=False, why="not answered")

    @cancel.validator
    def check_cancel(self, actor: str, reason: str) -> None:
        for field, text in (("actor", actor), ("reason", reason)):
            if not text.strip():
                raise ValueError(f"{field}: say who wants it and why")

    @workflow.signal(name="look_again")
    def look_again(self, system: System) -> None:
        """Something changed at `system`: the order reads its state again."""
        self.owner.hints.add(system)

    @workflow.signal(name="retry")
    def retry(self, actor: str, reason: str) -> None:
        """Somebody mended what the order needed a person for."""
        self.owner.note(f"retry wanted by {actor}: {reason}")
        self.owner.retry_wanted = True

    @workflow.query(name="document")
    def read_document(self) -> OrderDocument:
        return self.document
