from pathlib import Path
from typing import Annotated

import typer

from entrypoints.cli.output import load_settings, run
from workers.logs import configure_logs
from workers.run import run_worker


def worker(
    *,
    queue: Annotated[
        str | None,
        typer.Option(
            help="Serve this task queue alone: that of the orders, or one that a channel's policies give to systems."
        ),
    ] = None,
    make_current: Annotated[
        bool,
        typer.Option(
            "--make-current",
            help="Its build is to carry all orders. Where several workers run, `ordersaga deploy current` instead.",
        ),
    ] = False,
    ready_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Carry orders until SIGTERM; what has begun is ended first."""
    started = ready_file.touch if ready_file else lambda: None
    settings = load_settings()
    configure_logs(settings.log_level)
    run(run_worker(settings, started, queue=queue, make_current=make_current))
