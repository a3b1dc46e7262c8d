"""Orders that want more than there is, all at once: never more kept than is on hand, and the oldest first."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from activities.stock import ReleaseStock, ReserveStock, StockActivities
from adapters.connector.stock import ConnectorStock
from adapters.database.backorders import SqlBackorders
from adapters.database.engine import migrate, open_database
from domain.allocation import Wanted
from domain.ids import ChannelId, LineId, Location, OrderId, PlatformId, Sku, order_id
from domain.keys import effect_key
from domain.reservations import Reservation
from tests.contracts.connector_hands import SETTLED_AFTER
from tests.contracts.simulator_process import Simulator, simulator

SKU = Sku("SKU-RACE")
ORDERS, UNITS = 200, 50
BEGIN = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("race")) as running:
        yield running


@pytest_asyncio.fixture
async def stock(world: Simulator, tmp_path: Path) -> AsyncIterator[StockActivities]:
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    await migrate(url)
    engine = open_database(url)
    async with httpx.AsyncClient(base_url=world.url, timeout=30) as client:
        yield StockActivities({"connector": ConnectorStock(client, SETTLED_AFTER)}, SqlBackorders(engine))
    await engine.dispose()


def named(number: int) -> OrderId:
    return order_id(ChannelId("shop"), PlatformId(f"{number:03}"))


def promised_at(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


async def reserve(stock: StockActivities, number: int, *, waited: bool = False) -> Reservation:
    return await stock.reserve_stock(
        ReserveStock(
            adapter="connector",
            order_id=named(number),
            key=effect_key(named(number), "reserve"),
            wanted=(Wanted(line_id=LineId("1"), sku=SKU, quantity=1),),
            promised_at=promised_at(number),
            waited=waited,
        )
    )


def kept(reservation: Reservation) -> int:
    return sum(line.reserved for line in reservation.lines)


def on_shelves(world: Simulator, location: str) -> tuple[int, int]:
    (shelf,) = [
        (one["on_hand"], one["reserved"])
        for one in world.books()["shelves"]
        if (one["sku"], one["location"]) == (SKU, location)
    ]
    return shelf


async def test_two_hundred_orders_race_for_fifty_units_of_which_wholesale_takes_some(
    world: Simulator, stock: StockActivities
) -> None:
    for location, units in (("north", UNITS - 20), ("south", 20)):
        world.call("PUT", "/world/stock", {"on_hand": {SKU: units}, "location": location})
    sold = 0

    async def wholesale() -> None:
        """Pallets of two, as long as there are free ones."""
        nonlocal sold
        for _ in range(5):
            lines = [{"sku": SKU, "quantity": 2, "location": "north"}]
            async with httpx.AsyncClient(base_url=world.url) as client:
                answer = await client.post("/world/erp/wholesale", json={"lines": lines})
            sold += 2 if answer.is_success else 0
            await asyncio.sleep(0)

    numbers = [37 * number % ORDERS for number in range(ORDERS)]  # each once, the old and the young mixed
    answers, _ = await asyncio.gather(
        asyncio.gather(*(reserve(stock, number) for number in numbers)), wholesale()
    )
    assert sold > 0
    north, south = on_shelves(world, "north"), on_shelves(world, "south")
    assert north[1] <= north[0]
    assert south[1] <= south[0]
    assert sum(map(kept, answers)) == north[1] + south[1] == UNITS - sold
    waiting = sorted(number for number, answer in zip(numbers, answers, strict=True) if not kept(answer))
    await the_oldest_are_served_first(world, stock, waiting)


async def the_oldest_are_served_first(world: Simulator, stock: StockActivities, waiting: list[int]) -> None:
    """Goods come in, and whoever asks first: the oldest promises get them."""
    world.call("POST", "/world/stock/arrive", {"units": {SKU: 7}, "location": "south"})
    served = [number for number in reversed(waiting) if kept(await reserve(stock, number, waited=True))]
    assert sorted(served) == waiting[:7]


async def test_who_gives_up_waiting_leaves_the_queue(world: Simulator, stock: StockActivities) -> None:
    world.call("PUT", "/world/stock", {"on_hand": {SKU: 0}, "location": "east"})
    first, second = ORDERS + 1, ORDERS + 2
    for number in (first, second):
        assert not kept(await reserve(stock, number))
    await stock.release_stock(
        ReleaseStock(
            adapter="connector",
            order_id=named(first),
            key=effect_key(named(first), "release"),
            promised_at=promised_at(first),
        )
    )
    free = sum(one["on_hand"] - one["reserved"] for one in world.books()["shelves"] if one["sku"] == SKU)
    assert free == 0
    world.call("POST", "/world/stock/arrive", {"units": {SKU: 1}, "location": "east"})
    answer = await reserve(stock, second, waited=True)
    assert [(line.location, line.reserved) for line in answer.lines] == [(Location("east"), 1)]
