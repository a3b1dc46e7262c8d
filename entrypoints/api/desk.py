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
from entrypoints.doors import Door, Doors, Told
from entrypoints.intake import Intake, Parked
from workers.wiring import now
from workflows.order import Order

PLATFORM = "ordersaga"  # whose documents the API takes
_PING_SECONDS_MAX = 2


class Said(Value):
    actor: str
    reason: str


class Command(Value):
    """`id` is the update's id at Temporal: given again it is the same command, and has the same answer."""

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

    async def give(self, order: RegisteredOrder, command: Command) -> Told:
        """The order's answer, as far as there is one in time."""

    async def answer(self, order: RegisteredOrder, command: str, action: May) -> Told | None:
        """What became of a command; None: nobody has taken it."""

    async def quote(self, order: RegisteredOrder, changes: Changes) -> Quote: ...

    async def standing(self, which: Which) -> Sequence[Standing]: ...

    async def cases(self, which: Which, action: Action) -> Sequence[Case]: ...

    async def incidents(self) -> Sequence[Incident]: ...

    async def health(self) -> dict[str, Health]: ...


_DOORS: dict[May, Door] = {
    May.CANCEL: Order.cancel,
    May.HOLD: Order.hold,
    May.RELEASE: Order.release,
    May.RETURN: Order.send_back,
    May.RESOLVE: Order.resolve,
    May.AMEND: Order.amend,
}


class LiveDesk:
    def __init__(self, engine: AsyncEngine, doors: Doors, intake: Intake, *, answer_seconds: float) -> None:
        self._engine = engine
        self._doors = doors
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

    async def give(self, order: RegisteredOrder, command: Command) -> Told:
        asked = command.asked
        arguments = (asked.actor, asked.reason) if isinstance(asked, Said) else (asked,)
        return await self._doors.ask(
            order, _DOORS[command.action], *arguments, command=command.id, within=self._answer_seconds
        )

    async def answer(self, order: RegisteredOrder, command: str, action: May) -> Told | None:
        return await self._doors.answer(order, command, Amended if action is May.AMEND else Answer)

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
