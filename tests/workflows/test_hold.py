"""On hold: what runs ends, nothing new begins, everything is heard."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.ids import System
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.world import World
from workflows.visibility import ON_HOLD


async def test_nothing_is_captured_or_told_while_it_is_held(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    assert (await story.hold()).allowed
    assert (await story.handle.describe()).typed_search_attributes[ON_HOLD] is True
    await story.ship()
    await story.until(lambda document: document.shipments[0].state == "shipped")
    await story.pass_time(timedelta(days=2))
    books = await story.books()
    assert (books.captured, books.shop_told, books.erp_told) == ((), 0, 0)
    document = await story.document()
    assert document.hold is not None
    assert document.hold.reason == "the customer wants to think"

    assert (await story.release()).allowed
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_a_pick_is_not_released_while_it_is_held(world: World) -> None:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment")
    await story.hold()
    world.bank(story, "authorise")
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: document.phase == "entering_erp")
    await story.pass_time(timedelta(days=2))
    assert (await story.books()).erp == ()
    await story.release()
    await story.waits_for("the warehouse to pack")


async def test_a_held_order_can_be_cancelled(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await story.hold()
    assert (await story.cancel()).allowed
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(
        story.placed,
        erp=("cancelled",),
        picks=("cancelled",),
        notes=("cancelled", "confirmed"),
        mails=("cancelled", "confirmed"),
    )


async def test_a_release_of_what_is_not_held_says_so(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    answer = await story.release()
    assert (answer.allowed, answer.why) == (False, "it is not on hold")


async def test_a_hold_says_who_and_why(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    with pytest.raises(WorkflowUpdateFailedError):
        await story.hold(" ")
    assert (await story.document()).hold is None
