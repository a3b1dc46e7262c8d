import json
import pstats
from pathlib import Path

import pytest

from tests.e2e.commands import ordersaga

pytestmark = [pytest.mark.e2e, pytest.mark.long]

FIGURES = {"orders", "orders_per_second", "latency_p50_ms", "latency_p99_ms", "cpu_ms", "history"}


def test_the_bench_measures_everything_shows_what_it_tells_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    profile = tmp_path / "order.prof"
    small = ["--orders", "2", "--at-once", "2", "--alone", "2", "--open", "10"]
    answer = ordersaga("bench", *small, "--profile", profile, "--json")
    assert answer.code == 0, answer.out + answer.err
    told = answer.last
    assert told["workloads"].keys() == {"floor", "order", "sequence"}
    floor, order, sequence = (told["workloads"][name] for name in ("floor", "order", "sequence"))
    for figures in (floor, order, sequence):
        assert figures.keys() == FIGURES
        assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"]
        assert figures["orders_per_second"] > 0
    assert (floor["orders"], order["orders"], sequence["orders"]) == (10, 2, 2)
    assert 4 <= floor["history"]["state_transitions"] < order["history"]["state_transitions"]
    # Every activity that is not eager has its start for itself, and none shares a workflow task with another.
    assert order["history"]["state_transitions"] + 20 < sequence["history"]["state_transitions"]
    for size in ("events", "bytes"):
        assert 10 * floor["history"][size] < order["history"][size] < 1.5 * sequence["history"][size]
    for process in ("server", "worker", "receiver", "world"):
        assert order["cpu_ms"][process] > floor["cpu_ms"][process] >= 0
    idle = told["idle"]
    grown_kb = (idle["worker_mb_after"] - idle["worker_mb_before"]) * 1000
    assert idle["kb_per_order"] == pytest.approx(grown_kb / 10)
    assert idle["orders"] == 10
    assert idle["worker_mb_before"] > 50
    assert told["amendments"]["quote_p99_ms"] < told["amendments"]["p50_ms"]
    assert len(told["aims"]) == 4

    table = {row.split("│")[1].strip(): row.split("│")[2:-1] for row in answer.out.splitlines() if "│" in row}
    shown = [f"{figures['latency_p50_ms']:.0f}" for figures in (floor, order, sequence)]
    assert [cell.strip() for cell in table["latency alone, p50 ms"]] == shown
    assert f"{idle['kb_per_order']:.1f} KB" in answer.out
    for aim in told["aims"]:
        assert f"{'✓' if aim['met'] else '✗'} {aim['aim']}: {aim['measured']}" in answer.out

    assert any(file.endswith("workflows/order.py") for file, _, _ in pstats.Stats(str(profile)).stats)  # type: ignore[attr-defined]
    assert list(temporary.iterdir()) == []
    assert _processes_of(temporary) == []


def _processes_of(directory: Path) -> list[str]:
    """The command lines that name a path below it: every process of an installation does, in its arguments or settings."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            told = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        except OSError:
            continue
        if process.name.isdigit() and f"{directory}/".encode() in told:
            found.append(json.dumps(told.decode(errors="replace")))
    return found
