"""What a worker keeps in memory of an open order."""

from temporalio.worker import Replayer, WorkflowInstance, WorkflowInstanceDetails

from tests.workflows.flows import settled
from tests.workflows.world import World
from workers.lean import LeanOrders, LeanRunner
from workers.payloads import data_converter
from workflows.order import Order


class Remembering(LeanRunner):
    def __init__(self) -> None:
        self.given: list[WorkflowInstanceDetails] = []
        self.made: list[WorkflowInstance] = []

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        self.given.append(det)
        self.made.append(super().create_instance(det))
        return self.made[-1]


async def test_an_order_refers_to_no_part_of_the_message_that_started_it(world: World) -> None:
    story = await settled(world)
    runner = Remembering()
    replayer = Replayer(
        workflows=[Order], workflow_runner=runner, interceptors=[LeanOrders()], data_converter=data_converter
    )
    await replayer.replay_workflow(await story.handle.fetch_history())
    (given,), (made,) = runner.given, runner.made
    kept = vars(made)
    assert kept["_last_completion_result"] == given.last_completion_result
    assert kept["_last_completion_result"] is not given.last_completion_result
    assert type(kept["_workflow_input"].headers) is dict
