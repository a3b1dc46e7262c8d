"""Systems without webhooks are looked at by a schedule, whoever starts it and how often."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.steps import steps_of
from activities.sweeps import SweepActivities
from domain.erp import Changes
from domain.ids import OrderId, System
from entrypoints.embedded.temporal import temporal_cli
from workers.settings import Settings
from workers.sweeps import ensure_sweeps
from workflows.sweep import SweepOnce

SECONDS_MAX = 20


class Warehouse:
    """Another order moves on between any two looks."""

    def __init__(self) -> None:
        self.looks = 0

    async def changes(self, since: str | None) -> Changes:
        assert since == (str(self.looks) if self.looks else None)
        self.looks += 1
        return Changes(orders=(OrderId(f"order:shop:{self.looks}"),), cursor=str(self.looks))


class Orders:
    def __init__(self) -> None:
        self.told: list[OrderId] = []
        self.thrice = asyncio.Event()

    async def look_again(self, order: OrderId, system: System) -> bool:
        assert system is System.WAREHOUSE
        self.told.append(order)
        if len(self.told) == 3:
            self.thrice.set()
        return True


class Cursors(dict[str, str]):
    async def cursor(self, name: str) -> str | None:
        return self.get(name)

    async def keep_cursor(self, name: str, cursor: str) -> None:
        self[name] = cursor


@pytest.fixture
async def temporal() -> AsyncIterator[Client]:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=temporal_cli(), data_converter=pydantic_data_converter
    )
    async with environment:
        yield environment.client


async def test_a_schedule_sweeps_on_from_its_cursor_and_two_workers_make_one(temporal: Client) -> None:
    settings = Settings(
        task_queue="sweeping",
        sweeps=[(System.WAREHOUSE, "by-hand")],
        sweep_seconds=1,
        adapters={},
        channels={},
    )
    warehouse, orders = Warehouse(), Orders()
    activities = SweepActivities({(System.WAREHOUSE, "by-hand"): warehouse}, orders, Cursors())
    async with Worker(
        temporal,
        task_queue=settings.task_queue,
        workflows=[SweepOnce],
        activities=steps_of(activities),
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await ensure_sweeps(temporal, settings)
        await ensure_sweeps(temporal, settings)
        assert [found.id async for found in await temporal.list_schedules()] == ["sweep:warehouse:by-hand"]
        await asyncio.wait_for(orders.thrice.wait(), SECONDS_MAX)
        await temporal.get_schedule_handle("sweep:warehouse:by-hand").delete()
    assert orders.told[:3] == [f"order:shop:{number}" for number in (1, 2, 3)]
