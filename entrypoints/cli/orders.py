"""`ordersaga orders …`: place, find, read and cancel orders."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from adapters.database.engine import migrate, open_database
from adapters.database.orders import Orders, RegisteredOrder
from adapters.documents import PARSERS, load
from domain.document import OrderDocument
from domain.ids import ChannelId, OrderId
from domain.intake import UnusableDocument
from domain.orders import PlacedOrder
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from entrypoints.cli.story import story
from entrypoints.demo.shopper import checkout
from entrypoints.intake import Parked, opened_intake
from workers.run import connect
from workers.settings import Settings
from workers.wiring import now
from workflows.order import Order
from workflows.owner import CancelAnswer
from workflows.visibility import ATTENTION, BLOCKED_ON, ORDER_PHASE

_ANSWER_SECONDS_MAX = 60  # an order may have to end an effect first; without any worker it would be for ever

app = typer.Typer(no_args_is_help=True, help="Place, find, read and cancel orders.")

Platform = Annotated[
    str, typer.Option("--from", help="Who wrote the document: shopify, woocommerce, ordersaga.")
]
OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id or its number.")]
Actor = Annotated[str, typer.Option(envvar="USER", help="Who wants it; kept in the order's timeline.")]


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
    answer = run(_cancel(load_settings(), order, actor or "customer service", reason))
    mark = "[green]✓ cancelled[/]" if answer.allowed else "[yellow]too late[/]"
    console.print(f"{mark}: {answer.why}")
    if as_json:
        say_json(answer.model_dump(mode="json"))
    if not answer.allowed:
        raise typer.Exit(1)


@app.command()
def retry(
    order: OrderArgument,
    *,
    reason: Annotated[str, typer.Option(help="What was mended.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Tell an order that needed a person to try again."""

    async def signal() -> OrderId:
        settings = load_settings()
        registered = await _find(settings, order)
        if registered.closed:
            fail(f"the order is {registered.state} already")
        client = await connect(settings)
        await client.get_workflow_handle(registered.order_id).signal(
            Order.retry, args=[actor or "operator", reason]
        )
        return registered.order_id

    told = run(signal())
    console.print(f"[green]✓[/] told; `ordersaga orders show {order}` says how it goes on")
    if as_json:
        say_json({"order_id": told, "told": True})


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


async def _open_orders(settings: Settings) -> dict[str, tuple[str, str]]:
    """Phase, and what it is stuck on, of every open order, as Temporal's visibility has it."""
    client = await connect(settings)
    found = {}
    query = "WorkflowType = 'Order' AND ExecutionStatus = 'Running'"
    async for execution in client.list_workflows(query):
        attributes = execution.typed_search_attributes
        blocked, attention = attributes.get(BLOCKED_ON), attributes.get(ATTENTION)
        stuck = f"needs a person: {attention}" if attention else ", ".join(blocked or [])
        found[execution.id] = (attributes.get(ORDER_PHASE) or "received", stuck)
    return found


async def _find(settings: Settings, name: str) -> RegisteredOrder:
    """By id, or by the number people use when only one order has it."""
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        orders = Orders(engine, now)
        if found := await orders.get(OrderId(name)):
            return found
        numbered = await orders.numbered(name)
    finally:
        await engine.dispose()
    if len(numbered) > 1:
        fail(f"{len(numbered)} orders have the number {name}: {', '.join(o.order_id for o in numbered)}")
    if not numbered:
        fail(f"no order {name}; `ordersaga orders list` lists them")
    return numbered[0]


async def _document(settings: Settings, name: str) -> OrderDocument:
    registered = await _find(settings, name)
    if registered.closed_document:
        return OrderDocument.model_validate_json(registered.closed_document)
    client: Client = await connect(settings)
    try:
        return await client.get_workflow_handle(registered.order_id).query(Order.read_document)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return _not_started(registered.placed)
        raise


def _not_started(placed: PlacedOrder) -> OrderDocument:
    document = OrderDocument.begun(placed)
    document.waits_for = "Temporal, to be started: it is accepted and kept"
    return document


async def _cancel(settings: Settings, name: str, actor: str, reason: str) -> CancelAnswer:
    registered = await _find(settings, name)
    if registered.closed:
        return CancelAnswer(allowed=False, why=f"the order is {registered.state} already")
    client = await connect(settings)
    try:
        handle = client.get_workflow_handle(registered.order_id)
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            return await handle.execute_update(Order.cancel, args=[actor, reason])
    except WorkflowUpdateFailedError as error:
        fail(f"not accepted: {error.cause}")
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        fail(
            f"no answer within {_ANSWER_SECONDS_MAX} s; `ordersaga orders show {name}` tells whether it was taken"
        )
