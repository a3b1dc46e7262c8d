"""The least that a worker can have to do: sweeps of a warehouse where another order moves on between any two looks."""

import asyncio
from datetime import timedelta
from typing import cast

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.incidents import IncidentActivities
from activities.steps import steps_of
from activities.sweeps import Sweep, SweepActivities
from domain.erp import Changes
from domain.ids import OrderId, System
from domain.records import Incident, Incidents
from workers.deployment import deployment_of
from workers.settings import Settings
from workflows.sweep import SweepOnce, TellIncidents

SWEEP = Sweep(system=System.WAREHOUSE, adapter="by-hand")
SCHEDULE = "sweep:warehouse:by-hand"
SECONDS_MAX = 20


class Warehouse:
    def __init__(self) -> None:
        self.looks = 0

    async def changes(self, since: str | None) -> Changes:
        assert since == (str(self.looks) if self.looks else None)
        self.looks += 1
        return Changes(orders=(OrderId(f"order:shop:{self.looks}"),), cursor=str(self.looks))


class Orders:
    """Those who were told to look again."""

    def __init__(self) -> None:
        self.told: list[OrderId] = []
        self._more = asyncio.Condition()

    async def look_again(self, order: OrderId, system: System) -> bool:
        assert system is System.WAREHOUSE
        async with self._more:
            self.told.append(order)
            self._more.notify_all()
        return True

    async def are_told(self, number: int) -> None:
        async with asyncio.timeout(SECONDS_MAX), self._more:
            await self._more.wait_for(lambda: len(self.told) >= number)


class Cursors(dict[str, str]):
    async def cursor(self, name: str) -> str | None:
        return self.get(name)

    async def keep_cursor(self, name: str, cursor: str) -> None:
        self[name] = cursor


class Calm:
    """No system is down."""

    async def untold(self) -> tuple[Incident, ...]:
        return ()


class Sweeping:
    """What outlives a worker: the warehouse, the orders, where the sweep stopped."""

    def __init__(self) -> None:
        self.orders = Orders()
        sweeps = SweepActivities({(System.WAREHOUSE, "by-hand"): Warehouse()}, self.orders, Cursors())
        self._activities = [*steps_of(sweeps), *steps_of(IncidentActivities(cast("Incidents", Calm()), {}))]

    def worker(self, client: Client, settings: Settings) -> Worker:
        return Worker(
            client,
            task_queue=settings.task_queue,
            workflows=[SweepOnce, TellIncidents],
            activities=self._activities,
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            deployment_config=deployment_of(settings),
        )
