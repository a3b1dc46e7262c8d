import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from entrypoints.audit.report import render
from entrypoints.cli.installation import With, counterparts
from entrypoints.cli.output import AsJson, console, run, say_json
from entrypoints.demo.run import Progress, run_demo

_SHOWN_MAX = 40


def demo(
    *,
    orders: Annotated[int, typer.Option(min=1, help="How many orders are placed.")] = 20,
    real: With = "",
    keep: Annotated[Path | None, typer.Option(help="Keep its state and logs in this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Watch orders go from a shop's document to settled money, while a worker is killed, and audit all books.

    Everything is started on free ports with its state in a temporary folder, and stopped at the end. Exit code 1 when
    a promise is broken or an order does not come to rest.
    """
    wanted = counterparts(real)
    with tempfile.TemporaryDirectory(prefix="ordersaga-demo-", ignore_cleanup_errors=True) as temporary:
        directory = keep or Path(temporary)
        with Live(console=console, transient=False, refresh_per_second=4) as live:
            result = run(
                run_demo(directory, orders, wanted, live.console.print, lambda p: live.update(_table(p))),
                hint="" if keep else " (--keep FOLDER keeps the logs)",
            )
    console.print(render(result.report))
    console.print(
        f"{result.worker_kills} worker killed with effects in flight; {result.repeated} of them asked for again with "
        f"the same keys, done once. {result.seconds:.0f} s."
    )
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
                "seconds": round(result.seconds, 1),
            }
        )
    if result.report.violations or result.report.orders.open:
        raise typer.Exit(1)


def _table(progress: Progress) -> Table:
    counts = Counter(progress.phases.values())
    summary = ", ".join(f"{count} {phase.replace('_', ' ')}" for phase, count in sorted(counts.items()))
    table = Table("order", "from", "total", "phase", box=None, title=summary, title_justify="left")
    for document in progress.documents[:_SHOWN_MAX]:
        phase = progress.phases.get(document.order_id, "")
        table.add_row(
            document.order_id.rpartition(":")[2],
            document.platform,
            f"{document.total} {document.currency}",
            f"[green]{phase}[/]" if phase in {"completed", "cancelled"} else phase.replace("_", " "),
        )
    return table
