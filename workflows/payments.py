"""An order's money, whatever its payment term: confirmed before anything ships, taken for what shipped, given back.

The terms differ only in how the money is secured: a card is held, prepaid money and bank transfers are there already,
and an order on account is covered by the customer's credit at the ERP and paid by invoice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import NoReturn

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notifications import CustomerFacts
    from activities.payments import PaymentActivities
    from domain.attention import Action, Reason
    from domain.charges import charge_shares
    from domain.document import MovedOutside, Shipment, units_of
    from domain.erp import CreditRefused
    from domain.errors import InvariantBroken, Refused
    from domain.ids import PaymentRef, ShipmentId, System, shipment_name
    from domain.ledger import Entry, EntryKind, Ledger
    from domain.money import Money, total
    from domain.notifications import Occasion
    from domain.orders import PaymentTerm, PlacedOrder
    from domain.payments import Declined, Payments, PaymentState, RefundState
    from domain.planner import Take, Taking, capture_now
    from workflows.attention import Desk, asks_a_person
    from workflows.customers import tell_customer
    from workflows.disputes import Disputes
    from workflows.effects import Effects
    from workflows.holds import Holds
    from workflows.owner import Owner
    from workflows.requests import CancelRequest, CancelWanted, answered


class OrderPayments:
    def __init__(self, owner: Owner, effects: Effects, desk: Desk) -> None:
        self.owner = owner
        self.effects = effects
        self.desk = desk
        self.news = 0  # hints that had come when the gateway was asked last
        self.moving = asyncio.Lock()
        self.holds = Holds(self)
        self.disputes = Disputes(self)

    @property
    def _order(self) -> PlacedOrder:
        return self.owner.document.order

    @property
    def on_account(self) -> bool:
        return self._order.payment.term is PaymentTerm.ON_ACCOUNT

    async def look(self) -> Payments:
        """What the gateway says now. Of an order on account it has nothing to say."""
        if self.on_account or not self._order.total:
            return self.owner.document.payments
        self.news = self.owner.news[System.PAYMENTS]
        look = self.effects.look_at_payments()
        self.owner.document.payments = await self.owner.look(PaymentActivities.look_up_payments, look)
        return self.owner.document.payments

    @asynccontextmanager
    async def moves(self) -> AsyncIterator[None]:
        """Money moves for one reason at a time, and not while the order is amended. What has begun to move ends."""
        while True:
            await self.owner.begins()
            await self.moving.acquire()
            if self.owner.may_begin():
                break
            self.moving.release()
        try:
            yield
        finally:
            self.moving.release()

    # -- securing it -------------------------------------------------------------------------------------------

    async def confirm(self) -> None:
        """Until the whole amount is secured. At the deadline the order is cancelled, after asking once more."""
        if not self._order.total:
            self.owner.note("nothing is to be paid")
        elif self.on_account:
            await self._credit()
        else:
            await self._money()
            await self._surplus()

    @asks_a_person(Reason.CAPTURED_EARLY, Action.SKIP)
    async def _money(self) -> None:
        policies = self.owner.policies
        transfer = self._order.payment.term is PaymentTerm.BANK_TRANSFER
        waits, reminds = (
            (timedelta(days=policies.transfer_wait_days_max), timedelta(days=policies.transfer_reminder_days))
            if transfer
            else (
                timedelta(hours=policies.payment_wait_hours_max),
                timedelta(hours=policies.payment_reminder_hours),
            )
        )
        deadline, remind_at = workflow.now() + waits, workflow.now() + reminds
        declines_told = 0
        while (payments := await self.look()).secured < (total := self._order.total):
            if workflow.now() >= deadline:
                _cancel_for("the payment was not confirmed in time")
            facts = CustomerFacts(missing=total - payments.secured, until=deadline)
            declines = sum(payment.state is PaymentState.DECLINED for payment in payments.payments)
            if payments.declined and declines > declines_told:
                declines_told = declines
                await tell_customer(self.desk, Occasion.PAYMENT_DECLINED, facts, number=declines)
            if workflow.now() >= remind_at:
                remind_at = deadline
                await tell_customer(self.desk, Occasion.PAYMENT_REMINDER, facts)
            left = min(deadline, remind_at) - workflow.now()
            if payments.secured and self.owner.document.amendments:
                await self.holds.make_up()
            revision = self.owner.document.revision
            await self.owner.hinted(
                System.PAYMENTS,
                _waits_for(payments, total),
                since=self.news,
                at_most=left,
                unless=partial(self._amended_since, revision),
            )
        if self._order.payment.term is PaymentTerm.AUTHORIZE_THEN_CAPTURE and payments.charged_cards:
            raise Refused(f"{payments.charged_cards} were captured of the card before anything shipped")
        self.owner.note(f"payment confirmed: {payments.held} held, {payments.kept} received")

    def _amended_since(self, revision: int) -> bool:
        return self.owner.document.revision > revision

    @asks_a_person(Reason.REFUND_FAILED)
    async def _surplus(self) -> None:
        """A customer who paid too much by transfer has the rest back at once."""
        surplus = self.owner.document.kept - self._order.total
        if surplus.minor > 0:
            await self._keep_at_most(self._order.total)
            facts = CustomerFacts(returned=surplus, why="more arrived than was to be paid")
            await tell_customer(self.desk, Occasion.MONEY_RETURNED, facts)

    @asks_a_person(Reason.CREDIT_REFUSED)
    async def _credit(self) -> None:
        """The ERP sets a part of the customer's credit aside, now or when it has some again."""
        deadline = workflow.now() + timedelta(days=self.owner.policies.credit_wait_days_max)
        answer = await self.desk.do(self.effects.approve_credit)
        if not isinstance(answer, CreditRefused):
            self.owner.note(f"{self._order.total} of the customer's credit set aside")
            return
        what = f"{self._order.total} on account: the limit is {answer.limit}, and {answer.used} are open"
        async with self.desk.asking(Reason.CREDIT_REFUSED, (Action.RETRY, Action.SKIP), what) as question:
            while isinstance(answer, CreditRefused):
                if workflow.now() >= deadline:
                    _cancel_for("the customer's credit did not suffice in time")
                patience = timedelta(minutes=self.owner.policies.look_again_minutes)
                request = await question.answer(
                    or_hint=System.ERP, at_most=min(patience, deadline - workflow.now())
                )
                if request and request.resolve.action is Action.SKIP:
                    request.granted("it goes on beyond the limit")
                    self.owner.note("beyond the customer's credit limit, by a person's decision")
                    return
                with answered(request):
                    await self.owner.begins()
                    answer = await self.owner.do(self.effects.approve_credit())
                    if request:
                        refused = isinstance(answer, CreditRefused)
                        request.refused("the ERP still refuses") if refused else request.granted("set aside")
        self.owner.note(f"{self._order.total} of the customer's credit set aside")

    # -- taking it ---------------------------------------------------------------------------------------------

    @asks_a_person()
    async def charge(self, shipment: Shipment) -> None:
        """Exactly what shipped. Our own books are asked before the gateway is; what is there already is not taken."""
        async with self.moves():
            ledger = self._charged(shipment)
            to_come = ledger.uncharged
            await self._collect(shipment.shipment_id, ledger.balance, to_come=to_come)
            self._book(ledger)
            if not self.on_account:
                shipment.captured = self.owner.document.untold

    @asks_a_person()
    async def charge_what_does_not_ship(self) -> None:
        async with self.moves():
            ledger = self._charged(None)
            await self._collect(None, ledger.balance, to_come=Money.zero(self._order.currency))
            self._book(ledger)

    @asks_a_person()
    async def charge_the_rest(self) -> None:
        """What waited for a later capture that did not come, because the rest of the order was dropped."""
        document = self.owner.document
        if not document.shipments or document.told >= document.ledger.charged:
            return
        async with self.moves():
            balance = document.ledger.balance
            await self._collect(None, balance, to_come=Money.zero(self._order.currency))

    def has_charged(self, shipment: Shipment) -> bool:
        entries = self.owner.document.ledger.entries
        return any(one.kind is EntryKind.CHARGE and one.shipment == shipment.shipment_id for one in entries)

    def _charged(self, shipment: Shipment | None) -> Ledger:
        """The ledger with the charge for this shipment; the same again when it has it already."""
        document = self.owner.document
        if shipment and self.has_charged(shipment):
            return document.ledger
        known = {entry.shipment for entry in document.ledger.entries if entry.kind is EntryKind.CHARGE}
        left = units_of(s for s in document.shipments if s is shipment or s.shipment_id in known)
        shares = charge_shares(self._order, document.ledger, left, freight=self.owner.policies.freight)
        entry = Entry(
            key=self.effects.key("charge", shipment_name(shipment.shipment_id) if shipment else ""),
            kind=EntryKind.CHARGE,
            amount=total((share.amount for share in shares), self._order.currency),
            shares=shares,
            shipment=shipment.shipment_id if shipment else None,
        )
        return document.ledger.with_entry(entry)

    def _book(self, ledger: Ledger) -> None:
        charged = ledger.charged - self.owner.document.ledger.charged
        self.owner.document.ledger = ledger
        self.owner.note(f"charged {charged}")

    async def _collect(self, shipment: ShipmentId | None, balance: Money, *, to_come: Money) -> None:
        """Until we have it. What the gateway will not pay, the customer may have paid past it: a person tells.

        What cannot be taken yet, since it is too little or the hold can be taken from only once, waits for the next.
        """
        while not self.on_account and balance:
            await self.look()
            due = balance - self.owner.document.kept
            if due.minor <= 0:
                return
            try:
                await self._take(shipment, due, to_come)
            except Refused as refusal:
                request = await self.desk.ask(
                    Reason.CAPTURE_REFUSED, (Action.RETRY, Action.DONE), str(refusal)
                )
                if request.resolve.action is Action.DONE:
                    await self._paid_outside(balance, request.resolve.reference)
            else:
                return

    async def _take(self, shipment: ShipmentId | None, due: Money, to_come: Money) -> None:
        taking = self._taking(due, to_come, new_holds=True)
        for hold in taking.first:
            if not await self.holds.hold_anew(hold):
                taking = self._taking(due, to_come, new_holds=False)
                break
        for take in taking.captures:
            await self._capture(shipment, take)
        if taking.waits:
            self.owner.note(taking.words)
        for step in taking.then:
            await self.holds.ask_for(step)

    def _taking(self, due: Money, to_come: Money, *, new_holds: bool) -> Taking:
        return capture_now(
            self.owner.document.payments,
            due,
            to_come,
            now=workflow.now(),
            renew_before=self.holds.margin,
            new_holds=new_holds,
        )

    async def _capture(self, shipment: ShipmentId | None, take: Take) -> None:
        document = self.owner.document
        capture = self.effects.capture_payment(shipment, take, self.number(take.payment), final=take.final)
        answer = await self.owner.do(capture, despite_hold=True)
        if isinstance(answer, Declined):
            raise Refused(f"the capture of {take.amount} was declined ({answer.reason})")
        if answer.amount != take.amount:
            raise InvariantBroken(f"{answer.amount} was captured instead of {take.amount}")
        document.payments = document.payments.with_capture(take.payment, answer, final=take.final)

    def number(self, reference: PaymentRef) -> int:
        """Of the payment among the order's, counted from 1."""
        return [p.reference for p in self.owner.document.payments.payments].index(reference) + 1

    async def _paid_outside(self, balance: Money, reference: str) -> None:
        """What the gateway took after all is seen there; the rest is taken on a person's word, under its reference."""
        await self.look()
        if (rest := balance - self.owner.document.kept).minor > 0:
            self.owner.document.paid_outside += (MovedOutside(amount=rest, reference=reference),)
            self.owner.note(f"{rest} were paid past the gateway, as {reference}")

    # -- giving it back ----------------------------------------------------------------------------------------

    @asks_a_person(Reason.REFUND_FAILED)
    async def credit(self, entry: Callable[[], Entry]) -> None:
        """Book it, and give back what we have beyond the ledger's balance then. The same entry again books nothing.

        `entry` is made when nothing else moves money.
        """
        despite_dispute = False
        while True:
            async with self.moves():
                payments = await self.look()
                if despite_dispute or not payments.in_dispute:
                    return await self._credit_now(entry())
            despite_dispute = await self.disputes.goes_on()

    async def _credit_now(self, credited: Entry) -> None:
        document = self.owner.document
        document.ledger = document.ledger.with_entry(credited)
        if not self.on_account:
            await self._refund_beyond(document.ledger.balance)
        self.owner.note(f"credited {credited.amount}")

    @asks_a_person(Reason.REFUND_FAILED)
    async def keep_at_most(self, keep: Money) -> None:
        """What was paid beforehand and is not wanted any more goes back."""
        if not self.on_account:
            async with self.moves():
                await self._keep_at_most(keep)

    async def release(self) -> None:
        """The undo of a payment: no hold is left, and what was taken is on its way back."""
        if self.on_account or not self._order.total:
            return
        await self.void()
        await self._keep_at_most(Money.zero(self._order.currency))

    async def void(self) -> None:
        await self.owner.do(self.effects.void_holds())
        await self.look()
        self.owner.note("no hold is left")

    async def leave_nothing_open(self) -> None:
        """Neither a hold nor a try that the shopper began and left."""
        still_open = {PaymentState.AUTHORISED, PaymentState.PENDING}
        if any(payment.state in still_open for payment in (await self.look()).payments):
            await self.void()

    @asks_a_person()
    async def until_refunded(self, keep: Callable[[], Money]) -> None:
        """Until every refund has arrived, for days if need be. One that fails is asked about: given back otherwise?"""
        while True:
            if self.owner.document.kept > keep():
                await self._give_back_again(keep())
            pending = [r for r in self.owner.document.payments.refunds if r.state is RefundState.PENDING]
            if not pending:
                return
            await self.owner.hinted(
                System.PAYMENTS,
                f"the refund of {pending[0].amount}, which the gateway calls pending",
                since=self.news,
            )
            await self.look()

    async def return_what_arrives(
        self, keep: Callable[[], Money], waits_for: str, *, days: float, why: str
    ) -> None:
        """For so many days. A bank refuses no transfer: what arrives beyond what we may keep is sent back at once."""
        until = self.owner.deadline(waits_for, workflow.now() + timedelta(days=days))
        by_transfer = self._order.payment.term is PaymentTerm.BANK_TRANSFER
        pause = timedelta(days=1)
        while (left := until - workflow.now()) > timedelta(0):
            hinted = await self.owner.hinted(
                System.PAYMENTS,
                waits_for,
                since=self.news,
                at_most=min(pause, left) if by_transfer else left,
                only_hints=True,
            )
            pause *= 2  # a hint may have been lost; the longer nothing came, the less will
            if hinted or by_transfer:
                await self.look_and_return(keep, why)

    @asks_a_person()
    async def look_and_return(self, keep: Callable[[], Money], why: str) -> None:
        await self.look()
        await self.disputes.see()
        await self.return_beyond(keep, why)

    async def return_beyond(self, keep: Callable[[], Money], why: str) -> None:
        """What is there beyond what we may keep, as far as the last look tells."""
        async with self.moves():
            if (late := self.owner.document.kept - keep()).minor <= 0 or self.on_account:
                return
            self.owner.note(f"{late} arrived beyond what is owed")
            number = len(self.owner.document.payments.refunds) + 1
            await self._give_back(keep())
        await tell_customer(
            self.desk, Occasion.MONEY_RETURNED, CustomerFacts(returned=late, why=why), number=number
        )
        await self.until_refunded(keep)

    @asks_a_person(Reason.REFUND_FAILED)
    async def _give_back(self, keep: Money) -> None:
        await self._keep_at_most(keep)

    async def _give_back_again(self, keep: Money) -> None:
        """A refund failed. Its money may have gone back another way; otherwise it is given back again."""
        failed = self.owner.document.kept - keep
        what = f"the refund of {failed} failed"
        request = await self.desk.ask(Reason.REFUND_FAILED, (Action.RETRY, Action.DONE), what)
        if request.resolve.action is Action.DONE:
            back = MovedOutside(amount=failed, reference=request.resolve.reference)
            self.owner.document.returned_outside += (back,)
            return
        await self._give_back(keep)

    async def _keep_at_most(self, keep: Money) -> None:
        """A target: what is there beyond it goes back, to whom and what it came from."""
        await self.look()
        await self._refund_beyond(keep)

    async def _refund_beyond(self, keep: Money) -> None:
        """As far as the last look tells."""
        payments, excess = self.owner.document.payments, self.owner.document.kept - keep
        if excess.minor <= 0:
            return
        for part in payments.refunds_of(excess):
            number = [payment.reference for payment in payments.payments].index(part.payment) + 1
            former = len(payments.of(part.payment).refunds)
            answer = await self.owner.do(self.effects.refund_payment(part, number, former), despite_hold=True)
            if isinstance(answer, Declined):
                raise Refused(f"the refund of {part.amount} was declined ({answer.reason})")
        await self.look()
        self.owner.note(f"{excess} given back")


def _waits_for(payments: Payments, total: Money) -> str:
    if payments.declined:
        return "another try to pay, after the last one was declined"
    if not payments.payments:
        return "the payment, which is not at the gateway yet"
    if payments.secured:
        return f"the rest of the payment: {payments.secured} of {total} are there"
    return f"the payment, which is {payments.payments[-1].state}"


def _cancel_for(why: str) -> NoReturn:
    raise CancelWanted(CancelRequest("deadline", why))
