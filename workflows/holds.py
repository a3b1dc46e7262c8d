"""Holds that must last until everything has left: renewed before the gateway lets them go, made larger, asked for anew."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notifications import CustomerFacts
    from domain.attention import Action, Reason
    from domain.ids import System
    from domain.money import Money
    from domain.notifications import Occasion
    from domain.payments import Declined, Payment
    from domain.planner import AskByLink, AskPerson, Increment, NewHold, Step, plan, renewals
    from workflows.customers import tell_customer

if TYPE_CHECKING:
    from workflows.payments import OrderPayments


class Holds:
    def __init__(self, payments: "OrderPayments") -> None:
        self.payments = payments
        self.owner = payments.owner
        self.effects = payments.effects
        self.desk = payments.desk
        self._begun = False

    @property
    def margin(self) -> timedelta:
        return timedelta(hours=self.owner.policies.hold_renewal_hours)

    @property
    def secured(self) -> bool:
        """Nothing more leaves while what is to be charged for it is not secured."""
        return self.owner.document.unsecured is None

    async def keep_secured(self) -> None:
        """Holds are renewed before the gateway lets them go, as long as anything is still to leave."""
        document = self.owner.document
        if not any(payment.capture_before for payment in document.payments.payments):
            return
        if self._begun:  # it was cut off, perhaps while a hold was made
            await self.payments.look()
        self._begun = True
        while not document.all_left and not document.ships_unsecured:
            await self._secure()
            news, again = self.payments.news, self._renews_in()
            await self.owner.until(partial(self._moved, news), at_most=again)
            if not document.all_left:
                await self.payments.look()

    def _moved(self, news: int) -> bool:
        return self.owner.document.all_left or self.owner.news[System.PAYMENTS] > news

    def _renews_in(self) -> timedelta | None:
        """Until the next hold must be renewed."""
        holds = [payment for payment in self.owner.document.payments.payments if payment.held]
        waits = (self._renews_at(hold) - workflow.now() for hold in holds if hold.capture_before)
        return min((wait for wait in waits if wait > timedelta(0)), default=None)

    def _renews_at(self, hold: Payment) -> datetime:
        """Its margin before it runs out, and never in the first half of its time."""
        end, now = hold.capture_before or datetime.max.replace(tzinfo=UTC), workflow.now()
        renewal = max(now + (end - now) / 2, end - self.margin)
        return self.owner.deadline(f"the renewal of {hold.reference}, held until {end.isoformat()}", renewal)

    async def _secure(self) -> None:
        """What runs out soon is held anew, and what is missing by now is asked for."""
        document, ledger = self.owner.document, self.owner.document.ledger
        to_come = ledger.uncharged
        needed = max(to_come + ledger.balance - document.kept, Money.zero(self.owner.document.order.currency))
        for renewal in renewals(document.payments, needed, now=workflow.now(), renew_before=self.margin):
            if workflow.now() >= self._renews_at(document.payments.of(renewal.payment)):
                self.owner.note(f"a hold runs out at {renewal.capture_before:%Y-%m-%d %H:%M} UTC")
                await self.ask_for(renewal.step)
        planned = plan(
            document.payments,
            to_come + ledger.balance,
            now=workflow.now(),
            renew_before=self.margin,
        )
        for step in planned.steps:
            await self.ask_for(step)
        if self._covered(to_come):
            document.unsecured = None

    def _covered(self, to_come: Money) -> bool:
        position = self.owner.document.payments
        return position.secured >= to_come + self.owner.document.ledger.balance

    async def ask_for(self, step: Step) -> None:
        """One step of a plan: by the gateway's means, by the customer, or by a person who knows better."""
        match step:
            case NewHold() | Increment():
                async with self.payments.moves():
                    stands = await self.stands(step)
                if not stands:
                    amount = step.amount if isinstance(step, NewHold) else step.authorised
                    await self._ask_person(f"{amount} could not be held: it was declined")
            case AskByLink():
                await self.ask_by_link(step.amount)
            case AskPerson():
                await self._ask_person(step.why)
            case _:
                pass  # nothing is to be done before goods ship

    async def stands(self, step: NewHold | Increment) -> bool:
        """False when it was declined."""
        if isinstance(step, NewHold):
            return await self.hold_anew(step)
        self.owner.document.holds_asked += 1
        answer = await self.owner.do(self.effects.increment_hold(step), despite_hold=True)
        await self.payments.look()
        return not isinstance(answer, Declined)

    async def make_up(self) -> None:
        """What an amended order needs beyond what is there by now is held, or asked for."""
        await self._secure()

    async def hold_anew(self, hold: NewHold) -> bool:
        """False when it was declined. The former hold is let go when the new one stands."""
        self.owner.document.holds_asked += 1
        answer = await self.owner.do(self.effects.hold_payment(hold), despite_hold=True)
        if isinstance(answer, Declined):
            self.owner.note(f"a new hold of {hold.amount} was declined ({answer.reason})")
            return False
        if hold.void is not None:
            void = self.effects.void_hold(hold.void, self.payments.number(hold.void))
            await self.owner.do(void, despite_hold=True)
        await self.payments.look()
        self.owner.note(f"{hold.amount} held anew")
        return True

    async def ask_by_link(self, amount: Money) -> None:
        """Once for an amount. What comes of it is another payment, of which the gateway hints."""
        if self.owner.document.unsecured == amount:
            return
        self.owner.document.unsecured = amount
        link = await self.desk.do(partial(self.effects.make_pay_link, amount))
        facts = CustomerFacts(missing=amount, url=link.url)
        await tell_customer(self.desk, Occasion.PAY_LINK, facts, number=amount.minor)
        self.owner.note(f"the customer was asked to pay {amount} by a link")

    async def _ask_person(self, why: str) -> None:
        """Nothing more leaves until they say that it may, or that another try is worth it."""
        document = self.owner.document
        document.unsecured = document.order.total
        request = await self.desk.ask(Reason.PAYMENT_UNSECURED, (Action.RETRY, Action.SKIP), why)
        await self.payments.look()
        if request.resolve.action is Action.SKIP:
            document.unsecured = None
            document.ships_unsecured = True
