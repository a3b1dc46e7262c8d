"""`ordersaga orders quote` and `orders amend`: one change of an order, everywhere, seen before it is made."""

import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape

from domain.amendments import Amendment, AmendmentRecord, AmendmentState, Change
from domain.document import OrderDocument
from domain.errors import Refused
from entrypoints.cli import changes as options
from entrypoints.cli.arguments import Actor, OrderArgument
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from entrypoints.cli.quoting import Preview, preview
from entrypoints.cli.story_amendments import compared, quoted
from entrypoints.commands import amending, opened_commands
from entrypoints.doors import Doors, Outcome, Told, opened_doors
from workers.clock import now
from workers.settings import Settings

CheckStock = Annotated[
    bool, typer.Option("--check-stock", help="Ask the stock system, too, whether the goods are there.")
]

_MARKS = {
    Outcome.DONE: "[green]✓ amended[/]",
    Outcome.REFUSED: "[red]✗ not amended[/]",
    Outcome.UNKNOWN: "[yellow]… not known yet[/]",
    Outcome.UNREACHED: "[yellow]… not taken yet[/]",
}


def quote(
    order: OrderArgument,
    *,
    set_quantity: options.Quantities = None,
    remove: options.Removed = None,
    add: options.Added = None,
    price: options.Prices = None,
    discount: options.Discounts = None,
    address: options.AddressFile = None,
    shipping: options.Shipping = None,
    cancel_rest: options.Rest = False,
    check_stock: CheckStock = False,
    as_json: AsJson = False,
) -> None:
    """Tell what a change would mean: whether it can be, the new total, how the money follows. Nothing is changed.

    Ends with 1 when it cannot be.
    """
    told = options.Told(set_quantity, remove, add, price, discount, address, shipping, cancel_rest)
    changes = told.changes()
    seen = run(_looked(load_settings(), order, changes, check_stock=check_stock))
    _show(seen)
    if as_json:
        say_json(_told(seen))
    if not seen.quote.allowed:
        raise typer.Exit(1)


def amend(
    order: OrderArgument,
    *,
    set_quantity: options.Quantities = None,
    remove: options.Removed = None,
    add: options.Added = None,
    price: options.Prices = None,
    discount: options.Discounts = None,
    address: options.AddressFile = None,
    shipping: options.Shipping = None,
    cancel_rest: options.Rest = False,
    reason: Annotated[
        str, typer.Option(help="Why; kept in the order's timeline.")
    ] = "the customer asked for it",
    actor: Actor = "",
    role: Annotated[str, typer.Option(help="As what: an operator may raise the total by any amount.")] = "",
    request: Annotated[
        str,
        typer.Option(metavar="ID", help="Your own id of the request: told again, it is the same amendment."),
    ] = "",
    revision: Annotated[
        int | None, typer.Option(min=1, help="What you have seen; otherwise what is shown here.")
    ] = None,
    check_stock: CheckStock = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is what is wanted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change an order in every system at once, money included: all of it, or nothing.

    Shows before, after and the money first. Of an order that was changed meanwhile it says what is different now.
    """
    told = options.Told(set_quantity, remove, add, price, discount, address, shipping, cancel_rest)
    facts = {
        "amendment_id": request or f"cli:{now():%Y%m%dT%H%M%S.%f}",
        "expected_revision": revision,
        "actor": actor or "customer service",
        "role": role,
        "reason": reason,
    }
    run(_amend(load_settings(), order, told.changes(), facts, check_stock=check_stock, yes=yes, json=as_json))


async def _looked(
    settings: Settings, name: str, changes: tuple[Change, ...], *, check_stock: bool
) -> Preview:
    async with opened_doors(settings) as doors:
        return await preview(doors, settings, name, changes, check_stock=check_stock)


async def _amend(
    settings: Settings,
    name: str,
    changes: tuple[Change, ...],
    facts: dict[str, Any],
    *,
    check_stock: bool,
    yes: bool,
    json: bool,
) -> None:
    if not yes and not sys.stdin.isatty():
        raise Refused("an amendment is confirmed at a terminal; without one say --yes")
    async with opened_doors(settings) as doors, opened_commands(settings) as commands:
        seen = await preview(doors, settings, name, changes, check_stock=check_stock)
        known = _record(seen.document, facts["amendment_id"])
        amendment = _amendment(facts, seen, known)
        if known is None:
            _show(seen)
        if known is None and not yes and seen.quote.allowed:
            typer.confirm("amend the order so?", abort=True)
        told = await commands.give(amending(seen.order.order_id, amendment))
        await _say(doors, seen, amendment, told, json=json)


def _record(document: OrderDocument, amendment_id: str) -> AmendmentRecord | None:
    known = (one for one in document.amendments if one.amendment.amendment_id == amendment_id)
    return next(known, None)


def _amendment(facts: dict[str, Any], seen: Preview, known: AmendmentRecord | None) -> Amendment:
    """Told again, it is of the revision that was seen at first."""
    shown = known.amendment.expected_revision if known else seen.quote.revision
    expected = facts["expected_revision"] or shown
    try:
        return Amendment(**{**facts, "expected_revision": expected, "changes": seen.changes})
    except ValidationError as error:
        fail("; ".join(f"--{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()), code=2)


async def _say(doors: Doors, seen: Preview, amendment: Amendment, told: Told, *, json: bool) -> None:
    """What the order answered, and what it is now where it is not what was seen."""
    document = seen.document
    if told.outcome is not Outcome.UNREACHED:  # whom nobody carries cannot be read
        document = await doors.read(await doors.find(seen.order.order_id))
    record = _record(document, amendment.amendment_id)
    pending = record is not None and record.state is AmendmentState.PENDING
    mark = "[yellow]… waits for the customer[/]" if pending else _MARKS[told.outcome]
    console.print(f"{mark}: {escape(told.why)}", soft_wrap=True)
    if not told.done and document.revision != seen.document.revision:
        console.print(compared(seen.document.order, document.order, "what you saw → what it is now"))
    if json:
        say_json(_told(seen) | _answered(told, record, document.revision))
    if not told.done:
        raise typer.Exit(1)


def _show(seen: Preview) -> None:
    for part in quoted(seen):
        console.print(part)


def _told(seen: Preview) -> dict[str, Any]:
    shelves = None
    if seen.shelves is not None:
        shelves = [{"sku": one.sku, "needed": one.needed, "there": one.there} for one in seen.shelves]
    return {
        "order_id": seen.order.order_id,
        "number": seen.order.number,
        "quote": seen.quote.model_dump(mode="json"),
        "before": seen.document.order.model_dump(mode="json", include={"lines", "surcharges", "total"}),
        "after": seen.after.model_dump(mode="json", include={"lines", "surcharges", "total"})
        if seen.after
        else None,
        "stock": shelves,
        "notes": list(seen.notes),
    }


def _answered(told: Told, record: AmendmentRecord | None, revision: int) -> dict[str, Any]:
    return {
        "outcome": told.outcome,
        "allowed": told.done,
        "why": told.why,
        "revision": revision,
        "amendment_id": record.amendment.amendment_id if record else None,
        "state": record.state if record else None,
    }
