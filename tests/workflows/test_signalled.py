"""Who only signals an amendment, and waits for no answer, hears by webhook how it ended."""

from typing import Any

import pytest

from domain.amendments import AmendmentState, SetQuantity
from domain.records import OrderState
from tests.workflows.story import Story
from tests.workflows.world import World


def told(story: Story) -> list[dict[str, Any]]:
    return story.world.of_order(story, "amendments_told")


async def until_told(story: Story, count: int = 1) -> list[dict[str, Any]]:
    await story.eventually(lambda: len(told(story)) >= count)
    return told(story)


def less(story: Story) -> SetQuantity:
    return SetQuantity(line_id=story.placed.lines[0].line_id, quantity=1)


async def test_the_sender_hears_that_it_holds_and_how_the_order_stands(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await story.signal_amendment(less(story))
    (one,) = await until_told(story)
    document = await story.document()
    assert (one["amendment_id"], one["state"], one["revision"]) == ("signalled", "committed", 2)
    assert one["total"] == {"amount": f"{document.order.total.major:f}", "currency": "EUR"}
    assert one["event_id"] == f"{story.id}/tell-sender/signalled"


async def test_the_sender_hears_once_however_often_it_signals(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    for _ in range(2):
        await story.signal_amendment(less(story))
    await until_told(story)
    await story.signal_amendment(less(story))
    await story.signal_amendment(less(story), name="stale")
    both = await until_told(story, 2)
    assert [(one["amendment_id"], one["state"]) for one in both] == [
        ("signalled", "committed"),
        ("stale", "refused"),
    ]
    assert "you saw 1" in both[1]["why"]


async def test_whoever_waits_for_the_answer_is_not_told_another_way(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await story.amend(less(story))
    await story.cancel()
    await story.result()
    assert told(story) == []


async def test_an_amendment_that_a_cancel_overtakes_is_told_as_undone(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.simulator.fault("erp", "down", "enter_order")
    await story.signal_amendment(less(story))
    await story.until(lambda document: document.amendments)
    await story.cancel()
    world.simulator.clear_faults()
    assert await story.result() is OrderState.CANCELLED
    assert [one["state"] for one in told(story)] == [AmendmentState.UNDONE]


@pytest.mark.parametrize("kind", ["down", "error5xx"])
async def test_an_order_goes_on_while_the_sender_cannot_be_told(world: World, kind: str) -> None:
    """It is told later; nobody is asked, and nothing is called blocked."""
    story = await world.begin(channel="hasty")
    await story.waits_for("the warehouse to pack")
    world.simulator.fault("notifications", kind, "amendment_ended", times=8)
    await story.signal_amendment(less(story))
    await story.until(lambda document: document.revision == 2)
    assert told(story) == []
    await story.until(lambda document: not document.blocked and document.attention is None)
    await until_told(story)


async def test_a_sender_that_refuses_is_noted(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.simulator.fault("notifications", "refuse", "amendment_ended", times=1)
    await story.signal_amendment(less(story))
    await story.until(
        lambda document: any("could not be told" in happened.what for happened in document.timeline)
    )
    assert told(story) == []


async def test_one_that_comes_after_everything_has_left_is_told_so(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.ship()
    await story.deliver()
    await story.waits_for("the return window to end")
    await story.signal_amendment(less(story))
    (one,) = await until_told(story)
    assert (one["state"], one["revision"]) == ("refused", 1)
    assert one["why"]
