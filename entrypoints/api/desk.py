"""What the API needs of the orders, and how they are reached: through their doors, the intake and the register."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.service import RPCError

from adapters.database.engine import reading
from adapters.database.incidents import SqlIncidents
from adapters.database.order_pages import ListedOrder, OrderPages
from adapters.database.orders import Accepted, AlreadyKnown, RegisteredOrder
from domain.amendments import Amended, Amendment, Changes, Quote
from domain.attention import Action, Answer, Resolve
from domain.base import Value
from domain.document import OrderDocument
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId
from domain.records import Incident, OrderState
from domain.returns import ReturnAsked
from entrypoints.api.roles import May
from entrypoints.api.shapes import Health
from entrypoints.attention import READ_SECONDS_MAX, Case, Standing, Which, cases, standing
from entrypoints.commands import Commands, Kind, by_hand
from entrypoints.doors import Doors, Outcome, Told
from entrypoints.intake import Intake, Parked
from workers.clock import now

PLATFORM = "ordersaga"  # whose documents the API takes
_PING_SECONDS_MAX = 2


class Said(Value):
    actor: str
    reason: str


class Wanted(Value):
    """What a bearer wants of an order. `id` is the command's: given again it is the same one, and has the same answer."""

    id: str
    action: May
    asked: Said | ReturnAsked | Resolve | Amendment


class Desk(Protocol):
    """The orders, as the API sees them. Unavailable: what is needed for it is away."""

    async def page(
        self,
        *,
        channels: Collection[ChannelId] | None,
        number: str | None,
        state: OrderState | None,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[ListedOrder]: ...

    async def order(self, order: OrderId) -> RegisteredOrder | None: ...

    async def read(self, order: RegisteredOrder) -> OrderDocument: ...

    async def place(self, document: bytes, channel: ChannelId) -> Accepted | AlreadyKnown | Parked: ...

    async def give(self, order: RegisteredOrder, wanted: Wanted) -> Told:
        """The order's answer, as far as there is one in time. Unavailable: it could be neither kept nor given.

        Refused: another command was given under its id.
        """

    async def answer(self, order: RegisteredOrder, command: str, action: May) -> Told | None:
        """What became of a command; None: nobody knows of it any more, or it was never kept."""

    async def quote(self, order: RegisteredOrder, changes: Changes) -> Quote: ...

    async def standing(self, which: Which) -> Sequence[Standing]: ...

    async def cases(self, which: Which, action: Action) -> Sequence[Case]: ...

    async def incidents(self) -> Sequence[Incident]: ...

    async def health(self) -> dict[str, Health]: ...


_KINDS = {
    May.CANCEL: Kind.CANCEL,
    May.HOLD: Kind.HOLD,
    May.RELEASE: Kind.RELEASE,
    May.RETURN: Kind.SEND_BACK,
    May.RESOLVE: Kind.RESOLVE,
    May.AMEND: Kind.AMEND,
}


class LiveDesk:
    def __init__(
        self, engine: AsyncEngine, doors: Doors, commands: Commands, intake: Intake, *, answer_seconds: float
    ) -> None:
        self._engine = engine
        self._doors = doors
        self._commands = commands
        self._intake = intake
        self._answer_seconds = answer_seconds
        self._incidents = SqlIncidents(engine, now)
        self.page = OrderPages(engine).page
        self.order = doors.known

    async def read(self, order: RegisteredOrder) -> OrderDocument:
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                return await self._doors.read(order)
        except TimeoutError as error:
            raise _silent() from error

    async def place(self, document: bytes, channel: ChannelId) -> Accepted | AlreadyKnown | Parked:
        return await self._intake.accept(document, channel=channel, platform=PLATFORM)

    async def give(self, order: RegisteredOrder, wanted: Wanted) -> Told:
        asked = wanted.asked
        body = None if isinstance(asked, Said) else asked
        kind = _KINDS[wanted.action]
        command = by_hand(order.order_id, kind, asked.actor, asked.reason, body, name=wanted.id)
        return await self._commands.give(command, seconds_max=self._answer_seconds)

    async def answer(self, order: RegisteredOrder, command: str, action: May) -> Told | None:
        kept = await self._commands.waiting(order, command)
        try:
            told = await self._doors.answer(order, command, Amended if action is May.AMEND else Answer)
        except Unavailable:
            if kept is None:
                raise
            return kept
        # Temporal also waits for the answer to what no worker has accepted, and forgets that when it restarts.
        certain = told is not None and told.outcome is not Outcome.UNKNOWN
        return told if certain or kept is None else kept

    async def quote(self, order: RegisteredOrder, changes: Changes) -> Quote:
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                return await self._doors.quote(order, changes)
        except TimeoutError as error:
            raise _silent() from error

    async def standing(self, which: Which) -> Sequence[Standing]:
        try:
            return await standing(await self._doors.client(), which)
        except RPCError as error:
            raise _away(error) from error

    async def cases(self, which: Which, action: Action) -> Sequence[Case]:
        try:
            return await cases(self._doors, which, action)
        except RPCError as error:
            raise _away(error) from error

    async def incidents(self) -> Sequence[Incident]:
        return await self._incidents.open()

    async def health(self) -> dict[str, Health]:
        database, temporal = await asyncio.gather(self._database(), self._temporal())
        return {"database": database, "temporal": temporal}

    async def _database(self) -> Health:
        try:
            async with asyncio.timeout(_PING_SECONDS_MAX), reading(self._engine) as connection:
                await connection.execute(text("SELECT 1"))
        except (Unavailable, TimeoutError):
            return Health.DOWN
        return Health.UP

    async def _temporal(self) -> Health:
        try:
            async with asyncio.timeout(_PING_SECONDS_MAX):
                client = await self._doors.client()
                healthy = await client.service_client.check_health()
        except (Unavailable, RPCError, TimeoutError):
            return Health.DOWN
        return Health.UP if healthy else Health.DOWN


def _silent() -> Unavailable:
    return Unavailable(f"Temporal says nothing of the order within {READ_SECONDS_MAX:g} s")


def _away(error: RPCError) -> Unavailable:
    return Unavailable(f"Temporal says {error.status.name.lower()}: {error.message}")
