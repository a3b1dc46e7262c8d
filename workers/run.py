"""A worker process: it carries orders until it is told to stop, and lets what it has begun end."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from domain.errors import Unavailable
from workers.clock import now
from workers.connection import connect
from workers.deployment import become_current, deployment_of, routed_elsewhere
from workers.lean import LeanOrders, LeanRunner
from workers.queues import Activity, served
from workers.retention import forgetting
from workers.settings import Settings
from workers.sweeps import ensure_sweeps
from workers.wiring import wired
from workflows.aftermath import Aftermath
from workflows.order import Order
from workflows.sweep import SweepOnce, SweepOrders, TellIncidents

log = structlog.get_logger()

# At most this long a stopping worker waits for the attempts it has begun.
_DRAIN = timedelta(seconds=10)
# After that an order that a dead worker had in its cache is given to any other: by Temporal's own default after 10 s.
_CACHED_ORDER_WAITS_MAX = timedelta(seconds=3)
_CONNECT_AGAIN_SECONDS = 0.25


async def run_worker(
    settings: Settings,
    started: Callable[[], None] = lambda: None,
    *,
    queue: str | None = None,
    make_current: bool = False,
    workflows: Sequence[type] = (Order, Aftermath, SweepOnce, SweepOrders, TellIncidents),
    eager: bool = True,
) -> None:
    """Until SIGTERM or SIGINT; `started` is called when it takes work. `make_current`: its build is to carry all orders.

    `queue`: it serves this one alone; the orders themselves are on that of the settings. `workflows` and `eager` are
    others only where costs are compared. Refused: nothing is asked for on this queue.
    """
    client = await _connected(settings)
    async with wired(settings, client) as activities, AsyncExitStack() as running:
        queues = served(settings, activities, queue)
        workers = [
            _worker(
                client, settings, name, workflows if name == settings.task_queue else (), steps, eager=eager
            )
            for name, steps in queues.items()
        ]
        for worker in workers:
            await running.enter_async_context(worker)
        if settings.task_queue in queues:
            await _take_orders(client, settings, make_current=make_current)
            await running.enter_async_context(forgetting(settings, now))
        if client.data_converter.payload_codec is None:
            log.warning("Temporal stores payloads as they are: the settings name no key (docs/security.md)")
        started()
        log.info("worker started", task_queues=sorted(queues), temporal=settings.temporal_address)
        await _told_to_stop()
        log.info("worker stopping")
        await asyncio.gather(*(worker.shutdown() for worker in workers))  # they drain side by side


def _worker(
    client: Client,
    settings: Settings,
    queue: str,
    workflows: Sequence[type],
    steps: Sequence[Activity],
    *,
    eager: bool,
) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=workflows,
        activities=steps,
        workflow_runner=LeanRunner(),
        interceptors=[LeanOrders()],
        max_cached_workflows=settings.max_cached_orders,
        sticky_queue_schedule_to_start_timeout=_CACHED_ORDER_WAITS_MAX,
        disable_eager_activity_execution=not eager,
        max_eager_activity_reservations_per_workflow_task=10,
        max_task_queue_activities_per_second=settings.activities_per_second.get(queue),
        graceful_shutdown_timeout=_DRAIN,
        deployment_config=deployment_of(settings),
    )


async def _take_orders(client: Client, settings: Settings, *, make_current: bool) -> None:
    if make_current:
        await become_current(client, settings)
    elif why := await routed_elsewhere(client, settings):
        log.warning("this worker gets no orders", why=why)
    await ensure_sweeps(client, settings)


async def _connected(settings: Settings) -> Client:
    """As soon as Temporal serves our namespace: a worker that starts before it waits."""
    said = False
    while True:
        try:
            client = await connect(settings)
            await client.count_workflows()
        except (Unavailable, RPCError):
            if not said:
                log.warning("waiting for Temporal", temporal=settings.temporal_address)
            said = True
            await asyncio.sleep(_CONNECT_AGAIN_SECONDS)
        else:
            return client


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
