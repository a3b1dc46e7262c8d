"""Temporal's sandbox notices what is not deterministic. Production runs without it, and lint bans what it would catch."""

from decimal import Decimal

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.amendments import AmendmentState, SetUnitPrice
from domain.ids import LineId
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.world import World


async def test_an_order_that_is_amended_goes_to_its_end_in_the_sandbox(world: World) -> None:
    placed = world.order()
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True)])
    async with world.worker("sandbox", workflow_runner=SandboxedWorkflowRunner()):
        story = await world.start(placed, queue="sandbox")
        await story.waits_for("the warehouse to pack")
        amended = await story.amend(SetUnitPrice(line_id=LineId("1"), unit_price=Decimal("12.00")))
        assert amended.state is AmendmentState.COMMITTED
        await story.pack()
        await story.ship()
        await flows.deliver_and_close(story)
        assert await story.result() is OrderState.COMPLETED
        assert (await story.document()).kept == amended.total
