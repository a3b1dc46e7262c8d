"""The schedules that look for what no webhook has told."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from activities.incidents import Telling
from activities.sweeps import Sweep
from activities.sweeps_orders import LookOver
from domain.base import Value
from domain.ids import ChannelId, System
from workers.settings import Settings
from workflows.sweep import SweepOnce, SweepOrders, TellIncidents

INCIDENTS = "incidents"
ORDERS = "sweep:orders"
_TASK_TIMEOUT = timedelta(seconds=3)


async def ensure_sweeps(client: Client, settings: Settings) -> None:
    """One schedule per system of the settings and one for incidents; every worker ensures the same when it starts."""
    async with asyncio.TaskGroup() as tasks:
        for wanted, seconds in sweeps_of(settings):
            name = f"sweep:{wanted.name.replace('/', ':')}"
            action = _action(settings, name, SweepOnce.run, wanted)
            tasks.create_task(_ensure(client, name, _schedule(seconds, action)))
        look = _action(settings, ORDERS, SweepOrders.run, LookOver())
        tasks.create_task(_ensure(client, ORDERS, _schedule(settings.catch_up_seconds, look)))
        tell = _action(settings, INCIDENTS, TellIncidents.run, Telling())
        tasks.create_task(_ensure(client, INCIDENTS, _schedule(settings.sweep_seconds, tell)))


def sweeps_of(settings: Settings) -> list[tuple[Sweep, float]]:
    """Each with its seconds. A shop is swept for each channel that it serves."""
    wanted = dict.fromkeys(settings.catch_up, settings.catch_up_seconds)
    wanted |= dict.fromkeys(settings.sweeps, settings.sweep_seconds)
    return [
        (Sweep(system=system, adapter=adapter, channel=channel), seconds)
        for (system, adapter), seconds in wanted.items()
        for channel in (_served(settings, adapter) if system is System.STOREFRONT else (None,))
    ]


def _served(settings: Settings, shop: str) -> list[ChannelId]:
    return [
        name
        for name, channel in settings.channels.items()
        if channel.policies.adapters.get(System.STOREFRONT) == shop
    ]


async def _ensure(client: Client, name: str, schedule: Schedule) -> None:
    try:
        # At once for the first time: what comes after that look is found by the next ones.
        await client.create_schedule(name, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(_replaced_by(schedule))


def _action(settings: Settings, name: str, run: Any, wanted: Value) -> ScheduleActionStartWorkflow:
    return ScheduleActionStartWorkflow(
        run, wanted, id=name, task_queue=settings.task_queue, task_timeout=_TASK_TIMEOUT
    )


def _schedule(seconds: float, action: ScheduleActionStartWorkflow) -> Schedule:
    return Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=seconds))]),
        # A sweep that takes long is not overtaken, and one that was missed needs no making up: the cursor knows.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )


def _replaced_by(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    return lambda _: ScheduleUpdate(schedule=schedule)
