"""Temporal or an outside system is away while orders are in the middle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from adapters.database.schema import InboxState
from domain.ids import OrderId
from domain.records import OrderState
from entrypoints.embedded.processes import Child
from entrypoints.intake import opened_inbox
from tests.e2e.product import Product, product, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with product(tmp_path_factory.mktemp("outages")) as started:
        yield started


@pytest.mark.long
@pytest.mark.parametrize("end", [Child.kill, Child.stop])
async def test_orders_go_on_after_temporal_went_away_under_them(
    running: Product, end: Callable[[Child], Awaitable[None]]
) -> None:
    """Picks go on meanwhile: their webhooks are kept, and so is an order that comes while Temporal is away."""
    name = end.__name__
    orders = [await running.place(f"{name}-{number}") for number in range(3)]
    await until(lambda: _is_at_the_warehouse(running, orders))
    temporal = running.running.temporal
    assert temporal is not None
    await end(temporal)
    orders.append(await running.place(f"{name}-late"))
    await until(lambda: _webhooks_wait(running, orders))
    await running.running.start_temporal()
    ends = await asyncio.gather(*map(running.ended, orders))
    assert ends == [OrderState.COMPLETED] * 4
    await until(lambda: _nothing_waits(running))
    report = await running.audit()
    assert (report.violations, report.orders.open, report.orders.inbox_parked) == (0, 0, 0)


@pytest.mark.long
async def test_orders_wait_for_an_erp_that_is_down_and_need_nobody(running: Product) -> None:
    await running.fault("erp", "down")
    orders = [await running.place(f"down-{number}") for number in range(3)]
    await until(lambda: _was_refused_service(running, orders))
    await running.clear_faults()
    ends = await asyncio.gather(*map(running.ended, orders))
    assert ends == [OrderState.COMPLETED] * 3
    report = await running.audit()
    assert (report.violations, report.orders.open, report.orders.needs_person) == (0, 0, 0)


async def _is_at_the_warehouse(running: Product, orders: list[OrderId]) -> bool:
    picks = {pick["order_id"] for pick in (await running.books())["picks"]}
    return not picks.isdisjoint(orders)


async def _webhooks_wait(running: Product, orders: list[OrderId]) -> bool:
    """Of one of these orders a webhook was taken, and could not be passed on yet."""
    async with opened_inbox(running.running.settings) as inbox:
        waiting = await inbox.list(InboxState.WAITING, limit=100)
    return any(item.kind == "webhook" and item.order_id in orders and item.attempts for item in waiting)


async def _nothing_waits(running: Product) -> bool:
    async with opened_inbox(running.running.settings) as inbox:
        return not await inbox.list(InboxState.WAITING, limit=1)


async def _was_refused_service(running: Product, orders: list[OrderId]) -> bool:
    asked = [await running.requests("register_customer", order) for order in orders]
    return all(any(request["outcomes"].get("down", 0) >= 2 for request in requests) for requests in asked)
