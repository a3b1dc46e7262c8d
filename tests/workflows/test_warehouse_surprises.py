"""The warehouse packs fewer than were asked for, or gives a pick back: nothing is charged that has not shipped."""

from domain.ids import System
from domain.records import OrderState
from domain.shipments import PickState
from tests.workflows import flows
from tests.workflows.books import settled
from tests.workflows.story import Story
from tests.workflows.world import World


def packages(record: dict[str, object], quantity: int) -> None:
    boxes = record["packages"]
    assert isinstance(boxes, list)
    boxes[0]["lines"][0]["quantity"] = quantity


async def packed_short(world: World) -> Story:
    story = await world.begin()
    world.simulator.call("PUT", "/world/stock/missing", {"sku": story.sku, "units": 1})
    await story.pack()
    return story


async def test_a_short_pick_stops_before_it_leaves_and_names_what_is_missing(world: World) -> None:
    story = await packed_short(world)
    attention = await story.needs_person()
    assert f"1 of 2 × {story.sku}" in attention.what
    books = await story.books()
    assert books.captured == ()
    assert books.picks == ("packed",)


async def test_a_short_pick_that_is_completed_goes_on_after_a_retry(world: World) -> None:
    story = await packed_short(world)
    await story.needs_person()
    world.edit("picks", story.shipment, lambda record: packages(record, 2))
    await story.retry()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed, operators=("needs_person",))


async def test_a_short_pick_can_be_cancelled_and_nothing_leaves(world: World) -> None:
    story = await packed_short(world)
    await story.needs_person()
    assert (await story.cancel()).allowed
    await story.until_closed()
    books = await story.books()
    assert books.captured == ()
    assert books.picks == ("cancelled",)


async def test_goods_that_left_short_are_not_charged_even_when_a_cancel_comes_too_late(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    world.edit("picks", story.shipment, lambda record: packages(record, 1))
    world.simulator.ship(story.shipment)
    await story.hint(System.WAREHOUSE)
    await story.needs_person()
    assert not (await story.cancel()).allowed
    await story.needs_person()
    assert (await story.books()).captured == ()


async def test_a_pick_that_the_warehouse_gave_back_is_asked_for_anew_after_a_retry(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.edit("picks", story.shipment, lambda record: record.update(state="cancelled"))
    await story.hint(System.WAREHOUSE)
    assert "cancelled the pick" in (await story.needs_person()).what
    await story.retry()
    document = await story.waits_for("the warehouse to pack")
    assert [s.state for s in document.shipments][:1] == [PickState.CANCELLED]
    second = document.shipments[1].shipment_id
    story.shipment = second
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    books = await story.books()
    assert books == settled(story.placed, operators=("needs_person",), picks=("cancelled", "shipped"))


async def test_a_customer_who_cannot_be_mailed_gets_the_goods_all_the_same(world: World) -> None:
    placed = world.order()
    placed = placed.model_copy(
        update={"customer": placed.customer.model_copy(update={"email": "no address"})}
    )
    world.place(placed)
    story = await world.start(placed)
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    document = (await world.orders.get(story.id)).closed_document  # type: ignore[union-attr]
    assert document is not None
    assert "the customer could not be mailed" in document
    books = await story.books()
    assert books.mails == ()
    assert books.captured == settled(placed).captured


async def test_a_cancelled_order_whose_customer_cannot_be_mailed_is_undone_all_the_same(world: World) -> None:
    placed = world.order()
    placed = placed.model_copy(
        update={"customer": placed.customer.model_copy(update={"email": "no address"})}
    )
    world.place(placed)
    story = await world.start(placed)
    await story.waits_for("the warehouse to pack")
    assert (await story.cancel()).allowed
    await story.until_closed()
    books = await story.books()
    assert (books.shop, books.payment, books.erp) == (("cancelled",), ("voided",), ("cancelled",))
    assert (books.mails, books.reserved, books.record) == ((), 0, OrderState.CANCELLED)
