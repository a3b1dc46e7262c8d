"""One storefront order makes one workflow, for ever."""

from tests.workflows import flows
from tests.workflows.world import QUEUE, World
from workers.temporal import Started, start_order


async def test_an_order_that_runs_is_not_started_again(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    before = await story.books()
    assert await start_order(world.temporal.client, story.placed, task_queue=QUEUE) is Started.KNOWN
    assert await story.books() == before


async def test_an_order_that_has_closed_is_not_started_again(world: World) -> None:
    story = await flows.cancelled_while_picking(world)
    before = await story.books()
    run = (await story.handle.describe()).run_id
    assert await start_order(world.temporal.client, story.placed, task_queue=QUEUE) is Started.KNOWN
    assert (await story.handle.describe()).run_id == run
    assert await story.books() == before


async def test_two_orders_of_one_customer_share_one_customer_record(world: World) -> None:
    first = await world.begin()
    await first.waits_for("the warehouse to pack")
    placed = world.order()
    placed = placed.model_copy(update={"customer": first.placed.customer})
    world.place(placed)
    second = await world.start(placed)
    await second.waits_for("the warehouse to pack")
    assert (await second.books()).customers == ("crm", "erp")
    assert (await second.document()).erp_customer == (await first.document()).erp_customer
