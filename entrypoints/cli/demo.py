import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from entrypoints.audit.report import render
from entrypoints.cli.installation import With, counterparts
from entrypoints.cli.output import AsJson, console, fail, run, say_json
from entrypoints.demo.erp_edits import ORDERS, run_erp_edits
from entrypoints.demo.kinds import KINDS
from entrypoints.demo.progress import Progress
from entrypoints.demo.run import run_demo

_SHOWN_MAX = 40


class Story(StrEnum):
    ERP_EDITS = "erp-edits"


def demo(
    *,
    orders: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"How many orders are placed: {len(KINDS) + 2}, or of the story {ORDERS}. From {len(KINDS)} on every kind "
            "is there; fewer are the first kinds.",
        ),
    ] = None,
    story: Annotated[
        Story | None,
        typer.Option(help="erp-edits: one order in ten is edited in the ERP alone, and all systems follow."),
    ] = None,
    real: With = "",
    keep: Annotated[Path | None, typer.Option(help="Keep its state and logs in this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Watch orders of every kind go from a shop's document to settled money, or back, and audit all books.

    A worker is killed, the ERP is down for a while, webhooks come twice and out of order.
    Everything is started on free ports with its state in a temporary folder, and stopped at the end. Exit code 1 when
    a promise is broken, or an order does not end as its kind must.
    """
    wanted = counterparts(real)
    if story is Story.ERP_EDITS:
        if wanted:
            fail("--story: only simulated systems can be told to play it", code=2)
        _erp_edits(orders or ORDERS, keep, as_json=as_json)
        return
    with _folder(keep) as directory, Live(console=console, transient=False, refresh_per_second=4) as live:
        result = run(
            run_demo(
                directory,
                orders or len(KINDS) + 2,
                wanted,
                live.console.print,
                lambda p: live.update(_table(p)),
            ),
            hint=f" ({directory} has the logs)",
        )
    console.print()
    console.print(render(result.report))
    console.print(
        f"{result.worker_kills} worker killed with effects in flight; {result.repeated} of them asked for again with "
        f"the same keys, done once. {result.seconds:.0f} s."
    )
    for told in result.otherwise:
        console.print(f"[red]✗[/] {told}")
    if as_json:
        seen = result.report.orders
        say_json(
            {
                "orders": seen.total,
                "completed": seen.completed,
                "cancelled": seen.cancelled,
                "open": seen.open,
                "violations": result.report.violations,
                "worker_kills": result.worker_kills,
                "repeated_effects": result.repeated,
                "kinds": result.kinds,
                "otherwise": result.otherwise,
                "by_term": seen.by_term,
                "seconds": round(result.seconds, 1),
            }
        )
    if result.report.violations or result.report.orders.open or result.otherwise:
        raise typer.Exit(1)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """For its state and logs. What nobody wants to keep is deleted, but for where it failed."""
    directory = keep or Path(tempfile.mkdtemp(prefix="ordersaga-demo-"))
    failed = False
    try:
        yield directory
    except typer.Exit:
        failed = True
        raise
    finally:
        if not (keep or failed):
            shutil.rmtree(directory, ignore_errors=True)


def _erp_edits(orders: int, keep: Path | None, *, as_json: bool) -> None:
    with _folder(keep) as directory, Live(console=console, transient=False, refresh_per_second=4) as live:
        result = run(
            run_erp_edits(directory, orders, live.console.print, lambda p: live.update(_table(p))),
            hint=f" ({directory} has the logs)",
        )
    console.print()
    console.print(render(result.report))
    console.print(
        f"{result.orders} orders, {result.edits} edits in the ERP, {result.elsewhere} edits in any other system. "
        f"{result.agreed} of them agree in ERP, shop, gateway and invoice; {result.raised} came to cost more and were "
        f"authorised for it. {result.seconds:.0f} s."
    )
    for told in result.otherwise:
        console.print(f"[red]✗[/] {told}")
    if as_json:
        say_json(
            {
                "story": Story.ERP_EDITS,
                "orders": result.orders,
                "edits": result.edits,
                "agreed": result.agreed,
                "raised": result.raised,
                "edits_elsewhere": result.elsewhere,
                "open": result.report.orders.open,
                "violations": result.report.violations,
                "kinds": result.kinds,
                "otherwise": result.otherwise,
                "seconds": round(result.seconds, 1),
            }
        )
    if not result.good:
        raise typer.Exit(1)


def _table(progress: Progress) -> Table:
    counts = Counter(map(progress.phase, progress.parts))
    summary = ", ".join(
        f"{count} {phase.replace('_', ' ')}" for phase, count in sorted(counts.items()) if phase
    )
    table = Table("order", "kind", "from", "total", "phase", box=None, title=summary, title_justify="left")
    for part in progress.parts[:_SHOWN_MAX]:
        phase, sent = progress.phase(part), part.scene.sent
        colour = "green" if phase == part.kind.ends else "yellow"
        table.add_row(
            part.order.rpartition(":")[2],
            part.kind.name,
            sent.platform,
            f"{sent.total} {sent.currency}",
            f"[{colour}]{phase.replace('_', ' ')}[/]",
        )
    return table
