"""`ordersaga orders …`: place, find, read, amend, hold, cancel and return orders."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from adapters.database.engine import migrate, open_database
from adapters.database.orders import Orders
from adapters.documents import PARSERS, load
from domain.base import Value
from domain.document import OrderDocument
from domain.ids import ChannelId, LineId, OrderId
from domain.intake import UnusableDocument
from domain.orders import QUANTITY_MAX
from domain.returns import ReturnAsked
from entrypoints.attention import OPEN_ORDERS, standing_of
from entrypoints.cli.amend import amend, quote
from entrypoints.cli.arguments import Actor, OrderArgument
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from entrypoints.cli.story import story
from entrypoints.commands import Kind, by_hand, opened_commands
from entrypoints.demo.shopper import checkout
from entrypoints.doors import Outcome, Told, opened_doors
from entrypoints.intake import Parked, opened_intake
from workers.clock import now
from workers.connection import connect
from workers.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Place, find, read, amend, hold, cancel and return orders.")
app.command()(quote)
app.command()(amend)

Platform = Annotated[
    str, typer.Option("--from", help="Who wrote the document: shopify, woocommerce, ordersaga.")
]


@app.command()
def parse(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    platform: Platform,
    channel: str = "try",
    as_json: AsJson = False,
) -> None:
    """Read a document and print our order, or every problem with its field. Nothing is stored."""
    if platform not in PARSERS:
        fail(f"--from {platform}: one of {', '.join(PARSERS)}", code=2)
    try:
        placed = PARSERS[platform](load(file.read_bytes()), channel=ChannelId(channel), skus={})
    except UnusableDocument as unusable:
        for problem in unusable.problems:
            console.print(f"[red]{problem.field}[/]: {problem.reason}")
        if as_json:
            say_json({"problems": [problem.model_dump() for problem in unusable.problems]})
        raise typer.Exit(1) from None
    console.print_json(placed.model_dump_json())
    if as_json:
        say_json({"order": placed.model_dump(mode="json"), "problems": []})


@app.command()
def place(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    *,
    channel: Annotated[str, typer.Option(help="The storefront, as the settings name it.")],
    play_shopper: Annotated[
        bool,
        typer.Option(
            "--checkout",
            help="Play the shopper too: put the order into the simulated shop, with a card hold.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take order documents in: stored first, then checked, then started. What cannot be used is parked."""
    settings = load_settings()
    if ChannelId(channel) not in settings.channels:
        fail(f"--channel {channel}: the settings have {', '.join(settings.channels) or 'none'}", code=2)
    answers = run(_place(settings, files, ChannelId(channel), play_shopper=play_shopper))
    for file, answer in answers:
        console.print(f"{file.name}: {answer}")
    if as_json:
        say_json({"documents": [{"file": str(file), "answer": answer} for file, answer in answers]})
    if any(answer.startswith("parked") for _, answer in answers):
        raise typer.Exit(1)


