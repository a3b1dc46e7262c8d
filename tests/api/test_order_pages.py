"""The register of orders, page by page, in a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import open_database
from adapters.database.order_pages import ListedOrder, OrderPages
from adapters.database.orders import Orders
from domain.ids import ChannelId
from domain.records import OrderState
from tests.api.desk import placed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def engine(database: Path) -> AsyncIterator[AsyncEngine]:
    """Six orders of two channels, two of them accepted at each moment."""
    engine = open_database(f"sqlite:///{database}")
    moments = [NOON + timedelta(seconds=number // 2) for number in range(6)]
    for number, at in enumerate(moments):
        orders = Orders(engine, lambda at=at: at)  # type: ignore[misc]  # mypy does not see a default's type
        await orders.accept(placed("shop" if number % 3 else "other", f"n{number}"))
    yield engine
    await engine.dispose()


async def test_pages_follow_each_other_even_where_orders_came_at_the_same_moment(engine: AsyncEngine) -> None:
    pages = OrderPages(engine)
    whole = await pages.page()
    found: list[ListedOrder] = []
    after = None
    while page := await pages.page(after=after, limit=1):
        found += page
        after = (page[-1].accepted_at, page[-1].order_id)
    assert tuple(found) == whole
    moments = [one.accepted_at for one in whole]
    assert (len(whole), moments) == (6, sorted(moments, reverse=True))


async def test_a_page_has_only_what_was_asked_for(engine: AsyncEngine) -> None:
    pages = OrderPages(engine)
    other = await pages.page(channels={ChannelId("other")})
    assert {one.number for one in other} == {"n0", "n3"}
    assert await pages.page(channels=set()) == ()
    (one,) = await pages.page(number="n1", state=OrderState.ACCEPTED)
    order = placed("shop", "n1")
    assert (one.order_id, one.total, one.placed_at) == (order.order_id, order.total, order.placed_at)
    assert await pages.page(state=OrderState.COMPLETED) == ()
