"""`ordersaga deploy …`: which build of the workers carries the orders. The guide is docs/versioning.md."""

from typing import Annotated

import typer
from rich.table import Table

from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from workers.connection import connect
from workers.deployment import Build, builds, make_current

app = typer.Typer(no_args_is_help=True, help="Which build of the workers carries the orders.")


@app.command()
def current(
    build_id: Annotated[
        str | None, typer.Argument(metavar="BUILD", help="As its workers have it in ORDERSAGA_BUILD_ID.")
    ] = None,
    *,
    unversioned: Annotated[
        bool, typer.Option("--unversioned", help="Back to the workers without a named build.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a build current: its workers, which must run already, carry all orders from now on, new and running."""
    if (build_id is None) is not unversioned:
        fail("name the BUILD, or say --unversioned", code=2)

    async def make() -> None:
        settings = load_settings()
        await make_current(await connect(settings), settings, build_id)

    run(make())
    console.print(f"[green]✓[/] {build_id or 'workers without a build'} carry all orders from now on")
    if as_json:
        say_json({"current": build_id})


@app.command("list")
def list_builds(*, as_json: AsJson = False) -> None:
    """List the builds, the newest first, and how many open orders had their last task there."""

    async def read() -> tuple[Build, ...]:
        settings = load_settings()
        return await builds(await connect(settings), settings)

    found = run(read())
    table = Table("build", "", "open orders", box=None)
    for build in found:
        table.add_row(build.build_id, "current" if build.current else "", str(build.orders))
    console.print(table if found else "no worker has named its build yet: ORDERSAGA_BUILD_ID")
    if as_json:
        say_json({"builds": [build.model_dump() for build in found]})
