"""What stands still, as an operator sees it, and what becomes of the operator's decisions."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecution
from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from adapters.database.engine import migrate, open_database
from adapters.database.incidents import SqlIncidents
from adapters.database.orders import RegisteredOrder
from domain.attention import MEANING, Action, Attention, Blocked, Hold, Reason, Resolve, ways_out
from domain.base import Value
from domain.document import OrderDocument
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, System
from domain.records import Incident
from entrypoints.commands import Commands, Kind, by_hand
from entrypoints.doors import Doors, Outcome, Told
from workers.clock import now
from workers.settings import Settings
from workflows.visibility import (
    ATTENTION,
    BLOCKED_ON,
    BLOCKED_SINCE,
    CARRIERS,
    ON_HOLD,
    ORDER_CHANNEL,
    ORDER_NUMBER,
    ORDER_PHASE,
)

T = TypeVar("T")
S = TypeVar("S")

OPEN_ORDERS = f"{CARRIERS} AND ExecutionStatus = 'Running'"

# So many orders are asked at once: each may take its time to answer.
_AT_ONCE = 32

# An order whose worker lives tells of itself in milliseconds, and in 3 s more where another worker has to take it over.
READ_SECONDS_MAX = 10.0

# What happens while nobody answers, where that is not simply nothing.
MEANWHILE = {
    Reason.APPROVAL_NEEDED: "It looks into the ERP again by itself, operators are reminded once, and at the deadline of "
    "the channel's policy it is cancelled.",
    Reason.CREDIT_REFUSED: "Where the credit does not suffice it asks the ERP again by itself, and at the deadline of "
    "the channel's policy it is cancelled.",
}
NOTHING = "Nothing, until somebody answers: what is done stays done, and nothing new begins."


# -- which orders stand still ------------------------------------------------------------------------------------------


class Which(Value):
    """A filter. What is not named does not matter."""

    needs: Reason | None = None
    blocked_on: System | None = None
    on_hold: bool = False
    channel: ChannelId | None = None

    def query(self) -> str:
        """For Temporal's visibility. Without any wish it finds whatever stands still."""
        wishes = []
        if self.needs:
            wishes.append(f"{ATTENTION.name} = '{self.needs}'")
        if self.blocked_on:
            wishes.append(f"{BLOCKED_ON.name} = '{self.blocked_on}'")
        if self.on_hold:
            wishes.append(f"{ON_HOLD.name} = true")
        if not wishes:
            still = (
                f"{ATTENTION.name} IS NOT NULL",
                f"{BLOCKED_ON.name} IS NOT NULL",
                f"{ON_HOLD.name} = true",
            )
            wishes.append(f"({' OR '.join(still)})")
        if self.channel:
            wishes.append(f"{ORDER_CHANNEL.name} = '{self.channel}'")
        return " AND ".join((OPEN_ORDERS, *wishes))


class Standing(Value):
    """An open order as Temporal's visibility has it, which may lag behind the order by a moment."""

    order_id: OrderId
    number: str
    channel: str
    phase: str
    needs: Reason | None
    blocked_on: tuple[System, ...]
    on_hold: bool
    since: datetime | None

    @property
    def short(self) -> str:
        """Why it stands still; empty for an order that goes its way."""
        said = [f"needs a person: {self.needs}"] if self.needs else []
        said += [f"blocked on {', '.join(self.blocked_on)}"] if self.blocked_on else []
        return "; ".join([*said, "on hold"] if self.on_hold else said)

    @property
    def plain(self) -> str:
        """The same with the reason's meaning."""
        return f"{self.short}. {MEANING[self.needs]}" if self.needs else self.short


async def standing(client: Client, which: Which) -> list[Standing]:
    """The longest standing first."""
    found = [standing_of(execution) async for execution in client.list_workflows(which.query())]
    return sorted(found, key=lambda one: (one.since is None, one.since, one.order_id))


def standing_of(execution: WorkflowExecution) -> Standing:
    attributes = execution.typed_search_attributes
    needs = attributes.get(ATTENTION)
    return Standing(
        order_id=OrderId(execution.id),
        number=attributes.get(ORDER_NUMBER) or "",
        channel=attributes.get(ORDER_CHANNEL) or "",
        phase=attributes.get(ORDER_PHASE) or "received",
        needs=Reason(needs) if needs else None,
        blocked_on=tuple(System(system) for system in attributes.get(BLOCKED_ON) or ()),
        on_hold=bool(attributes.get(ON_HOLD)),
        since=attributes.get(BLOCKED_SINCE),
    )


async def open_incidents(settings: Settings) -> tuple[Incident, ...]:
    """What is down now, the longest first."""
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        return await SqlIncidents(engine, now).open()
    finally:
        await engine.dispose()


# -- one order ---------------------------------------------------------------------------------------------------------


class Try(Value):
    """Something that is being tried. `next_at` is None while an attempt runs."""

    step: str
    attempts: int
    last_error: str
    next_at: datetime | None
    paused: bool


class Stand(Value):
    """Why one order stands still, what is tried, and what a person can do."""

    order_id: OrderId
    number: str
    channel: str
    phase: str
    attention: Attention | None
    blocked: tuple[Blocked, ...]
    hold: Hold | None
    waits_for: str
    looks_again_at: datetime | None
    tries: tuple[Try, ...]
    meanwhile: str
    ways_out: tuple[str, ...]


