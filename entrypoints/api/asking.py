"""What is asked of one order, and what became of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from domain.amendments import Amendment, Changes, Quote
from domain.ids import OrderId
from domain.returns import ReturnAsked
from entrypoints.api.access import Api, OrderPath, Revision, TheApi, asker_of, commander_of, may
from entrypoints.api.commands import Asker, command_id, revision_in, told_as
from entrypoints.api.desk import Said, Wanted
from entrypoints.api.problems import answers
from entrypoints.api.roles import May, Principal
from entrypoints.api.shapes import (
    COMMAND_ID,
    AmendAskedFor,
    AskedFor,
    CommandAnswer,
    QuoteAskedFor,
    ReturnAskedFor,
)

CommandPath = Annotated[str, Path(pattern=COMMAND_ID, examples=["cancel-S-11001"])]

TAKEN: dict[int | str, dict[str, Any]] = {
    202: {
        "model": CommandAnswer,
        "description": "It is kept, and the order has not answered yet: `unknown`, it has taken it; `unreached`, not yet.",
        "headers": {
            "Location": {
                "description": "Where the outcome will be told.",
                "schema": {"type": "string"},
            }
        },
    }
}
COMMAND: dict[str, Any] = {
    "response_model": CommandAnswer,
    "responses": TAKEN | answers(400, 401, 403, 404, 409, 412, 413, 422, 429, 503),
}

routes = APIRouter(tags=["commands"])


async def _said(api: Api, order_id: OrderId, what: May, asker: Asker, asked: AskedFor) -> JSONResponse:
    order = await api.commands.find(asker.principal, what, order_id)
    wanted = Wanted(
        id=command_id(asker.key),
        action=what,
        asked=Said(actor=asker.principal.name, reason=asked.reason),
    )
    return told_as(await api.commands.give(asker, order, wanted))


@routes.post("/v1/orders/{order_id}/cancel", summary="Cancel an order", **COMMAND)
async def cancel_order(
    api: TheApi, order_id: OrderPath, asked: AskedFor, asker: Annotated[Asker, commander_of(May.CANCEL)]
) -> JSONResponse:
    """The whole order, as far as nothing has left. The answer says that nothing will ship, or why it is too late."""
    return await _said(api, order_id, May.CANCEL, asker, asked)


@routes.post("/v1/orders/{order_id}/hold", summary="Hold an order", **COMMAND)
async def hold_order(
    api: TheApi, order_id: OrderPath, asked: AskedFor, asker: Annotated[Asker, commander_of(May.HOLD)]
) -> JSONResponse:
    """What runs now ends, nothing new begins until it is released."""
    return await _said(api, order_id, May.HOLD, asker, asked)


@routes.post("/v1/orders/{order_id}/release", summary="Let a held order go on", **COMMAND)
async def release_order(
    api: TheApi, order_id: OrderPath, asked: AskedFor, asker: Annotated[Asker, commander_of(May.RELEASE)]
) -> JSONResponse:
    return await _said(api, order_id, May.RELEASE, asker, asked)


@routes.post("/v1/orders/{order_id}/returns", summary="Ask to send goods back", **COMMAND)
async def return_goods(
    api: TheApi, order_id: OrderPath, asked: ReturnAskedFor, asker: Annotated[Asker, commander_of(May.RETURN)]
) -> JSONResponse:
    """Units that have left. The answer names the return."""
    order = await api.commands.find(asker.principal, May.RETURN, order_id)
    name = command_id(asker.key)
    back = ReturnAsked(request=name, actor=asker.principal.name, reason=asked.reason, units=asked.units)
    wanted = Wanted(id=name, action=May.RETURN, asked=back)
    return told_as(await api.commands.give(asker, order, wanted))


@routes.post(
    "/v1/orders/{order_id}/quote",
    responses=answers(400, 401, 403, 404, 409, 413, 422, 429, 503),
    summary="Ask what changes would mean",
)
async def quote_changes(
    api: TheApi, order_id: OrderPath, asked: QuoteAskedFor, principal: Annotated[Principal, may(May.AMEND)]
) -> Quote:
    """A verdict on each, the total after, how the money would follow. Nothing happens by asking."""
    order = await api.commands.find(principal, May.AMEND, order_id)
    return await api.commands.quote(order, Changes(changes=asked.changes))


@routes.post("/v1/orders/{order_id}/amend", summary="Amend an order", **COMMAND)
async def amend_order(
    api: TheApi,
    order_id: OrderPath,
    asked: AmendAskedFor,
    asker: Annotated[Asker, asker_of(May.AMEND)],
    if_match: Revision,
) -> JSONResponse:
    """In every system, or in none. While the customer has to pay for it first, the answer is 202."""
    order = await api.commands.find(asker.principal, May.AMEND, order_id)
    name = command_id(asker.key)
    amendment = Amendment(
        amendment_id=name,
        expected_revision=revision_in(if_match),
        actor=asker.principal.name,
        role=asker.principal.role,
        reason=asked.reason,
        changes=asked.changes,
    )
    wanted = Wanted(id=name, action=May.AMEND, asked=amendment)
    asker = asker.model_copy(update={"if_match": if_match})
    return told_as(await api.commands.give(asker, order, wanted))


@routes.get(
    "/v1/orders/{order_id}/commands/{command_id}",
    responses=answers(401, 403, 404, 422, 429, 503),
    summary="Read what became of a command",
)
async def read_command(
    api: TheApi, order_id: OrderPath, command_id: CommandPath, principal: Annotated[Principal, may(May.READ)]
) -> CommandAnswer:
    order = await api.commands.find(principal, May.READ, order_id)
    return await api.commands.answer(order, command_id)
