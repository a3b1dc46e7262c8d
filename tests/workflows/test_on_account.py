"""Orders that are paid by invoice: the ERP sets the customer's credit aside, and frees it when the order is cancelled."""

from datetime import timedelta

from domain.attention import Action, Reason
from domain.ids import System
from domain.orders import Customer, PaymentTerm
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World


async def test_it_ships_is_invoiced_and_the_gateway_hears_nothing_of_it(world: World) -> None:
    story = await flows.on_account(world)
    assert await story.books() == settled(
        story.placed, payment=(), captured=(), movements=(), credit=("29.63",)
    )
    assert "The invoice follows" in world.mail(story, "shipped")


async def beyond_the_limit(world: World, limit: str = "20.00") -> Story:
    buyer = world.buyer(limit=limit)
    story = await world.begin(term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    attention = await story.needs_person()
    assert attention.reason is Reason.CREDIT_REFUSED
    assert "the limit is 20.00 EUR, and 0.00 EUR are open" in attention.what
    return story


async def test_a_limit_that_is_raised_lets_it_go_on_without_anybody_saying_so_here(world: World) -> None:
    story = await beyond_the_limit(world)
    world.set_limit(story, "100.00")
    await story.hint(System.ERP)
    await story.waits_for("the warehouse to pack")
    await story.operators_know("needs_person")


async def test_a_retry_tells_truthfully_that_the_erp_still_refuses(world: World) -> None:
    story = await beyond_the_limit(world)
    answer = await story.retry()
    assert not answer.allowed
    assert answer.why == "the ERP still refuses"
    world.set_limit(story, "100.00")
    assert (await story.retry()).allowed
    await story.waits_for("the warehouse to pack")


async def test_a_person_may_let_it_go_beyond_the_limit(world: World) -> None:
    story = await beyond_the_limit(world)
    assert (await story.resolve(Action.SKIP)).allowed
    await story.waits_for("the warehouse to pack")
    timeline = [happening.what for happening in (await story.document()).timeline]
    assert "skip by operator: mended" in timeline


async def test_without_credit_it_is_cancelled_at_the_deadline(world: World) -> None:
    story = await beyond_the_limit(world)
    assert await story.until_closed() is OrderState.CANCELLED
    assert (await story.document()).cancel_reason == "the customer's credit did not suffice in time"


async def test_a_cancel_sets_the_credit_free_for_the_next_order(world: World) -> None:
    buyer = world.buyer(limit="40.00")
    first = await world.begin(term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    await first.waits_for("the warehouse to pack")
    second = await world.begin(term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    assert "29.63 EUR are open" in (await second.needs_person()).what
    assert (await first.cancel()).allowed
    assert await first.result() is OrderState.CANCELLED
    assert await first.books() == undone(
        first.placed,
        payment=(),
        voided=(),
        movements=(),
        erp=("cancelled",),
        picks=("cancelled",),
        notes=("cancelled", "confirmed"),
        mails=("cancelled", "confirmed"),
    )
    await second.hint(System.ERP)
    await second.waits_for("the warehouse to pack")


async def test_the_erp_is_asked_again_by_and_by_when_its_hint_is_lost(world: World) -> None:
    story = await beyond_the_limit(world)
    world.set_limit(story, "100.00")
    await story.pass_time(timedelta(days=1, seconds=1))
    await story.waits_for("the warehouse to pack")


async def test_orders_of_one_customer_at_once_never_get_more_than_the_limit(world: World) -> None:
    buyer: Customer = world.buyer(limit="100.00")  # three times 29.63
    stories = [await world.begin(term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer) for _ in range(6)]
    for story in stories:
        await story.until(lambda d: d.attention is not None or "the warehouse to pack" in d.waits_for)
    documents = [await story.document() for story in stories]
    assert sum(document.attention is None for document in documents) == 3
