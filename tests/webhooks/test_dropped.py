"""Three of ten webhooks never come: sweeps find what they would have told, and every order ends as it should."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from adapters.database.engine import open_database
from adapters.database.orders import CLOSED, Orders
from adapters.database.sweeps import SqlSweeps
from domain.ids import OrderId, PlatformId, System, order_id
from domain.policies import OrderPolicies
from domain.records import OrderState
from entrypoints.demo.run import wishes
from entrypoints.demo.sender import tell_of_order
from entrypoints.demo.shopper import checkout
from entrypoints.embedded.installation import installation
from tests.e2e.product import SHOP, Product, document
from tests.entrypoints.receiving import until
from workers.clock import now
from workers.connection import connect

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

ORDERS = 10
_SECONDS_MAX = 540
_SWEEP = f"storefront/connector/{SHOP}"


def _patient(policies: OrderPolicies) -> OrderPolicies:
    """It looks by itself only for what nobody sweeps: parcels, and goods that arrive."""
    return wishes(frozenset()).policies(policies).model_copy(update={"look_again_minutes": 0.2})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    wished = replace(wishes(frozenset()), policies=_patient, catch_up_seconds=3)
    folder: Path = tmp_path_factory.mktemp("dropped")
    async with (
        installation(folder, wished) as installed,
        httpx.AsyncClient(base_url=installed.simulator_url, timeout=30) as world,
    ):
        yield Product(installed, await connect(installed.settings), world)


async def test_orders_end_right_though_three_of_ten_webhooks_are_lost(running: Product) -> None:
    await until(lambda: _is_swept(running), seconds=60)  # what was sold before is none of ours
    for system in set(System) - {System.DATABASE}:
        await running.fault(system, "drop_webhooks")
    orders = [await _place(running, number, told=number % 10 not in {2, 5, 8}) for number in range(ORDERS)]
    rows = Rows(running)
    try:
        await until(lambda: rows.are_closed(orders), seconds=_SECONDS_MAX)
    except TimeoutError:
        pytest.fail(f"not closed: {await rows.states(orders)}")
    assert set((await rows.states(orders)).values()) == {OrderState.COMPLETED}
    report = await running.audit()
    assert (report.violations, report.orders.open, report.orders.total) == (0, 0, ORDERS)
    counts = (await running.books())["webhooks"]
    assert counts["webhooks_dropped"] > 0
    missed = await _missed(running)
    assert missed[_SWEEP] >= 3


class Rows:
    """The orders as our own register has them: what was never heard of has no row."""

    def __init__(self, running: Product) -> None:
        self._url = running.running.settings.database_url

    async def states(self, orders: list[OrderId]) -> dict[OrderId, OrderState | None]:
        engine = open_database(self._url)
        try:
            register = Orders(engine, now)
            return {order: await register.state(order) for order in orders}
        finally:
            await engine.dispose()

    async def are_closed(self, orders: list[OrderId]) -> bool:
        return set((await self.states(orders)).values()) <= CLOSED


async def _place(running: Product, number: int, *, told: bool) -> OrderId:
    """In the shop. Whether its webhook comes is another thing."""
    content = await checkout(running.running.settings, SHOP, document(f"D-{number}"))
    if told:
        await tell_of_order(running.running.settings, SHOP, content)
    return order_id(SHOP, PlatformId(f"D-{number}"))


async def _is_swept(running: Product) -> bool:
    return _SWEEP in await _missed(running)


async def _missed(running: Product) -> dict[str, int]:
    engine = open_database(running.running.settings.database_url)
    try:
        return {count.name: count.missed for count in await SqlSweeps(engine, now).counts()}
    finally:
        await engine.dispose()
