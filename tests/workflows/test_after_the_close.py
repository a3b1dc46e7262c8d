"""Money that moves after an order has closed: the order is open again until that is settled, and is kept anew."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.attention import Action, Reason
from domain.document import OrderDocument
from domain.errors import Unavailable
from domain.ids import LineId, System
from domain.ledger import Cause, EntryKind
from domain.phases import Phase
from domain.records import OrderState
from entrypoints.attention import Which, standing
from tests.workflows import flows
from tests.workflows.books import settled
from tests.workflows.story import PATIENCE_SECONDS, Story
from tests.workflows.world import QUEUE, World
from workers.temporal import look_after


async def disputed(world: World, story: Story) -> None:
    """A hundred days later; the webhook comes twice."""
    world.simulator.call("POST", "/world/payments/dispute", {"order_id": story.id})
    await world.look_after(story)
    await world.look_after(story)


async def decided(world: World, story: Story, state: str) -> None:
    told = {"order_id": story.id, "state": state}
    world.simulator.call("POST", "/world/payments/dispute/decide", told)
    await story.hint(System.PAYMENTS)


async def kept(world: World, story: Story) -> OrderDocument:
    registered = await world.orders.get(story.id)
    assert registered is not None
    assert registered.closed_document is not None
    return OrderDocument.model_validate_json(registered.closed_document)


async def state(world: World, story: Story) -> OrderState:
    registered = await world.orders.get(story.id)
    assert registered is not None
    return registered.state


async def listed(world: World, story: Story, reason: Reason | None) -> None:
    """Temporal's visibility lags a moment behind."""

    async def seen() -> list[Reason | None]:
        found = await standing(world.temporal.client, Which())
        return [one.needs for one in found if one.order_id == story.id]

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await seen() != ([reason] if reason else []):  # noqa: ASYNC110  another process comes to it
            await asyncio.sleep(0.05)


async def test_a_late_dispute_opens_the_order_again_until_it_is_lost(world: World) -> None:
    story = await flows.settled(world)
    await disputed(world, story)
    attention = await story.needs_person()
    assert (attention.reason, attention.can) == (Reason.DISPUTED, (Action.RETRY,))
    await listed(world, story, Reason.DISPUTED)
    await story.operators_know("needs_person")
    assert await state(world, story) is OrderState.STARTED
    assert (await story.resolve(Action.RETRY)).allowed
    await story.waits_for("the end of a dispute")
    await decided(world, story, "lost")
    assert await story.result() is OrderState.COMPLETED
    await listed(world, story, None)
    document = await kept(world, story)
    assert [(entry.kind, entry.cause) for entry in document.ledger.entries] == [
        (EntryKind.CHARGE, Cause.SHIPMENT),
        (EntryKind.CREDIT, Cause.DISPUTE),
    ]
    assert (document.phase, document.kept.minor, document.ledger.balance.minor) == (Phase.COMPLETED, 0, 0)
    assert document.timeline[0].what.startswith("received: ")
    assert await story.books() == settled(story.placed, operators=("needs_person",))


async def test_a_late_dispute_that_is_won_is_ours_again(world: World) -> None:
    story = await flows.settled(world)
    await disputed(world, story)
    await story.needs_person()
    await decided(world, story, "won")
    assert (await story.resolve(Action.RETRY)).allowed
    assert await story.result() is OrderState.COMPLETED
    document = await kept(world, story)
    assert document.kept == document.ledger.balance == document.order.total
    assert len(document.ledger.entries) == 3


async def test_one_dispute_after_the_other_is_followed(world: World) -> None:
    """The second comes when the first has long been decided."""
    story = await flows.settled(world)
    for number in (1, 2):
        amount = {"amount": "10.00", "currency": "EUR"}
        asked = {"order_id": story.id, "amount": amount}
        world.simulator.call("POST", "/world/payments/dispute", asked)
        await world.look_after(story)
        assert (await story.needs_person()).number == number
        await decided(world, story, "lost")
        assert (await story.resolve(Action.RETRY)).allowed
        await story.result()
    document = await kept(world, story)
    assert (str(document.kept), str(document.ledger.balance)) == ("9.63 EUR", "9.63 EUR")
    assert (await story.books()).operators == ("needs_person", "needs_person")


