import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from entrypoints.bench.figures import TITLES
from entrypoints.bench.intake import IntakePlan, run_intake_bench
from entrypoints.bench.intake import as_json as doors_as_json
from entrypoints.bench.intake_report import render_doors
from entrypoints.bench.report import render
from entrypoints.bench.run import Plan, run_bench
from entrypoints.cli.output import AsJson, console, fail, run, say_json

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
_IDLE = "idle"
_AMEND = "amend"
_PARTS = (*TITLES, _IDLE, _AMEND)


def bench(
    *,
    orders: Annotated[
        int, typer.Option(min=1, help="How many orders of (b) and of (c), in three turns.")
    ] = 180,
    at_once: Annotated[int, typer.Option(min=1, help="How many of them are under way at once.")] = 60,
    alone: Annotated[int, typer.Option(min=1, help="How many one after the other, for the latency.")] = 40,
    open_orders: Annotated[
        int, typer.Option("--open", min=1, help="How many orders wait idle, for the worker's memory.")
    ] = 2000,
    amended: Annotated[int, typer.Option(min=1, help="How many orders are amended, twice each.")] = 20,
    shipments: Annotated[
        int, typer.Option(min=1, max=12, help="In how many shipments each order of (b) and (c) leaves.")
    ] = 1,
    skip: Annotated[
        str, typer.Option(help=f"Leave parts out: {', '.join(_PARTS)}, or several with commas between.")
    ] = "",
    profile: Annotated[
        Path | None,
        typer.Option(help="Profile (b)'s worker into this file, for `python -m pstats`; it doubles its CPU."),
    ] = None,
    intake: Annotated[
        bool,
        typer.Option("--intake", help="Only the webhook door: how quickly it answers, on each database."),
    ] = False,
    rate: Annotated[int, typer.Option(min=1, help="With --intake: webhooks a second.")] = 200,
    seconds: Annotated[int, typer.Option(min=1, help="With --intake: for how long.")] = 20,
    postgres: Annotated[
        str | None,
        typer.Option(help="With --intake: an empty PostgreSQL database; else one is started here."),
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep its state and logs in this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what an order costs on this machine: orders/s, latency, CPU, history, and memory while it waits.

    (a) The floor: a workflow that starts, takes one signal and ends. (b) An order from its document to its end over
    real HTTP, every database write and webhook included. (c) The same with every effect alone and in sequence. They take turns on
    one embedded installation, each with a worker process of its own; then as many orders as --open wait for their payment in a
    fresh worker; and some are amended, twice each. docs/performance.md tells how to read it. Everything is stopped and removed at the end.
    """
    left_out = {part.strip() for part in skip.split(",") if part.strip()}
    if unknown := left_out - set(_PARTS):
        fail(f"--skip {', '.join(sorted(unknown))}: one of {', '.join(_PARTS)}", code=2)
    plan = Plan(
        workloads=frozenset(TITLES) - left_out,
        orders=orders,
        at_once=at_once,
        alone=alone,
        idle=0 if _IDLE in left_out else open_orders,
        amended=0 if _AMEND in left_out else amended,
        profile=profile,
        shipments=shipments,
    )
    with (
        tempfile.TemporaryDirectory(prefix="ordersaga-bench-", ignore_cleanup_errors=True) as temporary,
        Progress(*_COLUMNS, console=console, transient=True) as progress,
    ):
        bar = progress.add_task("", total=None)

        def watch(what: str, done: int, of: int) -> None:
            progress.update(bar, description=what, completed=done, total=of or None)

        directory = (keep or Path(temporary)).resolve()
        hint = "" if keep else " (--keep FOLDER keeps the logs)"
        if intake:
            door_plan = IntakePlan(rate=rate, seconds=seconds, postgres=postgres)
            directory.mkdir(parents=True, exist_ok=True)
            doors = run(run_intake_bench(directory, door_plan, watch), hint=hint)
            console.print(render_doors(doors, door_plan))
            if as_json:
                say_json(doors_as_json(doors, door_plan))
            return
        result = run(run_bench(directory, plan, watch), hint=hint)
    console.print(render(result))
    if as_json:
        say_json(result.as_json())
