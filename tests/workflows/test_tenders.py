"""Several payments of one order: a gift card and a card, and another try after one was declined.

The rule: taken from gift cards first, then in the gateway's order; given back the other way round.
"""

from typing import Any

import pytest

from domain.attention import Reason
from domain.ids import System
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


GIFT_CARD: dict[str, Any] = {"amount": euros("20.00"), "method": "gift_card"}
REDEEMED = GIFT_CARD | {"state": "captured"}
CARD: dict[str, Any] = {"amount": euros("9.63"), "method": "card"}


def money(world: World, story: Story, kind: str) -> dict[str, list[str]]:
    """What was taken or given back, by method."""
    found: dict[str, list[str]] = {}
    for payment in world.of_order(story, "payments"):
        found[payment["method"]] = [movement["amount"]["amount"] for movement in payment[kind]]
    return found


@pytest.mark.parametrize("tenders", [(GIFT_CARD, CARD), (CARD, GIFT_CARD), (REDEEMED, CARD)])
async def test_both_are_taken_for_what_they_hold_when_it_ships(
    world: World, tenders: tuple[dict[str, Any], ...]
) -> None:
    story = await world.begin(tenders=tenders)
    await story.waits_for("the warehouse to pack")
    assert money(world, story, "captures")["card"] == []
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert money(world, story, "captures") == {"gift_card": ["20.00"], "card": ["9.63"]}
    assert (await story.books()).record == OrderState.COMPLETED


async def test_a_gift_card_that_holds_more_is_taken_first_and_the_card_let_go(world: World) -> None:
    whole = CARD | {"amount": euros("29.63")}
    story = await world.begin(tenders=(whole, GIFT_CARD))
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert money(world, story, "captures") == {"card": ["9.63"], "gift_card": ["20.00"]}
    assert (await story.books()).record == OrderState.COMPLETED


async def test_a_cancel_gives_the_redeemed_card_back_and_releases_the_hold(world: World) -> None:
    story = await flows.gift_card_and_card_cancelled(world)
    assert money(world, story, "refunds") == {"gift_card": ["20.00"], "card": []}
    assert money(world, story, "voids") == {"gift_card": [], "card": ["9.63"]}
    assert (await story.books()).record == OrderState.CANCELLED


async def test_the_part_that_is_declined_is_asked_about_and_the_other_is_not_taken_twice(
    world: World,
) -> None:
    story = await world.begin(tenders=(GIFT_CARD, CARD))
    await story.pack()
    await story.waits_for("the goods to leave")
    world.simulator.call(
        "PUT", "/world/payments/script", {"order_id": story.id, "decline_captures": "stolen"}
    )
    await story.ship()
    assert (await story.needs_person()).reason is Reason.CAPTURE_REFUSED
    world.simulator.call("PUT", "/world/payments/script", {"order_id": story.id})
    await story.retry()
    await flows.deliver_and_close(story)
    assert money(world, story, "captures") == {"gift_card": ["20.00"], "card": ["9.63"]}


async def test_a_declined_card_is_told_to_the_customer_who_pays_with_another(world: World) -> None:
    story = await flows.declined_then_paid(world)
    books = await story.books()
    assert books == settled(
        story.placed,
        payment=("captured", "declined"),
        mails=("confirmed", "delivered", "payment_declined", "shipped"),
    )
    assert "Nothing was charged" in world.mail(story, "payment_declined")


async def test_every_decline_is_told_once_and_the_deadline_ends_it(world: World) -> None:
    story = await world.begin(payment="declined")
    await story.waits_for("another try to pay")
    await story.hint(System.PAYMENTS)
    world.pay(story, state="declined")
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: len(document.payments.payments) == 2)
    assert await story.until_closed() is OrderState.CANCELLED
    assert await story.books() == undone(
        story.placed,
        payment=("declined", "declined"),
        voided=(),
        movements=(),
        mails=("cancelled", "payment_declined", "payment_declined-2", "payment_reminder"),
    )