async def test_news_that_change_nothing_leave_the_order_closed(world: World) -> None:
    story = await flows.settled(world)
    before = await world.orders.get(story.id)
    await world.look_after(story)
    assert await story.result() is OrderState.COMPLETED
    assert await world.orders.get(story.id) == before


async def test_a_refund_that_fails_after_the_close_is_given_again(world: World) -> None:
    story = await flows.prepaid_and_cancelled(world)
    (refund,) = world.of_order(story, "refunds")
    failed = {"order_id": story.id, "state": "failed", "reference": refund["reference"]}
    world.simulator.call("POST", "/world/payments/refunds", failed)
    await world.look_after(story)
    assert (await story.needs_person()).reason is Reason.REFUND_FAILED
    assert (await story.retry()).allowed
    assert await story.result() is OrderState.CANCELLED
    document = await kept(world, story)
    assert (document.phase, document.kept.minor) == (Phase.CANCELLED, 0)
    assert (await story.books()).refunded == ("29.63", "29.63")


async def test_money_that_arrives_after_the_close_goes_back(world: World) -> None:
    story = await flows.asked_to_transfer(world)
    await story.until_closed()
    before = await kept(world, story)
    world.transfer(story, "29.63", "years-later")
    await world.look_after(story)
    await story.result()
    document = await kept(world, story)
    assert (document.kept, document.ledger) == (before.kept, before.ledger)
    assert (await story.books()).refunded == ("29.63",)
    assert "money_returned" in " ".join((await story.books()).mails)


async def test_a_hold_that_a_customer_makes_after_the_close_is_let_go(world: World) -> None:
    story = await flows.settled(world)
    world.pay(story)
    await world.look_after(story)
    await story.result()
    assert sorted((await story.books()).payment) == ["captured", "voided"]
    assert (await kept(world, story)).payments.held.minor == 0


async def test_what_was_refunded_and_is_disputed_too_is_made_up_by_a_person(world: World) -> None:
    """All of it had gone back; the customer's bank does not know, and takes 10 EUR back once more."""
    story = await flows.prepaid_and_cancelled(world)
    (payment,) = world.of_order(story, "payments")
    dispute = {
        "reference": f"dp-of-{story.placed.number}",
        "capture": "cap",
        "amount": {"amount": "10.00", "currency": "EUR"},
        "opened": payment["opened"],
    }
    world.edit("payments", payment["reference"], lambda record: record["disputes"].append(dispute))
    await world.look_after(story)
    assert (await story.needs_person()).reason is Reason.DISPUTED
    await decided(world, story, "lost")
    assert (await story.resolve(Action.RETRY)).allowed
    beyond = await story.until(
        lambda document: document.attention and "more went back" in document.attention.what
    )
    assert beyond.attention is not None
    assert (beyond.attention.reason, beyond.attention.can) == (
        Reason.BOOKS_DISAGREE,
        (Action.RETRY, Action.DONE),
    )
    assert (await story.resolve(Action.DONE, reference="written off, 2027/4")).allowed
    await story.result()
    document = await kept(world, story)
    assert document.kept == document.ledger.balance
    assert [moved.reference for moved in document.paid_outside] == ["written off, 2027/4"]


async def test_nothing_but_the_question_is_open_to_people(world: World) -> None:
    story = await flows.settled(world)
    await disputed(world, story)
    await story.needs_person()
    answer = await story.cancel()
    assert (answer.allowed, answer.why) == (False, "the order is closed")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await story.send_back({LineId("1"): 1})
    assert "the order is closed" in str(refused.value.cause)


async def test_an_order_in_its_last_moment_is_asked_for_later(world: World) -> None:
    """It is closed in our books, and would not look any more."""
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    with pytest.raises(Unavailable, match="about to end"):
        await look_after(world.temporal.client, story.placed, Phase.COMPLETED, task_queue=QUEUE)
