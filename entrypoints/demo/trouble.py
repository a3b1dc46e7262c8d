"""What goes wrong around the orders of the demo: webhooks, a killed worker, an ERP that is down."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from activities.fulfilment import FulfilmentActivities
from activities.payments import PaymentActivities
from activities.steps import Step, step_of
from domain.ids import System
from entrypoints.demo.progress import Progress
from entrypoints.demo.watching import STALLED_SECONDS, DemoFailed, Say
from entrypoints.demo.world import World
from entrypoints.embedded.installation import Installation

_SLOW_SECONDS = 2.0
_LATE_SECONDS = 2.0  # so that what comes next overtakes it
_LOOK_SECONDS = 0.4  # more often than slow things take; the books are long
_OPERATIONS = {"create_labels": "create_labels", "capture_payment": "capture"}


async def webhooks_come_as_they_like(world: World) -> None:
    """Of payments and parcels twice, of picks and parcels in another order than things happened."""
    await world.fault("payments", "duplicate_webhooks")
    await world.fault("carrier", "duplicate_webhooks")
    await world.fault("carrier", "reorder_webhooks", "parcel_in_transit", seconds=_LATE_SECONDS)
    await world.fault("warehouse", "reorder_webhooks", "pick_picked", seconds=_LATE_SECONDS)


class Killing:
    """The worker dies during an effect that the simulated world takes its time for."""

    def __init__(self, counterparts: frozenset[str], world: World) -> None:
        real = "stripe" in counterparts
        self._world = world
        self.step: Step = step_of(
            FulfilmentActivities.create_labels if real else PaymentActivities.capture_payment
        )
        self._operation = _OPERATIONS[self.step.name]

    async def prepare(self) -> None:
        await self._world.fault(self.step.system, "slow", self._operation, seconds=_SLOW_SECONDS)

    async def kill(self, running: Installation, progress: Progress, say: Say) -> None:
        """SIGKILL the worker while the outside works on what it asked for, and start another one."""
        await _until(self._in_flight, f"nothing to kill the worker at: no {self.step.name} in flight")
        worker = running.workers[-1]
        await worker.kill()
        progress.worker_kills += 1
        say(f"killed the worker (pid {worker.pid}, SIGKILL) during {self.step.name}; starting another one")
        await self._world.clear(self.step.system, "slow", self._operation)
        await running.start_worker()

    async def repeated(self) -> int:
        """How many of these effects the outside was asked for more than once, with the same key."""
        return sum(request["attempts"] > 1 for request in await self._requests())

    async def _in_flight(self) -> bool:
        """Whether a request has arrived and is not done yet, by the books of whoever does it."""
        return any(
            request["outcomes"].get("slow", 0) > request["attempts"] for request in await self._requests()
        )

    async def _requests(self) -> list[dict[str, Any]]:
        return await self._world.requests(self._operation)


async def erp_goes_down(world: World) -> None:
    await world.fault("erp", "down", "enter_order")


async def erp_comes_back(progress: Progress, say: Say) -> None:
    """Once the orders that were placed meanwhile say that they are blocked, and operators know."""
    world = progress.stage.world
    waiting = [part for part in progress.parts if part.kind.in_outage]
    if not waiting:
        return
    for part in waiting:
        await part.scene.is_blocked_on(System.ERP)

    async def operators_know() -> bool:
        down, up = await world.outages_told(System.ERP)
        return down > up

    await _until(operators_know, "operators were not told that the ERP is down")
    say(f"the ERP is down, operators were mailed; orders that say they are blocked on it: {len(waiting)}")
    await world.clear("erp", "down", "enter_order")

    async def operators_know_better() -> bool:
        down, up = await world.outages_told(System.ERP)
        return down == up

    await _until(operators_know_better, "operators were not told that the ERP is back")
    down, up = await world.outages_told(System.ERP)
    say(f"the ERP is back, the orders go on by themselves; mails to operators: {down} down, {up} up")


async def _until(true: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            while not await true():  # noqa: ASYNC110  the simulated world has no event to wait for
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise DemoFailed(otherwise) from None
