"""The warehouse finds fewer than were asked for, or other goods, or gives a pick back: only what ships is charged."""

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


async def test_only_what_was_found_leaves_and_the_rest_is_waited_for(world: World) -> None:
    story = await packed_short(world)
    await story.waits_for(f"stock: 1 × {story.sku} missing")
    await story.ship()
    document = await story.until(lambda document: document.shipments[0].told)
    assert [line.quantity for line in document.shipments[0].lines] == [1]
    assert (document.ledger.charged.minor, document.attention) == (1773, None)
    assert f"picked short in main: 1 × {story.sku} not found" in [one.what for one in document.timeline]


async def test_what_was_not_found_is_looked_for_again_when_stock_has_news(world: World) -> None:
    story = await packed_short(world)
    await story.waits_for(f"stock: 1 × {story.sku} missing")
    await story.ship()
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.arrive(1, 2)
    books = await story.books()
    assert (books.captured, books.invoiced, books.reserved) == (("29.63",), ("29.63",), 0)


async def test_a_pick_of_which_nothing_was_found_is_given_back(world: World) -> None:
    story = await world.begin()
    world.simulator.call("PUT", "/world/stock/missing", {"sku": story.sku, "units": 2})
    await story.pack()
    await story.waits_for(f"stock: 2 × {story.sku} missing")
    assert (await story.document()).shipments[0].state is PickState.CANCELLED
    assert (await story.cancel()).allowed
    assert await story.result() is OrderState.CANCELLED
    books = await story.books()
    assert (books.captured, books.picks, books.reserved) == ((), ("cancelled",), 0)


async def test_goods_that_nobody_ordered_are_asked_about_before_anything_leaves(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.simulator.pack(story.shipment)
    world.edit("picks", story.shipment, lambda record: packages(record, 3))
    await story.hint(System.WAREHOUSE)
    assert "packed something else" in (await story.needs_person()).what
    world.edit("picks", story.shipment, lambda record: packages(record, 2))
    assert (await story.retry()).allowed
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed, operators=("needs_person",))


async def test_goods_that_left_short_are_charged_as_they_left(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    world.edit("picks", story.shipment, lambda record: packages(record, 1))
    world.simulator.ship(story.shipment)
    await story.hint(System.WAREHOUSE)
    document = await story.until(lambda document: document.shipments[0].told)
    assert document.ledger.charged.minor == 1773
    assert (await story.cancel()).why.startswith(f"1 × {story.sku} cancelled")


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
    assert books == settled(
        story.placed,
        operators=("needs_person",),
        picks=("cancelled", "shipped"),
        mails=("confirmed", "delivered-2", "shipped-2"),
    )


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
