"""Incidents: which system is down, for how many orders, and what operators were told of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.database.engine import Clock, insert_new, reading, writing
from adapters.database.schema import INCIDENT_OPEN, IncidentNoticeRow, IncidentRow, OutageRow
from domain.notifications import Occasion
from domain.records import Incident, Outage


class SqlIncidents:
    """`domain.records.Incidents` in our own database.

    Whoever changes what an incident is made of locks its row first: SQLite has one writer at a time anyway.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def begin(self, outage: Outage) -> Incident:
        """`orders` of the answer counts those that it stops now."""
        now = self._clock()
        async with writing(self._engine) as connection:
            number = await self._opened(connection, outage)
            new = insert_new(self._engine, OutageRow).values(
                incident=number, order_id=outage.order_id, step=outage.step, began_at=now, ended_at=None
            )
            await connection.execute(
                new.on_conflict_do_update(
                    index_elements=["incident", "order_id", "step"], set_={"ended_at": None}
                )
            )
            return await _incident(connection, number)

    async def end(self, outage: Outage) -> None:
        async with writing(self._engine) as connection:
            if (number := await self._left_open(connection, outage)) is not None:
                await connection.execute(
                    update(IncidentRow).where(IncidentRow.number == number).values(closed_at=self._clock())
                )

    async def tell(self, incident: int, occasion: Occasion) -> None:
        new = insert_new(self._engine, IncidentNoticeRow).values(
            incident=incident, occasion=occasion, told_at=self._clock()
        )
        async with writing(self._engine) as connection:
            await connection.execute(new.on_conflict_do_nothing())

    async def open(self) -> tuple[Incident, ...]:
        """The longest open first."""
        async with reading(self._engine) as connection:
            return await _incidents(connection, INCIDENT_OPEN)

    async def untold(self) -> tuple[Incident, ...]:
        """Those of which operators must be told something now: that it is down, or up again after they were told so."""
        down, up = _told(Occasion.SYSTEM_DOWN), _told(Occasion.SYSTEM_UP)
        async with reading(self._engine) as connection:
            return await _incidents(
                connection, or_(and_(INCIDENT_OPEN, ~down), and_(~INCIDENT_OPEN, down, ~up))
            )

    async def _opened(self, connection: AsyncConnection, outage: Outage) -> int:
        """The open incident, locked. One that is being closed meanwhile is over: then a new one is opened."""
        new = (
            insert_new(self._engine, IncidentRow)
            .values(
                system=outage.system,
                adapter=outage.adapter,
                opened_at=self._clock(),
                closed_at=None,
                operators=outage.operators,
                notifier=outage.notifier,
            )
            .on_conflict_do_nothing(index_elements=["system", "adapter"], index_where=INCIDENT_OPEN)
        )
        while True:
            await connection.execute(new)
            if (number := await connection.scalar(_open_incident(outage))) is not None:
                return number

    async def _left_open(self, connection: AsyncConnection, outage: Outage) -> int | None:
        """End the outage. The open incident, locked, when that was the last of it; None when there is nothing to close."""
        number = await connection.scalar(_open_incident(outage))
        if number is None:
            return None
        here, lasts = OutageRow.incident == number, OutageRow.ended_at.is_(None)
        ended = await connection.execute(
            update(OutageRow)
            .where(here, lasts, OutageRow.order_id == outage.order_id, OutageRow.step == outage.step)
            .values(ended_at=self._clock())
        )
        left = await connection.scalar(select(func.count()).select_from(OutageRow).where(here, lasts))
        return number if ended.rowcount and not left else None


def _open_incident(outage: Outage) -> Select[int]:
    return (
        select(IncidentRow.number)
        .where(IncidentRow.system == outage.system, IncidentRow.adapter == outage.adapter, INCIDENT_OPEN)
        .with_for_update()
    )


def _told(occasion: Occasion) -> ColumnElement[bool]:
    return (
        select(IncidentNoticeRow)
        .where(IncidentNoticeRow.incident == IncidentRow.number, IncidentNoticeRow.occasion == occasion)
        .exists()
    )


async def _incident(connection: AsyncConnection, number: int) -> Incident:
    (incident,) = await _incidents(connection, IncidentRow.number == number)
    return incident


async def _incidents(connection: AsyncConnection, those: ColumnElement[bool]) -> tuple[Incident, ...]:
    counted = and_(
        OutageRow.incident == IncidentRow.number, or_(OutageRow.ended_at.is_(None), ~INCIDENT_OPEN)
    )
    orders = select(func.count(OutageRow.order_id.distinct())).where(counted).scalar_subquery()
    rows = await connection.execute(
        select(IncidentRow, orders.label("orders")).where(those).order_by(IncidentRow.number)
    )
    found = rows.all()
    notices = await connection.execute(
        select(IncidentNoticeRow.incident, IncidentNoticeRow.occasion).where(
            IncidentNoticeRow.incident.in_([row.number for row in found])
        )
    )
    told = notices.all()
    return tuple(_value(row, told) for row in found)


def _value(row: Row[Any], told: Sequence[Row[int, Occasion]]) -> Incident:
    return Incident(
        number=row.number,
        system=row.system,
        adapter=row.adapter,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        operators=row.operators,
        notifier=row.notifier,
        orders=row.orders,
        told=frozenset(notice.occasion for notice in told if notice.incident == row.number),
    )
