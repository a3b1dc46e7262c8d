"""The least that a worker can have to do: sweeps of a warehouse where another order moves on between any two looks."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import cast

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.incidents import IncidentActivities
from activities.steps import steps_of
from activities.sweeps import Sweep, SweepActivities
from activities.sweeps_orders import Books, OrderSweepActivities, Outside, Workflows
from domain.erp import Changes
from domain.ids import ChannelId, OrderId, PaymentRef, System
from domain.orders import PlacedOrder
from domain.records import Incident, Incidents
from workers.deployment import deployment_of
from workers.settings import Settings
from workflows.sweep import SweepOnce, SweepOrders, TellIncidents

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


class Register(dict[str, str]):
    """Every order is known, and no webhook told of any."""

    async def cursor(self, name: str) -> str | None:
        return self.get(name)

    async def keep_cursor(self, name: str, cursor: str) -> None:
        self[name] = cursor

    async def known(self, orders: Collection[OrderId]) -> frozenset[OrderId]:
        return frozenset(orders)

    async def paid_by(self, payment: PaymentRef) -> OrderId | None:
        raise AssertionError(payment)

    async def tell_of_closed(self, orders: Collection[OrderId], system: System, cursor: str) -> None:
        raise AssertionError(orders, system, cursor)

    async def heard_of(
        self, orders: Collection[OrderId], name: str, system: System | None
    ) -> frozenset[OrderId]:
        del orders, name, system
        return frozenset()

    async def count(self, name: str, changed: int, missed: int) -> None:
        self[f"count of {name}"] = f"{changed} changed, {missed} missed"

    async def open_orders(self, **_which: object) -> tuple[PlacedOrder, ...]:
        return ()

    async def listed(self) -> tuple[OrderId, ...]:
        return ()

    async def put_into_inbox(self, channel: ChannelId, platform: str, document: str) -> None:
        raise AssertionError(channel, platform, document)


class AllCarried:
    """No order began, and none ended."""

    async def started_since(self, cursor: str | None) -> tuple[tuple[OrderId, ...], str]:
        return (), cursor or ""

    async def ended_otherwise(self) -> tuple[OrderId, ...]:
        return ()


class Calm:
    """No system is down."""

    async def untold(self) -> tuple[Incident, ...]:
        return ()


class Sweeping:
    """What outlives a worker: the warehouse, the orders, where the sweep stopped."""

    def __init__(self) -> None:
        self.orders = Orders()
        sweeps = SweepActivities({(System.WAREHOUSE, "by-hand"): Warehouse()}, {}, self.orders, Register())
        orders = OrderSweepActivities(
            cast("Workflows", AllCarried()), cast("Books", Register()), Outside({}, {}, {}, {})
        )
        self._activities = [
            *steps_of(sweeps),
            *steps_of(orders),
            *steps_of(IncidentActivities(cast("Incidents", Calm()), {})),
        ]

    def worker(self, client: Client, settings: Settings) -> Worker:
        return Worker(
            client,
            task_queue=settings.task_queue,
            workflows=[SweepOnce, SweepOrders, TellIncidents],
            activities=self._activities,
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            deployment_config=deployment_of(settings),
        )
