"""A cancel interrupts an effect whose request is still on its way: the undo waits it out, and no orphan is left."""

import asyncio
from typing import Any

import pytest

from domain.records import OrderState
from tests.workflows.story import PATIENCE_SECONDS, Story
from tests.workflows.world import World

LATE_SECONDS = 0.8  # the adapter of `impatient` gives up after 0.5 s


async def begun(world: World, story: Story, operation: str) -> None:
    """Until the request has reached its system."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not any(
        "late_commit" in request["outcomes"] and request["key"].startswith(f"{story.id}/")
        for request in world.simulator.books(story.id)["requests"]
        if request["operation"] == operation
    ):
        assert asyncio.get_running_loop().time() < deadline, f"{operation} was never asked for"
        await asyncio.sleep(0.02)


def performed(world: World, story: Story, operation: str) -> int:
    """How many of the order's requests its system performed."""
    return sum(
        request["attempts"]
        for request in world.simulator.books(story.id)["requests"]
        if request["operation"] == operation and request["key"].startswith(f"{story.id}/")
    )


def record(world: World, kind: str, story: Story) -> dict[str, Any]:
    (found,) = world.of_order(story, kind)
    return found


@pytest.mark.parametrize(
    ("system", "operation", "packed"),
    [
        ("erp", "enter_order", False),
        ("stock", "reserve", False),
        ("warehouse", "request_pick", False),
        ("carrier", "create_labels", True),
    ],
)
async def test_nothing_is_left_of_an_effect_that_was_cut_off(
    world: World, system: str, operation: str, packed: bool
) -> None:
    world.simulator.fault(system, "late_commit", operation, times=1, seconds=LATE_SECONDS)
    story = await world.begin(channel="impatient")
    if packed:
        await story.pack()
    await begun(world, story, operation)
    assert (await story.cancel()).allowed
    assert await story.result() is OrderState.CANCELLED
    await asyncio.sleep(LATE_SECONDS)  # whatever is on its way has arrived by now
    books = await story.books()
    assert (books.shop, books.payment, books.erp) == (("cancelled",), ("voided",), ("cancelled",))
    assert (books.reserved, books.captured, books.labels) == (0, (), 0)
    assert set(books.picks) <= {"cancelled"}
    assert books.operators == ()  # an attempt that was cut off is no outage, and is not made again
    assert performed(world, story, operation) == 1


async def test_the_erp_is_told_to_cancel_only_when_the_late_order_is_in(world: World) -> None:
    """An ERP may know nothing of orders that it has not got yet, and take them after their cancel."""
    world.simulator.fault("erp", "late_commit", "enter_order", times=1, seconds=LATE_SECONDS)
    story = await world.begin(channel="impatient")
    await begun(world, story, "enter_order")
    await story.cancel()
    await story.result()
    sales_order = record(world, "sales_orders", story)
    assert sales_order["order"] is not None
    assert sales_order["entered"]["seq"] < sales_order["cancelled"]["seq"]
