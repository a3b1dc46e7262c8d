"""What the bench is played on: an embedded installation whose people act at once, and a worker for each workload."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from temporalio.client import Client

from adapters.tls import trusted
from domain.policies import OrderPolicies
from entrypoints.bench.figures import FLOOR
from entrypoints.bench.workloads import Floors, Orders, Workload, warehouse_of
from entrypoints.demo.documents import CATALOGUE
from entrypoints.embedded.installation import Installation, Wishes, installation
from entrypoints.embedded.processes import Child, python
from entrypoints.intake import opened_intake
from workers.connection import connect
from workers.settings import SETTINGS_FILE, Settings

_ON_HAND = 10_000_000  # no order is ever short
_RETURN_WINDOW_DAYS = 1e-8  # a millisecond: the order waits for its end, as every order does


class Stage:
    def __init__(self, running: Installation, client: Client, stack: AsyncExitStack, shipments: int) -> None:
        self.shipments = shipments
        self.running = running
        self.client = client
        self._stack = stack

    @property
    def pids(self) -> dict[str, int | None]:
        """Of the processes that every workload shares, by what they are for."""
        named = {child.name: child.pid for child in self.running.services}
        return {"server": named["temporal"], "receiver": named["webhooks"], "world": named["simulator"]}

    def settings(self, queue: str) -> Settings:
        return self.running.settings.model_copy(update={"task_queue": queue})

    async def worker(self, workload: str, queue: str, profile: Path | None = None) -> Child:
        """One more worker process, which serves this queue; for what it runs see `entrypoints.bench.worker`."""
        ready = self.running.directory / f"{queue}.ready"
        arguments = [workload, "--ready-file", str(ready)]
        if profile:
            arguments += ["--profile", str(profile.resolve())]
        worker = Child(
            f"worker of {queue}",
            python("-m", "entrypoints.bench.worker", *arguments),
            log=self.running.log_directory / f"{queue}.log",
            env={
                SETTINGS_FILE: str(self.running.directory / "settings.json"),
                "ORDERSAGA_TASK_QUEUE": queue,
            },
        )

        async def started() -> bool:
            return ready.exists()

        self._stack.push_async_callback(worker.stop)
        await worker.start(started)
        return worker

    async def workload(self, name: str, profile: Path | None = None) -> Workload:
        queue = f"bench-{name}"
        worker = await self.worker(name, queue, profile)
        if name == FLOOR:
            return Floors(name, worker, self.client, queue)
        intake = await self._stack.enter_async_context(opened_intake(self.settings(queue)))
        return Orders(name, worker, self.client, self.running.settings, intake, shipments=self.shipments)


@asynccontextmanager
async def stage(directory: Path, shipments: int = 1) -> AsyncIterator[Stage]:
    """`shipments`: so many warehouses hold the articles. StartFailed names the log of what did not start. On leaving, every process is stopped."""
    async with installation(directory, _wishes()) as running, AsyncExitStack() as stack:
        await running.workers[0].stop()  # each workload brings its own
        async with httpx.AsyncClient(verify=trusted(), base_url=running.simulator_url) as world:
            for place, sku in enumerate(CATALOGUE):
                await _lies(world, sku, warehouse_of(place, shipments))
        yield Stage(running, await connect(running.settings), stack, shipments)


async def _lies(world: httpx.AsyncClient, sku: str, location: str) -> None:
    """Enough of it in this warehouse, and nothing in the one where the installation had put it."""
    for where, units in (("main", 0), (location, _ON_HAND)):
        told = {"on_hand": {sku: units}, "location": where}
        (await world.put("/world/stock", json=told)).raise_for_status()


def _wishes() -> Wishes:
    def soon_over(policies: OrderPolicies) -> OrderPolicies:
        return policies.model_copy(update={"return_window_days": _RETURN_WINDOW_DAYS})

    ports = {"temporal": 0, "ui": 0, "simulator": 0, "webhooks": 0}
    return Wishes(ports=ports, policies=soon_over, pick_seconds="0", deliver_seconds="0")
