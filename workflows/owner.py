"""The owner of an order: the one coroutine that changes its state, and how it waits, looks and has effects done.

Doors only post to the mailbox. Effects run as tasks; while they do, the owner serves the mailbox for what the moment
allows. Temporal's own cancel request becomes a message like any other.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.steps import Look, step_of
    from domain.attention import Action, Blocked
    from domain.document import OrderDocument, Wait
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.policies import OrderPolicies
    from workflows.answers import Answers
    from workflows.attempts import Attempts
    from workflows.in_flight import InFlight
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
    from workflows.story import Story
    from workflows.todo import Todo

R = TypeVar("R")
S = TypeVar("S")
C = TypeVar("C", bound=Look)
D = TypeVar("D", bound=Look)


async def come_true(condition: Callable[[], bool], at_most: timedelta | None = None) -> None:
    """Wait. TimeoutError when the time is over; CancelledError when the caller's task is cancelled.

    In Python 3.11 `asyncio.wait_for`, by which Temporal's SDK waits, forgets that it was cancelled when that comes in the
    moment in which the condition comes true: whoever ends its task would wait for ever (python/cpython#86296).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    await workflow.wait_condition(condition, timeout=at_most)
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


def _no_return(request: ReturnRequest) -> None:
    request.refused("nothing of it has left yet")


def _no_amendment(request: AmendRequest) -> None:
    request.refused("it cannot be amended")


class Owner:
    def __init__(self, document: OrderDocument) -> None:
        self.document = document
        self._story = Story(document)
        self._attempts = Attempts(self._story, self._begin_outage)
        self.answers = Answers(self._attempts)
        # What happens beside the order itself: an outage is counted, a hint of the shop is looked into.
        self.on_outage: Callable[[Blocked, Callable[[], bool]], Coroutine[Any, Any, None]] | None = None
        self.on_hint: dict[System, Callable[[], Coroutine[Any, Any, None]]] = {}
        self.on_return: Callable[[ReturnRequest], None] = _no_return
        self.on_amend: Callable[[AmendRequest], None] = _no_amendment
        self.mailbox: list[Request] = []
        self.news: Counter[System] = Counter()  # so many hints have come
        self._waited_for: list[Callable[[], bool]] = []
        self._awaited: Counter[System] = Counter()  # so many wait for the next one
        self._unseen: set[System] = set()  # systems whose hints are looked into beside the order
        self.too_late: str | None = None  # why a cancel is refused from now on; None while one is possible
        self._deciding = False
        self._settling: asyncio.Task[None] | None = None
        self._in_background: list[asyncio.Task[Any]] = []
        self._beside: list[asyncio.Task[Any]] = []
        self._looking: dict[System, asyncio.Task[None]] = {}
        self._looks: set[str] = set()
        self._lanes: list[asyncio.Task[None]] = []
        self._in_flight = InFlight()
        self._editor: asyncio.Task[Any] | None = None  # who amends the order now, and has it for themselves
        self.steps = 0  # of shipments, in this run
        # Whether the order is to go on as new now that it rests, and how; and whether it is to come to rest.
        self.is_long: Callable[[], bool] = lambda: False
        self.go_on_as_new: Callable[[], None] = lambda: None
        self.comes_to_rest: Callable[[], bool] = lambda: False

    # -- waiting -----------------------------------------------------------------------------------------------

    async def until(self, done: Callable[[], bool], *, at_most: timedelta | None = None) -> bool:
        """Wait, and serve the mailbox meanwhile. False when the time is over. May raise CancelWanted.

        In a lane the mailbox is not served: whoever began the lanes does that.
        """
        if self._is_beside():
            return await self._wait(done, at_most)
        deadline = workflow.now() + at_most if at_most is not None else None
        with self._waits_for(done):
            while not done():
                self.serve()
                left = deadline - workflow.now() if deadline else None
                if left is not None and left <= timedelta(0):
                    return False
                try:
                    await come_true(lambda: done() or self._has_mail() or self.is_long(), left)
                except asyncio.CancelledError:
                    self.mailbox.append(CancelRequest("temporal", "cancelled in Temporal"))
                except TimeoutError:
                    return done()
                if self.is_long():  # asked anew: whoever woke with us has gone on meanwhile
                    self.go_on_as_new()
        return True

    @contextmanager
    def _waits_for(self, done: Callable[[], bool]) -> Iterator[None]:
        """Somebody does, until they go on: that may be a moment after it came true."""
        self._waited_for.append(done)
        try:
            yield
        finally:
            self._waited_for.remove(done)

    def _is_beside(self) -> bool:
        """Whoever asks is not the one who serves the mailbox."""
        return asyncio.current_task() in self._lanes or asyncio.current_task() in self._beside

    async def _wait(self, done: Callable[[], bool], at_most: timedelta | None) -> bool:
        if at_most is not None and at_most <= timedelta(0):
            return done()
        with self._waits_for(done):
            try:
                await come_true(done, at_most)
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
            with self.hears(system):
                return await self.until(lambda: self.news[system] > since or unless(), at_most=patience)
        finally:
            self.document.waits.remove(wait)

    @contextmanager
    def hears(self, system: System) -> Iterator[None]:
        """Whoever asks goes on with the next hint of it, and has gone on with all before."""
        self._awaited[system] += 1
        try:
            yield
        finally:
            self._awaited[system] -= 1

    def deadline(self, what: str, latest: datetime) -> datetime:
        """How long at most this is waited for: as it was said when that began, whatever is begun anew since."""
        return self.document.deadlines.setdefault(what, latest)

    async def between_phases(self) -> None:
        """Where an order with a long history goes on as new, as where it rests."""
        await workflow.wait_condition(lambda: True)  # whoever can go on has gone on
        if self.is_long():
            self.go_on_as_new()

    async def pauses(self) -> None:
        """The document tells all of what the caller does: in the order's next run it goes on from here.

        Between two of these it does something that the document tells; or every run would end before it got on.
        """
        if self.comes_to_rest():
            await self.until(lambda: not self.comes_to_rest())
        self.steps += 1

    def rests(self) -> bool:
        """Nothing is under way, and nobody is to hear an answer: it goes on by a hint, a request or a timer.

        Whatever waits then may begin anew: as lanes do that a cancel has cut off, it goes on where the document says.
        """
        working = (*self._in_background, *self._looking.values())
        return self.may_rest() and not (
            self._attempts.under_way
            or any(done() for done in self._waited_for)
            or any(not task.done() for task in working)
        )

    def may_rest(self) -> bool:
        """Nothing keeps it from coming to rest but what is under way, and ends soon."""
        document = self.document
        asked = document.hold or document.blocked or document.attention or self.answers.given
        return (
            not (
                self._has_mail()
                or asked
                or self._deciding
                or self._editor
                or any(not task.done() for task in self._beside)
                or any(not record.ended for record in document.amendments)
            )
            and workflow.all_handlers_finished()
        )

    def unheard(self) -> tuple[System, ...]:
        """Systems that hinted at something, and nobody waits for it now."""
        return tuple(
            sorted(system for system, hints in self.news.items() if hints and not self._awaited[system])
        )

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
                self.answers.hold(request)
            case ReleaseRequest():
                self.answers.release(request)
            case ReturnRequest():
                self.on_return(request)
            case AmendRequest():
                self.on_amend(request)
            case ResolveRequest(resolve=resolve) if resolve.action is not Action.CANCEL:
                self.answers.take(request)
            case _ if self.too_late is None:
                raise CancelWanted(request)
            case _:
                request.refused(self.too_late)

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
        task = asyncio.create_task(self._see(method, call))
        await self._all_done([task])
        return task.result()

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
            return await self._attempts.carry_out(
                Todo(method, call, name=name, summary=step.replace("_", " "))
            )
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
        task = asyncio.create_task(self._attempts.carry_out(todo))
        with self._counted([task]):
            await self._all_done([task])
            return task.result()

    async def outcomes(self, *todos: Todo[Any]) -> list[Any | Refused | InvariantBroken]:
        """Effects that do not depend on each other. All have ended when this returns: with a result or a refusal."""
        await self.begins()
        tasks = [asyncio.create_task(self._attempts.carry_out(todo)) for todo in todos]
        with self._counted(tasks):
            await self._all_done(tasks)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for outcome in found:
                if isinstance(outcome, BaseException) and not isinstance(outcome, Refused | InvariantBroken):
                    raise outcome
            return found

    def in_background(self, todo: Todo[Any]) -> None:
        """An effect that nothing waits for. It is done, or given up, before the order closes."""
        self._in_background.append(asyncio.create_task(self._attempts.attempt(todo, bound=None)))

    async def attempts(self, todo: Todo[R], *, at_most: timedelta | None = None) -> R:
        """For what runs beside the order: tried until it is done, and never a reason to say that it is blocked."""
        return await self._attempts.attempt(todo, bound=at_most)

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
        if self._settling:
            await self.until(self._settling.done)

    def _is_unsettled(self) -> None:
        """From now on, and as long as a system may still take what it was asked for."""
        patience = timedelta(seconds=self.policies.request_seconds_max)

        async def settles() -> None:
            await self._wait(lambda: False, patience)

        self._settling = self.beside(settles())

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
        self._is_unsettled()

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
        await self._wait(lambda: len(self._in_flight) <= len(self._attempts.stuck), patience)
        if not self._in_flight:
            return
        self._in_flight.supersede()
        await self._wait(lambda: not self._in_flight, None)
        self._is_unsettled()
        await self.settled()

    def _counted(self, tasks: Sequence[asyncio.Task[Any]]) -> AbstractContextManager[None]:
        """They are in flight, unless they are of the amendment itself."""
        mine = asyncio.current_task() is self._editor
        return nullcontext() if mine else self._in_flight.counted(tasks)

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

    def _begin_outage(self, mark: Blocked, is_over: Callable[[], bool]) -> None:
        if self.on_outage:
            self.beside(self.on_outage(mark, is_over))

    # -- telling -----------------------------------------------------------------------------------------------

    @property
    def policies(self) -> OrderPolicies:
        return self._attempts.policies

    @policies.setter
    def policies(self, policies: OrderPolicies) -> None:
        self._attempts.policies = policies

    def note(self, what: str) -> None:
        """One more line of the timeline: a sentence without personal data."""
        self._story.note(what)

    def show(self) -> None:
        self._story.show()
