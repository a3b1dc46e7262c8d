"""The bench: the workloads in turns on one installation, so that whatever else the machine does hits all of them alike."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from entrypoints.bench.amending import measure_amendments
from entrypoints.bench.figures import FLOOR, ORDER, TITLES, BenchResult, CpuMs, Figures, History, percentile
from entrypoints.bench.idle import measure_idle
from entrypoints.bench.stage import Stage, stage
from entrypoints.bench.usage import cpu_seconds, ensure_counted
from entrypoints.bench.workloads import Workload

Watch = Callable[
    [str, int, int], None
]  # what is done now, how many of how many; of 0 where that is not known

_ROUNDS = 3
_WARM_UP = 10  # at most so many orders of each workload before anything is counted
_FLOORS_PER_ORDER = 5  # they are that much quicker, and a round needs its time to be measured
_PREPARED_AT_ONCE = 4
_DESCRIBED_MAX = 100
_ROUND_SECONDS_MAX = 900


@dataclass(frozen=True)
class Plan:
    """`orders` of each workload, at most `at_once` of them open; `alone` one after the other; `idle` left open; `amended` twice.

    `shipments`: in so many parts each order ships. `profile`: where the profile of (b)'s worker goes.
    """

    workloads: frozenset[str] = frozenset(TITLES)
    orders: int = 180
    at_once: int = 60
    alone: int = 40
    idle: int = 2000
    amended: int = 20
    profile: Path | None = None
    shipments: int = 1


@dataclass
class _Tally:
    """What was seen of one workload so far."""

    workload: Workload
    ids: list[str] = field(default_factory=list)
    seconds: float = 0
    cpu: dict[str, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    begun: int = 0

    @property
    def title(self) -> str:
        return TITLES[self.workload.name]

    def next(self, count: int) -> range:
        """Numbers of orders that nobody has had yet."""
        self.begun += count
        return range(self.begun - count, self.begun)


async def run_bench(directory: Path, plan: Plan, watch: Watch) -> BenchResult:
    """Everything, once. BenchFailed, StartFailed, TimeoutError: it stopped; its logs are in `directory`."""
    ensure_counted()
    loop = asyncio.get_running_loop()
    began = loop.time()
    watch("starting everything", 0, 0)
    async with stage(directory, plan.shipments) as on:
        tallies = [
            _Tally(await on.workload(name, plan.profile if name == ORDER else None))
            for name in TITLES
            if name in plan.workloads
        ]
        await _warm_up(tallies, min(_WARM_UP, plan.orders), watch)
        await _at_once(on, tallies, plan, watch)
        await _alone(tallies, plan, watch)
        workloads = {tally.workload.name: await _figures(on, tally) for tally in tallies}
        amendments = None
        if plan.amended:
            amendments = await measure_amendments(
                on, plan.amended, lambda n: watch("amending orders", n, plan.amended)
            )
        idle = None
        if plan.idle:
            idle = await measure_idle(
                on, plan.idle, lambda n: watch("opening orders that wait", n, plan.idle)
            )
        watch("stopping everything", 0, 0)
    return BenchResult(
        at_once=plan.at_once,
        alone=plan.alone,
        cores=os.cpu_count() or 0,
        workloads=workloads,
        idle=idle,
        amendments=amendments,
        seconds=loop.time() - began,
    )


async def _warm_up(tallies: list[_Tally], orders: int, watch: Watch) -> None:
    for done, tally in enumerate(tallies):
        watch("warming up", done, len(tallies))
        numbers = tally.next(orders)
        await _prepare(tally.workload, numbers)
        await _carry(tally.workload, numbers, orders)


async def _at_once(on: Stage, tallies: list[_Tally], plan: Plan, watch: Watch) -> None:
    bounds = [plan.orders * turn // _ROUNDS for turn in range(_ROUNDS + 1)]
    counts = [bound - before for before, bound in pairwise(bounds) if bound > before]
    for turn, count in enumerate(counts):
        for place, tally in enumerate(tallies):
            watch(
                f"{tally.title}, {plan.at_once} at once",
                turn * len(tallies) + place,
                len(counts) * len(tallies),
            )
            await _round(on, tally, count, plan.at_once)


async def _round(on: Stage, tally: _Tally, count: int, at_once: int) -> None:
    """So many orders, and what every process used for them."""
    loop = asyncio.get_running_loop()
    numbers = tally.next(count * _FLOORS_PER_ORDER if tally.workload.name == FLOOR else count)
    await _prepare(tally.workload, numbers)
    before, began = _cpu(on, tally.workload), loop.time()
    tally.ids += await _carry(tally.workload, numbers, at_once)
    tally.seconds += loop.time() - began
    for name, used in _cpu(on, tally.workload).items():
        tally.cpu[name] = tally.cpu.get(name, 0) + used - before[name]


async def _alone(tallies: list[_Tally], plan: Plan, watch: Watch) -> None:
    loop = asyncio.get_running_loop()
    for turn in range(plan.alone):
        watch("one order after the other", turn, plan.alone)
        for tally in tallies:
            (number,) = tally.next(1)
            await tally.workload.prepare(number)
            began = loop.time()
            await tally.workload.carry(number)
            tally.latencies.append(loop.time() - began)


async def _prepare(workload: Workload, numbers: Iterable[int]) -> None:
    gate = asyncio.Semaphore(_PREPARED_AT_ONCE)

    async def prepare(number: int) -> None:
        async with gate:
            await workload.prepare(number)

    await asyncio.gather(*(prepare(number) for number in numbers))


async def _carry(workload: Workload, numbers: Iterable[int], at_once: int) -> list[str]:
    gate = asyncio.Semaphore(at_once)

    async def carry(number: int) -> str:
        async with gate:
            return await workload.carry(number)

    async with asyncio.timeout(_ROUND_SECONDS_MAX):
        return await asyncio.gather(*(carry(number) for number in numbers))


def _cpu(on: Stage, workload: Workload) -> dict[str, float]:
    """Seconds so far, by what each process is for."""
    pids = on.pids | {"worker": workload.worker.pid}
    return {name: cpu_seconds(pid) for name, pid in pids.items() if pid is not None}


async def _figures(on: Stage, tally: _Tally) -> Figures:
    count = len(tally.ids)
    return Figures(
        orders=count,
        orders_per_second=count / tally.seconds,
        latency_p50_ms=percentile(tally.latencies, 50) * 1000,
        latency_p99_ms=percentile(tally.latencies, 99) * 1000,
        cpu_ms=CpuMs(**{name: used / count * 1000 for name, used in tally.cpu.items()}),
        history=await _history(on, tally.ids[-_DESCRIBED_MAX:]),
    )


async def _history(on: Stage, ids: list[str]) -> History:
    orders = [await _runs(on, name) for name in ids]
    return History(
        state_transitions=fmean(sum(run.state_transition_count for run in runs) for runs in orders),
        events=fmean(sum(run.history_length for run in runs) for runs in orders),
        bytes=fmean(sum(run.history_size_bytes for run in runs) for runs in orders),
        runs=fmean(len(runs) for runs in orders),
        longest_events=max(run.history_length for runs in orders for run in runs),
        longest_bytes=max(run.history_size_bytes for runs in orders for run in runs),
    )


async def _runs(on: Stage, name: str) -> list[WorkflowExecutionInfo]:
    """The newest first: one that went on as new names the former in its first event."""
    found: list[WorkflowExecutionInfo] = []
    run_id: str | None = None
    while run_id != "":
        handle = on.client.get_workflow_handle(name, run_id=run_id)
        found.append((await handle.describe()).raw_description.workflow_execution_info)
        first = await anext(handle.fetch_history_events(page_size=1))
        run_id = first.workflow_execution_started_event_attributes.continued_execution_run_id
    return found
