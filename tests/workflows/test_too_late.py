"""A cancel that comes too late says so instead of pretending: goods and money stand."""

from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled
from tests.workflows.world import World


async def test_after_shipping_goods_and_money_stand(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.ship()
    await story.waits_for("the delivery")
    answer = await story.cancel()
    assert not answer.allowed
    assert "it has shipped" in answer.why
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_when_the_warehouse_cannot_stop_it_the_order_completes(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.simulator.call("POST", "/world/warehouse/lock", {"shipment_id": story.shipment})
    answer = await story.cancel()
    assert not answer.allowed
    assert answer.why == "it is being loaded"
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_with_labels_on_it_the_warehouse_does_not_stop_it_and_it_may_be_asked_again(
    world: World,
) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    for _ in range(2):
        assert not (await story.cancel()).allowed
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_temporals_own_cancel_comes_too_late_just_as_well(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.ship()
    await story.waits_for("the delivery")
    await story.handle.cancel()
    await flows.deliver_and_close(story)
    assert await story.result() is OrderState.COMPLETED
    assert await story.books() == settled(story.placed)


async def test_goods_that_left_while_the_cancel_was_on_its_way_are_captured(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    world.simulator.ship(story.shipment)  # and the order has not heard of it
    answer = await story.cancel()
    assert not answer.allowed
    assert answer.why == "it has left the house"
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)
