"""A wait that comes true in the moment in which its task is ended."""

import asyncio
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.workflows.world import World
from workflows.owner import come_true


@workflow.defn
class EndsWhoWaits:
    """Two wait for the same, and one of them ends the other, which would go on as well."""

    def __init__(self) -> None:
        self.came = False

    @workflow.signal
    def comes(self) -> None:
        self.came = True

    @workflow.run
    async def run(self, seconds: int | None) -> str:
        patience = timedelta(seconds=seconds) if seconds else None
        other = asyncio.create_task(come_true(lambda: self.came, patience))
        await workflow.wait_condition(lambda: self.came)  # waits before the other one, who begins now
        other.cancel()
        try:
            await other
        except asyncio.CancelledError:
            return "ended"
        return "went on"


@pytest.mark.parametrize("seconds", [None, 3600])
async def test_who_is_ended_does_not_go_on(world: World, seconds: int | None) -> None:
    client = world.temporal.client
    async with Worker(
        client, task_queue="waits", workflows=[EndsWhoWaits], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        handle = await client.start_workflow(
            EndsWhoWaits.run, seconds, id=f"waits-{seconds}", task_queue="waits"
        )
        await handle.signal(EndsWhoWaits.comes)
        assert await handle.result() == "ended"
