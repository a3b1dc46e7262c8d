"""Workers come and go; what an order has decided it decides again from its history."""

from collections.abc import Coroutine
from typing import Any

from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.attention import Action, Reason
from domain.document import OrderDocument
from domain.orders import PlacedOrder
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.world import World
from workflows.attention import Desk
from workflows.effects import Effects
from workflows.owner import Owner

_dropped: list[Coroutine[Any, Any, Any]] = []


@workflow.defn
class Asks:
    """An order that asks a person something, and is in memory still when its worker stops."""

    @workflow.run
    async def run(self, placed: PlacedOrder) -> None:
        owner = Owner(OrderDocument.begun(placed))
        question = Desk(owner, Effects(owner)).ask(Reason.BOOKS_DISAGREE, (Action.RETRY,), "which is right?")
        question.send(None)
        _dropped.append(question)


@workflow.defn
class Collects:
    """Another one, in whose turn Python collects what was dropped: that closes it, as is done here."""

    @workflow.run
    async def run(self) -> None:
        _dropped.pop().close()


async def test_an_order_goes_on_in_another_worker_which_remembers_nothing(world: World) -> None:
    placed = world.order()
    world.place(placed)
    async with world.worker("restarts"):
        story = await world.start(placed, queue="restarts")
        await story.waits_for("the warehouse to pack")
    async with world.worker("restarts", max_cached_workflows=0):
        await story.pack()
        await story.ship()
        await flows.deliver_and_close(story)
        assert await story.books() == settled(placed)


async def test_a_cancel_while_no_worker_runs_is_heard_by_the_next_one(world: World) -> None:
    placed = world.order()
    world.place(placed)
    async with world.worker("restarts"):
        story = await world.start(placed, queue="restarts")
        await story.waits_for("the warehouse to pack")
    await story.handle.cancel()
    async with world.worker("restarts"):
        assert await story.result() is OrderState.CANCELLED
        books = await story.books()
    assert (books.picks, books.reserved, books.payment) == (("cancelled",), 0, ("voided",))


async def test_an_order_that_is_cancelled_before_it_ever_ran_is_undone_too(world: World) -> None:
    placed = world.order()
    world.place(placed)
    story = await world.start(placed, queue="restarts")
    await story.handle.cancel()
    async with world.worker("restarts"):
        assert await story.result() is OrderState.CANCELLED
        books = await story.books()
    assert (books.shop, books.payment, books.erp) == (("cancelled",), ("voided",), ())
    assert books.voided == undone(placed).voided


async def test_an_order_that_a_worker_dropped_tells_nothing_in_the_turn_of_another(world: World) -> None:
    """The SDK ends the orders in a worker's memory when they are evicted, not when the worker stops."""
    worker = Worker(
        world.temporal.client,
        task_queue="dropped",
        workflows=[Asks, Collects],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        client = world.temporal.client
        await client.execute_workflow(Asks.run, world.order(), id="asks", task_queue="dropped")
        other = await client.start_workflow(Collects.run, id="collects", task_queue="dropped")
        await other.result()
    told = [
        event.upsert_workflow_search_attributes_event_attributes
        for event in (await other.fetch_history()).events
    ]
    assert not any(attributes.HasField("search_attributes") for attributes in told)
