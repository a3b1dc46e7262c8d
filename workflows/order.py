"""An order, from paid to settled. `run` is the table of contents of the business; what it calls follows in that order."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from activities.notifications import CustomerFacts
    from activities.records import RecordActivities
    from activities.storefront import StorefrontActivities
    from domain.amendments import Amended, Amendment, Changes, Quote
    from domain.attention import Action, Answer, Reason, Resolve
    from domain.charges import reduced
    from domain.document import Dropped, OrderDocument, Shipment
    from domain.erp import Edited
    from domain.errors import InvariantBroken
    from domain.ids import LineId, System, shipment_name
    from domain.money import Money
    from domain.notifications import Occasion
    from domain.orders import PaymentTerm
    from domain.phases import Phase, advance
    from domain.records import OrderState
    from domain.returns import ReturnAsked
    from domain.settlement import disagreements
    from domain.storefront import StorefrontState
    from workflows.amending import Amending
    from workflows.attention import Desk, asks_a_person
    from workflows.compensations import Compensations
    from workflows.customers import await_approval, know_customer, tell_customer
    from workflows.delivering import Delivering
    from workflows.effects import Effects
    from workflows.fulfilment import Fulfilment
    from workflows.next_run import Beginning, Carried, NextRun, document_of
    from workflows.owner import Owner
    from workflows.payments import OrderPayments
    from workflows.requests import (
        AmendRequest,
        CancelRequest,
        CancelWanted,
        HoldRequest,
        ReleaseRequest,
        Request,
        ResolveRequest,
        ReturnRequest,
    )
    from workflows.returns import Returns
    from workflows.telling import Telling, lines_of
    from workflows.todo import Todo


_PAID_ALREADY = "your order was paid already"


@workflow.defn(name="Order")
class Order:
    @workflow.init
    def __init__(self, begun_with: Beginning) -> None:
        self.document = document_of(begun_with)
        self.owner = Owner(self.document)
        self.next_run = NextRun(self.owner, begun_with)
        self.placed = self.next_run.placed
        self.effects = Effects(self.owner)
        self.desk = Desk(self.owner, self.effects)
        self.undo = Compensations()
        self.payments = OrderPayments(self.owner, self.effects, self.desk)
        self.tell = Telling(self.owner, self.effects, self.desk)
        self.returns = Returns(self.owner, self.effects, self.desk, self.payments)
        self.owner.on_return = self.returns.take
        self.fulfilment = Fulfilment(
            self.owner,
            self.effects,
            self.desk,
            self.undo,
            self.payments,
            shipped=self._when_shipped,
            dropped=self._drop,
            backordered=self.tell.backordered,
            share=self._share,
            resume=self.returns.resume,
        )
        self.delivering = Delivering(self.desk, delivered=self.tell.delivered, lost=self.returns.lost)
        self.amending = Amending(self.fulfilment, self.tell)
        self.elsewhere = self.amending.elsewhere
        self.fulfilment.before_cancel = self.amending.give_up
        self.owner.on_hint[System.STOREFRONT] = self._look_into_the_shop
        if isinstance(begun_with, Carried):
            self._take_up()

    # -- the business ------------------------------------------------------------------------------------------

    def _life(self) -> dict[Phase, Callable[[], Awaitable[None]]]:
        return {
            Phase.RECEIVED: self._receive,
            Phase.CUSTOMER_CHECK: self._check_customer,
            Phase.AWAITING_PAYMENT: self._confirm_payment,
            Phase.ENTERING_ERP: self._enter_into_erp,
            Phase.RESERVING: self._reserve_stock,
            Phase.FULFILLING: self._fulfil,
            Phase.SETTLING: self._settle,
            Phase.AFTER_SALES: self._serve_after_sales,
        }

    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:  # noqa: ARG002  __init__ has taken it
        life = self._life()
        to_come = list(life)[list(life).index(self.document.phase) :]
        try:
            for phase in to_come:
                if phase is not self.document.phase:
                    self._enter(phase)
                    await self.owner.between_phases()
                await life[phase]()
        except CancelWanted as wanted:
            await self._cancel(wanted.request)
        return await self._close()

    async def _receive(self) -> None:
        self.owner.note(f"received: {self.placed.total} in {len(self.placed.lines)} lines")
        self.undo.add(self.payments.release)  # the shopper paid at the checkout, before we knew of the order
        with self.owner.deciding():
            look = self.effects.look_at(System.DATABASE)
            self.owner.policies = await self.owner.look(RecordActivities.resolve_policies, look)

    @asks_a_person()
    async def _check_customer(self) -> None:
        await know_customer(self.desk)
        await await_approval(self.desk)

    async def _confirm_payment(self) -> None:
        if self.payments.on_account:
            self.undo.add(self._cancel_erp_order)  # it gives the customer's credit free, too
        await self.payments.confirm()

    async def _enter_into_erp(self) -> None:
        self.undo.add(self._cancel_erp_order)
        entered = await self.elsewhere.entered(await self.desk.do(self.effects.enter_erp_order))
        self.owner.note(f"entered in the ERP as {entered.reference}")

    async def _reserve_stock(self) -> None:
        self.undo.add(self._release_stock)
        await self.fulfilment.reserve()

    async def _fulfil(self) -> None:
        """Everything ships that is wanted and to be had; what has left is paid for at once."""
        if not self.document.confirmed:
            await self.tell.both(Occasion.CONFIRMED)
            self.document.confirmed = True
        await self.fulfilment.ship()
        gone = "shipped" if self.document.shipments else "been paid"
        self.owner.too_late = f"it has {gone}; a return is the way back"
        if not self.document.order.shippable:
            await self.payments.charge_what_does_not_ship()

    async def _when_shipped(self, shipment: Shipment) -> None:
        if not self.payments.has_charged(shipment):
            await self.owner.pauses()
            name = shipment_name(shipment.shipment_id)
            self.owner.note(f"{name} shipped in {len(shipment.packages)} packages")
            await self.payments.charge(shipment)
        await self.owner.pauses()
        await self.tell.shipped(shipment)

    @asks_a_person(Reason.BOOKS_DISAGREE, Action.SKIP)
    async def _settle(self) -> None:
        """Leave no hold behind, compare everybody's books, and post the invoice when they agree."""
        self.returns.resume()
        await self.payments.charge_the_rest()
        await self.payments.leave_nothing_open()
        if self.document.order.payment.term is PaymentTerm.BANK_TRANSFER:
            await self.payments.return_beyond(self._owed, _PAID_ALREADY)
        await self.tell.captured_later()
        async with self.payments.moving:
            await self._compare_books()
        invoice = await self.desk.do(self.effects.post_invoice)
        self.document.invoice = invoice
        if invoice.total != self.document.order.total:
            raise InvariantBroken(f"the invoice says {invoice.total}, the order {self.document.order.total}")
        self.owner.note(f"settled; invoice {invoice.reference} posted")

    async def _compare_books(self) -> None:
        """InvariantBroken, line by line, when a system holds another order than ours."""
        erp, shop = await self.owner.look_twice(
            (ErpActivities.look_up_erp_order, self.effects.look_at(System.ERP)),
            (StorefrontActivities.look_up_shop_order, self.effects.look_at(System.STOREFRONT)),
        )
        document = self.document
        taken = document.ledger.balance if self.payments.on_account else document.kept  # the invoice is owed
        found = disagreements(
            document.order, document.ledger, taken=taken, held=document.payments.held, erp=erp, shop=shop
        )
        if found:
            raise InvariantBroken("the books differ: " + "; ".join(found))
        self.document.erp_order = erp

    @asks_a_person()
    async def _serve_after_sales(self) -> None:
        """The order stays reachable until its return window is over, and every refund has arrived."""
        self.returns.resume()
        await self.delivering.all_arrived()
        await self.payments.return_what_arrives(
            self._owed,
            "the return window to end",
            days=self.owner.policies.return_window_days,
            why=_PAID_ALREADY,
        )
        self.returns.too_late = self.next_run.no_returns = "the return window is over"
        await self.owner.lanes_ended()
        if not self.payments.on_account:
            await self.payments.until_refunded(self._owed)
            await self.payments.disputes.until_decided()
            await self.payments.disputes.make_up(self._owed)

    def _owed(self) -> Money:
        return self.document.ledger.balance

    def _nothing(self) -> Money:
        return Money.zero(self.document.order.currency)

    async def _cancel(self, request: Request) -> None:
        """Undo in reverse what was done, from what the outside says, and tell everybody."""
        await self.amending.give_up("the order is being cancelled")
        request.granted("it is being cancelled; nothing will ship")
        self.owner.too_late = "it is being cancelled already"
        self.document.cancel_reason, self.document.hold = request.reason, None
        self._enter(Phase.CANCELLING)
        self.owner.note(f"cancel wanted by {request.actor}: {request.reason}")
        await self.owner.settled()
        while refused := await self.undo.run():
            answer = await self.desk.ask(Reason.COMPENSATING, (Action.RETRY, Action.SKIP), "; ".join(refused))
            if answer.resolve.action is Action.SKIP:
                break
        await self.tell.cancelled()
        if not refused:
            await self.payments.until_refunded(self._nothing)
        self._enter(Phase.CANCELLED)
        self.owner.too_late = "it is cancelled already"
        if self.document.order.payment.term is PaymentTerm.BANK_TRANSFER:
            await self.payments.return_what_arrives(
                self._nothing,
                "money that may still arrive, to send it back",
                days=self.owner.policies.late_payment_days,
                why="the order was cancelled before it arrived",
            )

    async def _close(self) -> OrderState:
        """Keep the whole order in the database; nothing is left in flight and nobody waits for an answer."""
        self.owner.too_late = "the order is closed"
        await self.owner.end_background()
        if self.document.phase is not Phase.CANCELLED:
            self._enter(Phase.COMPLETED)
        state = OrderState(self.document.phase)
        await self.desk.do(partial(self.effects.close_record, state))
        await self._say_goodbye()
        return state

    async def _say_goodbye(self) -> None:
        """Whoever asked for something as late as this hears that it is too late; nothing is left in flight."""
        self.owner.serve()
        await self.owner.until(workflow.all_handlers_finished)
        await self.owner.end_background()

    def _take_up(self) -> None:
        """In a run that goes on with an order."""
        self.tell.learn(self.placed)
        self.returns.too_late = self.next_run.no_returns
        for undo in (self.payments.release, self._cancel_erp_order, self._release_stock):
            self.undo.add(undo)
        self.fulfilment.take_up()

    # -- what never ships --------------------------------------------------------------------------------------

    def _drop(self, units: Mapping[LineId, int], why: str) -> None:
        """So many units are not to be had, or not wanted any more: the order is smaller from now on."""
        document = self.document
        left = {line.line_id: line.quantity - units.get(line.line_id, 0) for line in document.order.shippable}
        lines = lines_of(document.order, units)
        order = reduced(document.order, document.ledger, left, freight=self.owner.policies.freight)
        document.ledger = document.ledger.of_total(order.total)
        document.order, document.unshared = order, True
        document.revision, document.edition = document.revision + 1, document.edition + 1
        document.dropped += tuple(Dropped(**dict(line), why=why) for line in lines)
        self.owner.note(
            f"revision {document.revision}: {len(lines)} lines less, {order.total} in all ({why})"
        )

    async def _share(self) -> None:
        """Stock, ERP, shop and customer know of the smaller order, and nothing is kept that was paid for the rest."""
        document = self.document
        await self.fulfilment.ask_stock()
        while isinstance(entered := await self.desk.do(self.effects.enter_erp_order), Edited):
            await self.elsewhere.take_in(System.ERP)
        document.erp_order = entered
        while isinstance(shown := await self.desk.do(self.effects.amend_shop_order), Edited):
            await self.elsewhere.take_in(System.STOREFRONT)
        document.shop_order = shown
        await self.payments.keep_at_most(document.order.total)
        dropped = document.dropped[-1]
        same = (one for one in document.dropped if one.why == dropped.why)
        facts = CustomerFacts(units=self.tell.named(same), why=dropped.why)
        await tell_customer(self.desk, Occasion.PARTLY_CANCELLED, facts, number=document.revision)
        document.unshared = False

    # -- undoing -----------------------------------------------------------------------------------------------

    async def _cancel_erp_order(self) -> None:
        await self.owner.do(self.effects.cancel_erp_order())
        self.owner.note("no open sales order is left in the ERP")

    async def _release_stock(self) -> None:
        await self.owner.do(self.effects.release_stock())
        self.owner.note("nothing is reserved")

    # -- small words -------------------------------------------------------------------------------------------

    def _enter(self, phase: Phase) -> None:
        """Pass the gate into a phase."""
        if self.document.phase is not phase:
            self.document.phase = advance(self.document.phase, phase)
            self.owner.show()

    async def _look_into_the_shop(self) -> None:
        """The shop has news: when it shows the order as cancelled, its customer or its staff want it so."""
        ended = {Phase.CANCELLING, Phase.CANCELLED, Phase.COMPLETED}
        if self.document.phase in ended:
            return
        look = self.effects.look_at(System.STOREFRONT)
        news = Todo(
            StorefrontActivities.look_up_shop_order, look, "shop-news", "Look what is new in the shop"
        )
        try:
            shop = await self.owner.attempts(news)
        except ActivityError:
            return  # refused, or given up with the order
        if shop is None or self.document.phase in ended:
            return
        if shop.state is StorefrontState.CANCELLED:
            self.owner.mailbox.append(CancelRequest("storefront", "it was cancelled in the shop"))
        else:
            self.elsewhere.look_at_shop(shop)

    # -- doors: they only post ---------------------------------------------------------------------------------

    @workflow.update  # its durable name is the method's: with name= the SDK's types lose that it is a coroutine
    async def cancel(self, actor: str, reason: str) -> Answer:
        """Ask to cancel the whole order. The answer says that nothing will ship, or why it is too late."""
        return await self._answered(CancelRequest(actor, reason))

    @workflow.update
    async def hold(self, actor: str, reason: str) -> Answer:
        """Stop the order: what runs ends, nothing new begins."""
        return await self._answered(HoldRequest(actor, reason))

    @workflow.update
    async def release(self, actor: str, reason: str) -> Answer:
        return await self._answered(ReleaseRequest(actor, reason))

    @workflow.update
    async def send_back(self, asked: ReturnAsked) -> Answer:
        """Ask to send goods back. The answer names the return; told again under the same id, it is the same one."""
        return await self._answered(ReturnRequest(asked.actor, asked.reason, asked=asked))

    @workflow.update
    async def amend(self, amendment: Amendment) -> Amended:
        """Change the order everywhere, or nowhere. The answer tells what became of it, the same for the same id."""
        return await self._amended(amendment)

    @amend.validator
    def check_amend(self, amendment: Amendment) -> None:
        self.amending.check(amendment)

    @workflow.signal(name="amendment_requested")
    def amendment_requested(self, amendment: Amendment) -> None:
        """Likewise, for systems that only fire and forget; the outcome stands in the order, and is told by webhook."""
        request = AmendRequest(amendment.actor, amendment.reason, amendment=amendment, signalled=True)
        self.owner.mailbox.append(request)

    @workflow.query(name="quote")
    def read_quote(self, changes: Changes) -> Quote:
        return self.amending.quote(changes.changes)

    @workflow.update
    async def resolve(self, resolve: Resolve) -> Answer:
        """Answer what the order needs a person for. The answer tells what became of it."""
        return await self._answered(ResolveRequest(resolve.actor, resolve.reason, resolve=resolve))

    @cancel.validator
    def check_cancel(self, actor: str, reason: str) -> None:
        _said(actor, reason)

    @hold.validator
    def check_hold(self, actor: str, reason: str) -> None:
        _said(actor, reason)

    @release.validator
    def check_release(self, actor: str, reason: str) -> None:
        _said(actor, reason)

    @send_back.validator
    def check_send_back(self, asked: ReturnAsked) -> None:
        self.returns.check(asked)

    @resolve.validator
    def check_resolve(self, resolve: Resolve) -> None:
        _said(resolve.actor, resolve.reason)

    async def _amended(self, amendment: Amendment) -> Amended:
        request = AmendRequest(amendment.actor, amendment.reason, amendment=amendment)
        self.owner.mailbox.append(request)
        await workflow.wait_condition(lambda: request.told is not None)
        if request.told is None:
            raise InvariantBroken("an amendment without an answer")
        return request.told

    async def _answered(self, request: Request) -> Answer:
        """Asked once more in a later run of the order, the same answer again."""
        update = workflow.current_update_info()
        name, answers = update.id if update else "", self.next_run.answers
        if name not in answers:
            self.owner.mailbox.append(request)
            await workflow.wait_condition(lambda: request.answer is not None)
            answers[name] = request.answer or Answer(allowed=False, why="not answered")
        return answers[name]

    @workflow.signal(name="look_again")
    def look_again(self, system: System) -> None:
        """Something changed at `system`: the order reads its state again."""
        self.owner.hint(system)

    @workflow.query(name="document")
    def read_document(self) -> OrderDocument:
        return self.amending.as_it_stands()


def _said(actor: str, reason: str) -> None:
    for field, text in (("actor", actor), ("reason", reason)):
        if not text.strip():
            raise ValueError(f"{field}: say who wants it and why")
