"""What an order costs a worker that has nothing to do for it: orders that wait for their payment, all in its cache."""

import asyncio
from collections.abc import Callable

from temporalio.client import Client

from adapters.documents import PARSERS
from domain.phases import Phase
from entrypoints.bench.figures import Idle
from entrypoints.bench.stage import Stage
from entrypoints.bench.usage import cpu_seconds, memory_bytes
from entrypoints.bench.workloads import CHANNEL, PLATFORM, BenchFailed, numbered_document
from workers.temporal import start_order
from workflows.visibility import ORDER_PHASE

_QUEUE = "bench-idle"
_WARM_UP = 20  # the first orders also pay for what the worker loads and caches once
_AT_ONCE = 20
_WAITING = f"{ORDER_PHASE.name} = '{Phase.AWAITING_PAYMENT}'"
_LOOK_SECONDS = 0.5
_QUIET_LOOKS = 3  # so many looks in a row the worker did nothing
_QUIET_CPU_SECONDS = 0.02
_STALLED_SECONDS = 120


async def measure_idle(on: Stage, orders: int, watch: Callable[[int], None]) -> Idle:
    """Open so many orders on a worker with the settings of production, and see by how much it has grown."""
    loop = asyncio.get_running_loop()
    worker = await on.worker("order", _QUEUE)
    pid = worker.pid
    if pid is None:
        raise BenchFailed("the worker of the idle orders did not start")
    await _open(on.client, range(_WARM_UP), lambda _: None)
    await _quiet(on.client, pid, _WARM_UP)
    before, began = memory_bytes(pid), loop.time()
    await _open(on.client, range(_WARM_UP, _WARM_UP + orders), watch)
    await _quiet(on.client, pid, _WARM_UP + orders)
    after = memory_bytes(pid)
    return Idle(
        orders=orders,
        kept_max=on.running.settings.max_cached_orders,
        kb_per_order=(after - before) / orders / 1000,
        worker_mb_before=before / 1e6,
        worker_mb_after=after / 1e6,
        seconds=loop.time() - began,
    )


async def _open(client: Client, numbers: range, watch: Callable[[int], None]) -> None:
    """The gateway knows nothing of these orders, so each waits until it hears of a payment."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def start(number: int) -> None:
        async with gate:
            document = numbered_document("idle", number)
            placed = PARSERS[PLATFORM](document, channel=CHANNEL, skus={})
            await start_order(client, placed, task_queue=_QUEUE)
            watch(number - numbers.start + 1)

    await asyncio.gather(*(start(number) for number in numbers))


async def _quiet(client: Client, pid: int, orders: int) -> None:
    """Until so many orders wait and the worker has nothing left to do. TimeoutError: it got no further."""
    loop = asyncio.get_running_loop()
    quiet, most, deadline = 0, -1, 0.0
    while quiet < _QUIET_LOOKS:
        before = cpu_seconds(pid)
        await asyncio.sleep(_LOOK_SECONDS)
        idle = cpu_seconds(pid) - before <= _QUIET_CPU_SECONDS
        waiting = (await client.count_workflows(_WAITING)).count
        if waiting > most:
            most, deadline = waiting, loop.time() + _STALLED_SECONDS
        quiet = quiet + 1 if idle and waiting >= orders else 0
        if loop.time() > deadline:
            raise TimeoutError
