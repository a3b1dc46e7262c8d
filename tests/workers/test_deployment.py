"""Work goes to the build that was made current, and to no other."""

from importlib import metadata
from itertools import count
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from domain.errors import Refused
from domain.ids import System
from tests.workers.sweeping import SCHEDULE, SWEEP, Sweeping
from workers.deployment import become_current, builds, make_current, routed_elsewhere
from workers.settings import Settings
from workers.sweeps import ensure_sweeps
from workflows.sweep import SweepOnce

pytestmark = pytest.mark.asyncio(loop_scope="module")

_numbers = count(1)


class Deployment:
    """One with a queue of its own."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal
        self._name = f"deployment-{next(_numbers)}"
        self.sweeping = Sweeping()

    def settings(self, build: str | None, **more: Any) -> Settings:
        return Settings(task_queue=self._name, deployment=self._name, build_id=build, **more)

    async def sweep(self) -> WorkflowHandle[Any, Any]:
        return await self._temporal.start_workflow(
            SweepOnce.run, SWEEP, id=f"{self._name}-{next(_numbers)}", task_queue=self._name
        )

    async def current(self) -> list[str]:
        known = await builds(self._temporal, self.settings(None))
        return [build.build_id for build in known if build.current]


@pytest.fixture
def deployment(temporal: Client) -> Deployment:
    return Deployment(temporal)


async def test_without_a_named_build_any_worker_carries_and_tells_its_release(
    temporal: Client, deployment: Deployment
) -> None:
    settings = deployment.settings(None)
    async with deployment.sweeping.worker(temporal, settings):
        await become_current(temporal, settings)
        assert await routed_elsewhere(temporal, settings) is None
        sweep = await deployment.sweep()
        await sweep.result()
    assert await builds(temporal, settings) == ()
    assert await builds_in(sweep) == {metadata.version("ordersaga")}


async def test_a_named_build_carries_nothing_until_it_is_current(
    temporal: Client, deployment: Deployment
) -> None:
    settings = deployment.settings("1")
    async with deployment.sweeping.worker(temporal, settings):
        why = await routed_elsewhere(temporal, settings)
        assert why == "no build is current; `ordersaga deploy current 1` makes this one current"
        sweep = await deployment.sweep()
        await become_current(temporal, settings)
        await sweep.result()
        assert await routed_elsewhere(temporal, settings) is None
        assert (await routed_elsewhere(temporal, deployment.settings(None)) or "").startswith("1 is current")
    assert await builds_in(sweep) == {"1"}


async def test_a_build_without_workers_cannot_become_current(
    temporal: Client, deployment: Deployment
) -> None:
    settings = deployment.settings("1")
    async with deployment.sweeping.worker(temporal, settings):
        await become_current(temporal, settings)
        with pytest.raises(Refused, match="build 2 cannot become current"):
            await make_current(temporal, settings, "2")
        assert await deployment.current() == ["1"]


async def test_a_deployment_that_nobody_has_begun_is_told_in_words(
    temporal: Client, deployment: Deployment
) -> None:
    with pytest.raises(Refused, match="no Worker Deployment found"):
        await make_current(temporal, deployment.settings("1"), "1")
    await make_current(temporal, deployment.settings("1"), None)


async def test_workers_without_a_build_take_over_again(temporal: Client, deployment: Deployment) -> None:
    named, plain = deployment.settings("1"), deployment.settings(None)
    async with deployment.sweeping.worker(temporal, named):
        await become_current(temporal, named)
    async with deployment.sweeping.worker(temporal, plain):
        sweep = await deployment.sweep()
        await become_current(temporal, plain)
        await sweep.result()
    assert await deployment.current() == []


async def test_sweeps_go_on_from_build_to_build(temporal: Client, deployment: Deployment) -> None:
    schedule: Any = {"sweeps": [(System.WAREHOUSE, "by-hand")], "sweep_seconds": 1}
    orders = deployment.sweeping.orders
    for build in ("1", "2"):
        settings = deployment.settings(build, **schedule)
        async with deployment.sweeping.worker(temporal, settings):
            await become_current(temporal, settings)
            await ensure_sweeps(temporal, settings)
            await orders.are_told(len(orders.told) + 2)
    await temporal.get_schedule_handle(SCHEDULE).delete()
    assert orders.told == [f"order:shop:{number}" for number in range(1, len(orders.told) + 1)]
    assert await deployment.current() == ["2"]


async def builds_in(workflow: WorkflowHandle[Any, Any]) -> set[str]:
    """The builds that completed its tasks."""
    found = set()
    async for event in workflow.fetch_history_events():
        if event.HasField("workflow_task_completed_event_attributes"):
            completed = event.workflow_task_completed_event_attributes
            found.add(completed.deployment_version.build_id or completed.worker_version.build_id)
    return found
