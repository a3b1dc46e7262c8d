"""Money for an amended order: secured before anything else is changed, by the cheapest legal way that the planner knows."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.attention import Action, Reason
    from domain.erp import CreditApproved, CreditRefused
    from domain.ids import System
    from domain.money import Money
    from domain.planner import AskByLink, AskPerson, GiveBack, Increment, NewHold, Plan
    from domain.quoting import UNPAID, money_plan
    from workflows.payments import OrderPayments


async def cover(payments: OrderPayments, pending: Callable[[str], None]) -> str:
    """Have the order's total covered, as it would be from now on. Empty when it is, otherwise why not.

    `pending` hears what the customer is asked for, and how that is told to them.
    """
    if payments.owner.document.phase in UNPAID:
        return ""
    if payments.on_account:
        return _beyond_limit(await payments.owner.do(payments.effects.approve_credit()))
    if payments.owner.news[System.PAYMENTS] > payments.news:
        await payments.look()
    deadline = workflow.now() + timedelta(hours=payments.owner.policies.amendment_payment_hours)
    why: str | None = None
    while why is None:
        planned = _plan(payments)
        why = "" if planned is None else await _take_step(payments, planned, pending, deadline)
    return why


async def _take_step(
    payments: OrderPayments, planned: Plan, pending: Callable[[str], None], deadline: datetime
) -> str | None:
    """None when another look at the plan is worth it; empty when nothing more is to be done."""
    match planned.steps[0]:
        case AskPerson(why=why):
            return why
        case NewHold() | Increment() as step:
            return None if await payments.holds.stands(step) else "the customer's bank declined it"
        case AskByLink(amount=amount):
            pending(planned.words)
            paid = await _paid_by_link(payments, amount, deadline)
            return None if paid else f"{amount} were not paid in time"
        case _:
            return ""


async def give_back(payments: OrderPayments) -> None:
    """What was taken and is more than the order comes to now, and was charged for already."""
    planned = None if payments.on_account else _plan(payments)
    if planned and isinstance(planned.steps[0], GiveBack):
        ledger = payments.owner.document.ledger
        await payments.keep_at_most(ledger.uncharged + ledger.balance)


async def restore_credit(payments: OrderPayments) -> None:
    """What the order needed before it was tried to amend it. Others may have used that meanwhile: then a person decides."""
    while why := _beyond_limit(await payments.desk.do(payments.effects.approve_credit)):
        request = await payments.desk.ask(Reason.CREDIT_REFUSED, (Action.RETRY, Action.SKIP), why)
        if request.resolve.action is Action.SKIP:
            payments.owner.note("beyond the customer's credit limit, by a person's decision")
            return


def _plan(payments: OrderPayments) -> Plan | None:
    document = payments.owner.document
    return money_plan(document, document.order, policies=payments.owner.policies, now=workflow.now())


def _beyond_limit(answer: CreditApproved | CreditRefused) -> str:
    if isinstance(answer, CreditRefused):
        return f"the customer's credit limit is {answer.limit}, and {answer.used} are open"
    return ""


async def _paid_by_link(payments: OrderPayments, amount: Money, deadline: datetime) -> bool:
    """Until the customer paid, or it is too late. What comes of it is another payment, of which the gateway hints."""
    before = payments.owner.document.payments.secured  # they may pay as soon as there is a link
    await payments.holds.ask_by_link(amount)
    while payments.owner.document.payments.secured <= before:
        left = deadline - workflow.now()
        if left <= timedelta(0):
            payments.owner.document.unsecured = None
            return False
        since = payments.news
        await payments.owner.hinted(
            System.PAYMENTS,
            f"the customer to pay {amount} more",
            since=since,
            at_most=left,
            unless=lambda: payments.owner.document.payments.secured > before,  # another lane has looked
        )
        await payments.look()
    payments.owner.document.unsecured = None
    return True
