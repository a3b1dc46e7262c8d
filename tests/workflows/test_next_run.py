"""An order goes on as new where it rests: its runs stay short, and nobody notices but who reads histories."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowHistory, WorkflowUpdateFailedError

from domain.amendments import AmendmentState, SetAddress
from domain.attention import Answer
from domain.ids import System
from domain.orders import PaymentTerm
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import ON_HAND, settled, undone
from tests.workflows.runs import histories
from tests.workflows.story import Story
from tests.workflows.world import World
from workflows import next_run, visibility

EVENTS_MAX = 200
BYTES_MAX = 100_000


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly every rest begins another run."""
    monkeypatch.setattr(next_run, "EVENTS", 25)
    monkeypatch.setattr(next_run, "EVENTS_MORE", 8)


async def runs_of(world: World, story: Story, events_max: int = EVENTS_MAX) -> list[WorkflowHistory]:
    """All of them, each of which is short."""
    runs = await histories(world.temporal.client, story.handle)
    for run in runs:
        assert len(run.events) < events_max
        assert sum(event.ByteSize() for event in run.events) < BYTES_MAX
    return runs


@pytest.mark.long
async def test_an_order_that_waits_for_months_has_a_short_history(world: World) -> None:
    story = await world.begin(channel="complete", term=PaymentTerm.PREPAID, payment="captured", on_hand=1)
    await story.waits_for("stock: 1 × ")
    await story.pass_time(timedelta(days=40))
    document = await story.waits_for("stock: 1 × ")
    assert len(await runs_of(world, story)) > 3
    assert document.timeline[0].what.startswith("received")
    world.stock(story.sku, ON_HAND)
    await story.hint(System.STOCK)
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    mails = ("backordered", "confirmed", "delivered", "shipped")
    assert await story.books() == settled(story.placed, mails=mails, movements=())


async def test_what_was_done_in_a_former_run_is_undone_by_a_cancel(world: World) -> None:
    story = await world.begin(term=PaymentTerm.PREPAID, payment="captured", on_hand=1)
    await story.waits_for("the warehouse to pack")
    await story.pass_time(timedelta(days=30))
    await story.waits_for("the warehouse to pack")
    assert len(await runs_of(world, story)) > 1
    assert (await story.handle.describe()).typed_search_attributes[visibility.ORDER_PHASE] == "fulfilling"
    assert (await story.cancel()).allowed
    assert await story.result() is OrderState.CANCELLED
    told = ("backordered", "cancelled", "confirmed")
    assert await story.books() == undone(
        story.placed,
        on_hand=1,
        payment=("captured",),
        captured=("29.63",),
        refunded=("29.63",),
        voided=(),
        movements=("refunded 29.63 EUR",),
        erp=("cancelled",),
        picks=("cancelled",),
        notes=("cancelled", "confirmed"),
        mails=told,
    )


async def ask(story: Story, door: str, name: str, *asked: object) -> Answer:
    """Under an id of the caller's, who may ask once more."""
    answer: Answer = await story.handle.execute_update(door, args=asked, id=name, result_type=Answer)
    return answer


@pytest.mark.usefixtures("often")
async def test_who_asks_once_more_in_a_later_run_has_the_same_answer(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    held = await ask(story, "hold", "one", "customer service", "the customer wants to think")
    run = (await story.handle.describe()).run_id
    await ask(story, "release", "other", "customer service", "the customer has thought")
    await story.pass_time(timedelta(days=20))
    await story.waits_for("the warehouse to pack")
    assert (await story.handle.describe()).run_id != run
    assert await ask(story, "hold", "one", "customer service", "the customer wants to think") == held
    assert (await story.document()).hold is None


@pytest.mark.usefixtures("often")
async def test_the_return_window_ends_when_it_was_to_end(world: World) -> None:
    """However many runs are begun meanwhile; each hint is looked into."""
    story = await world.begin()
    await story.pack()
    await story.ship()
    await story.deliver()
    document = await story.waits_for("the return window to end")
    delivered_at = document.timeline[-1].at
    for _ in range(4):
        await story.pass_time(timedelta(days=3))
        await story.hint(System.PAYMENTS)
        await story.idle()
        await story.waits_for("the return window to end")
    await story.until_closed()
    assert len(await runs_of(world, story)) > 4
    kept = await world.orders.get(story.id)
    assert kept is not None
    assert kept.closed_at is not None
    assert timedelta(days=14) <= kept.closed_at - delivered_at < timedelta(days=15)


@pytest.mark.usefixtures("often")
async def test_nothing_that_is_asked_while_it_goes_on_as_new_is_lost(world: World) -> None:
    """Hints make it look, and go on as new again and again; amendments come meanwhile, and what it refuses to hear."""

    async def pester(story: Story) -> None:
        while True:
            await story.hint(System.WAREHOUSE, System.STOREFRONT)
            with pytest.raises(WorkflowUpdateFailedError):
                await story.handle.execute_update("cancel", args=["nobody", ""])
            await asyncio.sleep(0.3)

    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    pestering = asyncio.create_task(pester(story))
    try:
        address = story.placed.shipping
        assert address is not None
        for number in range(2, 8):
            moved = address.model_copy(update={"street": f"Ringstraße {number}"})
            amended = await story.amend(SetAddress(shipping=moved))
            assert amended.state is AmendmentState.COMMITTED
            await ask(story, "hold", f"hold {number}", "customer service", "wait")
            await ask(story, "release", f"release {number}", "customer service", "go on")
    finally:
        pestering.cancel()
    assert len(await histories(world.temporal.client, story.handle)) > 3
    document = await story.until(lambda document: document.phase is Phase.FULFILLING)
    assert document.order.shipping is not None
    assert document.order.shipping.street == "Ringstraße 7"
    assert len(document.amendments) == 6


@pytest.mark.long
async def test_of_many_shipments_every_run_is_short(world: World) -> None:
    """What is asked for all of them at once lies between two rests."""
    parts = 8
    story = await sent_in(world, parts)
    assert len(await runs_of(world, story, events_max=EVENTS_MAX + 5 * parts)) > 3


@pytest.mark.usefixtures("often")
async def test_every_run_gets_on(world: World) -> None:
    """However soon it is to end: each step that one of several shipments takes may be the last one."""
    parts = 4
    story = await sent_in(world, parts)
    assert 3 < len(await runs_of(world, story)) < 5 * parts


async def sent_in(world: World, parts: int) -> Story:
    """So many shipments at once, to the end of the order."""
    story = await flows.in_parts(world, parts)
    for number in range(1, parts + 1):
        await story.leaves(number)
    for number in range(1, parts + 1):
        await story.delivers(number)
    await story.waits_for("the return window to end")
    await story.until_closed()
    books = await story.books()
    assert books.shop_told == books.erp_told == len(books.captured) == books.labels == parts
    return story
