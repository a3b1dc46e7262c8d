"""What the bench compares with: the same order with every effect alone and in sequence."""

from typing import Any

from temporalio.api.history.v1 import History
from temporalio.worker import Worker

from domain.records import OrderState
from entrypoints.bench.sequence import OrderInSequence
from tests.workflows.flows import deliver_and_close, settled
from tests.workflows.runs import histories
from tests.workflows.story import Story
from tests.workflows.world import World
from workers.lean import LeanOrders, LeanRunner
from workers.temporal import start_order
from workflows.order import Order

QUEUE = "in-sequence"


async def test_in_sequence_an_order_goes_the_same_way_with_one_effect_at_a_time(world: World) -> None:
    worker = Worker(
        world.temporal.client,
        task_queue=QUEUE,
        workflows=[OrderInSequence],
        activities=world.activities,
        workflow_runner=LeanRunner(),
        interceptors=[LeanOrders()],
        disable_eager_activity_execution=True,
    )
    async with worker:
        alone = await _begun(world)
        await alone.pack()
        await alone.ship()
        await deliver_and_close(alone)
    together = await settled(world)
    assert await alone.result() is await together.result() is OrderState.COMPLETED
    in_sequence, usual = await _history(alone), await _history(together)
    assert _done(in_sequence) == _done(usual)
    assert _at_once_max(in_sequence) == 1
    assert _at_once_max(usual) > 1


async def _begun(world: World) -> Story:
    """Not one of the world's own, whose histories replay as those of usual orders."""
    placed = world.order()
    world.place(placed)
    await world.orders.accept(placed)
    await start_order(world.temporal.client, placed, task_queue=QUEUE)
    return Story(world, placed, world.temporal.client.get_workflow_handle_for(Order.run, placed.order_id))


async def _history(story: Story) -> History:
    runs = await histories(story.world.temporal.client, story.handle)
    return History(events=[event for run in runs for event in run.events])


def _done(history: History) -> set[str]:
    return {event.activity_task_scheduled_event_attributes.activity_id for event in _scheduled(history)}


def _scheduled(history: History) -> list[Any]:
    return [event for event in history.events if event.HasField("activity_task_scheduled_event_attributes")]


def _at_once_max(history: History) -> int:
    most = now = 0
    for event in history.events:
        now += event.HasField("activity_task_scheduled_event_attributes")
        now -= event.HasField("activity_task_completed_event_attributes")
        most = max(most, now)
    return most
