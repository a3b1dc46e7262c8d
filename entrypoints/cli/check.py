"""`ordersaga check …`: what is better found before go-live than by an order."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from adapters.database.engine import migrate, open_database
from adapters.database.skus import SkuMappings
from adapters.database.sweeps import SqlSweeps, StrandedOrder
from domain.ids import ChannelId
from entrypoints import checks
from entrypoints.checks import TITLE, WHAT_TO_DO, Channel, Finding, Kind, Report, Sources
from entrypoints.cli.output import AsJson, console, errors, fail, load_settings, run, say_json
from workers.clock import now
from workers.settings import Settings
from workers.wiring import systems

app = typer.Typer(no_args_is_help=True, help="Check what is better found before go-live than by an order.")


@app.callback()
def check() -> None:
    """Keep `data` a word of its own: further checks will stand beside it."""


@app.command()
def data(
    *,
    channel: Annotated[str | None, typer.Option(help="Only this storefront.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Findings of each kind to print; --json has all.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Look for duplicate customers in ERP and CRM, and for shop articles that could not be delivered.

    Changes nothing. Ends with 1 when there is something to do. Prints personal data.
    """
    settings = load_settings()
    if channel is not None and channel not in settings.channels:
        fail(f"--channel {channel}: the settings have {', '.join(settings.channels)}", code=2)
    report = run(_report(settings, ChannelId(channel) if channel else None))
    _print(report, limit)
    if as_json:
        say_json(report.model_dump(mode="json"))
    if report.findings or report.unread:
        raise typer.Exit(1)


@app.command()
def orders(*, as_json: AsJson = False) -> None:
    """List open orders that nobody carries any more, because their workflow was ended in Temporal by hand.

    Ends with 1 when there are any. What is held or reserved for them is what their systems said at the last sweep.
    """
    stranded = run(_stranded(load_settings()))
    table = Table("order", "workflow", "found", "operators told", "left open", box=None)
    for one in stranded:
        told = f"{one.told_at:%Y-%m-%d %H:%M:%S}" if one.told_at else "not yet"
        found = f"{one.found_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(one.order_id, one.ended, found, told, escape(one.left_open))
    console.print(table if stranded else "[green]✓[/] every open order is carried by its workflow")
    if stranded:
        console.print("`temporal workflow reset --type LastWorkflowTask …` lets one go on where it was.")
    if as_json:
        say_json({"orders": [one.model_dump(mode="json") for one in stranded]})
    if stranded:
        raise typer.Exit(1)


async def _stranded(settings: Settings) -> tuple[StrandedOrder, ...]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        return await SqlSweeps(engine, now).stranded()
    finally:
        await engine.dispose()


async def _report(settings: Settings, only: ChannelId | None) -> Report:
    channels = await _channels(settings, only)
    async with systems(settings) as found:
        sources = Sources(found.storefronts, found.erps, found.crms)
        with _progress() as progress:
            return await checks.check(channels, sources, progress)


async def _channels(settings: Settings, only: ChannelId | None) -> list[Channel]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        skus = SkuMappings(engine)
        return [
            Channel(channel=name, adapters=known.policies.adapters, skus=await skus.of(name))
            for name, known in settings.channels.items()
            if only in (None, name)
        ]
    finally:
        await engine.dispose()


@contextmanager
def _progress() -> Iterator[checks.Progress]:
    """Which list is being read, while somebody watches."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed} {task.description}"),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as shown:
        tasks = {}

        def progress(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=None)
            shown.update(tasks[what], completed=count)

        yield progress


def _print(report: Report, limit: int) -> None:
    for kind in Kind:
        if findings := [finding for finding in report.findings if finding.kind is kind]:
            _print_kind(kind, findings, limit)
    for unread in report.unread:
        console.print("[red]✗[/] not read:", end=" ")
        console.print(f"{unread.what}: {unread.why}", markup=False, soft_wrap=True)
    read = ", ".join(f"{count} {what}" for what, count in report.read.items()) or "nothing"
    mark = "[yellow]![/]" if report.findings or report.unread else "[green]✓ nothing to do[/]"
    console.print(f"{mark} {len(report.findings)} findings; read: {read}", soft_wrap=True)


def _print_kind(kind: Kind, findings: list[Finding], limit: int) -> None:
    console.print(f"[bold]{TITLE[kind]}: {len(findings)}[/]")
    console.print(f"{WHAT_TO_DO[kind]}\n", markup=False)
    table = Table("channels", "system", "what", "records", box=None)
    for finding in findings[:limit]:
        row = (
            ", ".join(finding.channels),
            f"{finding.system} {finding.adapter}",
            finding.subject,
            ", ".join(finding.records),
        )
        table.add_row(*map(escape, row))
    console.print(table)
    if len(findings) > limit:
        console.print(f"… and {len(findings) - limit} more: --limit, or --json for all")
    console.print()
