"""What the bench makes of what it has seen, without an order."""

import os
import subprocess
import sys
import time

import pytest
from rich.console import Console

from entrypoints.bench.figures import BenchResult, CpuMs, Figures, History, Idle, percentile
from entrypoints.bench.report import render
from entrypoints.bench.usage import cpu_seconds, memory_bytes
from entrypoints.bench.workloads import numbered_document
from tests.entrypoints.terminal import Terminal

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def figures(per_second: float) -> Figures:
    return Figures(
        orders=60,
        orders_per_second=per_second,
        latency_p50_ms=501,
        latency_p99_ms=702,
        cpu_ms=CpuMs(server=303, worker=104, receiver=55, world=46),
        history=History(state_transitions=80.2, events=166.4, bytes=43_210),
    )


def result(order: float = 13, sequence: float = 10, kb: float = 90) -> BenchResult:
    workloads = {"floor": figures(43.7), "order": figures(order), "sequence": figures(sequence)}
    idle = Idle(
        orders=2000, kept_max=1000, kb_per_order=kb, worker_mb_before=140, worker_mb_after=320, seconds=99
    )
    return BenchResult(at_once=60, alone=40, cores=2, workloads=workloads, idle=idle, seconds=200)


@pytest.mark.parametrize(
    ("measured", "met"),
    [
        (result(), [True, True]),
        (result(order=12.99), [False, True]),
        (result(kb=90.1), [True, False]),
    ],
)
def test_an_aim_is_met_when_its_figure_is_reached(measured: BenchResult, met: list[bool]) -> None:
    assert [aim.met for aim in measured.aims] == met
    assert [aim["met"] for aim in measured.as_json()["aims"]] == met


def test_what_was_not_measured_is_no_aim() -> None:
    whole = result()
    without_sequence = {name: found for name, found in whole.workloads.items() if name != "sequence"}
    assert whole.model_copy(update={"workloads": without_sequence, "idle": None}).aims == []


def test_the_table_shows_every_figure() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(render(result()))
    shown = captured.get()
    for figure in ("43.7", "13.0", "501", "702", "303", "104", "55", "46", "80.2", "166.4", "43,210"):
        assert figure in shown
    idle = "90.0 KB (2000 open orders, of which it keeps at most 1000, took it from 140 to 320 MB; they were opened in 99 s)"
    assert idle in " ".join(shown.split())
    assert "✓ (b) at least 1.3 × (c) in orders/s: 1.30 ×" in shown


def test_a_percentile_lies_between_the_nearest_values() -> None:
    assert percentile([7.0], 99) == 7
    assert percentile([float(n) for n in range(101)], 99) == 99
    assert percentile([1.0, 2.0, 3.0], 50) == 2


def test_the_processes_that_a_process_started_are_counted_with_it() -> None:
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {(BURN + 'input()')!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE) as process:
        deadline = time.perf_counter() + 20
        while cpu_seconds(process.pid) < 0.3:
            assert time.perf_counter() < deadline
            time.sleep(0.02)
        process.communicate(b"\n", timeout=20)


def test_memory_is_what_a_process_holds_now() -> None:
    before = memory_bytes(os.getpid())
    held = b"x" * 50_000_000
    assert 45_000_000 < memory_bytes(os.getpid()) - before < 80_000_000
    del held


def test_the_same_number_is_the_same_order_under_another_name() -> None:
    order, sequence = numbered_document("order", 7), numbered_document("sequence", 7)
    assert (order["id"], sequence["id"]) == ("order-7", "sequence-7")
    assert order["lines"] == sequence["lines"]
    assert order["total"] == sequence["total"]


def test_a_part_that_is_none_cannot_be_skipped(terminal: Terminal) -> None:
    answer = terminal("bench", "--skip", "floor,roof")
    assert answer.code == 2
    assert "--skip roof: one of floor, order, sequence, idle" in answer.flat_err


def test_its_help_says_what_is_measured(terminal: Terminal) -> None:
    told = terminal("bench", "--help").flat
    for word in ("floor", "--orders", "--at-once", "--alone", "--open", "--skip", "--profile", "--json"):
        assert word in told
