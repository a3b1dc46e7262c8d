"""One order of the demo, and what customers, customer service and operators can do about it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from temporalio.service import RPCError

from domain.amendments import Amendment, AmendmentRecord, AmendmentState, Change
from domain.attention import Action, Correction, Reason, Resolve
from domain.base import Value
from domain.document import OrderDocument
from domain.errors import Refused, Unavailable
from domain.ids import System
from domain.money import Money
from domain.orders import OrderLine, PlacedOrder
from domain.phases import Phase
from domain.returns import ReturnAsked
from entrypoints.attention import Which, cases, resolve_each
from entrypoints.commands import Command, Commands, Kind, amending, by_hand
from entrypoints.demo.documents import DemoDocument
from entrypoints.demo.watching import STEP_SECONDS_MAX, DemoFailed, Watch
from entrypoints.demo.world import World
from entrypoints.doors import Doors, Outcome, Told

_CUSTOMER_SERVICE = "customer service"
_LOOK_SECONDS = 1.0


@dataclass
class Stage:
    """What all scenes have in common."""

    world: World
    watch: Watch
    doors: Doors
    commands: Commands


@dataclass
class Scene:
    """`account` is the buyer's number in the ERP, where it was made by hand."""

    stage: Stage
    sent: DemoDocument
    placed: PlacedOrder
    account: str = field(default="", init=False)

    @property
    def order(self) -> str:
        return self.sent.order_id

    @property
    def total(self) -> Money:
        return self.placed.total

    @property
    def world(self) -> World:
        return self.stage.world

    # -- what the order says -----------------------------------------------------------------------------------

    async def is_accepted(self) -> None:
        """Its shop has told of it, and the webhook was taken: a moment later it is one of ours."""

        async def registered() -> bool:
            try:
                await self.stage.doors.find(self.order)
            except Refused:
                return False
            return True

        await self._found(registered, "accepted")

    async def reaches(self, phase: Phase) -> None:
        await self.stage.watch.until(self.order, lambda seen: seen.phase == phase, phase)

    async def is_seen_held(self) -> None:
        await self.stage.watch.until(self.order, lambda seen: seen.on_hold, "on hold")

    async def is_blocked_on(self, system: System) -> None:
        await self.stage.watch.until(
            self.order, lambda seen: system in seen.blocked_on, f"blocked on {system}"
        )

    async def asks(self, reason: Reason) -> None:
        await self.stage.watch.until(self.order, lambda seen: seen.needs is reason, reason)

    async def closes(self) -> None:
        """Its document is kept, and its workflow has ended."""
        await self._found(self._has_closed, "closed")

    async def _has_closed(self) -> bool:
        return (await self.stage.doors.find(self.order)).closed

    async def says(self, words: str) -> None:
        """That it waits for something described so."""
        await self.until(lambda document: words in document.waits_for, words)

    async def until(self, true: Callable[[OrderDocument], object], what: str) -> None:
        """Ask the order itself. DemoFailed once it has closed: it will not come true any more."""
        read: tuple[str, int] | None = None

        async def told() -> bool:
            nonlocal read
            closed, now = await self._has_closed(), await self._written()
            if now and now == read and not closed:
                return False
            document = await self._read()
            read = now if document else None
            if document is not None and true(document):
                return True
            if closed:
                raise DemoFailed(
                    f"{self.order} closed and did not come to this: {what}. {await self.stands()}"
                )
            return False

        await self._found(told, what)

    async def completes(self, true: Callable[[OrderDocument], object], what: str) -> None:
        """And then it is as it must be."""
        await self.reaches(Phase.COMPLETED)
        while (document := await self._read()) is None:  # noqa: ASYNC110  a worker starts in another process
            await asyncio.sleep(_LOOK_SECONDS)
        if not true(document):
            raise DemoFailed(f"{self.order} completed otherwise: {what}")

    async def _read(self) -> OrderDocument | None:
        """None while a worker is dead: nobody answers."""
        try:
            return await self._tell()
        except (RPCError, Unavailable):
            return None

    async def _written(self) -> tuple[str, int] | None:
        """Its run, and how much that has in its history: as long as it is the same, the order says the same."""
        try:
            described = await (await self.stage.doors.workflow(self.placed.order_id)).describe()
        except RPCError:  # not started yet, or Temporal is busy
            return None
        return described.run_id, described.history_length

    async def _tell(self) -> OrderDocument:
        doors = self.stage.doors
        return await doors.read(await doors.find(self.order))

    async def _works(self) -> str:
        """What Temporal has for a worker to do, and how often that was begun."""
        described = await (await self.stage.doors.workflow(self.placed.order_id)).describe()
        told = described.raw_description
        effects = [f"{one.activity_type.name}, attempt {one.attempt}" for one in told.pending_activities]
        task = (
            f"attempt {told.pending_workflow_task.attempt}"
            if told.HasField("pending_workflow_task")
            else "none"
        )
        return f"Its workflow task: {task}; its effects: {'; '.join(effects) or 'none'}"

    async def mailed(self, occasion: str) -> None:
        """Its customer has been written to."""

        async def sent() -> bool:
            return bool(await self.world.mails(f"{self.order}/mail/{occasion}"))

        await self._found(sent, f"the mail {occasion}")

    async def _found(self, found: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(STEP_SECONDS_MAX):
                while not await found():  # noqa: ASYNC110  it comes true in another process
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            late = f"{self.order} did not come to this within {STEP_SECONDS_MAX} s: {what}"
            raise DemoFailed(f"{late}. {await self.stands()}") from None

    async def stands(self) -> str:
        """What the order says of itself, where it is stuck."""
        try:
            document = await self._tell()
        except (RPCError, Unavailable) as error:
            return f"It does not answer ({error}). {await self._works()}"
        asks = document.attention.what if document.attention else ""
        return f"It is {document.phase}: {asks or document.waits_for or document.timeline[-1].what}"

    # -- what people do, by the commands that everybody has ----------------------------------------------------

    async def is_cancelled(self) -> None:
        await self._asks(Kind.CANCEL, "the customer changed their mind")

    async def is_sent_back(self, line: OrderLine, units: int) -> None:
        asked = ReturnAsked(
            request=f"{self.order}/by-phone",
            actor=_CUSTOMER_SERVICE,
            reason="it does not fit the kitchen",
            units={line.line_id: units},
        )
        await self._asks(Kind.SEND_BACK, asked.reason, asked)

    async def is_amended(
        self, *changes: Change, becomes: AmendmentState = AmendmentState.COMMITTED
    ) -> AmendmentRecord:
        """Customer service changes it as they see it, and hears what became of that."""
        while (document := await self._read()) is None:  # noqa: ASYNC110  a worker starts in another process
            await asyncio.sleep(_LOOK_SECONDS)
        amendment = Amendment(
            amendment_id=f"call-{len(document.amendments) + 1}",
            expected_revision=document.revision,
            actor=_CUSTOMER_SERVICE,
            reason="the customer called",
            changes=changes,
        )
        told = await self._give(amending(self.placed.order_id, amendment))
        if becomes in {AmendmentState.COMMITTED, AmendmentState.PENDING}:
            self._not_refused(told)
        return await self.amendment_is(becomes)

    async def amendment_is(self, state: AmendmentState) -> AmendmentRecord:
        """The last one, wherever it was made."""
        found: list[AmendmentRecord] = []

        def ended(document: OrderDocument) -> bool:
            found[:] = document.amendments[-1:]
            return bool(found) and found[0].state is state

        await self.until(ended, f"its amendment is {state}")
        return found[0]

    async def is_stopped(self) -> None:
        await self._asks(Kind.HOLD, "the customer wants to think")

    async def is_released(self) -> None:
        await self._asks(Kind.RELEASE, "the customer has thought")

    async def is_resolved(self, reason: Reason, action: Action, correction: Correction | None = None) -> None:
        """An operator waits for the question, and answers it."""
        await self.stage.watch.until(self.order, lambda seen: seen.needs is reason, reason)
        resolve = Resolve(action=action, actor="operator", reason="seen in the demo", correction=correction)
        while await self._resolved(reason, resolve) is Outcome.UNREACHED:  # noqa: ASYNC110  a worker starts in another process
            await asyncio.sleep(_LOOK_SECONDS)

    async def _resolved(self, reason: Reason, resolve: Resolve) -> Outcome | None:
        """None: somebody has answered it already. Whom it does not reach asks again, as people do."""
        asking = await cases(self.stage.doors, Which(needs=reason), resolve.action)
        mine = [case for case in asking if case.order.order_id == self.order]
        for told in await resolve_each(self.stage.commands, mine, resolve):
            self._not_refused(told)
            return told.outcome
        return None

    async def _asks(self, kind: Kind, reason: str, body: Value | None = None) -> None:
        command = by_hand(self.placed.order_id, kind, _CUSTOMER_SERVICE, reason, body)
        self._not_refused(await self._give(command))

    async def _give(self, command: Command) -> Told:
        return await self.stage.commands.give(command)

    def _not_refused(self, told: Told) -> None:
        """What nobody has taken yet is kept, and will be."""
        if told.outcome is Outcome.REFUSED:
            raise DemoFailed(f"{self.order} was asked for something, and refused: {told.why}")
