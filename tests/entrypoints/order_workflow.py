"""A stand-in for the order's workflow: it takes hints until it is told to finish."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.ids import System
from domain.orders import PlacedOrder
from workflows import visibility

QUEUE = "orders"


@workflow.defn(name="Order")
class StandInOrder:
    def __init__(self) -> None:
        self._told: list[System] = []
        self._finished = False

    @workflow.run
    async def run(self, placed: PlacedOrder) -> str:
        await workflow.wait_condition(lambda: self._finished)
        return placed.number

    @workflow.signal
    def look_again(self, system: str) -> None:
        self._told.append(System(system))

    @workflow.signal
    def finish(self) -> None:
        self._finished = True

    @workflow.query
    def told(self) -> list[System]:
        return self._told


@asynccontextmanager
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A dev server with the order's search attributes, and a worker that serves the stand-in."""
    attributes = [value for value in vars(visibility).values() if isinstance(value, SearchAttributeKey)]
    server = shutil.which("temporal") or str(Path(sys.executable).with_name("temporal"))
    environment = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        search_attributes=attributes,
        dev_server_existing_path=server,
        dev_server_log_level="error",
    )
    async with environment:
        worker = Worker(
            environment.client,
            task_queue=QUEUE,
            workflows=[StandInOrder],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            yield environment
