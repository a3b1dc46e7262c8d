"""`ordersaga tokens …` and `ordersaga trail`: who gets into the API, and what was asked there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import migrate, open_database
from adapters.database.tokens import ALL_CHANNELS, ApiToken, Tokens
from adapters.database.trail import Decision, Deed, Trail, Verdict
from entrypoints.api.roles import MAY, May, Role
from entrypoints.cli.output import AsJson, console, fail, load_settings, run, say_json
from workers.clock import now
from workers.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API tokens.")

Actor = Annotated[str, typer.Option("--actor", "--as", envvar="USER", help="Who does it; kept in the trail.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is: a system, or an account. No personal data.")],
    *,
    role: Annotated[Role, typer.Option(help="; ".join(f"{r}: {', '.join(sorted(MAY[r]))}" for r in Role))],
    channel: Annotated[
        list[str] | None, typer.Option(help="Only this storefront's orders; may be given again.")
    ] = None,
    all_channels: Annotated[bool, typer.Option("--all-channels", help="Orders of every channel.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3650, help="So long it is valid.")] = 365,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Create a token. It is shown this once, and only its digest is kept."""
    settings = load_settings()
    if bool(channel) == all_channels:
        fail("say --channel (once or more) or --all-channels", code=2)
    if unknown := sorted(set(channel or ()) - set(settings.channels)):
        fail(f"--channel {unknown[0]}: the settings have {', '.join(settings.channels)}", code=2)
    channels = (ALL_CHANNELS,) if all_channels else tuple(channel or ())
    expires_at = now() + timedelta(days=days)
    known, token = run(
        _created(settings, actor, name=name, role=role, channels=channels, expires_at=expires_at)
    )
    console.print(f"token {known.number} for {known.name}, valid until {known.expires_at:%Y-%m-%d}:")
    console.print(token, soft_wrap=True)
    if as_json:
        say_json({"token": token} | known.model_dump(mode="json"))


@app.command("list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """All tokens that were ever created, the newest first."""
    known = run(_listed(load_settings()))
    table = Table("number", "name", "role", "channels", "valid until", "state", box=None)
    for one in known:
        table.add_row(
            str(one.number),
            one.name,
            one.role,
            "all" if ALL_CHANNELS in one.channels else ", ".join(one.channels),
            f"{one.expires_at:%Y-%m-%d}",
            _state(one),
        )
    console.print(table if known else "no tokens yet: `ordersaga tokens create --help`")
    if as_json:
        say_json({"tokens": [one.model_dump(mode="json") | {"state": _state(one)} for one in known]})


@app.command()
def revoke(number: Annotated[int, typer.Argument(min=1)], *, actor: Actor = "") -> None:
    """From now on nobody gets in with this token."""
    if not run(_revoked(load_settings(), number, actor)):
        fail(f"there is no token {number}; `ordersaga tokens list` lists them")
    console.print(f"token {number} is revoked")


def trail(
    *,
    order: Annotated[str, typer.Option(help="Only what concerns this order, by its id.")] = "",
    actor: Annotated[str, typer.Option(help="Only what they asked for.")] = "",
    outcome: Annotated[Verdict | None, typer.Option(help="Only what became this.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Who asked for what through the API, who was denied it, and what became of it. The newest first."""
    found = run(_trail(load_settings(), order=order, actor=actor, outcome=outcome, limit=limit))
    table = Table("at (UTC)", "actor", "role", "action", "order", "outcome", "why", box=None)
    for one in found:
        table.add_row(
            f"{one.at:%Y-%m-%d %H:%M:%S}",
            one.actor,
            one.role,
            one.action,
            one.order_id,
            one.outcome,
            one.code,
        )
    console.print(table if found else "nothing yet")
    if as_json:
        say_json({"decisions": [one.model_dump(mode="json") for one in found]})


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[AsyncEngine]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        yield engine
    finally:
        await engine.dispose()


async def _created(
    settings: Settings, actor: str, *, name: str, role: Role, channels: tuple[str, ...], expires_at: datetime
) -> tuple[ApiToken, str]:
    async with _database(settings) as engine:
        known, token = await Tokens(engine, now).create(name, role, channels, expires_at)
        await _written(engine, actor, f"token {known.number} created")
        return known, token


async def _listed(settings: Settings) -> tuple[ApiToken, ...]:
    async with _database(settings) as engine:
        return await Tokens(engine, now).list()


async def _revoked(settings: Settings, number: int, actor: str) -> bool:
    async with _database(settings) as engine:
        if not await Tokens(engine, now).revoke(number):
            return False
        await _written(engine, actor, f"token {number} revoked")
        return True


async def _written(engine: AsyncEngine, actor: str, code: str) -> None:
    trail = Trail(engine, now)
    deed = Deed(actor=actor or "somebody", role="command line", action=May.MANAGE_TOKENS)
    await trail.end(await trail.begin(deed), Verdict.DONE, code)


async def _trail(
    settings: Settings, *, order: str, actor: str, outcome: Verdict | None, limit: int
) -> tuple[Decision, ...]:
    async with _database(settings) as engine:
        return await Trail(engine, now).page(order_id=order, actor=actor, outcome=outcome, limit=limit)


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if token.expires_at > now() else "expired"
