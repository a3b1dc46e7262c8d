"""The door's figures as a table for people."""

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from entrypoints.bench.intake import ANSWER_MS_MAX, DoorFigures, IntakePlan

_ROWS: tuple[tuple[str, Callable[[DoorFigures], float], str], ...] = (
    ("webhooks/s answered", lambda f: f.per_second, ".1f"),
    ("answer, p50 ms", lambda f: f.p50_ms, ".1f"),
    ("answer, p99 ms", lambda f: f.p99_ms, ".1f"),
    ("answer, longest ms", lambda f: f.max_ms, ".1f"),
    ("receiver, CPU-ms each", lambda f: f.cpu_ms, ".1f"),
    ("not taken", lambda f: f.refused, "d"),
    ("the last forwarded after, s", lambda f: f.drained_seconds, ".1f"),
)


def render_doors(figures: Sequence[DoorFigures], plan: IntakePlan) -> RenderableType:
    title = f"{plan.rate} webhooks/s for {plan.seconds} s: stored, committed, answered, forwarded"
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column("", no_wrap=True)
    for one in figures:
        table.add_column(one.database, justify="right")
    for label, value, form in _ROWS:
        table.add_row(label, *(format(value(one), form) for one in figures))
    return Group(table, "", *map(_aim, figures))


def _aim(one: DoorFigures) -> Text:
    sign, style = ("✓", "green") if one.met else ("✗", "red")
    said = f" {one.database}: p99 below {ANSWER_MS_MAX} ms: {one.p99_ms:.1f} ms"
    return Text.assemble((sign, style), said)
