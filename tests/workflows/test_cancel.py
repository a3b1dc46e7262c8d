"""A cancel before anything has left: whatever was done is undone, and everybody knows."""

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.ids import System
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import undone
from tests.workflows.story import Story
from tests.workflows.world import World

ENTERED = {"erp": ("cancelled",)}
CONFIRMED = {"notes": ("cancelled", "confirmed"), "mails": ("cancelled", "confirmed")}
PICKING = {**ENTERED, **CONFIRMED, "picks": ("cancelled",)}


async def cancelled(story: Story) -> None:
    answer = await story.cancel()
    assert answer.allowed
    assert "nothing will ship" in answer.why
    assert await story.result() is OrderState.CANCELLED


async def test_while_it_waits_for_its_payment(world: World) -> None:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment")
    await cancelled(story)
    assert await story.books() == undone(story.placed, movements=())


async def test_while_the_erp_does_not_answer(world: World) -> None:
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="hasty")
    await story.blocked_on(System.ERP)
    await cancelled(story)
    assert await story.books() == undone(story.placed, **ENTERED)
    assert (await story.document()).blocked == []


async def test_while_stock_is_short(world: World) -> None:
    story = await world.begin(channel="complete", on_hand=1)
    await story.waits_for("stock: 1 × ")
    assert (await story.books()).reserved == 1
    await cancelled(story)
    mails = ("backordered", "cancelled")
    assert await story.books() == undone(story.placed, **ENTERED | {"on_hand": 1, "mails": mails})


async def test_while_the_warehouse_picks(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await cancelled(story)
    assert await story.books() == undone(story.placed, **PICKING)


async def test_when_it_is_packed_and_has_labels(world: World) -> None:
    story = await flows.cancelled_with_labels(world)
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(story.placed, **PICKING, labels_voided=1)


async def test_temporals_own_cancel_is_a_cancel_of_the_business(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await story.handle.cancel()
    assert await story.result() is OrderState.CANCELLED
    assert (await story.handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert await story.books() == undone(story.placed, **PICKING)


async def test_two_agents_cancel_and_the_second_hears_that_it_is_under_way(world: World) -> None:
    world.simulator.fault("payments", "down", "void")
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    assert (await story.cancel()).allowed
    second = await story.cancel(actor="another agent")
    assert not second.allowed
    assert second.why == "it is being cancelled already"
    world.simulator.clear_faults()
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(story.placed, **PICKING)


@pytest.mark.parametrize(("actor", "reason", "field"), [("", "why", "actor"), ("me", "  ", "reason")])
async def test_a_cancel_without_who_and_why_is_not_accepted(
    world: World, actor: str, reason: str, field: str
) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await story.cancel(reason, actor)
    cause = refused.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.message.startswith(f"{field}: ")
    assert (await story.books()).picks == ("requested",)
