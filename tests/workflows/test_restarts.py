"""Workers come and go; what an order has decided it decides again from its history."""

from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.world import World


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
