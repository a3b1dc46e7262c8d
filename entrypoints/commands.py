"""What people ask of orders, kept before it is asked: cancel, hold, release, resolve, send back, amend.

A command is stored in the inbox, committed, then given to its order as an update under the command's own id, again and
again until the order's history has it. Told twice, it is one command.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, ValidationError
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from adapters.database.engine import Clock, migrate, open_database
from adapters.database.inbox import UNHEARD_OF, Inbox, InboxItem, dedupe_key
from adapters.database.orders import Orders, RegisteredOrder
from adapters.database.schema import InboxKind
from domain.attention import Answer, Resolve
from domain.base import Value
from domain.errors import Refused, Unavailable
from domain.ids import OrderId, channel_of
from domain.keys import effect_key
from domain.records import OrderState
from domain.returns import ReturnAsked
from entrypoints import doors
from entrypoints.doors import Outcome, Told
from workers.connection import connect
from workers.settings import Settings
from workers.temporal import no_such_workflow
from workers.wiring import now

# The forwarder leaves a command to whoever has just given it, for as long as that one waits for the answer.
_IN_HAND = timedelta(seconds=5)
# So long a forwarded command waits for a worker to take it, and then for the order's word.
_TAKEN_SECONDS_MAX = 10.0
_WORD_SECONDS_MAX = 2.0


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

    @property
    def arguments(self) -> list[object]:
        """Of the order's update. ValidationError: the body is not what the kind needs."""
        match self.kind:
            case Kind.RESOLVE:
                return [Resolve.model_validate(self.body)]
            case Kind.SEND_BACK:
                return [ReturnAsked.model_validate(self.body)]
            case Kind.AMEND:
                return [self.body]
        return [self.actor, self.reason]

    def same_as(self, other: "Command") -> bool:
        """Whenever it was asked."""
        return self == other.model_copy(update={"asked_at": self.asked_at})


def by_hand(
    order: OrderId, kind: Kind, actor: str, reason: str, body: Value | None = None, *, clock: Clock = now
) -> Command:
    """What somebody asks at this moment, who has no id for it."""
    asked_at = clock()
    return Command(
        id=effect_key(order, kind, f"{asked_at.timestamp():.6f}").replace(" ", "-"),
        order_id=order,
        kind=kind,
        actor=actor,
        reason=reason,
        asked_at=asked_at,
        body=body.model_dump(mode="json") if body else {},
    )


class NeverTaken(Refused):
    """It cannot reach its order, now or later."""


class Commands:
    """The client may be lazy: a command is kept while Temporal is away, and given while the database is."""

    def __init__(self, inbox: Inbox, orders: Orders, client: Client) -> None:
        self._inbox = inbox
        self._orders = orders
        self._client = client

    async def give(self, command: Command, *, seconds_max: float | None = None) -> Told:
        """The order's answer, or what is known of it by then. Unavailable: it could be neither kept nor given.

        Refused: another command was given under its id.
        """
        wait = doors.ANSWER_SECONDS_MAX if seconds_max is None else seconds_max
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
            update = await self._taken_in_time(command)
            why = await _word_of(update)
        except ValidationError as error:
            await self._inbox.park(item.id, f"it cannot be asked: {error.error_count()} fields are wrong")
        except NeverTaken as never:
            await self._inbox.park(item.id, str(never))
        else:
            await self._inbox.mark_forwarded(item.id, reason=why)

    async def take(self, command: Command) -> WorkflowUpdateHandle[Answer]:
        """In the order's history, or refused by it. NeverTaken; Unavailable: nobody knows, ask again with the same id."""
        handle = self._client.get_workflow_handle(command.order_id)
        try:
            return await handle.start_update(
                command.kind.value,
                args=command.arguments,
                id=command.id,
                result_type=Answer,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            )
        except RPCError as error:
            if no_such_workflow(error):
                raise await self._not_running(command.order_id) from error
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

    async def _kept(self, command: Command, wait: float) -> InboxItem:
        stored = await self._inbox.store(
            InboxKind.COMMAND,
            channel=channel_of(command.order_id),
            system=command.kind,
            key=dedupe_key(InboxKind.COMMAND, command.id),
            body=command.model_dump_json().encode(),
            order_id=command.order_id,
            due_in=timedelta(seconds=wait) + _IN_HAND,
        )
        item = await self._inbox.get(stored.id)
        if item is None:
            raise LookupError(f"the inbox lost item {stored.id}")
        if not command.same_as(Command.model_validate_json(item.body)):
            raise Refused(f"{command.id}: another command was given under this id")
        return item

    async def _taken_in_time(self, command: Command) -> WorkflowUpdateHandle[Answer]:
        try:
            async with asyncio.timeout(_TAKEN_SECONDS_MAX):
                return await self.take(command)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise Unavailable(f"no worker has taken it within {_TAKEN_SECONDS_MAX:g} s") from None

    async def _not_running(self, order: OrderId) -> Unavailable | NeverTaken:
        registered = await self._orders.get(order)
        if registered is None:
            return NeverTaken(UNHEARD_OF)
        if registered.closed:
            return NeverTaken(f"the order is {registered.state} already")
        if registered.state is OrderState.ACCEPTED:
            return Unavailable("the order is accepted and kept, and waits to be started")
        return NeverTaken("its workflow was ended in Temporal by somebody")


class _Answering:
    """One command on its way to its order, while somebody waits for the answer."""

    def __init__(self, commands: Commands, command: Command, item: InboxItem | None) -> None:
        self._commands = commands
        self._command = command
        self._item = item
        self._taken = False

    async def answer(self) -> Told:
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
            return await self._told(Outcome.REFUSED, f"not accepted: {_words(error)}")
        except RPCError as error:
            raise Unavailable(f"Temporal says {error.status.name.lower()}: {error.message}") from error
        return await self._told(Outcome.DONE if answer.allowed else Outcome.REFUSED, answer.why)

    async def unanswered(self, why: str) -> Told:
        """Unavailable: it is not in the inbox, nor in the order's history."""
        look = f"`ordersaga attention show {self._command.order_id}` tells what became of it"
        if self._taken:
            return await self._told(Outcome.UNKNOWN, f"taken, and {why}; {look}")
        if self._item is None:
            raise Unavailable(f"neither our database nor Temporal can take it now: {why}")
        kept = f"it is kept as inbox item {self._item.id}, and given to the order as soon as it can be taken"
        return await self._told(Outcome.UNREACHED, f"{why}; {kept}; {look}")

    async def _told(self, outcome: Outcome, why: str) -> Told:
        order = self._command.order_id
        registered = await self._commands.registered(order)
        return Told(order_id=order, number=registered.number if registered else "", outcome=outcome, why=why)


async def _word_of(update: WorkflowUpdateHandle[Answer]) -> str:
    """Why the order refused what nobody waits for any more; empty when it did not, or has not said so yet."""
    try:
        async with asyncio.timeout(_WORD_SECONDS_MAX):
            answer = await update.result()
    except WorkflowUpdateFailedError as error:
        return f"not accepted: {_words(error)}"
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError):
        return ""
    return "" if answer.allowed else f"refused: {answer.why}"


def _words(error: WorkflowUpdateFailedError) -> str:
    return error.cause.message if isinstance(error.cause, FailureError) else str(error.cause)


@asynccontextmanager
async def opened_commands(settings: Settings) -> AsyncIterator[Commands]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        yield Commands(Inbox(engine, now), Orders(engine, now), await connect(settings, lazy=True))
    finally:
        await engine.dispose()
