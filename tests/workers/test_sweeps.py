"""Systems without webhooks are looked at by a schedule, whoever starts it and how often."""

import pytest
from temporalio.client import Client

from domain.ids import System
from tests.workers.sweeping import SCHEDULE, Sweeping
from workers.settings import Settings
from workers.sweeps import INCIDENTS, ORDERS, ensure_sweeps

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_schedule_sweeps_on_from_its_cursor_and_two_workers_make_one(temporal: Client) -> None:
    settings = Settings(task_queue="sweeping", sweeps=[(System.WAREHOUSE, "by-hand")], sweep_seconds=1)
    sweeping = Sweeping()
    async with sweeping.worker(temporal, settings):
        await ensure_sweeps(temporal, settings)
        await ensure_sweeps(temporal, settings)
        schedules = [found.id async for found in await temporal.list_schedules()]
        assert sorted(schedules) == [INCIDENTS, ORDERS, SCHEDULE]
        await sweeping.orders.are_told(3)
        await temporal.get_schedule_handle(SCHEDULE).delete()
    assert sweeping.orders.told[:3] == [f"order:shop:{number}" for number in (1, 2, 3)]
