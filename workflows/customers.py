"""The buyer: known to ERP and CRM, approved where the merchant wants that, and told how the order goes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from activities.notifications import CustomerFacts
    from domain.attention import Action, Reason
    from domain.customers import Approval
    from domain.errors import InvariantBroken
    from domain.ids import System
    from domain.notifications import Occasion
    from workflows.attention import Desk, Question
    from workflows.requests import CancelRequest, CancelWanted, answered
    from workflows.todo import Todo


async def know_customer(desk: Desk) -> None:
    """Found or created in both, never twice."""
    erp, crm = await desk.together(desk.effects.register_in_erp, desk.effects.register_in_crm)
    desk.owner.document.erp_customer, desk.owner.document.crm_customer = erp, crm
    desk.owner.note("customer known to ERP and CRM")


async def await_approval(desk: Desk) -> None:
    """A new business account waits until the ERP approves it, or a person does here; reminded of, and not for ever."""
    policies = desk.owner.policies
    if not (policies.business_approval and desk.owner.document.order.customer.is_business):
        return
    if await _approval(desk) is Approval.APPROVED:
        return
    deadline = workflow.now() + timedelta(days=policies.approval_wait_days_max)
    remind_at = workflow.now() + timedelta(days=policies.approval_reminder_days)
    what = "a business account that nobody has approved yet; approve it in the ERP, or skip to do so for this order"
    async with desk.asking(Reason.APPROVAL_NEEDED, (Action.RETRY, Action.SKIP), what) as question:
        while not await _approved(desk, question, until=min(deadline, remind_at)):
            if workflow.now() >= deadline:
                raise CancelWanted(CancelRequest("deadline", "the account was not approved in time"))
            if workflow.now() >= remind_at:
                remind_at = deadline
                desk.remind()


async def tell_customer(
    desk: Desk,
    occasion: Occasion,
    facts: CustomerFacts | None = None,
    *others: Callable[[], Todo[Any]],
    number: int = 1,
) -> None:
    """A mail that nobody takes stops no order; it is told in the timeline. At the same time `others` are done."""
    mail = partial(desk.effects.mail, occasion, facts, number=number)
    undelivered, *_ = await desk.together(mail, *others)
    if undelivered is not None:
        desk.owner.note(f"the customer could not be mailed: {undelivered.why}")


async def _approved(desk: Desk, question: Question, *, until: datetime) -> bool:
    patience = timedelta(minutes=desk.owner.policies.look_again_minutes)
    request = await question.answer(or_hint=System.ERP, at_most=min(patience, until - workflow.now()))
    if request and request.resolve.action is Action.SKIP:
        request.granted("approved for this order")
        desk.owner.note(f"the account was approved for this order by {request.actor}")
        return True
    with answered(request):
        approval = await _approval(desk)
        if request:
            tell = request.granted if approval is Approval.APPROVED else request.refused
            tell(f"the ERP says: {approval}")
    return approval is Approval.APPROVED


async def _approval(desk: Desk) -> Approval:
    """CancelWanted for an account that the merchant does no business with."""
    customer = desk.owner.document.erp_customer
    if customer is None:
        raise InvariantBroken("the order has no customer in the ERP yet")
    look = desk.effects.look_at_account(customer)
    account = await desk.owner.look(ErpActivities.look_up_account, look)
    if account is not None and account.approval is Approval.REJECTED:
        raise CancelWanted(CancelRequest("merchant", "the business account was not approved"))
    return account.approval if account else Approval.PENDING
