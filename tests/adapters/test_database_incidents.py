"""Incidents: one per dead system, over with its last order, and told in both directions whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import migrate, open_database
from adapters.database.incidents import SqlIncidents
from domain.ids import OrderId, System
from domain.notifications import Occasion
from domain.records import Incidents, Outage
from tests.postgres import KINDS, migrated_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return migrated_url(request.param, tmp_path)


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    await migrate(url)
    engine = open_database(url)
    yield engine
    await engine.dispose()


@pytest.fixture
def incidents(engine: AsyncEngine) -> Incidents:
    return SqlIncidents(engine, lambda: NOON)


def outage(
    order: int, step: str = "enter-order", *, system: System = System.ERP, adapter: str = "tryton"
) -> Outage:
    return Outage(order_id=OrderId(f"order:shop:{order}"), system=system, adapter=adapter, step=step)


async def test_the_first_order_opens_an_incident_and_the_last_one_closes_it(incidents: Incidents) -> None:
    first = await incidents.begin(outage(1))
    second = await incidents.begin(outage(2))
    assert (first.system, first.adapter, first.opened_at, first.orders) == (System.ERP, "tryton", NOON, 1)
    assert (second.number, second.orders) == (first.number, 2)
    assert await incidents.open() == (second,)
    await incidents.end(outage(1))
    (left,) = await incidents.open()
    assert left.orders == 1
    await incidents.end(outage(2))
    assert await incidents.open() == ()


async def test_a_repeated_begin_counts_the_order_once(incidents: Incidents) -> None:
    assert await incidents.begin(outage(1)) == await incidents.begin(outage(1))
    await incidents.end(outage(1))
    assert await incidents.open() == ()


async def test_two_stuck_steps_of_one_order_are_one_order_and_both_must_end(incidents: Incidents) -> None:
    await incidents.begin(outage(1, "enter-order"))
    both = await incidents.begin(outage(1, "record-shipment"))
    assert both.orders == 1
    await incidents.end(outage(1, "enter-order"))
    assert await incidents.open()
    await incidents.end(outage(1, "record-shipment"))
    assert await incidents.open() == ()


async def test_systems_and_their_adapters_have_incidents_of_their_own(incidents: Incidents) -> None:
    erp = await incidents.begin(outage(1))
    stock = await incidents.begin(outage(1, system=System.STOCK))
    other = await incidents.begin(outage(1, adapter="connector"))
    assert len({erp.number, stock.number, other.number}) == 3
    await incidents.end(outage(1))
    assert await incidents.open() == (stock, other)


async def test_a_system_that_dies_again_opens_a_new_incident(incidents: Incidents) -> None:
    first = await incidents.begin(outage(1))
    await incidents.end(outage(1))
    second = await incidents.begin(outage(1))
    assert second.number > first.number
    assert await incidents.open() == (second,)


async def test_what_operators_were_told_stands_with_the_incident(incidents: Incidents) -> None:
    begun = await incidents.begin(outage(1))
    assert begun.told == frozenset()
    for _ in range(2):
        await incidents.tell(begun.number, Occasion.SYSTEM_DOWN)
    assert (await incidents.begin(outage(2))).told == {Occasion.SYSTEM_DOWN}
    other = await incidents.begin(outage(1, system=System.STOCK))
    assert other.told == frozenset()


async def test_operators_are_told_of_the_beginning_and_of_the_end_once(incidents: Incidents) -> None:
    begun = await incidents.begin(outage(1))
    assert [found.number for found in await incidents.untold()] == [begun.number]
    await incidents.tell(begun.number, Occasion.SYSTEM_DOWN)
    assert await incidents.untold() == ()
    await incidents.end(outage(1))
    (over,) = await incidents.untold()
    assert (over.number, over.closed_at, over.orders) == (begun.number, NOON, 1)
    await incidents.tell(over.number, Occasion.SYSTEM_UP)
    assert await incidents.untold() == ()


async def test_what_was_over_before_anybody_was_told_is_not_worth_a_message(incidents: Incidents) -> None:
    await incidents.begin(outage(1))
    await incidents.end(outage(1))
    assert await incidents.untold() == ()


async def test_whoever_opens_it_says_whom_to_tell(incidents: Incidents) -> None:
    addressed = outage(1).model_copy(update={"operators": "ops@example.com", "notifier": "smtp"})
    await incidents.begin(addressed)
    begun = await incidents.begin(outage(2))
    assert (begun.operators, begun.notifier) == ("ops@example.com", "smtp")


async def test_the_end_of_what_never_began_is_nothing(incidents: Incidents) -> None:
    await incidents.end(outage(1))
    begun = await incidents.begin(outage(2))
    await incidents.end(outage(1))
    assert await incidents.open() == (begun,)


async def test_a_hundred_orders_at_once_are_one_incident_with_one_end(incidents: Incidents) -> None:
    begun = await asyncio.gather(*(incidents.begin(outage(n)) for n in range(100)))
    assert {incident.number for incident in begun} == {begun[0].number}
    assert sorted(incident.orders for incident in begun) == list(range(1, 101))
    await incidents.tell(begun[0].number, Occasion.SYSTEM_DOWN)
    await asyncio.gather(*(incidents.end(outage(n)) for n in range(100)))
    (over,) = await incidents.untold()
    assert (over.number, over.orders) == (begun[0].number, 100)


async def test_orders_that_come_and_go_at_once_leave_nothing_open(incidents: Incidents) -> None:
    async def meet(number: int) -> None:
        await incidents.begin(outage(number))
        await incidents.end(outage(number))

    await asyncio.gather(*(meet(number) for number in range(50)))
    assert await incidents.open() == ()
