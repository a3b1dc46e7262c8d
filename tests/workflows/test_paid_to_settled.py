"""The order as everybody wants it: paid, shipped, captured, settled, delivered, closed."""

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus

from domain.document import OrderDocument
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled
from tests.workflows.story import Story
from tests.workflows.world import World
from workflows.visibility import ATTENTION, BLOCKED_ON, CUSTOMER_REF, ORDER_PHASE


async def details(story: Story) -> str:
    metadata: WorkflowMetadata = await story.handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


async def test_a_paid_order_ships_is_captured_to_the_cent_and_settled(world: World) -> None:
    story = await flows.settled(world)
    assert await story.result() is OrderState.COMPLETED
    assert await story.books() == settled(story.placed)


async def test_nothing_is_captured_before_the_goods_have_left(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    assert (await story.books()).captured == ()
    await story.ship()
    await story.waits_for("the delivery")
    assert (await story.books()).captured == (f"{story.placed.total.major:f}",)


async def test_the_closed_order_is_kept_whole(world: World) -> None:
    story = await flows.settled(world)
    kept = await world.orders.get(story.id)
    assert kept is not None
    assert kept.closed_document is not None
    document = OrderDocument.model_validate_json(kept.closed_document)
    assert document.order == story.placed
    assert document.phase is Phase.COMPLETED
    assert document.ledger.charged == story.placed.total
    assert document.invoice is not None
    assert document.invoice.total == story.placed.total
    assert document == await story.document()


async def test_an_operator_finds_and_reads_the_order_in_temporal(world: World) -> None:
    story = await world.begin()
    await story.pack()
    document = await story.waits_for("the goods to leave")
    found = (await story.handle.describe()).typed_search_attributes
    assert found[ORDER_PHASE] == "fulfilling"
    assert found[CUSTOMER_REF] == document.erp_customer
    assert found.get(BLOCKED_ON) is None
    assert found.get(ATTENTION) is None
    told = await details(story)
    tracking = document.shipments[0].labels
    assert tracking is not None
    for what in (
        f"Order {story.placed.number}",
        str(story.placed.total),
        "the goods to leave the warehouse",
        tracking.labels[0].tracking_number,
        "stock reserved",
    ):
        assert what in told
    assert story.placed.customer.email not in told


async def test_a_closed_order_says_completed_wherever_one_looks(world: World) -> None:
    story = await flows.settled(world)
    found = await story.handle.describe()
    assert found.status is WorkflowExecutionStatus.COMPLETED
    assert found.typed_search_attributes[ORDER_PHASE] == "completed"
    assert "completed" in await details(story)
    document = await story.document()
    assert document.waits_for == ""
    assert document.blocked == []


async def test_an_order_where_nothing_ships_is_captured_and_settled_at_once(world: World) -> None:
    placed = world.order(ships=False)
    world.place(placed)
    story = await world.start(placed)
    await story.waits_for("the return window to end")
    assert (await story.cancel()).why == "it has been paid; a return is the way back"
    await story.until_closed()
    assert await story.books() == settled(
        placed,
        shop=("open",),
        shop_told=0,
        erp_told=0,
        on_hand=10,
        picks=(),
        parcels=(),
        labels=0,
        notes=("confirmed",),
        mails=("confirmed",),
    )


async def test_an_order_worth_nothing_ships_without_any_payment(world: World) -> None:
    placed = world.order(price="0.00", freight="")
    world.place(placed, payment=None)
    story = await world.start(placed)
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(placed, payment=(), captured=(), movements=())
