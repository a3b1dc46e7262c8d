"""An order, from paid to settled. `run` is the table of contents of the business; what it calls follows in that order."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import wraps
from typing import Any, NoReturn

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from activities.fulfilment import FulfilmentActivities
    from activities.notifications import CustomerFacts
    from activities.payments import PaymentActivities
    from activities.records import RecordActivities
    from activities.storefront import StorefrontActivities
    from domain.document import Attention, Blocked, OrderDocument, Reason, Shipment
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System, shipment_id
    from domain.ledger import Entry, EntryKind, whole_order_shares
    from domain.notifications import Occasion
    from domain.orders import PlacedOrder
    from domain.payments import Declined, Payment, PaymentState
    from domain.phases import Phase, advance
    from domain.records import OrderState
    from domain.settlement import differences
    from domain.shipments import (
        Labels,
        Pick,
        PickCancelled,
        PickState,
        ShipmentLine,
        ShipmentReport,
        TrackingState,
    )
    from workflows.compensations import Compensations
    from workflows.effects import Effects
    from workflows.owner import CancelAnswer, CancelRequest, CancelWanted, Owner

Step = Callable[["Order"], Coroutine[Any, Any, None]]


def asks_a_person(step: Step) -> Step:
    """A refusal in this step stops the order there, asks a person, and begins the step again when told to.

    A step may begin again because all it does states a target.
    """

    @wraps(step)
    async def run(order: "Order") -> None:
        while True:
            try:
                return await step(order)
            except Refused as refusal:
                await order.ask_a_person(Reason.REFUSED, str(refusal))
            except InvariantBroken as broken:
                await order.ask_a_person(Reason.BOOKS_DISAGREE, str(broken))

    return run


@workflow.defn(name="Order")
class Order:
    @workflow.init
    def __init__(self, placed: PlacedOrder) -> None:
        self.placed = placed
        self.document = OrderDocument.begun(placed)
        self.owner = Owner(self.document, on_outage=self._tell_outage)
        self.effects = Effects(self.document, self.owner.policies)
        self.undo = Compensations()

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
        self.effects = Effects(self.document, self.owner.policies)

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
        shipment = self._plan_shipment()
        if shipment:
            await self._ship(shipment)
        self.owner.too_late = f"it has {'shipped' if shipment else 'been paid'}; a return is the way back"
        await self._capture()
        if shipment:
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
        found = differences(
            self.placed, self.document.ledger, payment=self.document.payment, erp=erp, shop=shop
        )
        if found:
            raise Refused("the books differ: " + "; ".join(found))
        self.document.erp_order = erp
        invoice = await self.owner.do(self.effects.post_invoice())
        self.document.invoice = invoice
        if invoice.total != self.placed.total:
            raise Refused(f"the invoice says {invoice.total}, the order {self.placed.total}")
        self.owner.note(f"settled; invoice {invoice.reference} posted")

    async def _serve_after_sales(self) -> None:
        """The order stays reachable until its return window is over."""
        self._enter(Phase.AFTER_SALES)
        for shipment in self.document.shipments:
            await self._await_delivery(shipment)
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
            await self.ask_a_person(Reason.COMPENSATING, "; ".join(refused))
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

    # -- fulfilling --------------------------------------------------------------------------------------------

    @asks_a_person
    async def _confirm_to_customer(self) -> None:
        await self.owner.together(self.effects.mail(Occasion.CONFIRMED), self.effects.crm_note("confirmed"))

    def _plan_shipment(self) -> Shipment | None:
        """One shipment of everything that ships; None when nothing does."""
        lines = tuple(
            ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity)
            for line in self.placed.shippable
        )
        if not lines:
            return None
        shipment = Shipment(shipment_id=shipment_id(self.placed.order_id, 1), lines=lines)
        self.document.shipments.append(shipment)
        return shipment

    async def _ship(self, shipment: Shipment) -> None:
        """Until the goods have left. A cancel meanwhile is the warehouse's to answer: it stops them, or cannot."""
        while True:
            try:
                return await self._pick_and_hand_over()
            except CancelWanted as wanted:
                why = await self._stop_warehouse(shipment)
                if why is None:
                    raise
                wanted.request.answer = CancelAnswer(allowed=False, why=why)
                self.owner.note("a cancel came too late: the warehouse cannot stop the shipment any more")

    @asks_a_person
    async def _pick_and_hand_over(self) -> None:
        shipment = self.document.shipments[0]
        self.undo.add(self._stop_pick)
        if shipment.state is None:
            await self.owner.do(self.effects.request_pick(shipment))
            shipment.state = PickState.REQUESTED
        pick = await self._await_pick(
            shipment, {PickState.PACKED, PickState.SHIPPED}, "the warehouse to pack"
        )
        shipment.packages = pick.packages
        if pick.state is not PickState.SHIPPED:
            self.undo.add(self._void_labels)
            shipment.labels = await self.owner.do(self.effects.create_labels(shipment))
            await self.owner.do(self.effects.hand_over(shipment))
            await self._await_pick(shipment, {PickState.SHIPPED}, "the goods to leave the warehouse")
        self.owner.note(f"shipped in {len(shipment.packages)} packages")

    async def _await_pick(self, shipment: Shipment, wanted: set[PickState], waits_for: str) -> Pick:
        look = self.effects.look_at_shipment(System.WAREHOUSE, shipment.shipment_id)
        while True:
            self.owner.hints.discard(System.WAREHOUSE)
            pick = await self.owner.look(FulfilmentActivities.look_up_pick, look)
            if pick is None or pick.state is PickState.CANCELLED:
                shipment.state = None
                raise Refused("the warehouse cancelled the pick: ask it why, then retry or cancel the order")
            shipment.state = pick.state
            if pick.state in wanted:
                return pick
            await self.owner.hinted(System.WAREHOUSE, waits_for)

    @asks_a_person
    async def _capture(self) -> None:
        """Take exactly what shipped. Our own books are asked before the gateway is."""
        shipment = shipment_id(self.placed.order_id, 1)
        entry = Entry(
            key=self.effects.key("capture", "s1"),
            kind=EntryKind.CHARGE,
            amount=self.placed.total,
            shares=whole_order_shares(self.placed),
            shipment=shipment,
        )
        ledger = self.document.ledger.with_entry(entry)
        if entry.amount:
            payment = self.document.payment
            if payment is None:
                raise InvariantBroken("goods have shipped of an order without a payment")
            answer = await self.owner.do(self.effects.capture_payment(payment, entry, shipment))
            if isinstance(answer, Declined):
                raise Refused(f"the capture of {entry.amount} was declined ({answer.reason})")
            if answer.amount != entry.amount:
                raise InvariantBroken(f"{answer.amount} was captured instead of {entry.amount}")
        self.document.ledger = ledger
        self.owner.note(f"captured {entry.amount}")
        await self._look_at_payment()

    @asks_a_person
    async def _tell_shipped(self) -> None:
        report = self._shipment_report()
        facts = CustomerFacts(labels=report.labels, captured=report.captured)
        await self.owner.together(
            self.effects.record_shipment_in_erp(report),
            self.effects.report_shipment_to_shop(report),
            self.effects.mail(Occasion.SHIPPED, facts),
            self.effects.crm_note("shipped"),
        )
        self.owner.note("ERP, shop and customer know of the shipment")

    async def _await_delivery(self, shipment: Shipment) -> None:
        """Until the carrier delivered, or has had the days for it that the policy gives."""
        deadline = workflow.now() + timedelta(days=self.owner.policies.delivery_wait_days_max)
        look = self.effects.look_at_shipment(System.CARRIER, shipment.shipment_id)
        while True:
            self.owner.hints.discard(System.CARRIER)
            tracking = await self.owner.look(FulfilmentActivities.track_shipment, look)
            shipment.tracking = tracking.state if tracking else None
            if shipment.tracking is TrackingState.DELIVERED or workflow.now() >= deadline:
                break
            await self.owner.hinted(System.CARRIER, "the delivery", at_most=deadline - workflow.now())
        if shipment.tracking is TrackingState.DELIVERED:
            self.owner.note("delivered")
            await self.owner.do(self.effects.mail(Occasion.DELIVERED))

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

    async def _stop_pick(self) -> None:
        for shipment in self.document.shipments:
            why = await self._stop_warehouse(shipment)
            if why is not None:
                raise Refused(f"the warehouse cannot stop shipment {shipment.shipment_id}: {why}")
            shipment.state = PickState.CANCELLED

    async def _stop_warehouse(self, shipment: Shipment) -> str | None:
        """None when nothing leaves the warehouse, otherwise why it is too late."""
        with self.owner.deciding():
            try:
                answer = await self.owner.do(self.effects.cancel_pick(shipment))
            except Refused as refusal:
                return str(refusal)
        return None if isinstance(answer, PickCancelled) else answer.why

    async def _void_labels(self) -> None:
        for shipment in self.document.shipments:
            await self.owner.do(self.effects.void_labels(shipment))

    @asks_a_person
    async def _tell_cancelled(self) -> None:
        todos = [
            self.effects.cancel_shop_order(self.document.cancel_reason),
            self.effects.mail(Occasion.CANCELLED, CustomerFacts(why=self.document.cancel_reason)),
        ]
        if self.document.crm_customer:
            todos.append(self.effects.crm_note("cancelled"))
        await self.owner.together(*todos)

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

    def _shipment_report(self) -> ShipmentReport:
        shipment, payment, entry = (
            self.document.shipments[0],
            self.document.payment,
            self.document.ledger.entries[0],
        )
        return ShipmentReport(
            order_id=self.placed.order_id,
            shipment_id=shipment.shipment_id,
            lines=shipment.lines,
            labels=shipment.labels
            or Labels(carrier="", labels=()),  # somebody may ship without asking us for labels
            captured=entry.amount,
            capture_reference=next((c.reference for c in payment.captures), "") if payment else "",
        )

    def _cancel_for(self, why: str) -> NoReturn:
        raise CancelWanted(CancelRequest(actor="deadline", reason=why))

    async def ask_a_person(self, reason: Reason, what: str) -> None:
        """Stop here until somebody says to try again; a cancel is heard too where it is possible."""
        can_do = "Mend the cause, then `ordersaga orders retry ORDER`."
        if self.owner.too_late is None:
            can_do += " Or `ordersaga orders cancel ORDER`."
        self.document.attention = Attention(reason=reason, what=what, can_do=can_do, since=workflow.now())
        self.owner.note(f"needs a person: {what}")
        self._tell_operators(Occasion.NEEDS_PERSON, None, what, can_do)
        self.owner.retry_wanted = False
        try:
            await self.owner.until(lambda: self.owner.retry_wanted)
        finally:
            self.document.attention = None
            self.owner.show()

    def _tell_outage(self, blocked: Blocked, occasion: Occasion) -> None:
        if blocked.system is System.NOTIFICATIONS:
            return
        if occasion is Occasion.SYSTEM_DOWN:
            what, next_step = (
                f"{blocked.system} does not answer: {blocked.last_error}",
                "It is tried until it answers.",
            )
        else:
            what, next_step = f"{blocked.system} answers again.", "Nothing is to be done."
        self._tell_operators(occasion, blocked.system, what, next_step)

    def _tell_operators(self, occasion: Occasion, system: System | None, what: str, next_step: str) -> None:
        if self.owner.policies.operators:
            self.owner.in_background(self.effects.tell_operators(occasion, system, what, next_step))

    # -- doors: they only post ---------------------------------------------------------------------------------

    @workflow.update
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

    @workflow.signal
    def look_again(self, system: System) -> None:
        """Something changed at `system`: the order reads its state again."""
        self.owner.hints.add(system)

    @workflow.signal
    def retry(self, actor: str, reason: str) -> None:
        """Somebody mended what the order needed a person for."""
        self.owner.note(f"retry wanted by {actor}: {reason}")
        self.owner.retry_wanted = True

    @workflow.query(name="document")
    def read_document(self) -> OrderDocument:
        return self.document
