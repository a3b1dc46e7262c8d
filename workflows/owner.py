"""The owner of an order: the one coroutine that changes its state, and how it waits, looks and has effects done.

Doors only post to the mailbox. Effects run as tasks; while they do, the owner serves the mailbox for what the moment
allows. Temporal's own cancel request becomes a message like any other.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar, cast

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
)
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from activities.steps import Look, step_of
    from domain.attention import Action, Blocked, Hold, Resolve
    from domain.document import Happening, OrderDocument, Wait
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.policies import OrderPolicies
    from workflows.requests import (
        AmendRequest,
        CancelRequest,
        CancelWanted,
        HoldRequest,
        ReleaseRequest,
        Request,
        ResolveRequest,
        ReturnRequest,
        Superseded,
    )
    from workflows.story import show
    from workflows.todo import Todo, business_error_or_outage, was_cut_off

R = TypeVar("R")
S = TypeVar("S")
C = TypeVar("C", bound=Look)
D = TypeVar("D", bound=Look)


@dataclass
class _Stuck:
    """A blocked effect, and what somebody wants of it."""

    mark: Blocked
    pressed: Action | None = None
    over: bool = False

    def begun_anew(self) -> None:
        self.pressed = None


@dataclass
class _InFlight:
    """Effects of one step. `superseded`: they were ended because the order is being amended."""

    tasks: Sequence[asyncio.Task[Any]]
    superseded: bool = False


def _no_return(request: ReturnRequest) -> None:
    request.refused("nothing of it has left yet")


def _no_amendment(request: AmendRequest) -> None:
    request.refused("it cannot be amended")


class Owner:
    def __init__(self, document: OrderDocument) -> None:
        self.document = document
        self._loop = asyncio.get_running_loop()  # each order in memory has its own
        self.policies = OrderPolicies(adapters={})  # until the channel's are resolved
        # What happens beside the order itself: an outage is counted, a hint of the shop is looked into.
        self.on_outage: Callable[[Blocked, Callable[[], bool]], Coroutine[Any, Any, None]] | None = None
        self.on_hint: dict[System, Callable[[], Coroutine[Any, Any, None]]] = {}
        self.on_return: Callable[[ReturnRequest], None] = _no_return
        self.on_amend: Callable[[AmendRequest], None] = _no_amendment
        self.mailbox: list[Request] = []
        self.resolution: ResolveRequest | None = None  # the answer to the question that the order asks now
        self.listens = False  # whoever asked waits for it, and does not carry out a former answer
        self.news: Counter[System] = Counter()  # so many hints have come
        self._unseen: set[System] = set()  # systems whose hints are looked into beside the order
        self.too_late: str | None = None  # why a cancel is refused from now on; None while one is possible
        self._deciding = False
        self._stuck: list[_Stuck] = []
        self._unsettled_until: datetime | None = None
        self._in_background: list[asyncio.Task[Any]] = []
        self._beside: list[asyncio.Task[Any]] = []
        self._looking: dict[System, asyncio.Task[None]] = {}
        self._looks: set[str] = set()
        self._lanes: list[asyncio.Task[None]] = []
        self._in_flight: list[_InFlight] = []
        self._editor: asyncio.Task[Any] | None = None  # who amends the order now, and has it for themselves

    # -- waiting -----------------------------------------------------------------------------------------------

    async def until(self, done: Callable[[], bool], *, at_most: timedelta | None = None) -> bool:
        """Wait, and serve the mailbox meanwhile. False when the time is over. May raise CancelWanted.

        In a lane the mailbox is not served: whoever began the lanes does that.
        """
        if self._is_beside():
            return await self._wait(done, at_most)
        deadline = workflow.now() + at_most if at_most is not None else None
        while not done():
            self.serve()
            left = deadline - workflow.now() if deadline else None
            if left is not None and left <= timedelta(0):
                return False
            try:
                await workflow.wait_condition(lambda: done() or self._has_mail(), timeout=left)
            except asyncio.CancelledError:
                self.mailbox.append(CancelRequest("temporal", "cancelled in Temporal"))
            except TimeoutError:
                return done()
        return True

    def _is_beside(self) -> bool:
        """Whoever asks is not the one who serves the mailbox."""
        return asyncio.current_task() in self._lanes or asyncio.current_task() in self._beside

    async def _wait(self, done: Callable[[], bool], at_most: timedelta | None) -> bool:
        if at_most is not None and at_most <= timedelta(0):
            return done()
        try:
            await workflow.wait_condition(done, timeout=at_most)
        except TimeoutError:
            return done()
        return True

    async def hinted(
        self,
        system: System,
        waits_for: str,
        *,
        since: int,
        at_most: timedelta | None = None,
        only_hints: bool = False,
        unless: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until `system` hints that there is something to see, or until it is time to look anyway.

        `since`: so many hints of it had come when it was looked at last. `only_hints`: `at_most` is how long to wait,
        and it is not looked before. `unless` ends it, too. False when the time is over.
        """
        if self.news[system] > since:
            return True
        patience = timedelta(minutes=self.policies.look_again_minutes)
        if at_most is not None:
            patience = at_most if only_hints else min(patience, at_most)
        wait = Wait(what=waits_for, looks_again_at=workflow.now() + patience)
        self.document.waits.append(wait)
        self.show()
        try:
            return await self.until(lambda: self.news[system] > since or unless(), at_most=patience)
        finally:
            self.document.waits.remove(wait)

    def hint(self, system: System) -> None:
        """Something changed there."""
        self.news[system] += 1
        if system in self.on_hint:
            self._unseen.add(system)

    def serve(self) -> None:
        """Take what waits in the mailbox, as far as this moment allows. Not the business of a lane."""
        if self._is_beside():
            return
        for system in self._news():
            self._unseen.discard(system)
            self._looking[system] = asyncio.create_task(self.on_hint[system]())
        while request := self._next_mail():
            self.mailbox.remove(request)
            self._take(request)

    def _take(self, request: Request) -> None:
        match request:
            case HoldRequest():
                self._hold(request)
            case ReleaseRequest():
                self._release(request)
            case ReturnRequest():
                self.on_return(request)
            case AmendRequest():
                self.on_amend(request)
            case ResolveRequest(resolve=resolve) if resolve.action is not Action.CANCEL:
                self._resolve(request)
            case _ if self.too_late is None:
                raise CancelWanted(request)
            case _:
                request.refused(self.too_late)

    def _hold(self, request: Request) -> None:
        self.document.hold = Hold(actor=request.actor, reason=request.reason, since=workflow.now())
        self.note(f"held by {request.actor}: {request.reason}")
        request.granted("it is held: what runs now ends, nothing new begins until it is released")

    def _release(self, request: Request) -> None:
        if self.document.hold is None:
            request.refused("it is not on hold")
            return
        self.document.hold = None
        self.note(f"released by {request.actor}: {request.reason}")
        request.granted("it goes on")

    def _resolve(self, request: ResolveRequest) -> None:
        """An answer to the order's question goes to whoever asked it; the rest is for what is blocked."""
        resolve, question = request.resolve, self.document.attention
        if self.resolution is not None:
            request.refused("another answer is being carried out")
            return
        if (
            question is not None
            and self.listens
            and resolve.action in question.can
            and resolve.number in (None, question.number)
        ):
            self._note_answer(resolve)
            self.resolution = request
            return
        pressed = [stuck for stuck in self._stuck if resolve.action in stuck.mark.can]
        if resolve.number is not None or not pressed:
            request.refused(self._why_not(resolve))
            return
        for stuck in pressed:
            stuck.pressed = resolve.action
        self._note_answer(resolve)
        systems = ", ".join(sorted({stuck.mark.system for stuck in pressed}))
        request.granted(
            f"{systems}: " + ("asked again now" if resolve.action is Action.RETRY else "gone on without it")
        )

    def answer_by_amendment(self) -> None:
        """What stood in the way may be gone: a question that a retry answers is answered so."""
        question = self.document.attention
        if (
            question is None
            or not self.listens
            or self.resolution is not None
            or Action.RETRY not in question.can
        ):
            return
        resolve = Resolve(action=Action.RETRY, actor="amendment", reason="the order was amended")
        self.resolution = ResolveRequest(resolve.actor, resolve.reason, resolve=resolve)

    def _note_answer(self, resolve: Resolve) -> None:
        outside = f" (outside as {resolve.reference})" if resolve.reference else ""
        self.note(f"{resolve.action}{outside} by {resolve.actor}: {resolve.reason}")

    def _why_not(self, resolve: Resolve) -> str:
        question = self.document.attention
        if resolve.number is not None and (question is None or question.number != resolve.number):
            return "that question is answered already"
        if question is not None and not self.listens:
            return "another answer is being carried out"
        if question is not None:
            return f"{resolve.action} is no answer to this: {', '.join(question.can)}"
        if self._stuck:
            return f"{resolve.action} does not help while a system is down: retry or cancel"
        return "it needs no person now"

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """While one request is decided, the next ones wait in the mailbox."""
        before, self._deciding = self._deciding, True
        try:
            yield
        finally:
            self._deciding = before

    @property
    def is_deciding(self) -> bool:
        return self._deciding

    def _next_mail(self) -> Request | None:
        """While a cancel is decided others wait; whatever helps that decision is taken."""
        for request in self.mailbox:
            cancels = isinstance(request, CancelRequest) or (
                isinstance(request, ResolveRequest) and request.resolve.action is Action.CANCEL
            )
            if not (cancels and self._deciding):
                return request
        return None

    def _news(self) -> list[System]:
        """Hints to be looked into beside the order; one that comes while its system is looked at waits for the next look."""
        looking = {system for system, task in self._looking.items() if not task.done()}
        known = self.policies.adapters
        return sorted(s for s in self._unseen if s in known and s not in looking)

    def _has_mail(self) -> bool:
        return self._next_mail() is not None or bool(self._news())

    # -- looking and doing -------------------------------------------------------------------------------------

    async def look(self, method: Callable[[Any, C], Awaitable[R]], call: C) -> R:
        """Read, however long its system takes.

        Not as a local activity: its result reaches the workflow before a signal when it runs, and after it when it is
        replayed, or the other way round, if a query came meanwhile. What is decided upon both then does not replay.
        """
        return await self._finish(self._see(method, call))

    async def look_twice(
        self,
        first: tuple[Callable[[Any, C], Awaitable[R]], C],
        second: tuple[Callable[[Any, D], Awaitable[S]], D],
    ) -> tuple[R, S]:
        """Likewise at two places at once."""
        one, other = asyncio.create_task(self._see(*first)), asyncio.create_task(self._see(*second))
        await self._all_done([one, other])
        return await asyncio.gather(one, other)

    async def _see(self, method: Callable[[Any, C], Awaitable[R]], call: C) -> R:
        step = step_of(method).name
        name = next(name for name in self._names(step) if name not in self._looks)
        self._looks.add(name)
        try:
            return await self._carry_out(Todo(method, call, name=name, summary=step.replace("_", " ")))
        finally:
            self._looks.discard(name)

    def _names(self, step: str) -> Iterator[str]:
        """Ids for the same look at once, by several lanes."""
        yield step
        yield from (f"{step}-{number}" for number in count(2))

    async def do(self, todo: Todo[R], *, despite_hold: bool = False) -> R:
        """Have an effect done, however long its system takes. Refused and InvariantBroken come back.

        Superseded: it was ended because the order is being amended; whoever wanted it begins again.
        """
        await self.begins(despite_hold=despite_hold)
        task = asyncio.create_task(self._carry_out(todo))
        with self._counted([task]):
            await self._all_done([task])
            return task.result()

    async def outcomes(self, *todos: Todo[Any]) -> list[Any | Refused | InvariantBroken]:
        """Effects that do not depend on each other. All have ended when this returns: with a result or a refusal."""
        await self.begins()
        tasks = [asyncio.create_task(self._carry_out(todo)) for todo in todos]
        with self._counted(tasks):
            await self._all_done(tasks)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for outcome in found:
                if isinstance(outcome, BaseException) and not isinstance(outcome, Refused | InvariantBroken):
                    raise outcome
            return found

    def in_background(self, todo: Todo[Any]) -> None:
        """An effect that nothing waits for. It is done, or given up, before the order closes."""
        self._in_background.append(asyncio.create_task(self._attempts(todo, bound=None)))

    async def attempts(self, todo: Todo[R], *, at_most: timedelta | None = None) -> R:
        """For what runs beside the order: tried until it is done, and never a reason to say that it is blocked."""
        return await self._attempts(todo, bound=at_most)

    async def end_background(self) -> None:
        """What is counted is counted to its end; messages that cannot leave are given up."""
        await self.until(lambda: all(task.done() for task in self._beside))
        given_up = [*self._in_background, *self._looking.values()]
        for task in given_up:
            task.cancel()
        await self.until(lambda: all(task.done() for task in given_up))
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
        except (CancelWanted, asyncio.CancelledError):
            await self.cut_off(tasks)
            raise

    async def cut_off(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Until they have really ended; what was asked of a system may still happen for a while."""
        for task in tasks:
            task.cancel()
        with self.deciding():
            await self.until(lambda: all(task.done() for task in tasks))
        await asyncio.gather(*tasks, return_exceptions=True)  # nobody else asks what became of them
        self._unsettled_until = workflow.now() + timedelta(seconds=self.policies.request_seconds_max)

    # -- amending ----------------------------------------------------------------------------------------------

    async def begins(self, *, despite_hold: bool = False) -> None:
        """Until something new may begin: not on hold, and not while the order is amended, but for whoever amends it."""
        self.serve()
        edits = self._editor is not None and asyncio.current_task() is self._editor
        if not (edits or self.may_begin(despite_hold=despite_hold)):
            await self.until(lambda: self.may_begin(despite_hold=despite_hold))

    def may_begin(self, *, despite_hold: bool = False) -> bool:
        return self._editor is None and (despite_hold or self.document.hold is None)

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin something that goes on beside the phases, whatever they do. The order closes after its end."""
        task = asyncio.create_task(work)
        self._beside = [*(one for one in self._beside if not one.done()), task]
        return task

    @asynccontextmanager
    async def editing(self) -> AsyncIterator[None]:
        """Whoever asks has the order for themselves: what runs ends, and nothing of others begins until they are done."""
        self._editor = asyncio.current_task()
        try:
            await self._quiet()
            yield
        finally:
            self._editor = None

    async def _quiet(self) -> None:
        """Until no effect of others is in flight. One that takes long, or is blocked, is ended really; it begins again later."""
        patience = timedelta(seconds=self.policies.request_seconds_max)
        await self._wait(lambda: len(self._in_flight) <= len(self._stuck), patience)
        if not self._in_flight:
            return
        for running in self._in_flight:
            running.superseded = True
            for task in running.tasks:
                task.cancel()
        await self._wait(lambda: not self._in_flight, None)
        self._unsettled_until = workflow.now() + patience
        await self.settled()

    @contextmanager
    def _counted(self, tasks: Sequence[asyncio.Task[Any]]) -> Iterator[None]:
        """They are in flight, unless they are of the amendment itself."""
        mine = asyncio.current_task()
        if mine is self._editor:
            yield
            return
        running = _InFlight(tasks)
        self._in_flight.append(running)
        try:
            yield
        except (ActivityError, asyncio.CancelledError) as ended:
            if running.superseded and not (mine and mine.cancelling()):
                raise Superseded from ended
            raise
        finally:
            self._in_flight.remove(running)

    # -- side by side ------------------------------------------------------------------------------------------

    def begin(self, lane: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin something that goes on beside the rest, until `lanes_ended`.

        A lane that is cut off may never have run at all: only its task tells for sure that it is over.
        """
        self._lanes.append(asyncio.create_task(lane))
        return self._lanes[-1]

    async def lanes_ended(self, *, or_when: Callable[[], bool] = lambda: False) -> None:
        """Until every lane has ended, those too that other lanes begin. What one of them raises ends them all."""
        try:
            while self._lanes and not or_when():
                await self.until(lambda: or_when() or any(task.done() for task in self._lanes))
                ended = [task for task in self._lanes if task.done()]
                self._lanes = [task for task in self._lanes if not task.done()]
                for task in ended:
                    task.result()
        except Exception:
            await self.cut_off(self._lanes)
            self._lanes.clear()
            raise

    async def _carry_out(self, todo: Todo[R]) -> R:
        """The first run is bounded by the attention delay, so that the happy path pays for no timer."""
        bound = timedelta(seconds=self.policies.attention_seconds)
        try:
            return await self._attempts(todo, bound=bound)
        except ActivityError as error:
            return await self._carry_on_blocked(todo, business_error_or_outage(error))

    async def _carry_on_blocked(self, todo: Todo[R], last_error: str) -> R:
        step = step_of(todo.method)
        can = (Action.RETRY, Action.SKIP, Action.CANCEL) if todo.may_skip else (Action.RETRY, Action.CANCEL)
        mark = Blocked(
            system=step.system, step=todo.summary, since=workflow.now(), last_error=last_error, can=can
        )
        stuck = _Stuck(mark)
        self.document.blocked.append(mark)
        self._stuck.append(stuck)
        self.note(f"blocked: {step.system} does not answer ({todo.summary})")
        if self.on_outage:
            self._beside.append(asyncio.create_task(self.on_outage(mark, lambda: stuck.over)))
        answered = False
        try:
            result = await self._until_answered(todo, stuck)
            answered = stuck.pressed is not Action.SKIP
        except ActivityError as error:
            answered = not was_cut_off(error)
            business_error_or_outage(error)
            raise
        else:
            return result
        finally:
            stuck.over = True
            self._stuck.remove(stuck)
            self.document.blocked.remove(mark)
            if answered:
                self.note(f"{mark.system} answers again")
            self.show()

    async def _until_answered(self, todo: Todo[R], stuck: _Stuck) -> R:
        """Somebody may press for another attempt at once, which begins the intervals anew, or go on without."""
        while True:
            # The last attempt of the bounded run may still be on its way.
            await asyncio.sleep(self.policies.request_seconds_max)
            if stuck.pressed is Action.SKIP:
                return cast("R", None)
            stuck.begun_anew()
            try:
                return await self._pressed(asyncio.create_task(self._attempts(todo, bound=None)), stuck)
            except ActivityError as error:
                if stuck.pressed is None or not was_cut_off(error):
                    raise

    async def _pressed(self, attempts: asyncio.Task[R], stuck: _Stuck) -> R:
        """The attempts, to their end; cut off when somebody presses."""
        try:
            await workflow.wait_condition(lambda: attempts.done() or stuck.pressed is not None)
        except asyncio.CancelledError:
            stuck.pressed = None  # cut off for good
        if not attempts.done():
            attempts.cancel()
        return await attempts

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
        """Not for an order that a worker has let go of: Python ends it wherever it collects it, in another order's turn too."""
        if workflow.in_workflow() and asyncio.get_running_loop() is self._loop:
            show(self.document)
