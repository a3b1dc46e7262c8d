"""The figures as a table for people."""

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from entrypoints.bench.figures import TITLES, Aim, Amendments, BenchResult, Figures, Idle

_ROWS: tuple[tuple[str, Callable[[Figures], float], str], ...] = (
    ("orders/s", lambda f: f.orders_per_second, ".1f"),
    ("latency alone, p50 ms", lambda f: f.latency_p50_ms, ".0f"),
    ("latency alone, p99 ms", lambda f: f.latency_p99_ms, ".0f"),
    ("Temporal server, CPU-ms", lambda f: f.cpu_ms.server, ".0f"),
    ("worker, CPU-ms", lambda f: f.cpu_ms.worker, ".0f"),
    ("webhook receiver, CPU-ms", lambda f: f.cpu_ms.receiver, ".0f"),
    ("simulated world, CPU-ms", lambda f: f.cpu_ms.world, ".0f"),
    ("state transitions", lambda f: f.history.state_transitions, ".1f"),
    ("events", lambda f: f.history.events, ".1f"),
    ("history bytes", lambda f: f.history.bytes, ",.0f"),
    ("runs", lambda f: f.history.runs, ".1f"),
    ("longest run, events", lambda f: f.history.longest_events, "d"),
    ("longest run, bytes", lambda f: f.history.longest_bytes, ",d"),
)


def render(result: BenchResult) -> RenderableType:
    parts: list[RenderableType] = []
    if result.workloads:
        parts += [_table(result), ""]
    if result.idle:
        parts += [_idle(result.idle), ""]
    if result.amendments:
        parts += [_amendments(result.amendments), ""]
    parts += [_aim(aim) for aim in result.aims]
    parts.append(f"{result.cores} cores, {result.seconds:.0f} s.")
    return Group(*parts)


def _table(result: BenchResult) -> Table:
    title = f"Per order; {result.at_once} at once, and for latency {result.alone} one after the other"
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in result.workloads:
        table.add_column(TITLES[name], justify="right")
    for label, value, form in _ROWS:
        table.add_row(label, *(format(value(figures), form) for figures in result.workloads.values()))
    return table


def _idle(idle: Idle) -> Text:
    return Text(
        f"Worker memory per idle open order: {idle.kb_per_order:.1f} KB ({idle.orders} open orders, of which it keeps at most "
        f"{idle.kept_max}, took it from "
        f"{idle.worker_mb_before:.0f} to {idle.worker_mb_after:.0f} MB; they were opened in {idle.seconds:.0f} s)"
    )


def _amendments(amendments: Amendments) -> Text:
    return Text(
        f"An amendment, from the call until every system has followed: p50 {amendments.p50_ms:.0f} ms, "
        f"p99 {amendments.p99_ms:.0f} ms ({amendments.amendments} of them, half with a new hold); "
        f"its quote before: p50 {amendments.quote_p50_ms:.0f} ms, p99 {amendments.quote_p99_ms:.0f} ms"
    )


def _aim(aim: Aim) -> Text:
    sign, style = ("✓", "green") if aim.met else ("✗", "red")
    return Text.assemble((sign, style), f" {aim.aim}: {aim.measured}")