async def stand_of(doors: Doors, order: RegisteredOrder) -> Stand:
    document = await _read(doors, order)
    attention = document.attention
    can = [
        *(attention.can if attention else ()),
        *(action for mark in document.blocked for action in mark.can),
    ]
    return Stand(
        order_id=order.order_id,
        number=order.number,
        channel=order.channel,
        phase=document.phase,
        attention=attention,
        blocked=tuple(document.blocked),
        hold=document.hold,
        waits_for=document.waits_for,
        looks_again_at=document.looks_again_at,
        tries=() if order.closed else await _tries(doors, order.order_id),
        meanwhile=MEANWHILE.get(attention.reason, NOTHING) if attention else "",
        ways_out=tuple(ways_out(order.order_id, dict.fromkeys(can))),
    )


async def _read(doors: Doors, order: RegisteredOrder) -> OrderDocument:
    """Unavailable: it cannot tell, or nobody carries it who could; Temporal alone says so only after half a minute."""
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            return await doors.read(order)
    except TimeoutError as error:
        raise Unavailable(
            f"{order.order_id} cannot be read: Temporal says nothing of it within {READ_SECONDS_MAX:g} s; "
            "does a worker run?"
        ) from error


async def _tries(doors: Doors, order: OrderId) -> tuple[Try, ...]:
    """What has failed at least once and is tried again, as Temporal has it."""
    handle = await doors.workflow(order)
    try:
        described = await handle.describe()
    except RPCError:  # not started yet
        return ()
    pending = described.raw_description.pending_activities
    client = await doors.client()
    return tuple([await _try(client, activity) for activity in pending if activity.HasField("last_failure")])


async def _try(client: Client, pending: PendingActivityInfo) -> Try:
    waits = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return Try(
        step=pending.activity_type.name.replace("_", " "),
        # Temporal counts the one that is under way, or about to begin.
        attempts=pending.attempt - 1,
        last_error=await _last_words(client, pending.last_failure),
        next_at=pending.next_attempt_schedule_time.ToDatetime(tzinfo=now().tzinfo) if waits else None,
        paused=pending.paused,
    )


async def _last_words(client: Client, failure: Failure) -> str:
    """The innermost message: what the system said, or that it said nothing."""
    error: BaseException | None = await client.data_converter.decode_failure(failure)
    while isinstance(error, FailureError) and isinstance(error.cause, FailureError):
        error = error.cause
    return error.message if isinstance(error, FailureError) else str(error)


# -- many orders -------------------------------------------------------------------------------------------------------


class Case(Value):
    """One order to be decided. `question`: the one that was seen, so that no other is answered.

    `not_asked` says why the order is left alone, where it is.
    """

    order: RegisteredOrder
    question: int | None = None
    what: str = ""
    not_asked: str = ""
    unreached: bool = False


async def cases(doors: Doors, which: Which, action: Action) -> list[Case]:
    """The orders that the filter finds, with what each of them asks now. Holds alone are nothing to resolve."""
    found = await standing(await doors.client(), which)
    return await _each(
        [one for one in found if one.needs or one.blocked_on], lambda one: _case(doors, one, which, action)
    )


async def _case(doors: Doors, one: Standing, which: Which, action: Action) -> Case:
    order = await doors.find(one.order_id)
    try:
        document = await _read(doors, order)
    except Unavailable as error:
        return Case(order=order, not_asked=str(error), unreached=True)
    asked, blocked = document.attention, [m for m in document.blocked if which.blocked_on in (None, m.system)]
    if asked and not which.blocked_on and which.needs in (None, asked.reason):
        return Case(
            order=order, question=asked.number, what=asked.what, not_asked=_no_help(action, asked.can)
        )
    if which.needs or not blocked:
        return Case(order=order, not_asked="it went on meanwhile")
    if asked and action in asked.can and action is not Action.CANCEL:
        return Case(
            order=order, not_asked=f"it asks something, too: `ordersaga attention show {one.order_id}`"
        )
    what = f"{blocked[0].step}: {blocked[0].last_error}"
    offered = [action for mark in blocked for action in mark.can]
    return Case(order=order, what=what, not_asked=_no_help(action, offered))


def _no_help(action: Action, offered: Iterable[Action]) -> str:
    """Empty when it does help."""
    offered = dict.fromkeys(offered)
    return "" if action in offered else f"{action} does not help here: {', '.join(offered)}"


async def resolve_each(
    commands: Commands,
    to_decide: Sequence[Case],
    resolve: Resolve,
    say: Callable[[Told], None] = lambda _: None,
) -> list[Told]:
    """Every order's own answer, told to `say` as it comes."""

    async def decide(case: Case) -> Told:
        told = await _decided(commands, case, resolve)
        say(told)
        return told

    return await _each(to_decide, decide)


async def _decided(commands: Commands, case: Case, resolve: Resolve) -> Told:
    if case.not_asked:
        outcome = Outcome.UNREACHED if case.unreached else Outcome.REFUSED
        return Told(
            order_id=case.order.order_id, number=case.order.number, outcome=outcome, why=case.not_asked
        )
    answer = resolve.model_copy(update={"number": case.question}) if case.question else resolve
    command = by_hand(case.order.order_id, Kind.RESOLVE, answer.actor, answer.reason, answer)
    return await commands.give(command)


def summed_up(told: Iterable[Told]) -> str:
    """How many did what they were asked for, and what became of the others."""
    counts = Counter(one.outcome for one in told)
    words = {
        Outcome.REFUSED: "refused",
        Outcome.UNKNOWN: "not answered yet",
        Outcome.UNREACHED: "not reached",
    }
    others = [f"{counts[outcome]} {word}" for outcome, word in words.items() if counts[outcome]]
    return ", ".join([f"{counts[Outcome.DONE]} of {counts.total()} done", *others])


async def _each(items: Sequence[S], work: Callable[[S], Awaitable[T]]) -> list[T]:
    """In their order, so many at once as orders may be asked."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def bounded(item: S) -> T:
        async with free:
            return await work(item)

    return await asyncio.gather(*(bounded(item) for item in items))
