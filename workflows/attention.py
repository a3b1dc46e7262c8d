"""The resolution desk: how an order asks for a person, and does what the person answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.steps import step_of
    from domain.attention import Action, Attention, Blocked, Correction, Reason, Resolve
    from domain.erp import Edited
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.notifications import Occasion
    from workflows.effects import Effects
    from workflows.owner import Owner
    from workflows.requests import ResolveRequest, Superseded, answered
    from workflows.todo import Todo

R = TypeVar("R")
Make = Callable[[], Todo[R]]

# What it means when an effect is refused. A correction helps where the order's own data were refused.
_REASONS: dict[str, tuple[Reason, tuple[Action, ...]]] = {
    "register_customer_in_erp": (Reason.CUSTOMER_REFUSED, (Action.RETRY, Action.CORRECT)),
    "register_customer_in_crm": (Reason.CUSTOMER_REFUSED, (Action.RETRY, Action.CORRECT)),
    "approve_credit": (Reason.CREDIT_REFUSED, (Action.RETRY,)),
    "enter_erp_order": (Reason.ORDER_REFUSED, (Action.RETRY, Action.CORRECT)),
    "reserve_stock": (Reason.STOCK_REFUSED, (Action.RETRY, Action.CORRECT)),
    "request_pick": (Reason.PICK_REFUSED, (Action.RETRY, Action.CORRECT)),
    "hand_over": (Reason.PICK_REFUSED, (Action.RETRY,)),
    "create_labels": (Reason.LABELS_REFUSED, (Action.RETRY, Action.CORRECT)),
    "capture_payment": (Reason.CAPTURE_REFUSED, (Action.RETRY,)),
    "refund_payment": (Reason.REFUND_FAILED, (Action.RETRY,)),
    "record_shipment_in_erp": (Reason.SHIPMENT_NOT_TAKEN, (Action.RETRY,)),
    "report_shipment_to_shop": (Reason.SHIPMENT_NOT_TAKEN, (Action.RETRY,)),
    "post_invoice": (Reason.INVOICE_REFUSED, (Action.RETRY,)),
}
_OTHERWISE = (Reason.MESSAGE_REFUSED, (Action.RETRY,))


class Question:
    """Asked, and visible everywhere, until its block is left."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner

    async def answer(
        self, *, or_hint: System | None = None, at_most: timedelta | None = None
    ) -> ResolveRequest | None:
        """What a person answers; None when the system hints at news, or when the time is over."""
        news = self.owner.news
        since = news[or_hint] if or_hint else 0
        self.owner.answers.awaited = True
        try:
            await self.owner.until(
                lambda: (
                    self.owner.answers.given is not None or (or_hint is not None and news[or_hint] > since)
                ),
                at_most=at_most,
            )
        finally:
            self.owner.answers.awaited = False
        taken, self.owner.answers.given = self.owner.answers.given, None
        return taken

    async def resolution(self) -> ResolveRequest:
        """What a person answers, however long that takes."""
        while (taken := await self.answer()) is None:
            pass
        return taken


