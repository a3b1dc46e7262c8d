"""The owner of an order: the one coroutine that changes its state, and how it waits, looks and has effects done.

Doors only post to the mailbox. Effects run as tasks; while they do, the owner serves the mailbox for what the moment
allows. Temporal's own cancel request becomes a message like any other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, overload

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    RetryState,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from activities.failures import Failure
    from activities.steps import Look, step_of
    from domain.base import Value
    from domain.document import Blocked, Happening, OrderDocument
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.notifications import Occasion
    from domain.policies import OrderPolicies
    from workflows.story import show

A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")
C = TypeVar("C", bound=Look)


class CancelAnswer(Value):
    """`why` is told to whoever asked: what happens now, or what makes it too late."""

    allowed: bool
    why: str


@dataclass
class CancelRequest:
    actor: str
    reason: str
    answer: CancelAnswer | None = None


class CancelWanted(Exception):  # noqa: N818  a turn that the business takes, not an error
    """A cancel reached the owner at a point where it may act on it."""

    def __init__(self, request: CancelRequest) -> None:
        super().__init__(request.reason)
        self.request = request


@dataclass(frozen=True)
class Todo(Generic[R]):
    """An effect to be done: `name` is its stable activity id, `summary` what the Web UI shows of it."""

    method: Callable[[Any, Any], Awaitable[R]]
    call: Look
    name: str
    summary: str


class Owner:
    def __init__(self, document: OrderDocument) -> None:
        self.document = document
        self.policies = OrderPolicies(adapters={})  # until the channel's are resolved
        self.on_outage: Callable[[Blocked, Occasion], None] = lambda *_: None
        self.mailbox: deque[CancelRequest] = deque()
        self.hints: set[System] = set()
        self.retry_wanted = False
        self.too_late: str | None = None  # why a cancel is refused from now on; None while one is possible
        self._deciding = False
        self._unsettled_until: datetime | None = None
        self._in_background: list[asyncio.Task[Any]] = []

    # -- waiting -----------------------------------------------------------------------------------------------

    async def until(self, done: Callable[[], bool], *, at_most: timedelta | None = None) -> bool:
        """Wait, and serve the mailbox meanwhile. False when the time is over. May raise CancelWanted."""
        deadline = workflow.now() + at_most if at_most is not None else None
        while not done():
            self.serve()
            left = deadline - workflow.now() if deadline else None
            if left is not None and left <= timedelta(0):
                return False
            try:
                await workflow.wait_condition(lambda: done() or self._has_mail(), timeout=left)
            except asyncio.CancelledError:
                self.mailbox.append(CancelRequest(actor="temporal", reason="cancelled in Temporal"))
            except TimeoutError:
                return done()
        return True

    async def hinted(self, system: System, waits_for: str, *, at_most: timedelta | None = None) -> None:
        """Wait until `system` hints that there is something to see, or until it is time to look anyway."""
        patience = timedelta(minutes=self.policies.look_again_minutes)
        if at_most is not None:
            patience = min(patience, at_most)
        self.document.waits_for = waits_for
        self.document.looks_again_at = workflow.now() + patience
        self.show()
        try:
            await self.until(lambda: system in self.hints, at_most=patience)
        finally:
            self.document.waits_for, self.document.looks_again_at = "", None

    def serve(self) -> None:
        """Take what waits in the mailbox, as far as this moment allows."""
        while self._has_mail():
            request = self.mailbox.popleft()
            if self.too_late is None:
                raise CancelWanted(request)
            request.answer = CancelAnswer(allowed=False, why=self.too_late)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """While one request is decided, the next ones wait in the mailbox."""
        before, self._deciding = self._deciding, True
        try:
            yield
        finally:
            self._deciding = before

    def _has_mail(self) -> bool:
        return bool(self.mailbox) and not self._deciding

    # -- looking and doing -------------------------------------------------------------------------------------

    async def look(self, method: Callable[[Any, C], Awaitable[R]], call: C) -> R:
        """Read, however long its system takes.

        Not as a local activity: its result reaches the workflow before a signal when it runs, and after it when it is
        replayed, or the other way round, if a query came meanwhile. What is decided upon both then does not replay.
        """
        name = step_of(method).name
        return await self._finish(
            self._carry_out(Todo(method, call, name=name, summary=name.replace("_", " ")))
        )

    async def do(self, todo: Todo[R]) -> R:
        """Have an effect done, however long its system takes. Refused and InvariantBroken come back."""
        self.serve()
        return await self._finish(self._carry_out(todo))

    @overload
    async def together(self, one: Todo[A], two: Todo[B], /) -> tuple[A, B]: ...
    @overload
    async def together(self, one: Todo[Any], two: Todo[Any], /, *more: Todo[Any]) -> tuple[Any, ...]: ...
    async def together(self, *todos: Todo[Any]) -> tuple[Any, ...]:
        """Effects that do not depend on each other. All have ended when this returns or raises."""
        self.serve()
        tasks = [asyncio.create_task(self._carry_out(todo)) for todo in todos]
        await self._all_done(tasks)
        failed = [task for task in tasks if task.exception() is not None]
        return tuple(task.result() for task in failed or tasks)

    def in_background(self, todo: Todo[Any]) -> None:
        """An effect that nothing waits for. It is done, or given up, before the order closes."""
        self._in_background.append(asyncio.create_task(self._attempts(todo, bound=None)))

    async def end_background(self) -> None:
        for task in self._in_background:
            task.cancel()
        await self.until(lambda: all(task.done() for task in self._in_background))
        refused = [task for task in self._in_background if not task.cancelled() and task.exception()]
        if refused:
            self.note(f"{len(refused)} messages to operators were refused")

    async def settled(self) -> None:
        """After an effect was interrupted: wait until its system cannot commit it any more."""
        if self._unsettled_until is not None:
            await self.until(lambda: False, at_most=self._unsettled_until - workflow.now())
            self._unsettled_until = None

    async def _finish(self, work: Coroutine[Any, Any, R]) -> R:
        task = asyncio.create_task(work)
        await self._all_done([task])
        return task.result()

    async def _all_done(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Until all have ended; a cancel ends them first, really, and then goes its way."""
        try:
            await self.until(lambda: all(task.done() for task in tasks))
        except CancelWanted:
            for task in tasks:
                task.cancel()
            with self.deciding():
                await self.until(lambda: all(task.done() for task in tasks))
            await asyncio.gather(*tasks, return_exceptions=True)  # nobody else asks what became of them
            self._unsettled_until = workflow.now() + timedelta(seconds=self.policies.request_seconds_max)
            raise

    async def _carry_out(self, todo: Todo[R]) -> R:
        """The first run is bounded by the attention delay, so that the happy path pays for no timer."""
        bound = timedelta(seconds=self.policies.attention_seconds)
        try:
            return await self._attempts(todo, bound=bound)
        except ActivityError as error:
            return await self._carry_on_blocked(todo, _business_error_or_outage(error))

    async def _carry_on_blocked(self, todo: Todo[R], last_error: str) -> R:
        step = step_of(todo.method)
        mark = Blocked(system=step.system, step=step.name, since=workflow.now(), last_error=last_error)
        self.document.blocked.append(mark)
        self.note(f"blocked: {step.system} does not answer ({todo.summary})")
        self.on_outage(mark, Occasion.SYSTEM_DOWN)
        try:
            # The last attempt of the bounded run may still be on its way.
            await asyncio.sleep(self.policies.request_seconds_max)
            result = await self._attempts(todo, bound=None)
        except ActivityError as error:
            if not _was_cut_off(error):
                self._answers_again(mark)
            _business_error_or_outage(error)
            raise
        finally:
            self.document.blocked.remove(mark)
            self.show()
        self._answers_again(mark)
        return result

    def _answers_again(self, mark: Blocked) -> None:
        self.note(f"{mark.system} answers again")
        self.on_outage(mark, Occasion.SYSTEM_UP)

    async def _attempts(self, todo: Todo[R], *, bound: timedelta | None) -> R:
        policies = self.policies
        result: R = await workflow.execute_activity(
            todo.method,  # type: ignore[arg-type]  # as above
            todo.call,
            activity_id=todo.name,
            summary=todo.summary,
            task_queue=policies.task_queues.get(step_of(todo.method).system),
            schedule_to_close_timeout=bound,
            start_to_close_timeout=timedelta(seconds=policies.attempt_seconds),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=policies.retry_seconds_min),
                maximum_interval=timedelta(seconds=policies.retry_seconds_max),
            ),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return result

    # -- telling -----------------------------------------------------------------------------------------------

    def note(self, what: str) -> None:
        """One more line of the timeline: a sentence without personal data."""
        self.document.timeline.append(Happening(at=workflow.now(), what=what))
        self.show()

    def show(self) -> None:
        show(self.document)


def _was_cut_off(error: ActivityError) -> bool:
    """An attempt that fails while its cancel is on its way is told as its own failure, and not tried again."""
    return is_cancelled_exception(error) or error.retry_state is RetryState.CANCEL_REQUESTED


def _business_error_or_outage(error: ActivityError) -> str:
    """Raise what the business must decide, or the cancellation; otherwise answer the last words of the outage."""
    if _was_cut_off(error):
        raise error
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == Failure.REFUSED:
        raise Refused(cause.message) from error
    if isinstance(cause, ApplicationError) and cause.type == Failure.INVARIANT_BROKEN:
        raise InvariantBroken(cause.message) from error
    while isinstance(cause, FailureError) and isinstance(cause.cause, FailureError):
        cause = cause.cause
    return cause.message if isinstance(cause, FailureError) else "no answer"
