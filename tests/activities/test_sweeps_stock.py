"""Arrivals are told to those who wait for them, also where the stock system does not know that anybody waits."""

from collections.abc import Collection
from pathlib import Path
from typing import cast

import pytest

from activities.sweeps import Register, Sweep, Swept
from activities.sweeps_stock import StockSweepActivities
from adapters.database.backorders import SqlBackorders
from adapters.database.engine import migrate, open_database
from domain.ids import MAIN, Location, OrderId, Sku, System
from domain.ports import Stock
from domain.records import Backorders, Waiting
from domain.reservations import Shelf
from tests.activities.test_sweeps_orders import NOON

OLD, YOUNG = OrderId("order:shop:old"), OrderId("order:shop:young")
TEA, MUG = Sku("TEA"), Sku("MUG")
SWEEP = Sweep(system=System.STOCK, adapter="tryton")


class Shelves:
    def __init__(self) -> None:
        self.units: dict[tuple[Sku, Location], int] = {}

    async def look_up_shelves(self, order: OrderId, skus: tuple[Sku, ...]) -> tuple[Shelf, ...]:
        assert order not in {OLD, YOUNG}, "what is kept for one of them would look like an arrival"
        return tuple(
            Shelf(sku=sku, location=location, units=units)
            for (sku, location), units in self.units.items()
            if sku in skus
        )


class World:
    """`told` are the orders that were woken, `kept` where the sweep stopped."""

    def __init__(self, *waiting: tuple[OrderId, Sku, int]) -> None:
        self.rows = [Waiting(order_id=order, sku=sku, units=units) for order, sku, units in waiting]
        self.shelves = Shelves()
        self.told: list[OrderId] = []
        self.kept: str | None = None
        self.counted: list[tuple[int, int]] = []
        self._sweeps = StockSweepActivities(
            {"tryton": cast("Stock", self.shelves)},
            cast("Backorders", self),
            self,
            cast("Register", self),
        )

    async def look(self) -> Swept:
        return await self._sweeps.sweep_stock(SWEEP)

    async def waiting(self, adapter: str) -> tuple[Waiting, ...]:
        assert adapter == "tryton"
        return tuple(self.rows)

    async def look_again(self, order: OrderId, system: System) -> bool:
        assert system is System.STOCK
        self.told.append(order)
        return True

    async def cursor(self, name: str) -> str | None:
        assert name == SWEEP.name
        return self.kept

    async def keep_cursor(self, _name: str, cursor: str) -> None:
        self.kept = cursor

    async def heard_of(
        self, orders: Collection[OrderId], _name: str, _system: System | None
    ) -> frozenset[OrderId]:
        return frozenset(orders) & {YOUNG}

    async def count(self, _name: str, changed: int, missed: int) -> None:
        self.counted.append((changed, missed))


async def test_whoever_waits_is_told_once_when_there_is_more_than_before() -> None:
    world = World((OLD, TEA, 2))
    world.shelves.units = {(TEA, MAIN): 1, (TEA, Location("east")): 0}  # one, which pickers did not find
    assert await world.look() == Swept(changed=0, woken=0)
    assert await world.look() == Swept(changed=0, woken=0)
    world.shelves.units[TEA, Location("east")] = 1
    assert await world.look() == Swept(changed=1, woken=1, missed=1)
    assert await world.look() == Swept(changed=0, woken=0)
    assert world.told == [OLD]
    assert world.counted == [(0, 0), (0, 0), (1, 1), (0, 0)]


@pytest.mark.parametrize(("came", "told"), [(1, [OLD]), (2, [OLD]), (3, [OLD, YOUNG])])
async def test_the_oldest_promises_are_told_as_far_as_it_goes(came: int, told: list[OrderId]) -> None:
    world = World((OLD, TEA, 2), (YOUNG, TEA, 1), (YOUNG, MUG, 1))
    world.shelves.units = {(TEA, MAIN): 0, (MUG, MAIN): 5}
    await world.look()
    world.shelves.units = {(TEA, MAIN): came, (MUG, MAIN): 4}
    await world.look()
    assert world.told == told


async def test_units_that_leave_and_come_back_are_an_arrival() -> None:
    world = World((OLD, TEA, 1))
    for units in (1, 0, 1):
        world.shelves.units = {(TEA, MAIN): units}
        await world.look()
    assert world.told == [OLD]


async def test_nobody_is_asked_while_nobody_waits() -> None:
    world = World()
    world.shelves.look_up_shelves = pytest.fail  # type: ignore[assignment,method-assign]  # it must not be asked
    assert await world.look() == Swept(changed=0, woken=0)


async def test_those_who_wait_are_listed_by_the_age_of_their_promise(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'waiting.sqlite'}"
    await migrate(url)
    engine = open_database(url)
    backorders = SqlBackorders(engine)
    await backorders.wait("tryton", YOUNG, NOON.replace(hour=13), {TEA: 1})
    await backorders.wait("tryton", OLD, NOON, {TEA: 2, MUG: 1})
    await backorders.wait("connector", OLD, NOON, {TEA: 9})
    assert [(one.order_id, one.sku, one.units) for one in await backorders.waiting("tryton")] == [
        (OLD, MUG, 1),
        (OLD, TEA, 2),
        (YOUNG, TEA, 1),
    ]
    await engine.dispose()
