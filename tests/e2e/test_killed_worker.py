"""A worker is killed while an outside system works on what it asked for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from domain.records import OrderState
from tests.e2e.product import Product, product, story, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

_SLOW_SECONDS = 2.0

_EFFECTS = [
    ("erp", "enter_order"),
    ("stock", "reserve"),
    ("notifications", "send"),
    ("warehouse", "request_pick"),
    ("carrier", "create_labels"),
    ("payments", "capture"),
    ("storefront", "report_shipment"),
    ("crm", "note"),
    ("erp", "post_invoice"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with product(tmp_path_factory.mktemp("killed")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(running: Product) -> Any:
    """What the books say of an order to which nothing happened."""
    order = await running.place("CALM")
    assert await running.ended(order) is OrderState.COMPLETED
    told = story(await running.books(), order)
    counts = {kind: len(entries) for kind, entries in told.items()}
    assert counts == {
        **dict.fromkeys(("orders", "payments", "captures", "sales_orders", "invoices"), 1),
        **dict.fromkeys(("reservations", "picks", "parcels"), 1),
        "notes": 2,  # confirmed, shipped
        "mails": 3,  # confirmed, shipped, delivered
        "refunds": 0,
        "voids": 0,
    }
    return told


@pytest.mark.parametrize(("system", "operation"), _EFFECTS)
async def test_a_killed_worker_leaves_the_books_of_an_undisturbed_order(
    running: Product, undisturbed: Any, system: str, operation: str
) -> None:
    await running.fault(system, "slow", operation, seconds=_SLOW_SECONDS, times=1)
    order = await running.place(f"K-{operation}")
    await until(lambda: running.under_way(operation, order))
    worker = running.running.workers[-1]
    await asyncio.gather(worker.kill(), running.running.start_worker())
    assert await running.ended(order) is OrderState.COMPLETED
    assert max(request["attempts"] for request in await running.requests(operation, order)) >= 2
    assert story(await running.books(), order) == undisturbed
    report = await running.audit()
    assert (report.violations, report.orders.open) == (0, 0)
