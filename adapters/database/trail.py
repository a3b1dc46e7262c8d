"""The audit trail: who asked for what, and what became of it. It also makes a command that is repeated known."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import Clock, insert_new, reading, writing
from adapters.database.schema import DecisionRow
from domain.base import Value
from domain.errors import Refused
from domain.ids import ChannelId


class Verdict(StrEnum):
    """`asked` and nothing else: whoever asked it was cut off, and the order knows what became of it."""

    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"  # by the order, or by what stands already
    PENDING = "pending"  # taken by the order, which has not answered yet
    UNREACHED = "unreached"  # nobody has taken it yet
    DENIED = "denied"  # the asker may not


class KeyReused(Refused):
    """The command's id was given to something else before."""


class Deed(Value):
    """What somebody wants. `command` is the id under which a repeat is the same; `digest` tells another one apart."""

    actor: str
    role: str
    action: str
    channel: str = ""
    order_id: str = ""
    command: str | None = None
    digest: str = ""


class Decision(Value):
    """`code` says why, in a word for machines."""

    id: int
    at: datetime
    actor: str
    role: str
    action: str
    channel: str
    order_id: str
    command: str | None
    outcome: Verdict
    code: str


class Trail:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def deny(self, deed: Deed, code: str) -> None:
        """It was not even asked of the order. A command that is denied may be given again under the same id."""
        row = deed.model_copy(update={"command": None})
        async with writing(self._engine) as connection:
            await connection.execute(insert(DecisionRow).values(self._row(row, Verdict.DENIED, code)))

    async def begin(self, deed: Deed) -> int:
        """Written down before it is asked; the entry's id. A repeat is the same entry. KeyReused: it is something else."""
        new = (
            insert_new(self._engine, DecisionRow)
            .values(self._row(deed, Verdict.ASKED, ""))
            .on_conflict_do_nothing(index_elements=["order_id", "command"])
            .returning(DecisionRow.id)
        )
        known = select(DecisionRow.id, DecisionRow.digest).where(
            DecisionRow.order_id == deed.order_id, DecisionRow.command == deed.command
        )
        async with writing(self._engine) as connection:
            if (row := (await connection.execute(new)).first()) is not None:
                return int(row.id)
            found = (await connection.execute(known)).one()
        if found.digest != deed.digest:
            raise KeyReused("this id was given to another command before")
        return int(found.id)

    async def end(self, entry: int, outcome: Verdict, code: str = "") -> None:
        """What became of it."""
        async with writing(self._engine) as connection:
            await connection.execute(
                update(DecisionRow).where(DecisionRow.id == entry).values(outcome=outcome, code=code)
            )

    async def command(self, order_id: str, command: str) -> Decision | None:
        query = select(DecisionRow).where(DecisionRow.order_id == order_id, DecisionRow.command == command)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        return row and _decision(row)

    async def page(
        self,
        *,
        channels: Collection[ChannelId] | None = None,
        order_id: str = "",
        actor: str = "",
        outcome: Verdict | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[Decision, ...]:
        """The newest first, from the entry `before` on. With `channels` only what concerns their orders."""
        query = select(DecisionRow).order_by(DecisionRow.id.desc()).limit(limit)
        wishes = [
            (channels is not None, DecisionRow.channel.in_(channels or ())),
            (bool(order_id), DecisionRow.order_id == order_id),
            (bool(actor), DecisionRow.actor == actor),
            (outcome is not None, DecisionRow.outcome == outcome),
            (before is not None, DecisionRow.id < (before or 0)),
        ]
        for wished, condition in wishes:
            query = query.where(condition) if wished else query
        async with reading(self._engine) as connection:
            return tuple(_decision(row) for row in await connection.execute(query))

    def _row(self, deed: Deed, outcome: Verdict, code: str) -> dict[str, Any]:
        return {"at": self._clock(), "outcome": outcome, "code": code} | deed.model_dump()


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        id=row.id,
        at=row.at,
        actor=row.actor,
        role=row.role,
        action=row.action,
        channel=row.channel,
        order_id=row.order_id,
        command=row.command,
        outcome=Verdict(row.outcome),
        code=row.code,
    )
