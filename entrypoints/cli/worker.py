from pathlib import Path
from typing import Annotated

import typer

from entrypoints.cli.output import load_settings, run
from workers.run import run_worker


def worker(
    *,
    ready_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Carry orders until SIGTERM; what has begun is ended first."""
    run(run_worker(load_settings(), ready_file.touch if ready_file else lambda: None))
