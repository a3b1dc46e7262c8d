"""Goods that come back: exactly what was charged for them goes back, once, and everybody knows."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.attention import Action, Reason
from domain.ids import LineId, System
from domain.ledger import Cause
from domain.orders import PaymentTerm
from domain.returns import ReturnState
from tests.workflows.story import Story
from tests.workflows.world import World

LINE = LineId("1")


async def delivered(world: World, **how: Any) -> Story:
    story = await world.begin(**how)
    await story.leaves(1)
    await story.deliver()
    await story.waits_for("the return window to end")
    return story


async def closes(story: Story, number: int = 1) -> None:
    await story.until(lambda document: document.returns[number - 1].state is ReturnState.CLOSED)
    await story.until_closed()


async def test_what_comes_back_is_paid_back_to_the_cent_and_lies_on_its_shelf_again(world: World) -> None:
    story = await delivered(world)
    answer = await story.send_back({LINE: 1})
    assert (answer.allowed, answer.why) == (True, "it is return r1")
    await story.comes_back(1, {LINE: 1})
    await closes(story)
    books = await story.books()
    assert (books.captured, books.refunded) == (("29.63",), ("11.90",))
    assert (books.on_hand, books.reserved) == (9, 0)
    (note,) = world.of_order(story, "credit_notes")
    assert note["total"] == {"amount": "11.90", "currency": "EUR"}
    assert {"return_credited", "return_expected"} <= set(books.mails)
    entry = (await story.document()).ledger.entries[-1]
    assert (str(entry.amount), entry.cause) == ("11.90 EUR", Cause.RETURN)


async def test_all_of_it_brings_the_freight_back_too(world: World) -> None:
    story = await delivered(world)
    await story.send_back({LINE: 2})
    await story.comes_back(1, {LINE: 2})
    await closes(story)
    assert (await story.books()).refunded == ("29.63",)


async def test_two_returns_at_once_never_give_back_more_than_was_charged(world: World) -> None:
    story = await delivered(world)
    await story.send_back({LINE: 1}, "first")
    await story.send_back({LINE: 1}, "second")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await story.send_back({LINE: 1}, "third")
    assert "units.1: 1 asked for, 0 can be sent back" in str(refused.value.cause)
    await story.comes_back(2, {LINE: 1})
    await story.comes_back(1, {LINE: 1})
    await story.until(lambda document: document.returns[1].state is ReturnState.CLOSED)
    await closes(story)
    books = await story.books()
    assert books.refunded == ("11.90", "17.73")


async def test_the_same_request_again_is_the_same_return(world: World) -> None:
    story = await delivered(world)
    for _ in range(3):
        answer = await story.send_back({LINE: 2})
        assert (answer.allowed, answer.why) == (True, "it is return r1")
    assert len((await story.document()).returns) == 1


@pytest.mark.parametrize(("decision", "refunded"), [(Action.APPROVE, "29.63"), (Action.REJECT, "11.90")])
async def test_of_what_came_back_damaged_a_person_decides(
    world: World, decision: Action, refunded: str
) -> None:
    story = await delivered(world)
    await story.send_back({LINE: 2})
    await story.comes_back(1, {LINE: 1}, damaged={LINE: 1})
    assert (await story.needs_person()).reason is Reason.RETURN_DAMAGED
    assert (await story.resolve(decision)).allowed
    await closes(story)
    books = await story.books()
    assert (books.refunded, books.on_hand) == ((refunded,), 9)


async def test_fewer_than_announced_are_paid_for_as_they_came(world: World) -> None:
    story = await delivered(world)
    await story.send_back({LINE: 2})
    await story.comes_back(1, {LINE: 1})
    await closes(story)
    assert (await story.books()).refunded == ("11.90",)


async def test_what_never_comes_is_not_paid_for(world: World) -> None:
    story = await delivered(world)
    await story.send_back({LINE: 2})
    await story.waits_for("the goods of return r1")
    await story.until_closed()
    document = await story.document()
    assert document.returns[0].state is ReturnState.NOT_SENT
    assert (await story.books()).refunded == ()


async def test_a_person_may_have_to_agree(world: World) -> None:
    story = await delivered(world, channel="careful")
    await story.send_back({LINE: 1}, "first")
    assert (await story.needs_person()).reason is Reason.RETURN_ASKED
    assert (await story.resolve(Action.REJECT)).allowed
    await story.until(lambda document: document.returns[0].state is ReturnState.REJECTED)
    await story.send_back({LINE: 2}, "second")
    await story.needs_person()
    assert (await story.resolve(Action.APPROVE)).allowed
    await story.comes_back(2, {LINE: 2})
    await closes(story, 2)
    # 10 % of the goods are kept as a restocking fee.
    assert (await story.books()).refunded == ("27.25",)


async def test_a_parcel_that_the_carrier_lost_is_paid_back_when_a_person_says_so(world: World) -> None:
    story = await world.begin()
    await story.leaves(1)
    await story.waits_for("the delivery")
    world.simulator.call("POST", "/world/carrier/lose", {"shipment_id": story.shipment})
    await story.hint(System.CARRIER)
    assert (await story.needs_person()).reason is Reason.PARCEL_LOST
    assert (await story.resolve(Action.APPROVE)).allowed
    await closes(story)
    books = await story.books()
    assert (books.refunded, books.on_hand) == (("29.63",), 8)
    assert (await story.document()).ledger.entries[-1].cause is Cause.LOST_PARCEL


async def test_goods_of_a_prepaid_order_come_back_too(world: World) -> None:
    story = await delivered(world, payment="captured", term=PaymentTerm.PREPAID)
    await story.send_back({LINE: 1})
    await story.comes_back(1, {LINE: 1})
    await closes(story)
    assert (await story.books()).refunded == ("11.90",)
