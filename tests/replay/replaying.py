"""What the replay tests replay with: as in production, without the sandbox."""

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from workflows.aftermath import Aftermath
from workflows.order import Order


async def replay(order: type[Order], history: WorkflowHistory) -> None:
    """NondeterminismError when an order with this history cannot go on with this code."""
    replayer = Replayer(
        workflows=[order, Aftermath],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(history)
