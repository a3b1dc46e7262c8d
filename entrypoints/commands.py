"""What people ask of orders, kept before it is asked: cancel, hold, release, resolve, send back, amend.

A command is stored in the inbox, committed, then given to its order as an update under the command's own id, again and
again until the order's history has it. Told twice, it is one command. The API, the command line and the demo take this way,
and there is no other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.service import RPCError

from adapters.database.engine import Clock, migrate, open_database
from adapters.database.inbox import UNHEARD_OF, Inbox, InboxItem, dedupe_key
from adapters.database.orders import Orders, RegisteredOrder
from adapters.database.schema import InboxKind, InboxState
from adapters.database.trail import Trail, Verdict
from domain.amendments import Amended, Amendment
from domain.attention import Answer, Resolve
from domain.base import Value
from domain.errors import Refused, Unavailable
from domain.ids import OrderId, channel_of
from domain.keys import effect_key
from domain.records import OrderState
from domain.returns import ReturnAsked
from entrypoints.doors import Outcome, Told, outcome_of, words_of
from workers.clock import now
from workers.connection import connect
from workers.settings import Settings
from workers.temporal import is_running, no_such_workflow

# An order answers when the outcome is known: it may have to end an effect first, or wait for a system that is down.
ANSWER_SECONDS_MAX = 60.0
# The forwarder leaves a command to whoever has just given it, for as long as that one waits for the answer.
_IN_HAND = timedelta(seconds=5)
# So long a forwarded command waits for a worker to take it, and then for the order's word.
_TAKEN_SECONDS_MAX = 10.0
_WORD_SECONDS_MAX = 2.0

Update = WorkflowUpdateHandle[Answer] | WorkflowUpdateHandle[Amended]


class Kind(StrEnum):
    """What can be asked of an order. The value is the name of its update."""

    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    RESOLVE = "resolve"
    SEND_BACK = "send_back"
    AMEND = "amend"


class Command(Value):
    """`id` is the asker's own: told again under it, it is the same command. `role`: as whom the actor may ask.

    `body` is what the kind needs beside actor and reason: a `Resolve`, a `ReturnAsked`, an amendment.
    """

    id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    order_id: OrderId
    kind: Kind
    actor: str
    role: str = ""
    reason: str = ""
    asked_at: AwareDatetime
    body: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        """The body is what the kind needs."""
        _ = self.arguments
        return self

    @property
    def arguments(self) -> list[object]:
        """Of the order's update."""
        match self.kind:
            case Kind.RESOLVE:
                return [Resolve.model_validate(self.body)]
            case Kind.SEND_BACK:
                return [ReturnAsked.model_validate(self.body)]
            case Kind.AMEND:
                return [Amendment.model_validate(self.body)]
        return [self.actor, self.reason]

    @property
    def answered_with(self) -> type[Answer | Amended]:
        return Amended if self.kind is Kind.AMEND else Answer

    def same_as(self, other: "Command") -> bool:
        """Whenever it was asked."""
        return self == other.model_copy(update={"asked_at": self.asked_at})


def by_hand(
    order: OrderId,
    kind: Kind,
    actor: str,
    reason: str,
    body: Value | None = None,
    *,
    name: str = "",
    clock: Clock = now,
) -> Command:
    """What somebody asks at this moment. Who has no id (`name`) for it cannot repeat it."""
    asked_at = clock()
    return Command(
        id=name or effect_key(order, kind, f"{asked_at.timestamp():.6f}").replace(" ", "-"),
        order_id=order,
        kind=kind,
        actor=actor,
        reason=reason,
        asked_at=asked_at,
        body=body.model_dump(mode="json") if body else {},
    )


def amending(order: OrderId, amendment: Amendment) -> Command:
    """Under its own id, so that told again it is the same one."""
    name = amendment.amendment_id
    return by_hand(order, Kind.AMEND, amendment.actor, amendment.reason, amendment, name=name)


class NeverTaken(Refused):
    """It cannot reach its order, now or later."""


