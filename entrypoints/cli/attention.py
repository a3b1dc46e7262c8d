"""`ordersaga attention …`: what stands still, why, and what a person decides about it."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from domain.attention import HELP, MEANING, Action, Correction, Reason, Resolve
from domain.errors import Refused
from domain.ids import ChannelId, System
from domain.records import Incident
from entrypoints.attention import (
    Case,
    Stand,
    Standing,
    Try,
    Which,
    cases,
    open_incidents,
    resolve_each,
    stand_of,
    standing,
    summed_up,
)
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from entrypoints.commands import opened_commands
from entrypoints.doors import Doors, Outcome, Told, opened_doors
from workers.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Which orders stand still, why, and what can be done about it.")

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id or its number.")]
Needs = Annotated[
    Reason | None, typer.Option(metavar="REASON", help="Only those that need a person for this reason.")
]
BlockedOn = Annotated[
    System | None, typer.Option(metavar="SYSTEM", help="Only those that are blocked on this system.")
]
Channel = Annotated[str | None, typer.Option(help="Only those of this storefront.")]
Why = Annotated[
    str, typer.Option(help="Why; kept in the order's timeline. Of a cancel the customer reads it.")
]
Actor = Annotated[
    str, typer.Option("--actor", "--as", envvar="USER", help="Who decides; kept in the order's timeline.")
]
Reference = Annotated[str, typer.Option(help="For done: the number under which it was done.")]
CorrectionFile = Annotated[
    Path | None,
    typer.Option("--correction", exists=True, dir_okay=False, help="For correct: what to put right, JSON."),
]
Number = Annotated[
    int | None, typer.Option(help="The question that is answered, as `attention show` numbers it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether the filter found the right ones.")]

_MARKS = {
    Outcome.DONE: "[green]✓[/]",
    Outcome.REFUSED: "[red]✗ refused[/]",
    Outcome.UNKNOWN: "[yellow]… not known yet[/]",
    Outcome.UNREACHED: "[red]✗ not reached[/]",
}


@app.command("list")
def list_standing(
    *,
    needs: Needs = None,
    blocked_on: BlockedOn = None,
    on_hold: Annotated[bool, typer.Option("--on-hold", help="Only those that somebody holds.")] = False,
    channel: Channel = None,
    limit: Annotated[int, typer.Option(min=1, help="So many lines at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List which systems are down, and the orders that need a person, are blocked, or are on hold."""
    settings = load_settings()
    which = Which(
        needs=needs, blocked_on=blocked_on, on_hold=on_hold, channel=_known_channel(settings, channel)
    )
    incidents, found = run(_listed(settings, which))
    if incidents:
        console.print(_incidents(incidents))
    console.print(_standing(found, limit) if found else "no order stands still")
    if as_json:
        say_json(
            {
                "incidents": [
                    incident.model_dump(mode="json", include={"number", "system", "opened_at", "orders"})
                    for incident in incidents
                ],
                "orders": [one.model_dump(mode="json") | {"why": one.plain} for one in found],
            }
        )


@app.command()
def show(order: OrderArgument, *, as_json: AsJson = False) -> None:
    """Show why an order stands still, what is tried and when again, and what can be done."""
    stand = run(_stand(load_settings(), order))
    _say_stand(stand)
    if as_json:
        say_json(stand.model_dump(mode="json"))