@app.command("list")
def list_orders(
    *,
    channel: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List orders, the newest first, with what each waits for."""
    rows = run(_rows(load_settings(), ChannelId(channel) if channel else None, limit))
    table = Table("order", "number", "total", "phase", "stuck", "accepted", box=None)
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("order_id", "number", "total", "phase", "stuck", "accepted"))
        )
    console.print(table if rows else "no orders yet: `ordersaga orders place --help`")
    if as_json:
        say_json({"orders": rows})


@app.command()
def show(order: OrderArgument, *, as_json: AsJson = False) -> None:
    """Show an order: timeline, lines, money, shipments, what it waits for."""
    document = run(_document(load_settings(), order))
    console.print(story(document))
    if as_json:
        say_json(document.model_dump(mode="json"))


@app.command()
def cancel(
    order: OrderArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; the customer reads it.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Cancel an order that has not shipped; the answer says whether it was in time."""
    told = run(_asked(load_settings(), order, Kind.CANCEL, actor or "customer service", reason))
    _say(told, done="cancelled", refused="not cancelled", as_json=as_json)


@app.command()
def hold(
    order: OrderArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the order's timeline.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Hold an order: what runs now ends, nothing new begins until it is released."""
    told = run(_asked(load_settings(), order, Kind.HOLD, actor or "customer service", reason))
    _say(told, done="on hold", refused="not held", as_json=as_json)


@app.command()
def release(
    order: OrderArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the order's timeline.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Let an order go on that was held."""
    told = run(_asked(load_settings(), order, Kind.RELEASE, actor or "customer service", reason))
    _say(told, done="released", refused="not released", as_json=as_json)


@app.command("send-back")
def send_back(
    order: OrderArgument,
    *,
    units: Annotated[
        list[str],
        typer.Option(
            "--unit", metavar="LINE=N", help="So many units of this line; `orders show` names the lines."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; kept in the order's timeline.")],
    request: Annotated[
        str, typer.Option(metavar="ID", help="Your own id of the request: told again, it is the same return.")
    ] = "",
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Have units of an order sent back that have left: a label is made, and what comes is paid back."""
    if not reason.strip():
        fail("--reason: say why", code=2)
    try:
        asked = ReturnAsked(
            request=request or f"by hand at {now():%Y-%m-%d %H:%M:%S.%f}",
            actor=actor or "customer service",
            reason=reason,
            units=_units(units),
        )
    except ValidationError as error:
        fail("; ".join(f"--{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()), code=2)
    told = run(_asked(load_settings(), order, Kind.SEND_BACK, asked.actor, asked.reason, body=asked))
    _say(told, done="expected back", refused="not taken back", as_json=as_json)


def _units(told: list[str]) -> dict[LineId, int]:
    """Of `1=2`: two units of line 1."""
    units: dict[LineId, int] = {}
    for one in told:
        line, _, count = one.rpartition("=")
        if not line or not count.isdecimal() or not 1 <= int(count) <= QUANTITY_MAX:
            fail(f"--unit {one}: LINE=N, so many units of a line, 1=2 say", code=2)
        if line in units:
            fail(f"--unit {one}: line {line} is named twice", code=2)
        units[LineId(line)] = int(count)
    return units


def _say(told: Told, *, done: str, refused: str, as_json: bool) -> None:
    """One order's answer; the exit code is 1 unless it did what it was asked for."""
    words = {
        Outcome.DONE: f"[green]✓ {done}[/]",
        Outcome.REFUSED: f"[yellow]{refused}[/]",
        Outcome.UNKNOWN: "[yellow]not known yet[/]",
        Outcome.UNREACHED: "[red]not reached[/]",
    }
    console.print(f"{words[told.outcome]}: {escape(told.why)}", soft_wrap=True)
    if as_json:
        say_json(told.model_dump(mode="json") | {"allowed": told.done})
    if not told.done:
        raise typer.Exit(1)


async def _place(
    settings: Settings, files: list[Path], channel: ChannelId, *, play_shopper: bool
) -> list[tuple[Path, str]]:
    platform = settings.channels[channel].platform
    answers = []
    async with opened_intake(settings) as intake:
        for file in files:
            content = file.read_bytes()
            if play_shopper:
                content = await checkout(settings, channel, content)
            answer = await intake.accept(content, channel=channel, platform=platform)
            if isinstance(answer, Parked):
                problems = "; ".join(f"{problem.field}: {problem.reason}" for problem in answer.problems)
                answers.append((file, f"parked as inbox item {answer.inbox_id}: {problems}"))
            else:
                word = type(answer).__name__.replace("AlreadyKnown", "already known").lower()
                answers.append((file, f"{word}: {answer.order_id}"))
    return answers


async def _rows(settings: Settings, channel: ChannelId | None, limit: int) -> list[dict[str, Any]]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    registered = await Orders(engine, now).list(channel=channel, limit=limit)
    await engine.dispose()
    open_ones = {} if all(order.closed for order in registered) else await _open_orders(settings)
    rows = []
    for order in registered:
        phase, stuck = open_ones.get(order.order_id, (str(order.state), ""))
        accepted, total = f"{order.accepted_at:%Y-%m-%d %H:%M:%S}", str(order.placed.total)
        rows.append(
            {
                "order_id": order.order_id,
                "number": order.number,
                "total": total,
                "phase": phase,
                "stuck": stuck,
                "accepted": accepted,
            }
        )
    return rows


async def _open_orders(settings: Settings) -> dict[OrderId, tuple[str, str]]:
    """Phase, and why it stands still, of every open order, as Temporal's visibility has it."""
    client = await connect(settings)
    found = [standing_of(execution) async for execution in client.list_workflows(OPEN_ORDERS)]
    return {one.order_id: (one.phase, one.short) for one in found}


async def _document(settings: Settings, name: str) -> OrderDocument:
    async with opened_doors(settings) as doors:
        return await doors.read(await doors.find(name))


async def _asked(
    settings: Settings, name: str, kind: Kind, actor: str, reason: str, *, body: Value | None = None
) -> Told:
    async with opened_doors(settings) as doors, opened_commands(settings) as commands:
        order = await doors.find(name)
        return await commands.give(by_hand(order.order_id, kind, actor, reason, body))
