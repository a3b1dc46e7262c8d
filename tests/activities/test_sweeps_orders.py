"""Orders that somebody ended in Temporal by hand are told of once, with what they left open; unregistered ones get their row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from activities.sweeps_orders import Ended, LookOver, OrderSweepActivities, Outside
from adapters.database.backorders import SqlBackorders
from adapters.database.engine import migrate, open_database
from adapters.database.incidents import SqlIncidents
from adapters.database.orders import Orders
from adapters.database.records import SqlRecords
from adapters.database.sweeps import SqlSweeps
from domain.errors import Unavailable
from domain.ids import ChannelId, LineId, OrderId, PaymentRef, Sku, System
from domain.money import Money
from domain.notifications import Mail
from domain.orders import PlacedOrder
from domain.payments import Payment, PaymentState
from domain.policies import OrderPolicies
from domain.ports import Notifier, PaymentGateway, Stock
from domain.records import OrderState, Outage
from domain.reservations import Reservation, Reserved
from tests.contracts.placing import place

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOK = LookOver()
MUG = Sku("MUG")


@dataclass
class Temporal:
    ends: dict[OrderId, Ended] = field(default_factory=dict)
    began: dict[OrderId, PlacedOrder] = field(default_factory=dict)

    async def started_since(self, cursor: str | None) -> tuple[tuple[OrderId, ...], str]:
        return tuple(self.began) if cursor is None else (), "noon"

    async def placed(self, order: OrderId) -> PlacedOrder | None:
        return self.began.get(order)

    async def ended_otherwise(self) -> tuple[OrderId, ...]:
        """The deleted ones it does not remember."""
        return tuple(order for order, ended in self.ends.items() if ended.run)

    async def ended(self, order: OrderId) -> Ended | None:
        return self.ends.get(order)


@dataclass
class Systems:
    """A gateway, a stock and a mail system at once."""

    held: int = 0
    reserved: int = 0
    down: bool = False
    mails: dict[str, Mail] = field(default_factory=dict)

    async def look_up(self, _order: OrderId, _reference: PaymentRef | None) -> tuple[Payment, ...]:
        if self.down:
            raise Unavailable("down")
        amount = Money(minor=self.held * 100, currency="EUR")
        state = PaymentState.AUTHORISED if self.held else PaymentState.VOIDED
        return (Payment(reference=PaymentRef("pay_1"), state=state, currency="EUR", authorised=amount),)

    async def look_up_reservation(self, _order: OrderId) -> Reservation | None:
        line = Reserved(line_id=LineId("1"), sku=MUG, wanted=3, reserved=self.reserved)
        return Reservation(lines=(line,))

    async def send(self, mail: Mail, *, key: str) -> None:
        self.mails.setdefault(key, mail)


class World:
    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self.orders = Orders(self.engine, lambda: NOON)
        self.books = SqlSweeps(self.engine, lambda: NOON)
        self.temporal, self.systems = Temporal(), Systems(held=20, reserved=2)
        self.placed = place("1", [(MUG, 3, "10.00")])
        serves = dict.fromkeys(System, "all")
        policies = OrderPolicies(adapters=serves, operators="ops@merchant.example")
        outside = Outside(
            {ChannelId(self.placed.channel): policies},
            {"all": cast("PaymentGateway", self.systems)},
            {"all": cast("Stock", self.systems)},
            {"all": cast("Notifier", self.systems)},
        )
        self.sweeps = OrderSweepActivities(self.temporal, self.books, outside)

    @property
    def order(self) -> OrderId:
        return self.placed.order_id

    async def begin(self) -> None:
        await self.orders.accept(self.placed)
        await self.orders.started(self.order)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path}/orders.db"
    await migrate(url)
    world = World(url)
    yield world
    await world.engine.dispose()


TERMINATED = Ended(how="terminated", run="run-1")


@pytest.mark.parametrize("ended", [TERMINATED, Ended(how="deleted")])
async def test_an_order_that_nobody_carries_is_listed_and_told_of_once(world: World, ended: Ended) -> None:
    await world.begin()
    world.temporal.ends[world.order] = ended
    assert [await world.sweeps.sweep_stranded(LOOK) for _ in range(3)] == [1, 1, 1]
    (stranded,) = await world.books.stranded()
    assert (stranded.order_id, stranded.ended) == (world.order, ended.how)
    assert stranded.left_open == "20.00 EUR held by payment pay_1; 2 × MUG reserved"
    (mail,) = world.systems.mails.values()
    assert mail.to == "ops@merchant.example"
    for words in (f"was {ended.how} in Temporal", "20.00 EUR held", "2 × MUG reserved", "workflow reset"):
        assert words in mail.plain


async def test_it_waits_for_nothing_any_more_and_counts_in_no_incident(world: World) -> None:
    await world.begin()
    world.temporal.ends[world.order] = TERMINATED
    waiting, incidents = SqlBackorders(world.engine), SqlIncidents(world.engine, lambda: NOON)
    await waiting.wait("all", world.order, NOON, {MUG: 1})
    await incidents.begin(Outage(order_id=world.order, system=System.ERP, adapter="all", step="enter"))
    await world.sweeps.sweep_stranded(LOOK)
    younger = OrderId(f"{world.order}-younger")
    assert await waiting.ahead("all", younger, NOON.replace(hour=13), [MUG]) == {}
    assert await incidents.open() == ()


async def test_one_that_was_reset_is_carried_again_and_told_of_anew_if_it_ends_anew(world: World) -> None:
    await world.begin()
    world.temporal.ends[world.order] = TERMINATED
    await world.sweeps.sweep_stranded(LOOK)
    world.temporal.ends.clear()
    assert await world.sweeps.sweep_stranded(LOOK) == 0
    assert await world.books.stranded() == ()
    world.temporal.ends[world.order] = Ended(how="terminated", run="run-2")
    await world.sweeps.sweep_stranded(LOOK)
    assert len(world.systems.mails) == 2


async def test_what_is_open_is_told_as_unknown_while_its_system_is_down(world: World) -> None:
    await world.begin()
    world.temporal.ends[world.order] = TERMINATED
    world.systems.down = True
    await world.sweeps.sweep_stranded(LOOK)
    (stranded,) = await world.books.stranded()
    assert stranded.left_open == "holds are not known now (Unavailable); 2 × MUG reserved"
    world.systems.down, world.systems.held, world.systems.reserved = False, 0, 0
    await world.sweeps.sweep_stranded(LOOK)
    (stranded,) = await world.books.stranded()
    assert stranded.left_open == "nothing is held or reserved"


async def test_a_cancelled_order_that_was_ended_long_ago_is_nobodys_trouble(world: World) -> None:
    await world.begin()
    world.temporal.ends[world.order] = TERMINATED
    await world.sweeps.sweep_stranded(LOOK)
    await SqlRecords(world.engine, lambda: NOON).close_order(world.order, OrderState.CANCELLED, "{}", NOON)
    assert await world.sweeps.sweep_stranded(LOOK) == 0
    assert await world.books.stranded() == ()


async def test_the_register_is_gone_through_some_orders_at_a_time(world: World) -> None:
    for number in range(5):
        placed = place(f"n{number}", [(MUG, 1, "10.00")])
        await world.orders.accept(placed)
        await world.orders.started(placed.order_id)
    world.temporal.ends[OrderId(f"order:{world.placed.channel}:n4")] = Ended(how="deleted")
    few = LookOver(orders_max=2)
    assert [await world.sweeps.sweep_stranded(few) for _ in range(3)] == [0, 0, 1]


async def test_an_order_that_began_without_our_database_gets_its_row(world: World) -> None:
    world.temporal.began[world.order] = world.placed
    assert [await world.sweeps.sweep_unregistered(LOOK) for _ in range(2)] == [1, 0]
    registered = await world.orders.get(world.order)
    assert registered is not None
    assert (registered.placed, registered.state) == (world.placed, OrderState.STARTED)
