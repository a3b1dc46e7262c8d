"""A question to a workflow whose worker was killed, while a result and a signal come for it."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import NondeterminismError

from entrypoints.doors import _QUERY_MAX
from entrypoints.embedded.temporal import temporal_cli
from tests.contracts.simulator_process import ROOT
from tests.e2e.product import until

_RUNNER = UnsandboxedWorkflowRunner()
_LONG = timedelta(minutes=1)


@workflow.defn
class Notes:
    """What came first: the result, or the word."""

    def __init__(self) -> None:
        self.came: list[str] = []

    @workflow.signal
    def word(self) -> None:
        self.came.append("word")

    @workflow.query
    def read(self) -> list[str]:
        return self.came

    @workflow.run
    async def run(self) -> list[str]:
        result = asyncio.create_task(self._result())
        await workflow.wait_condition(lambda: len(self.came) == 2)
        await result
        if self.came[0] == "word":
            await workflow.sleep(1)
        return self.came

    async def _result(self) -> None:
        await workflow.execute_activity("work", task_queue="work", start_to_close_timeout=_LONG)
        self.came.append("result")


def _workflows(client: Client) -> Worker:
    return Worker(client, task_queue="notes", workflows=[Notes], workflow_runner=_RUNNER)


async def _serve(address: str) -> None:
    async with _workflows(await Client.connect(address)):
        await asyncio.Event().wait()


@asynccontextmanager
async def _worker_process(address: str) -> AsyncIterator[Process]:
    started = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, address, cwd=ROOT)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.mark.long
@pytest.mark.parametrize(("patience", "replays"), [(_LONG, False), (_QUERY_MAX, True)])
async def test_only_a_question_that_is_given_up_in_time_does_no_harm(
    patience: timedelta, replays: bool
) -> None:
    """Where this fails for the longer one the SDK was mended, and no question needs to be given up any more."""
    may_end = asyncio.Event()

    @activity.defn
    async def work() -> None:
        await may_end.wait()

    environment = await WorkflowEnvironment.start_local(dev_server_existing_path=temporal_cli())
    async with environment, Worker(environment.client, task_queue="work", activities=[work]):
        client = environment.client
        async with _worker_process(client.service_client.config.target_host) as first:
            handle = await client.start_workflow(Notes.run, id="notes", task_queue="notes")
            await until(lambda: _works(handle))
            assert await handle.query(Notes.read) == []  # the server knows who has it in memory
            first.kill()
        question = asyncio.create_task(handle.query(Notes.read, rpc_timeout=patience))
        await asyncio.sleep(1)  # the server has it, and keeps it for the dead one
        may_end.set()
        await until(lambda: _has_its_result(handle))
        async with _workflows(client):
            (told,) = await asyncio.gather(question, return_exceptions=True)
            await handle.signal(Notes.word)
            assert await handle.result() == (["word", "result"] if replays else ["result", "word"])
        assert isinstance(told, RPCError) if replays else told == ["result"]
        history = await handle.fetch_history()
        replayer = Replayer(workflows=[Notes], workflow_runner=_RUNNER)
        if replays:
            await replayer.replay_workflow(history)
        else:
            with pytest.raises(NondeterminismError):
                await replayer.replay_workflow(history)


async def _works(handle: "WorkflowHandle[Notes, list[str]]") -> bool:
    return bool((await handle.describe()).raw_description.pending_activities)


async def _has_its_result(handle: "WorkflowHandle[Notes, list[str]]") -> bool:
    return not (await handle.describe()).raw_description.pending_activities


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