@app.command(epilog=" ".join(f"{HELP[action][0]}: {HELP[action][1]}." for action in Action))
def resolve(
    action: Annotated[Action, typer.Argument(help="What is to be done.")],
    orders: Annotated[
        list[str] | None, typer.Argument(metavar="[ORDER]...", help="Ids or numbers; or filter below.")
    ] = None,
    *,
    reason: Why,
    actor: Actor = "",
    reference: Reference = "",
    correction: CorrectionFile = None,
    number: Number = None,
    needs: Needs = None,
    blocked_on: BlockedOn = None,
    channel: Channel = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Decide what becomes of orders that stand still. Exit code 1 unless each did what it was told."""
    settings = load_settings()
    wanted = _wanted(
        action,
        actor=actor or "operator",
        reason=reason,
        reference=reference,
        correction=correction,
        number=number,
    )
    which = Which(needs=needs, blocked_on=blocked_on, channel=_known_channel(settings, channel))
    _check_call(orders or [], which, wanted)
    told = run(_resolved(settings, orders or [], which, wanted, yes=yes))
    if told:
        console.print(summed_up(told))
    if as_json:
        say_json({"orders": [one.model_dump(mode="json") for one in told], "summary": summed_up(told)})
    if not all(one.done for one in told):
        raise typer.Exit(1)


# -- what is asked for -------------------------------------------------------------------------------------------------


def _known_channel(settings: Settings, name: str | None) -> ChannelId | None:
    if name is None:
        return None
    if ChannelId(name) not in settings.channels:
        fail(f"--channel {name}: the settings have {', '.join(settings.channels)}", code=2)
    return ChannelId(name)


def _wanted(
    action: Action, *, actor: str, reason: str, reference: str, correction: Path | None, number: int | None
) -> Resolve:
    """As the order will be told; a wrong call names its option, or its field in the file."""
    try:
        corrected = Correction.model_validate_json(correction.read_bytes()) if correction else None
    except ValidationError as error:
        fail(f"{correction}: {_problems(error)}", code=2)
    try:
        return Resolve(
            action=action,
            actor=actor.strip(),
            reason=reason.strip(),
            number=number,
            reference=reference.strip(),
            correction=corrected,
        )
    except ValidationError as error:
        fail(_problems(error), code=2)


def _problems(error: ValidationError) -> str:
    """Each with its field; what was given is not repeated, for it may be personal."""
    told = []
    for problem in error.errors(include_input=False, include_url=False):
        field = ".".join(map(str, problem["loc"]))
        said = problem["msg"].removeprefix("Value error, ")
        told.append(f"{field}: {said}" if field else said)
    return "; ".join(told)


def _check_call(orders: Sequence[str], which: Which, wanted: Resolve) -> None:
    filtered = which != Which()
    if bool(orders) == filtered:
        fail("name orders, or filter with --needs, --blocked-on or --channel", code=2)
    of_one = {"--number": wanted.number, "--correction": wanted.correction}
    for option, given in of_one.items():
        if given is not None and len(orders) != 1:
            fail(f"{option} goes with exactly one ORDER", code=2)


# -- what is done ------------------------------------------------------------------------------------------------------


async def _listed(settings: Settings, which: Which) -> tuple[tuple[Incident, ...], list[Standing]]:
    async with opened_doors(settings) as doors:
        return await open_incidents(settings), await standing(await doors.client(), which)


async def _stand(settings: Settings, name: str) -> Stand:
    async with opened_doors(settings) as doors:
        return await stand_of(doors, await doors.find(name))


async def _resolved(
    settings: Settings, orders: Sequence[str], which: Which, wanted: Resolve, *, yes: bool
) -> list[Told]:
    async with opened_doors(settings) as doors, opened_commands(settings) as commands:
        if orders:
            named = {name: await doors.find(name) for name in orders}
            to_decide = [Case(order=order) for order in named.values()]
        else:
            to_decide = await _confirmed(doors, which, wanted, yes=yes)
        return await resolve_each(commands, to_decide, wanted, _say_told)


async def _confirmed(doors: Doors, which: Which, wanted: Resolve, *, yes: bool) -> list[Case]:
    """What the filter finds, shown before anything is done."""
    if not yes and not sys.stdin.isatty():
        raise Refused("a filter is confirmed at a terminal; without one say --yes")
    found = await cases(doors, which, wanted.action)
    asked = sum(not case.not_asked for case in found)
    if not asked:
        console.print("the filter finds no order that this would help")
        return found
    console.print(_preview(found, wanted))
    if not yes:
        typer.confirm(f"{wanted.action} {_orders(asked)}?", abort=True)
    return found


# -- what is said ------------------------------------------------------------------------------------------------------


def _incidents(incidents: Sequence[Incident]) -> Table:
    table = Table("system", "down since (UTC)", "orders", box=None, title="down", title_justify="left")
    for incident in incidents:
        table.add_row(incident.system, f"{incident.opened_at:%Y-%m-%d %H:%M:%S}", str(incident.orders))
    return table


def _standing(found: Sequence[Standing], limit: int) -> Table:
    counts = Counter({"need a person": sum(one.needs is not None for one in found)})
    counts["blocked"] = sum(bool(one.blocked_on) for one in found)
    counts["on hold"] = sum(one.on_hold for one in found)
    title = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    table = Table(
        "number", "order", "phase", "since (UTC)", "why", box=None, title=title, title_justify="left"
    )
    for one in found[:limit]:
        since = f"{one.since:%Y-%m-%d %H:%M}" if one.since else ""
        table.add_row(one.number, one.order_id, one.phase.replace("_", " "), since, one.plain)
    if len(found) > limit:
        table.caption = f"and {len(found) - limit} more: --limit, or --json"
    return table


def _say_stand(stand: Stand) -> None:
    _line(f"[bold]Order {escape(stand.number)}[/] · {stand.order_id} · {stand.phase.replace('_', ' ')}")
    if attention := stand.attention:
        _line(f"[red]needs a person[/] since {_when(attention.since)} (question {attention.number})")
        _line(f"  {MEANING[attention.reason]}")
        _line(f"  {escape(attention.what)}")
        _line(f"  What happens next: {stand.meanwhile}")
    for blocked in stand.blocked:
        _line(f"[red]blocked on {blocked.system}[/] since {_when(blocked.since)}: {escape(blocked.step)}")
        _line(f"  Last error when that was said: {escape(blocked.last_error)}")
        _line(f"  What happens next: it is tried again until {blocked.system} answers. Nothing is lost.")
    for one in stand.tries:
        _line(_tried(one))
    if stand.blocked and not stand.tries:
        _line("  It begins anew: an attempt is under way, or follows within a minute.")
    if stand.hold:
        _line(f"[yellow]on hold[/] since {_when(stand.hold.since)} by {escape(stand.hold.actor)}: ", end="")
        _line(escape(stand.hold.reason))
        _line(f"  `ordersaga orders release {stand.order_id} --reason …`: it goes on")
    if stand.waits_for:
        again = f"; looks again at {_when(stand.looks_again_at)}" if stand.looks_again_at else ""
        _line(f"[yellow]waits for[/] {escape(stand.waits_for)}{again}")
    if stand.ways_out:
        _line("What a person can do:")
    for way in stand.ways_out:
        _line(f"  {escape(way)}")
    if not (stand.attention or stand.blocked or stand.hold):
        _line("It does not stand still: nobody is asked for anything.")


def _tried(one: Try) -> str:
    times = "once" if one.attempts == 1 else f"{one.attempts} times"
    if one.paused:
        again = "paused in Temporal; unpause it there"
    else:
        again = f"next try at {one.next_at:%H:%M:%S} UTC" if one.next_at else "an attempt is under way"
    return f"  {one.step}: failed {times}, {again}; last error: {escape(one.last_error)}"


def _preview(found: Sequence[Case], wanted: Resolve) -> Table:
    title = f"{wanted.action}: {HELP[wanted.action][1]}"
    table = Table("number", "order", "stands still because", box=None, title=title, title_justify="left")
    for case in found:
        left_alone = f"left alone: {case.not_asked}" if case.not_asked else ""
        table.add_row(case.order.number, case.order.order_id, escape(left_alone or case.what))
    return table


def _say_told(told: Told) -> None:
    _line(f"{_MARKS[told.outcome]} {escape(told.number)} {told.order_id}: {escape(told.why)}")


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _when(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _line(text: str, end: str = "\n") -> None:
    """As long as it is: a command that is wrapped cannot be copied."""
    console.print(text, soft_wrap=True, end=end)
