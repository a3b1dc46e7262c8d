"""Webhooks are hints: lost, they are made up for; doubled or wrong, they change nothing."""

import asyncio
from datetime import timedelta

import pytest

from domain.document import OrderDocument
from domain.ids import System
from domain.records import OrderState
from domain.shipments import TrackingState
from tests.workflows import flows
from tests.workflows.books import ON_HAND, settled
from tests.workflows.story import Story
from tests.workflows.world import World

A_DAY = timedelta(days=1, seconds=1)


async def test_an_order_whose_webhooks_are_all_lost_looks_by_itself(world: World) -> None:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment")
    world.bank(story, "authorise")
    await story.pass_time(A_DAY)
    await story.waits_for("the warehouse to pack")
    world.simulator.pack(story.shipment)
    await story.pass_time(A_DAY)
    await story.waits_for("the goods to leave")
    world.simulator.ship(story.shipment)
    await story.pass_time(A_DAY)
    await story.waits_for("the delivery")
    world.simulator.deliver(story.shipment)
    await story.pass_time(A_DAY)
    await story.waits_for("the return window to end")
    await story.until_closed()
    assert await story.books() == settled(story.placed)


async def test_it_says_when_it_looks_again(world: World) -> None:
    story = await world.begin(payment="pending")
    document = await story.waits_for("the payment")
    assert document.looks_again_at is not None
    assert document.looks_again_at - document.timeline[-1].at >= timedelta(days=1)


async def test_hints_that_come_twice_too_early_or_for_nothing_change_nothing(world: World) -> None:
    story = await world.begin()
    await story.hint(*System, *System)
    await story.pack()
    await story.hint(*System, *System)
    await story.ship()
    await story.hint(*System, *System)
    await story.deliver()
    await story.hint(*System, *System)
    await story.waits_for("the return window to end")
    await story.until_closed()
    assert await story.books() == settled(story.placed)


async def test_stock_that_arrives_lets_a_short_order_go_on(world: World) -> None:
    story = await world.begin(channel="complete", on_hand=1)
    await story.waits_for("stock: 1 × ")
    world.stock(story.sku, ON_HAND)
    await story.hint(System.STOCK)
    await story.pack()
    assert (await story.books()).reserved == 2


async def test_a_delivery_that_is_never_reported_closes_the_order_after_its_days(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.ship()
    shipped_at = (await story.waits_for("the delivery")).timeline[-1].at
    assert await story.until_closed() is OrderState.COMPLETED
    assert await story.books() == settled(
        story.placed, parcels=("in_transit",), mails=("confirmed", "shipped")
    )
    kept = await world.orders.get(story.id)
    assert kept is not None
    assert kept.closed_at is not None
    assert timedelta(days=44) <= kept.closed_at - shipped_at < timedelta(days=45)
    document = OrderDocument.model_validate_json(kept.closed_document or "")
    assert document.shipments[0].tracking is TrackingState.IN_TRANSIT


async def test_the_return_window_begins_with_the_delivery(world: World) -> None:
    story = await flows.settled(world)
    document = await story.document()
    (delivered_at,) = [line.at for line in document.timeline if line.what == "s1 delivered"]
    kept = await world.orders.get(story.id)
    assert kept is not None
    assert kept.closed_at is not None
    assert timedelta(days=14) <= kept.closed_at - delivered_at < timedelta(days=15)


@pytest.mark.long
async def test_hints_and_questions_that_come_while_it_looks_leave_a_history_that_replays(
    world: World,
) -> None:
    async def pester(story: Story) -> None:
        while True:
            await story.hint(*System)
            await story.document()
            await asyncio.sleep(0.05)

    stories = [await world.begin() for _ in range(4)]
    pestering = [asyncio.create_task(pester(story)) for story in stories]
    for story in stories:
        await story.pack()
    for story in stories:
        await story.ship()
    for story in stories:
        await story.deliver()
        await story.waits_for("the return window to end")
    for task in pestering:
        task.cancel()
    for story in stories:
        await story.until_closed()
        assert await story.books() == settled(story.placed)
