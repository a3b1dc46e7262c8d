"""`ordersaga migrate`: what a new release, or a new installation, needs before its processes start."""

from typing import Annotated

import typer
from sqlalchemy import make_url

from adapters.database.engine import migrate as migrate_database
from entrypoints.cli.output import console, load_settings, run
from workers.connection import connect
from workers.namespace import ensure_namespace
from workers.settings import Settings


def migrate(
    *,
    database_only: Annotated[
        bool, typer.Option(help="Leave Temporal alone: on Temporal Cloud its own console is used.")
    ] = False,
) -> None:
    """Bring the database to this release's schema; make Temporal's namespace and search attributes where they miss.

    Safe to repeat, at any time, while everything runs.
    """
    run(_migrate(load_settings(), temporal=not database_only))


async def _migrate(settings: Settings, *, temporal: bool) -> None:
    await migrate_database(settings.database_url)
    console.print(f"[green]✓[/] {make_url(settings.database_url).render_as_string(hide_password=True)}")
    if temporal:
        made = await ensure_namespace(await connect(settings), settings)
        console.print(f"[green]✓[/] Temporal: {', '.join(made) or 'nothing was missing'}")