class Desk:
    def __init__(self, owner: Owner, effects: Effects) -> None:
        self.owner = owner
        self.effects = effects
        self._one_question = asyncio.Lock()
        owner.on_outage = self._count_outage

    # -- effects that may be refused ---------------------------------------------------------------------------

    async def do(self, make: Make[R], *, unless: Callable[[], Awaitable[bool]] | None = None) -> R:
        """Have an effect done; where it is refused a person is asked, and what they answer is done.

        `make` is called for every try: a correction changes what is to be done. `unless`: nobody need be asked, because
        the order goes on without it. None for an effect that was skipped or is not needed.
        """
        while True:
            await self.owner.begins()
            try:
                return await self.owner.do(make())
            except Superseded:
                continue
            except (Refused, InvariantBroken) as refusal:
                if unless is not None and await unless():
                    return cast("R", None)
                return await self._mended(make, refusal)

    async def together(self, *makes: Make[Any]) -> list[Any]:
        """Likewise for effects that do not depend on each other; the refused ones are asked about in their order."""
        while True:
            await self.owner.begins()
            try:
                outcomes = await self.owner.outcomes(*(make() for make in makes))
            except Superseded:
                continue
            return [
                await self._mended(make, outcome)
                if isinstance(outcome, Refused | InvariantBroken)
                else outcome
                for make, outcome in zip(makes, outcomes, strict=True)
            ]

    async def _mended(self, make: Make[R], refusal: Refused | InvariantBroken) -> R:
        while True:
            todo = make()
            async with self.asking(*_reason_of(todo, refusal), str(refusal)) as question:
                request = await question.resolution()
            try:
                with answered(request):
                    result = await self._as_answered(request.resolve, make)
                    request.granted("done")
            except (Refused, InvariantBroken) as again:
                refusal = again
            except Superseded:
                return await self.do(make)
            else:
                return result

    async def _as_answered(self, resolve: Resolve, make: Make[R]) -> R:
        await self.owner.begins()
        if resolve.correction is not None:
            await self._correct(resolve.correction)
        todo = make()
        if resolve.action is Action.SKIP:
            return cast("R", None)
        if resolve.action is Action.DONE and todo.done_as is not None:
            return await todo.done_as(resolve.reference)
        return await self.owner.do(todo)  # what was done outside is found there

    async def _correct(self, correction: Correction) -> None:
        """The data of the order as corrected, everywhere where they are known already; no amount changes."""
        document = self.owner.document
        if correction.skus and document.reservation is not None:
            raise Refused("the goods are reserved already: cancel the order, it can be placed anew")
        before = document.order
        try:
            document.order = correction.of(before)
        except ValueError as error:
            raise Refused(str(error)) from error
        document.edition += 1
        if document.erp_order is not None:
            try:
                entered = await self.owner.do(self.effects.enter_erp_order())
            except (Refused, InvariantBroken):
                document.order = before
                raise
            if isinstance(entered, Edited):
                document.order = before
                raise Refused("the order was edited in the ERP meanwhile: look again")
            document.erp_order = entered
        document.revision += 1
        self.owner.note(f"corrected: revision {document.revision}")

    # -- questions ---------------------------------------------------------------------------------------------

    async def ask(self, reason: Reason, can: tuple[Action, ...], what: str) -> ResolveRequest:
        """Stop here until somebody answers; a cancel is heard too where it is possible."""
        async with self.asking(reason, can, what) as question:
            request = await question.resolution()
        request.granted("it goes on")
        return request

    def remind(self) -> None:
        """Operators are told of the question that still stands."""
        question = self.owner.document.attention
        if question is not None and self.owner.policies.operators:
            self.owner.in_background(self.effects.tell_operators(question, Occasion.STILL_WAITING))

    @asynccontextmanager
    async def asking(self, reason: Reason, can: tuple[Action, ...], what: str) -> AsyncIterator[Question]:
        """The question stands, and operators are mailed once, until the block is left. Lanes ask one after the other."""
        async with self._one_question:
            with self._asked(reason, can, what) as question:
                yield question

    @contextmanager
    def _asked(self, reason: Reason, can: tuple[Action, ...], what: str) -> Iterator[Question]:
        owner, document = self.owner, self.owner.document
        document.questions += 1
        if owner.too_late is None:
            can = (*can, Action.CANCEL)
        document.attention = Attention(
            number=document.questions, reason=reason, what=what, can=can, since=workflow.now()
        )
        owner.note(f"needs a person: {what}")
        if owner.policies.operators:
            owner.in_background(self.effects.tell_operators(document.attention))
        try:
            yield Question(owner)
        finally:
            document.attention = None
            if owner.answers.given is not None:
                owner.answers.given.refused("a cancel came first")
                owner.answers.given = None
            owner.show()

    # -- outages -----------------------------------------------------------------------------------------------

    async def _count_outage(self, blocked: Blocked, over: Callable[[], bool]) -> None:
        """It counts in the system's incident, of which operators are told once. Of our own database nobody can."""
        if blocked.system is System.DATABASE:
            return
        self.owner.document.outages += 1
        number = self.owner.document.outages
        await self.owner.attempts(self.effects.begin_outage(blocked, number))
        await workflow.wait_condition(over)
        await self.owner.attempts(self.effects.end_outage(blocked, number))


def _reason_of(todo: Todo[Any], refusal: Refused | InvariantBroken) -> tuple[Reason, tuple[Action, ...]]:
    reason, can = _REASONS.get(step_of(todo.method).name, _OTHERWISE)
    if isinstance(refusal, InvariantBroken):
        reason, can = Reason.BOOKS_DISAGREE, (Action.RETRY,)
    if todo.done_as is not None or not todo.may_skip:
        can = (*can, Action.DONE)
    return reason, (*can, Action.SKIP) if todo.may_skip else can


class _AtDesk(Protocol):
    desk: Desk


S = TypeVar("S", bound=_AtDesk)
P = ParamSpec("P")
Step = Callable[Concatenate[S, P], Coroutine[Any, Any, None]]


def asks_a_person(
    refused: Reason = Reason.BOOKS_DISAGREE, *can: Action
) -> Callable[[Step[S, P]], Step[S, P]]:
    """What the step itself finds wrong stops the order there and asks a person; the step begins again when told to.

    A step may begin again because all it does states a target: what was done outside is found so. `can` is what helps
    beside that; after a skip the step is left as it is.
    """

    def decorated(step: Step[S, P]) -> Step[S, P]:
        @wraps(step)
        async def run(holder: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
            while True:
                try:
                    return await step(holder, *args, **kwargs)
                except Superseded:
                    continue
                except Refused as refusal:
                    reason, what = refused, str(refusal)
                except InvariantBroken as broken:
                    reason, what = Reason.BOOKS_DISAGREE, str(broken)
                request = await holder.desk.ask(reason, (Action.RETRY, *can), what)
                if request.resolve.action is Action.SKIP:
                    return None

        return run

    return decorated
