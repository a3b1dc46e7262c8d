"""The audit trail, API tokens, and whether this process is well."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from adapters.database.tokens import ALL_CHANNELS, ApiToken
from adapters.database.trail import Deed, Verdict
from entrypoints.api.access import TheApi, may
from entrypoints.api.cursors import cursor, read_cursor, unknown_cursor
from entrypoints.api.orders import Cursor, Limit
from entrypoints.api.problems import ApiProblem, answers
from entrypoints.api.roles import May, Principal
from entrypoints.api.shapes import (
    ORDER_ID,
    PLAIN,
    Alive,
    Health,
    Readiness,
    TokenAskedFor,
    TokenCreated,
    TokenList,
    TrailPage,
)

audit, tokens, health = (APIRouter(tags=[tag]) for tag in ("audit", "tokens", "health"))

_NUMBER_MAX = 2**31
_ENTRY_MAX = 2**63 - 1


@audit.get("/v1/audit", responses=answers(401, 403, 422, 429, 503), summary="Read the audit trail")
async def read_audit(
    *,
    api: TheApi,
    principal: Annotated[Principal, may(May.SEE_TRAIL)],
    order_id: Annotated[str, Query(pattern=rf"{ORDER_ID}|^$")] = "",
    actor: Annotated[str, Query(max_length=160, pattern=rf"{PLAIN}|^$")] = "",
    outcome: Verdict | None = None,
    after: Annotated[Cursor, Query(alias="cursor")] = None,
    limit: Limit = 50,
) -> TrailPage:
    """Who asked for what through the API, who was denied it, and what became of it. The newest first."""
    found = await api.trail.page(
        channels=principal.channels,
        order_id=order_id,
        actor=actor,
        outcome=outcome,
        before=_entry(after),
        limit=limit + 1,
    )
    more = found[limit - 1] if len(found) > limit else None
    return TrailPage(decisions=list(found[:limit]), next=more and cursor(more.id))


@tokens.get("/v1/tokens", responses=answers(401, 403, 429, 503), summary="List API tokens")
async def list_tokens(api: TheApi, principal: Annotated[Principal, may(May.MANAGE_TOKENS)]) -> TokenList:
    """All that were ever created, the newest first; never the tokens themselves."""
    return TokenList(tokens=[one for one in await api.tokens.list() if _within(principal, one.channels)])


@tokens.post(
    "/v1/tokens",
    status_code=201,
    responses=answers(400, 401, 403, 413, 422, 429, 503),
    summary="Create an API token",
)
async def create_token(
    api: TheApi, asked: TokenAskedFor, principal: Annotated[Principal, may(May.MANAGE_TOKENS)]
) -> TokenCreated:
    """The answer shows it, once."""
    deed = _deed(principal)
    if not _within(principal, asked.channels):
        await api.trail.deny(deed, "foreign_channel")
        raise ApiProblem(403, "foreign_channel", "only for channels that you see yourself")
    entry = await api.trail.begin(deed)
    known, token = await api.tokens.create(
        asked.name, asked.role, tuple(asked.channels), api.clock() + timedelta(days=asked.days)
    )
    await api.trail.end(entry, Verdict.DONE, f"token {known.number} created")
    return TokenCreated(token=token, known_as=known)


@tokens.delete(
    "/v1/tokens/{number}",
    status_code=204,
    responses=answers(401, 403, 404, 422, 429, 503),
    summary="Revoke an API token",
)
async def revoke_token(
    api: TheApi,
    number: Annotated[int, Path(ge=1, lt=_NUMBER_MAX)],
    principal: Annotated[Principal, may(May.MANAGE_TOKENS)],
) -> None:
    """Nobody gets in with it from now on. Again it changes nothing."""
    known: ApiToken | None = await api.tokens.get(number)
    if known is None or not _within(principal, known.channels):
        raise ApiProblem(404, "not_found", "there is no such token")
    entry = await api.trail.begin(_deed(principal))
    await api.tokens.revoke(number)
    await api.trail.end(entry, Verdict.DONE, f"token {number} revoked")


@health.get("/livez", summary="Whether the process lives")
async def live() -> Alive:
    return Alive()


@health.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready."}},
    summary="Whether requests can be served, and what each dependency does",
)
async def ready(api: TheApi) -> Response:
    dependencies = await api.desk.health()
    answer = Readiness(ready=dependencies["database"] is Health.UP, dependencies=dependencies)
    return JSONResponse(answer.model_dump(mode="json"), 200 if answer.ready else 503)


def _deed(principal: Principal) -> Deed:
    return Deed(actor=principal.name, role=principal.role, action=May.MANAGE_TOKENS)


def _within(principal: Principal, channels: tuple[str, ...] | list[str]) -> bool:
    if ALL_CHANNELS in channels:
        return principal.channels is None
    return all(principal.sees(channel) for channel in channels)


def _entry(text: str | None) -> int | None:
    if text is None:
        return None
    match read_cursor(text):
        case [int(entry)] if 0 < entry <= _ENTRY_MAX:
            return entry
        case _:
            raise unknown_cursor()
