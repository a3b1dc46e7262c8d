"""Money that was taken at the checkout: nothing more is taken, and what never ships goes back."""

from datetime import timedelta

from domain.attention import Action, Reason
from domain.ids import System
from domain.orders import PaymentTerm
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import Books, settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World

TOTAL = "29.63"


def undone_and_refunded(story: Story, **other: object) -> Books:
    facts: dict[str, object] = {
        "payment": ("captured",),
        "captured": (TOTAL,),
        "voided": (),
        "refunded": (TOTAL,),
        "erp": ("cancelled",),
        "picks": ("cancelled",),
        "notes": ("cancelled", "confirmed"),
        "mails": ("cancelled", "confirmed"),
        "movements": (f"refunded {TOTAL} EUR",),
    }
    return undone(story.placed, **(facts | other))


async def prepaid(world: World) -> Story:
    story = await world.begin(term=PaymentTerm.PREPAID, payment="captured")
    await story.waits_for("the warehouse to pack")
    return story


async def test_it_ships_without_a_second_charge(world: World) -> None:
    story = await flows.prepaid(world)
    assert await story.books() == settled(story.placed, movements=())
    (entry,) = (await story.document()).ledger.entries
    assert str(entry.amount) == "29.63 EUR"


async def test_a_cancel_gives_everything_back(world: World) -> None:
    story = await flows.prepaid_and_cancelled(world)
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone_and_refunded(story)
    mail = world.mail(story, "cancelled")
    assert "29.63 EUR go back to you" in mail


async def test_a_refund_that_stays_pending_for_days_keeps_the_order_open_until_it_has_arrived(
    world: World,
) -> None:
    story = await prepaid(world)
    world.refunds(story, "pending")
    assert (await story.cancel()).allowed
    document = await story.waits_for("the refund of 29.63 EUR")
    assert "pending" in document.waits_for
    assert (await story.books()).shop == ("cancelled",)  # everybody knows already
    await story.pass_time(timedelta(days=6))
    world.refunds_end(story, "succeeded")
    await story.hint(System.PAYMENTS)
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone_and_refunded(story)


async def test_a_refund_that_fails_after_days_is_given_back_again_when_a_person_says_so(world: World) -> None:
    story = await prepaid(world)
    world.refunds(story, "pending")
    await story.cancel()
    await story.waits_for("the refund of 29.63 EUR")
    world.refunds(story, "succeeded")
    world.refunds_end(story, "failed")
    await story.hint(System.PAYMENTS)
    attention = await story.needs_person()
    assert attention.reason is Reason.REFUND_FAILED
    assert attention.can == (Action.RETRY, Action.DONE)
    assert (await story.retry()).allowed
    assert await story.result() is OrderState.CANCELLED
    books = await story.books()
    assert books.refunded == (TOTAL, TOTAL)  # the failed one and the one that arrived
    assert [refund["state"] for refund in world.of_order(story, "refunds")] == ["failed", "succeeded"]


async def test_money_given_back_past_the_gateway_is_written_down_with_its_reference(world: World) -> None:
    story = await prepaid(world)
    world.refunds(story, "failed")
    await story.cancel()
    assert (await story.needs_person()).reason is Reason.REFUND_FAILED
    assert (await story.resolve(Action.DONE, reference="SEPA-2026-11-22-0815")).allowed
    assert await story.result() is OrderState.CANCELLED
    document = await story.document()
    assert document.returned_outside[0].reference == "SEPA-2026-11-22-0815"
    assert str(document.returned_outside[0].amount) == "29.63 EUR"
    assert not document.kept


async def test_a_card_that_somebody_charged_early_is_a_question_and_can_be_taken_as_it_is(
    world: World,
) -> None:
    story = await world.begin(payment="captured")
    attention = await story.needs_person()
    assert attention.reason is Reason.CAPTURED_EARLY
    assert (await story.resolve(Action.SKIP)).allowed
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed, movements=(), operators=("needs_person",))


async def test_a_card_that_somebody_charged_early_goes_back_with_a_cancel(world: World) -> None:
    story = await world.begin(payment="captured")
    await story.needs_person()
    assert (await story.resolve(Action.CANCEL)).allowed
    assert await story.result() is OrderState.CANCELLED
    books = await story.books()
    assert (books.captured, books.refunded, books.voided) == ((TOTAL,), (TOTAL,), ())
