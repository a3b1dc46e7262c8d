"""What asking again cannot help with: the order stops there, says why, and goes on when a person has mended it."""

from domain.attention import Action, Reason
from domain.ids import System
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import ON_HAND, settled, undone
from tests.workflows.world import World
from workflows.visibility import ATTENTION, BLOCKED_SINCE


async def test_a_declined_capture_keeps_the_shipment_and_asks_for_a_person(world: World) -> None:
    story = await world.begin()
    await story.pack()
    world.hold_is(story, "declined")
    await story.ship()
    attention = await story.needs_person()
    assert attention.reason is Reason.CAPTURE_REFUSED
    assert "the payment is declined" in attention.what
    assert Action.CANCEL not in attention.can
    found = (await story.handle.describe()).typed_search_attributes
    assert found[ATTENTION] == "capture_refused"
    assert found[BLOCKED_SINCE] == attention.since
    await story.operators_know("needs_person")
    books = await story.books()
    assert books.picks == ("shipped",)
    assert books.captured == ()
    assert books.shop_told == books.erp_told == 0  # nobody is told that money was taken

    assert not (await story.cancel()).allowed
    world.hold_is(story, "authorised")
    await story.retry()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed, operators=("needs_person",))


async def test_a_retry_before_the_world_is_mended_asks_again(world: World) -> None:
    story = await world.begin()
    await story.pack()
    world.hold_is(story, "declined")
    await story.ship()
    first = await story.needs_person()
    await story.retry()
    await story.until(lambda document: document.attention and document.attention.since > first.since)
    world.hold_is(story, "authorised")
    await story.retry()
    await story.waits_for("the delivery")
    await story.operators_know("needs_person", "needs_person")


async def test_an_article_that_the_erp_does_not_know_asks_for_a_person_whose_cancel_compensates(
    world: World,
) -> None:
    story = await world.begin(on_hand=None)
    attention = await story.needs_person()
    assert "unknown_sku" in attention.what
    assert Action.CANCEL in attention.can
    await story.operators_know("needs_person")
    assert (await story.cancel()).allowed
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(
        story.placed, erp=("cancelled",), on_hand=0, operators=("needs_person",)
    )


async def test_an_article_that_is_made_known_lets_the_order_go_on(world: World) -> None:
    story = await world.begin(on_hand=None)
    await story.needs_person()
    world.stock(story.sku, ON_HAND)
    await story.retry()
    await story.waits_for("the warehouse to pack")
    document = await story.document()
    assert document.attention is None
    assert document.phase is Phase.FULFILLING


async def test_a_pick_that_the_warehouse_cancelled_itself_asks_for_a_person(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.edit("picks", story.shipment, lambda pick: pick.update(state="cancelled"))
    await story.hint(System.WAREHOUSE)
    attention = await story.needs_person()
    assert "the warehouse cancelled the pick" in attention.what
    assert (await story.cancel()).allowed
    assert await story.result() is OrderState.CANCELLED
    books = await story.books()
    assert (books.erp, books.reserved, books.payment) == (("cancelled",), 0, ("voided",))


async def test_a_retry_that_nobody_waits_for_changes_nothing(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    answer = await story.retry()
    assert not answer.allowed
    assert answer.why == "it needs no person now"
    world.hold_is(story, "declined")
    await story.pack()
    await story.ship()
    await story.needs_person()  # the retry of before does not count
    await story.operators_know("needs_person")


async def test_money_that_was_paid_past_the_gateway_is_written_down_with_its_reference(world: World) -> None:
    story = await world.begin()
    await story.pack()
    world.hold_is(story, "voided")
    await story.ship()
    assert (await story.needs_person()).reason is Reason.CAPTURE_REFUSED
    assert (await story.resolve(Action.DONE, reference="SEPA-0815")).allowed
    await flows.deliver_and_close(story)
    document = await story.document()
    (paid,) = document.paid_outside
    assert (paid.amount, paid.reference) == (story.placed.total, "SEPA-0815")
    assert document.kept == document.ledger.balance == story.placed.total
    books = await story.books()
    assert (books.captured, books.invoiced, books.record) == ((), ("29.63",), OrderState.COMPLETED)


async def test_what_was_captured_by_hand_at_the_gateway_is_found_there(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    world.simulator.call("PUT", "/world/payments/script", {"order_id": story.id, "decline_captures": "limit"})
    await story.ship()
    assert (await story.needs_person()).reason is Reason.CAPTURE_REFUSED
    world.simulator.call("PUT", "/world/payments/script", {"order_id": story.id})
    world.simulator.call("POST", "/world/payments/capture", {"order_id": story.id})
    assert (await story.resolve(Action.DONE, reference="ch_4711")).allowed
    await flows.deliver_and_close(story)
    assert (await story.document()).paid_outside == ()
    books = await story.books()
    assert (books.captured, books.record) == (("29.63",), OrderState.COMPLETED)
