"""The schedules that sweep systems without webhooks."""

from collections.abc import Callable
from datetime import timedelta

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
from workers.settings import Settings
from workflows.sweep import SweepOnce, TellIncidents

INCIDENTS = "incidents"
_TASK_TIMEOUT = timedelta(seconds=3)


async def ensure_sweeps(client: Client, settings: Settings) -> None:
    """One schedule per system of the settings and one for incidents; every worker ensures the same when it starts."""
    for system, adapter in settings.sweeps:
        name = f"sweep:{system}:{adapter}"
        sweep = ScheduleActionStartWorkflow(
            SweepOnce.run,
            Sweep(system=system, adapter=adapter),
            id=name,
            task_queue=settings.task_queue,
            task_timeout=_TASK_TIMEOUT,
        )
        await _ensure(client, name, _schedule(settings, sweep))
    tell = ScheduleActionStartWorkflow(
        TellIncidents.run, Telling(), id=INCIDENTS, task_queue=settings.task_queue, task_timeout=_TASK_TIMEOUT
    )
    await _ensure(client, INCIDENTS, _schedule(settings, tell))


async def _ensure(client: Client, name: str, schedule: Schedule) -> None:
    try:
        await client.create_schedule(name, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(_replaced_by(schedule))


def _schedule(settings: Settings, action: ScheduleActionStartWorkflow) -> Schedule:
    return Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=settings.sweep_seconds))]),
        # A sweep that takes long is not overtaken, and one that was missed needs no making up: the cursor knows.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )


def _replaced_by(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    return lambda _: ScheduleUpdate(schedule=schedule)
