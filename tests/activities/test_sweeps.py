"""A sweep tells every changed order to look again, and forgets none when it is interrupted."""

import pytest

from activities.sweeps import Sweep, SweepActivities, Swept
from domain.erp import Changes
from domain.errors import Unavailable
from domain.ids import OrderId, System

ONE, TWO = OrderId("order:shop:1"), OrderId("order:shop:2")
SWEEP = Sweep(system=System.ERP, adapter="tryton")


class Erp:
    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def changes(self, since: str | None) -> Changes:
        self.asked.append(since)
        return Changes(orders=(ONE, TWO), cursor="later")


class Hints:
    def __init__(self) -> None:
        self.told: list[tuple[OrderId, System]] = []
        self.away = False

    async def look_again(self, order: OrderId, system: System) -> bool:
        if self.away and order == TWO:
            raise Unavailable("temporal is away")
        self.told.append((order, system))
        return order == ONE


class Cursors:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def cursor(self, name: str) -> str | None:
        return self.kept.get(name)

    async def keep_cursor(self, name: str, cursor: str) -> None:
        self.kept[name] = cursor


class Desk:
    def __init__(self) -> None:
        self.erp, self.hints, self.cursors = Erp(), Hints(), Cursors()
        self.sweeps = SweepActivities({(System.ERP, "tryton"): self.erp}, self.hints, self.cursors)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_every_changed_order_is_told_and_the_open_ones_are_counted(desk: Desk) -> None:
    assert await desk.sweeps.sweep_changes(SWEEP) == Swept(changed=2, woken=1)
    assert desk.hints.told == [(ONE, System.ERP), (TWO, System.ERP)]


async def test_the_next_sweep_begins_where_the_last_one_ended(desk: Desk) -> None:
    await desk.sweeps.sweep_changes(SWEEP)
    await desk.sweeps.sweep_changes(SWEEP)
    assert desk.erp.asked == [None, "later"]


async def test_an_interrupted_sweep_begins_again_where_it_began(desk: Desk) -> None:
    desk.hints.away = True
    with pytest.raises(Exception, match="temporal is away"):
        await desk.sweeps.sweep_changes(SWEEP)
    assert desk.cursors.kept == {}
    desk.hints.away = False
    await desk.sweeps.sweep_changes(SWEEP)
    assert desk.erp.asked == [None, None]
    assert (TWO, System.ERP) in desk.hints.told
