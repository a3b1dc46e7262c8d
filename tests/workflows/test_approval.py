"""A new business account waits until the merchant approves it, is reminded of, and not for ever."""

from datetime import timedelta

import pytest

from domain.attention import Action, Reason
from domain.ids import System
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows.books import undone
from tests.workflows.story import Story
from tests.workflows.world import World


async def waits_for_approval(world: World) -> Story:
    buyer = world.buyer(approval="pending")
    story = await world.begin(channel="wholesale", customer=buyer)
    attention = await story.needs_person()
    assert attention.reason is Reason.APPROVAL_NEEDED
    return story


async def test_an_account_that_is_approved_in_the_erp_goes_on(world: World) -> None:
    story = await waits_for_approval(world)
    assert (await story.document()).phase is Phase.CUSTOMER_CHECK
    world.approval(story, "approved")
    await story.hint(System.ERP)
    await story.waits_for("the warehouse to pack")
    await story.operators_know("needs_person")


async def test_operators_are_reminded_once_and_the_deadline_cancels(world: World) -> None:
    story = await waits_for_approval(world)
    await story.pass_time(timedelta(days=4))
    await story.operators_know("needs_person", "still_waiting")
    assert await story.until_closed() is OrderState.CANCELLED
    assert await story.books() == undone(story.placed, operators=("needs_person", "still_waiting"))
    assert (await story.document()).cancel_reason == "the account was not approved in time"


async def test_a_rejected_account_cancels_at_once(world: World) -> None:
    story = await waits_for_approval(world)
    world.approval(story, "rejected")
    await story.hint(System.ERP)
    assert await story.result() is OrderState.CANCELLED
    assert (await story.document()).cancel_reason == "the business account was not approved"


async def test_a_person_may_approve_it_for_this_order(world: World) -> None:
    story = await waits_for_approval(world)
    refused = await story.retry()
    assert (refused.allowed, refused.why) == (False, "the ERP says: pending")
    assert (await story.resolve(Action.SKIP)).allowed
    await story.waits_for("the warehouse to pack")


@pytest.mark.parametrize("channel", ["wholesale", "shop"])
async def test_who_needs_no_approval_does_not_wait(world: World, channel: str) -> None:
    """A private customer never does, and a business only where the channel asks for it."""
    buyer = None if channel == "wholesale" else world.buyer(approval="pending")
    story = await world.begin(channel=channel, customer=buyer)
    await story.waits_for("the warehouse to pack")
