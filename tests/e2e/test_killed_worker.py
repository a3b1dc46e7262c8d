"""Workers are killed, one after the other, while outside systems work on what they asked for."""

import asyncio
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest

from domain.ids import OrderId
from domain.records import OrderState
from tests.e2e.product import Product, product, story, until

pytestmark = [pytest.mark.e2e, pytest.mark.long]  # the demo kills a worker, too

_SLOW_SECONDS = 2.0

# What an order asks for in its course. What it asks for at the same time is cut off by the same kill.
_KILLS = [
    [("erp", "enter_order")],
    [("stock", "reserve")],
    [("warehouse", "request_pick")],
    [("carrier", "create_labels")],
    [("payments", "capture")],
    [
        ("notifications", "send"),
        ("crm", "note"),
        ("storefront", "report_shipment"),
        ("erp", "record_shipment"),
    ],
    [("erp", "post_invoice")],
]


async def test_killed_workers_leave_the_books_of_an_undisturbed_order(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    async with product(tmp_path) as running:
        calm = await undisturbed(running)
        await slow(running, _KILLS[0])
        order = await running.place("KILLED")
        for now, then in pairwise([*_KILLS, []]):
            await until(partial(all_under_way, running, now, order))
            await slow(running, then)  # before the order can come to it
            worker = running.running.workers[-1]
            await asyncio.gather(worker.kill(), running.running.start_worker())
        assert await running.ended(order) is OrderState.COMPLETED
        for system, operation in chain(*_KILLS):
            with subtests.test(system=system, operation=operation):
                requests = await running.requests(operation, order)
                assert max(request["attempts"] for request in requests) >= 2
        assert story(await running.books(), order) == calm
        report = await running.audit()
        assert (report.violations, report.orders.open) == (0, 0)


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


async def slow(running: Product, effects: list[tuple[str, str]]) -> None:
    for system, operation in effects:
        await running.fault(system, "slow", operation, seconds=_SLOW_SECONDS, times=1)


async def all_under_way(running: Product, effects: list[tuple[str, str]], order: OrderId) -> bool:
    return all([await running.under_way(operation, order) for _, operation in effects])
