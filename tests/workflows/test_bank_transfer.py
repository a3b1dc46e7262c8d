"""Money that the customer sends: late, twice, too little, too much, or after the order was given up."""

from datetime import timedelta

from domain.ids import System
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World


async def asked_to_transfer(world: World) -> Story:
    story = await flows.asked_to_transfer(world)
    await story.waits_for("the payment, which is pending")
    return story


async def ships(story: Story) -> None:
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)


async def test_it_waits_is_reminded_and_goes_on_when_the_money_is_there(world: World) -> None:
    story = await asked_to_transfer(world)
    await story.pass_time(timedelta(days=6))
    assert (await story.document()).phase is Phase.AWAITING_PAYMENT
    assert (await story.books()).mails == ("payment_reminder",)
    assert "29.63 EUR are still missing" in world.mail(story, "payment_reminder")
    world.transfer(story, "29.63")
    await story.hint(System.PAYMENTS)
    await ships(story)
    mails = ("confirmed", "delivered", "payment_reminder", "shipped")
    assert await story.books() == settled(story.placed, movements=(), mails=mails)


async def test_a_transfer_that_is_reported_twice_is_one_transfer(world: World) -> None:
    story = await asked_to_transfer(world)
    for _ in range(2):
        world.transfer(story, "29.63", "bank-4711")
        await story.hint(System.PAYMENTS)
    await ships(story)
    assert await story.books() == settled(story.placed, movements=())


async def test_too_little_waits_for_the_rest(world: World) -> None:
    story = await asked_to_transfer(world)
    world.transfer(story, "20.00", "first")
    await story.hint(System.PAYMENTS)
    await story.waits_for("the rest of the payment: 20.00 EUR of 29.63 EUR are there")
    await story.pass_time(timedelta(days=6))
    assert "9.63 EUR are still missing" in world.mail(story, "payment_reminder")
    world.transfer(story, "9.63", "second")
    await story.hint(System.PAYMENTS)
    await ships(story)
    books = await story.books()
    assert books.captured == ("20.00", "9.63")
    assert books.refunded == ()
    assert books.record == OrderState.COMPLETED


async def test_too_much_is_given_back_at_once_and_the_rest_is_the_order(world: World) -> None:
    story = await asked_to_transfer(world)
    world.transfer(story, "50.00")
    await story.hint(System.PAYMENTS)
    await story.waits_for("the warehouse to pack")
    assert (await story.books()).refunded == ("20.37",)
    assert "20.37 EUR go back to you" in world.mail(story, "money_returned")
    await ships(story)
    document = await story.document()
    assert document.kept == document.ledger.balance == story.placed.total


async def test_too_little_at_the_deadline_is_cancelled_and_goes_back(world: World) -> None:
    story = await asked_to_transfer(world)
    world.transfer(story, "20.00")
    await story.hint(System.PAYMENTS)
    await story.waits_for("the rest of the payment")
    assert await story.until_closed() is OrderState.CANCELLED
    books = await story.books()
    assert (books.captured, books.refunded, books.movements) == (
        ("20.00",),
        ("20.00",),
        ("refunded 20.00 EUR",),
    )


async def test_money_that_arrives_after_the_order_was_given_up_is_sent_back(world: World) -> None:
    story = await flows.paid_after_it_was_cancelled(world)
    assert await story.result() is OrderState.CANCELLED
    assert await story.books() == undone(
        story.placed,
        payment=("captured",),
        captured=("29.63",),
        refunded=("29.63",),
        mails=("cancelled", "money_returned"),
        movements=("refunded 29.63 EUR",),
    )


async def test_the_bank_is_asked_once_more_before_the_deadline_cancels(world: World) -> None:
    story = await asked_to_transfer(world)
    await story.pass_time(timedelta(days=13, hours=20))
    world.transfer(story, "29.63")  # and its webhook is lost
    await story.pass_time(timedelta(hours=6))
    await story.waits_for("the warehouse to pack")


async def test_money_that_arrives_again_in_the_return_window_is_sent_back_at_once(world: World) -> None:
    story = await asked_to_transfer(world)
    world.transfer(story, "29.63")
    await story.hint(System.PAYMENTS)
    await story.pack()
    await story.ship()
    await story.deliver()
    await story.waits_for("the return window to end")
    world.transfer(story, "29.63", "again")
    await story.hint(System.PAYMENTS)
    document = await story.until(lambda document: document.payments.refunds)
    assert document.kept == story.placed.total
    await story.until_closed()
    assert (await story.books()).refunded == ("29.63",)


async def test_a_second_transfer_while_the_order_is_on_its_way_goes_back_when_it_settles(
    world: World,
) -> None:
    story = await asked_to_transfer(world)
    world.transfer(story, "29.63")
    await story.hint(System.PAYMENTS)
    await story.waits_for("the warehouse to pack")
    world.transfer(story, "29.63", "again")
    await ships(story)
    books = await story.books()
    assert (books.refunded, books.record) == (("29.63",), OrderState.COMPLETED)
    assert "29.63 EUR go back to you" in world.mail(story, "money_returned")
