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

from activities.sweeps import Sweep
from domain.ids import System
from workers.settings import Settings
from workflows.sweep import SweepOnce


async def ensure_sweeps(client: Client, settings: Settings) -> None:
    """One schedule per system of the settings, at their pace; every worker ensures the same when it starts."""
    for system, adapter in settings.sweeps:
        schedule = _schedule(settings, system, adapter)
        try:
            await client.create_schedule(f"sweep:{system}:{adapter}", schedule)
        except ScheduleAlreadyRunningError:
            handle = client.get_schedule_handle(f"sweep:{system}:{adapter}")
            await handle.update(_replaced_by(schedule))


def _schedule(settings: Settings, system: System, adapter: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            SweepOnce.run,
            Sweep(system=system, adapter=adapter),
            id=f"sweep:{system}:{adapter}",
            task_queue=settings.task_queue,
            task_timeout=timedelta(seconds=3),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=settings.sweep_seconds))]),
        # A sweep that takes long is not overtaken, and one that was missed needs no making up: the cursor knows.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )


def _replaced_by(schedule: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    return lambda _: ScheduleUpdate(schedule=schedule)
