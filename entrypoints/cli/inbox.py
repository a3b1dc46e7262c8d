"""`ordersaga inbox …` and `ordersaga skus …`: what came in and could not be used, and how to mend it."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from adapters.database.engine import migrate, open_database
from adapters.database.inbox import InboxItem
from adapters.database.schema import InboxKind, InboxState
from adapters.database.skus import SkuMappings
from adapters.database.sweeps import SqlSweeps, SweepCount
from domain.ids import ChannelId, Sku
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from entrypoints.intake import Parked, opened_inbox, opened_intake
from workers.clock import now
from workers.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="What came from outside: waiting, forwarded, or parked until mended."
)
skus = typer.Typer(no_args_is_help=True, help="The merchant's SKUs for lines that a shop sends without one.")


@app.command("list")
def list_items(
    *,
    all_items: Annotated[
        bool, typer.Option("--all", help="Waiting and forwarded ones too, not only parked.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what is parked: documents, webhooks and commands that could not be used, and why."""
    items = run(_items(load_settings(), None if all_items else InboxState.PARKED, limit))
    table = Table("inbox", "received", "from", "what", "order", "state", "why", box=None)
    for item in items:
        why = "\n".join(f"{problem.field}: {problem.reason}" for problem in item.problems) or item.reason
        received = f"{item.received_at:%Y-%m-%d %H:%M:%S}"
        sender = f"{item.channel}/{item.system}"
        table.add_row(str(item.id), received, sender, item.kind, item.order_id or "", item.state, escape(why))
    console.print(table if items else "nothing is parked")
    if as_json:
        say_json({"items": [item.model_dump(mode="json", exclude={"body", "headers"}) for item in items]})


@app.command()
def show(inbox_id: int, *, as_json: AsJson = False) -> None:
    """Print an item whole, as it came. It may hold personal data."""

    async def body() -> InboxItem | None:
        async with opened_inbox(load_settings()) as inbox:
            return await inbox.get(inbox_id)

    item = run(body())
    if item is None:
        fail(f"the inbox has no item {inbox_id}; `ordersaga inbox list --all` lists them")
    console.print(item.body.decode(errors="replace"), markup=False, soft_wrap=True)
    if as_json:
        say_json(
            item.model_dump(mode="json", exclude={"body"}) | {"body": item.body.decode(errors="replace")}
        )


@app.command()
def replay(inbox_id: int, *, as_json: AsJson = False) -> None:
    """Try a parked item again: a document after its SKU was mapped, a webhook or command after its order came."""

    async def again() -> object:
        settings = load_settings()
        async with opened_inbox(settings) as inbox:
            item = await inbox.get(inbox_id)
            if item and item.kind is not InboxKind.DOCUMENT:
                return await inbox.replay(inbox_id)
        async with opened_intake(settings) as intake:
            return await intake.replay(inbox_id)

    try:
        answer = run(again())
    except LookupError as error:
        fail(str(error))
    if isinstance(answer, Parked):
        for problem in answer.problems:
            console.print(f"[red]{problem.field}[/]: {problem.reason}")
        fail(f"still parked as inbox item {inbox_id}")
    done = "is forwarded again" if isinstance(answer, InboxItem) else str(answer)
    console.print(f"[green]✓[/] inbox item {inbox_id}: {done}")
    if as_json:
        say_json({"inbox_id": inbox_id, "order_id": getattr(answer, "order_id", None)})


@app.command()
def sweeps(*, as_json: AsJson = False) -> None:
    """Show how often sweeps looked, what had changed, and what of it no webhook had told."""

    async def read() -> tuple[SweepCount, ...]:
        settings = load_settings()
        await migrate(settings.database_url)
        engine = open_database(settings.database_url)
        try:
            return await SqlSweeps(engine, now).counts()
        finally:
            await engine.dispose()

    counts = run(read())
    table = Table("sweep", "looks", "changed", "missed", "last look", box=None)
    for count in counts:
        figures = (str(figure) for figure in (count.looks, count.changed, count.missed))
        table.add_row(count.name, *figures, f"{count.looked_at:%Y-%m-%d %H:%M:%S}")
    console.print(table if counts else "no sweep has looked yet; the settings name them: sweeps, catch_up")
    if as_json:
        say_json({"sweeps": [count.model_dump(mode="json") for count in counts]})


@skus.command("map")
def map_sku(channel: str, platform_key: str, sku: str, *, as_json: AsJson = False) -> None:
    """Map a shop's own key to a SKU: `ordersaga skus map shopify-de variant:39072856 LAMP-1`."""

    async def keep() -> None:
        settings = load_settings()
        await migrate(settings.database_url)
        engine = open_database(settings.database_url)
        await SkuMappings(engine).map(ChannelId(channel), platform_key, Sku(sku))
        await engine.dispose()

    run(keep())
    console.print(f"{channel}: {platform_key} is {sku}. Now replay what was parked: `ordersaga inbox list`.")
    if as_json:
        say_json({"channel": channel, "key": platform_key, "sku": sku})


@skus.command("list")
def list_skus(channel: str, *, as_json: AsJson = False) -> None:
    """List a channel's mappings."""

    async def read() -> dict[str, Sku]:
        settings = load_settings()
        await migrate(settings.database_url)
        engine = open_database(settings.database_url)
        mapped = await SkuMappings(engine).of(ChannelId(channel))
        await engine.dispose()
        return mapped

    mapped = run(read())
    for key, sku in sorted(mapped.items()):
        console.print(f"{key}  {sku}")
    if as_json:
        say_json({"channel": channel, "skus": mapped})


async def _items(settings: Settings, state: InboxState | None, limit: int) -> tuple[InboxItem, ...]:
    async with opened_inbox(settings) as inbox:
        return await inbox.list(state, limit=limit)
