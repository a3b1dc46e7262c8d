"""Ways that an order goes, from its start to its end, for the tests that go them again with something in the way."""

from domain.ids import System
from tests.workflows.story import Story
from tests.workflows.world import World


async def settled(world: World, *, channel: str = "shop") -> Story:
    """Paid, shipped, captured, invoiced, delivered, and over."""
    story = await world.begin(channel=channel)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def deliver_and_close(story: Story) -> None:
    await story.deliver()
    await story.waits_for("the return window to end")
    await story.until_closed()


async def cancelled_while_picking(world: World) -> Story:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await story.cancel()
    await story.result()
    return story


async def cancelled_with_labels(world: World, *, channel: str = "shop") -> Story:
    """As late as it can be: everything is done, and only the hand-over to the driver does not get through."""
    world.simulator.fault("warehouse", "down", "hand_over")
    story = await world.begin(channel=channel)
    await story.pack()
    await story.until(lambda document: document.shipments[0].labels)
    await story.cancel()
    await story.result()
    return story


async def cancelled_at_the_deadline(world: World) -> Story:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment, which is pending")
    await story.until_closed()
    return story


async def erp_down_for_a_while(world: World) -> Story:
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="hasty")
    await story.blocked_on(System.ERP)
    world.simulator.clear_faults()
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def capture_declined_and_mended(world: World) -> Story:
    story = await world.begin()
    await story.pack()
    world.hold_is(story, "declined")
    await story.ship()
    await story.needs_person()
    world.hold_is(story, "authorised")
    await story.retry()
    await deliver_and_close(story)
    return story


async def refused_by_the_erp(world: World, *, channel: str = "shop") -> Story:
    """The ERP does not know the article; a person is asked, and cancels."""
    story = await world.begin(channel=channel, on_hand=None)
    await story.needs_person()
    await story.operators_know("needs_person")
    await story.idle()
    await story.cancel()
    await story.result()
    return story
