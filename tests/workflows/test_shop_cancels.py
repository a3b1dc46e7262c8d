"""A cancel that comes from the shop: its hint says to look, and what the shop shows is what counts."""

from domain.ids import System
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.world import World


async def test_an_order_that_was_cancelled_in_the_shop_is_undone_everywhere(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.edit("orders", story.id, lambda order: order.update(state="cancelled"))
    await story.hint(System.STOREFRONT)
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(
        story.placed,
        erp=("cancelled",),
        picks=("cancelled",),
        notes=("cancelled", "confirmed"),
        mails=("cancelled", "confirmed"),
    )
    assert (await story.document()).cancel_reason == "it was cancelled in the shop"


async def test_it_is_heard_while_a_system_is_down(world: World) -> None:
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="hasty")
    await story.blocked_on(System.ERP)
    world.edit("orders", story.id, lambda order: order.update(state="cancelled"))
    await story.hint(System.STOREFRONT)
    assert await story.result() is OrderState.CANCELLED


async def test_other_news_of_the_shop_change_nothing(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    for _ in range(3):
        await story.hint(System.STOREFRONT)
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_while_the_shop_cannot_be_asked_the_order_goes_on(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.simulator.fault("storefront", "down", "look_up_order")
    await story.hint(System.STOREFRONT)
    await story.pack()
    await story.waits_for("the goods to leave")
    world.simulator.clear_faults()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)