class Commands:
    """The client may be lazy: a command is kept while Temporal is away, and given while the database is."""

    def __init__(self, inbox: Inbox, orders: Orders, trail: Trail, client: Client) -> None:
        self._inbox = inbox
        self._orders = orders
        self._trail = trail
        self._client = client

    async def give(self, command: Command, *, seconds_max: float | None = None) -> Told:
        """The order's answer, or what is known of it by then. Unavailable: it could be neither kept nor given.

        Refused: another command was given under its id.
        """
        wait = ANSWER_SECONDS_MAX if seconds_max is None else seconds_max
        try:
            item = await self._kept(command, wait)
        except Unavailable:
            item = None
        answering = _Answering(self, command, item)
        try:
            async with asyncio.timeout(wait):
                return await answering.answer()
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return await answering.unanswered(f"no answer within {wait:g} s")
        except Unavailable as away:
            return await answering.unanswered(str(away))

    async def forward(self, item: InboxItem) -> None:
        """Until the order's history has it. Unavailable: not yet."""
        try:
            command = Command.model_validate_json(item.body)
        except ValidationError as error:
            await self._inbox.park(item.id, f"it cannot be asked: {error.error_count()} fields are wrong")
            return
        await self.earlier_first(item)
        try:
            verdict, why = await _word_of(await self._taken_in_time(command))
        except NeverTaken as never:
            await self._written(command, Verdict.REFUSED)
            await self._inbox.park(item.id, str(never))
        else:
            await self._written(command, verdict)
            await self._inbox.mark_forwarded(item.id, reason=why)

    async def earlier_first(self, item: InboxItem) -> None:
        """A release that overtakes its hold would leave the order held."""
        for earlier in await self._inbox.earlier(item):
            await self.forward(earlier)

    async def waiting(self, order: RegisteredOrder, command: str) -> Told | None:
        """What is known of a command that its order has not taken; None: it has, or it was never kept."""
        item = await self._inbox.find(_key(order.order_id, command))
        if item is None or item.state is InboxState.FORWARDED:
            return None
        parked = item.state is InboxState.PARKED
        outcome = Outcome.REFUSED if parked else Outcome.UNREACHED
        why = item.reason if parked else _kept_as(item)
        return Told(order_id=order.order_id, number=order.number, outcome=outcome, why=why)

    async def take(self, command: Command) -> Update:
        """In the order's history, or refused by it. NeverTaken; Unavailable: nobody knows, ask again with the same id."""
        handle = self._client.get_workflow_handle(command.order_id)
        try:
            return await handle.start_update(
                command.kind.value,
                args=command.arguments,
                id=command.id,
                result_type=command.answered_with,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            )
        except RPCError as error:
            if no_such_workflow(error):
                if (why := await self._why_not_running(command.order_id)) is None:
                    return await self.take(command)
                raise why from error
            raise Unavailable(f"Temporal says {error.status.name.lower()}: {error.message}") from error
        except RuntimeError as error:  # the SDK while it cannot connect at all
            raise Unavailable("Temporal does not answer") from error

    async def registered(self, order: OrderId) -> RegisteredOrder | None:
        """None also while nobody can tell."""
        try:
            return await self._orders.get(order)
        except Unavailable:
            return None

    async def done(self, item: InboxItem | None, why: str = "") -> None:
        if item is not None:
            await self._inbox.mark_forwarded(item.id, reason=why)

    async def leave(self, item: InboxItem, why: str) -> None:
        """To the forwarder, at once. Unavailable: it comes by itself, a little later."""
        with suppress(Unavailable):
            await self._inbox.retry_later(item, why)

    async def _kept(self, command: Command, wait: float) -> InboxItem:
        stored = await self._inbox.store(
            InboxKind.COMMAND,
            channel=channel_of(command.order_id),
            system=command.kind,
            key=_key(command.order_id, command.id),
            body=command.model_dump_json().encode(),
            order_id=command.order_id,
            due_in=timedelta(seconds=wait) + _IN_HAND,
        )
        item = await self._inbox.get(stored.id)
        if item is None:
            raise LookupError(f"the inbox lost item {stored.id}")
        # The words of what was taken long ago are gone; the order itself has them.
        if item.body and not command.same_as(Command.model_validate_json(item.body)):
            raise Refused(f"{command.id}: another command was given under this id")
        return item

    async def _taken_in_time(self, command: Command) -> Update:
        try:
            async with asyncio.timeout(_TAKEN_SECONDS_MAX):
                return await self.take(command)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise Unavailable(f"no worker has taken it within {_TAKEN_SECONDS_MAX:g} s") from None

    async def _written(self, command: Command, verdict: Verdict) -> None:
        """In the trail, where it came by a door that writes one: its asker was told only that it is kept."""
        if (entry := await self._trail.command(command.order_id, command.id)) is not None:
            await self._trail.end(entry.id, verdict)

    async def _why_not_running(self, order: OrderId) -> Unavailable | NeverTaken | None:
        """None: it runs now."""
        registered = await self._orders.get(order)
        if registered is None:
            return NeverTaken(UNHEARD_OF)
        if registered.closed:
            return NeverTaken(f"the order is {registered.state} already")
        if registered.state is OrderState.ACCEPTED:
            return Unavailable("the order is accepted and kept, and waits to be started")
        if await is_running(self._client, order):
            return None
        return NeverTaken("its workflow was ended in Temporal by somebody")


