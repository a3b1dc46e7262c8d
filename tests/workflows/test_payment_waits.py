"""A payment that is not confirmed yet: the order waits for it, and not for ever."""

import asyncio
from datetime import timedelta

from domain.ids import System
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import undone
from tests.workflows.world import World

REMINDED = ("cancelled", "payment_reminder")


async def test_an_unpaid_order_is_cancelled_at_the_deadline(world: World) -> None:
    story = await flows.cancelled_at_the_deadline(world)
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(story.placed, movements=(), mails=REMINDED)
    assert (await story.document()).cancel_reason == "the payment was not confirmed in time"


async def test_a_payment_confirmed_late_but_in_time_lets_the_order_go_on(world: World) -> None:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment, which is pending")
    await story.pass_time(timedelta(hours=71))
    assert (await story.document()).phase is Phase.AWAITING_PAYMENT
    world.bank(story, "authorise")
    await story.hint(System.PAYMENTS)
    await story.waits_for("the warehouse to pack")


async def test_the_gateway_is_asked_once_more_before_the_deadline_cancels(world: World) -> None:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment, which is pending")
    await story.pass_time(timedelta(hours=71))
    world.bank(story, "authorise")  # and its webhook is lost
    await story.pass_time(timedelta(hours=2))
    await story.waits_for("the warehouse to pack")


async def test_while_the_gateway_cannot_be_asked_the_deadline_waits(world: World) -> None:
    story = await world.begin(payment="pending", channel="hasty")
    await story.waits_for("the payment, which is pending")
    await story.pass_time(timedelta(hours=71))
    world.bank(story, "authorise")
    world.simulator.fault("payments", "down", "look_up")
    later = asyncio.create_task(story.pass_time(timedelta(hours=2)))  # it ends when the gateway answers
    document = await story.blocked_on(System.PAYMENTS)
    assert document.phase is Phase.AWAITING_PAYMENT
    world.simulator.clear_faults()
    await later
    await story.waits_for("the warehouse to pack")


async def test_an_order_whose_payment_the_gateway_has_never_seen_is_cancelled_too(world: World) -> None:
    story = await world.begin(payment=None)
    await story.waits_for("not at the gateway yet")
    assert await story.until_closed() is OrderState.CANCELLED
    assert await story.books() == undone(story.placed, payment=(), voided=(), movements=(), mails=REMINDED)