class _Answering:
    """One command on its way to its order, while somebody waits for the answer."""

    def __init__(self, commands: Commands, command: Command, item: InboxItem | None) -> None:
        self._commands = commands
        self._command = command
        self._item = item
        self._taken = False

    async def answer(self) -> Told:
        if self._item is not None:
            await self._commands.earlier_first(self._item)
        try:
            update = await self._commands.take(self._command)
        except NeverTaken as never:
            await self._commands.done(self._item, str(never))
            return await self._told(Outcome.REFUSED, str(never))
        self._taken = True
        await self._commands.done(self._item)
        try:
            answer = await update.result()
        except WorkflowUpdateFailedError as error:
            return await self._told(Outcome.REFUSED, words_of(error))
        except RPCError as error:
            raise Unavailable(f"Temporal says {error.status.name.lower()}: {error.message}") from error
        return await self._told(outcome_of(answer), answer.why, answer)

    async def unanswered(self, why: str) -> Told:
        """Unavailable: it is not in the inbox, nor in the order's history."""
        look = f"`ordersaga attention show {self._command.order_id}` tells what became of it"
        if self._taken:
            return await self._told(Outcome.UNKNOWN, f"taken, and {why}; {look}")
        if self._item is None:
            raise Unavailable(f"neither our database nor Temporal can take it now: {why}")
        await self._commands.leave(self._item, why)
        return await self._told(Outcome.UNREACHED, f"{why}; {_kept_as(self._item)}; {look}")

    async def _told(self, outcome: Outcome, why: str, answer: Answer | Amended | None = None) -> Told:
        order = self._command.order_id
        registered = await self._commands.registered(order)
        return Told(
            order_id=order,
            number=registered.number if registered else "",
            outcome=outcome,
            why=why,
            amended=answer if isinstance(answer, Amended) else None,
        )


def _kept_as(item: InboxItem) -> str:
    return f"it is kept as inbox item {item.id}, and given to the order as soon as it can be taken"


def _key(order: OrderId, command: str) -> str:
    """Ids belong to their order: many may be asked for the same under one."""
    return dedupe_key(InboxKind.COMMAND, order, command)


async def _word_of(update: Update) -> tuple[Verdict, str]:
    """How the order answers, and why it refuses what nobody waits for any more."""
    try:
        async with asyncio.timeout(_WORD_SECONDS_MAX):
            answer = await update.result()
    except WorkflowUpdateFailedError as error:
        return Verdict.REFUSED, words_of(error)
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError):
        return Verdict.PENDING, ""
    return (Verdict.DONE, "") if answer.allowed else (Verdict.REFUSED, f"refused: {answer.why}")


@asynccontextmanager
async def opened_commands(settings: Settings) -> AsyncIterator[Commands]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        yield commands_of(engine, await connect(settings, lazy=True))
    finally:
        await engine.dispose()


def commands_of(engine: AsyncEngine, client: Client, clock: Clock = now) -> Commands:
    return Commands(Inbox(engine, clock), Orders(engine, clock), Trail(engine, clock), client)
