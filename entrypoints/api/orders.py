"""Orders: placed, found, read."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from adapters.database.order_pages import ListedOrder
from adapters.database.orders import Accepted
from adapters.database.trail import Deed, KeyReused, Verdict
from adapters.documents import load
from domain.document import OrderDocument
from domain.errors import Unavailable
from domain.ids import ChannelId, PlatformId, order_id
from domain.intake import UnusableDocument
from domain.records import OrderState
from entrypoints.api.access import Api, OrderPath, TheApi, asker_of, may
from entrypoints.api.commands import Asker, digest_of
from entrypoints.api.cursors import cursor, read_cursor, unknown_cursor
from entrypoints.api.problems import ApiProblem, FieldProblem, answers, wrong_field
from entrypoints.api.roles import CHANNEL, May, Principal
from entrypoints.api.shapes import PLACED_EXAMPLE, PLAIN, Intake, OrderPage, Placed, Timeline
from entrypoints.intake import Parked

Channel = Annotated[ChannelId, Query(pattern=CHANNEL, examples=["shop-de"])]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]
_ETAG: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}}}
}
_LOCATION = {"Location": {"description": "Where the order is read.", "schema": {"type": "string"}}}

routes = APIRouter(tags=["orders"])


@routes.get("/v1/orders", responses=answers(401, 403, 422, 429, 503), summary="List orders")
async def list_orders(
    *,
    api: TheApi,
    principal: Annotated[Principal, may(May.READ)],
    channel: Channel | None = None,
    number: Annotated[str | None, Query(max_length=64, pattern=PLAIN, examples=["S-11001"])] = None,
    state: OrderState | None = None,
    after: Annotated[Cursor, Query(alias="cursor")] = None,
    limit: Limit = 50,
) -> OrderPage:
    """The newest first. What stands still, and why, is listed under `/v1/attention`."""
    channels = principal.channels
    if channel is not None:
        channels = frozenset({channel}) if principal.sees(channel) else frozenset()
    found = await api.desk.page(
        channels=channels, number=number, state=state, after=_read(after), limit=limit + 1
    )
    more = found[limit - 1] if len(found) > limit else None
    return OrderPage(orders=list(found[:limit]), next=more and _cursor(more))


@routes.post(
    "/v1/orders",
    status_code=201,
    response_model=Placed,
    responses={
        201: {"headers": _LOCATION},
        200: {"model": Placed, "description": "It was placed before.", "headers": _LOCATION},
        **answers(401, 403, 404, 413, 422, 429, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/PlacedDocument"},
                    "example": PLACED_EXAMPLE,
                }
            },
        }
    },
    summary="Place an order",
)
async def place_order(
    api: TheApi, request: Request, asker: Annotated[Asker, asker_of(May.PLACE)], channel: Channel
) -> Response:
    """Stored first, then understood, then started. What cannot be used is kept, and told field by field."""
    await _check_channel(api, asker.principal, channel)
    return await _placed(api, asker, channel, await request.body())


@routes.get(
    "/v1/orders/{order_id}",
    responses={**_ETAG, **answers(401, 403, 404, 422, 429, 503)},
    summary="Read an order",
)
async def read_order(
    api: TheApi, order_id: OrderPath, response: Response, principal: Annotated[Principal, may(May.READ)]
) -> OrderDocument:
    """The whole order as it is now; of a closed one as it was kept."""
    order = await api.commands.find(principal, May.READ, order_id)
    document = await api.desk.read(order)
    response.headers["ETag"] = f'"{document.revision}"'
    return document


@routes.get(
    "/v1/orders/{order_id}/timeline",
    responses=answers(401, 403, 404, 422, 429, 503),
    summary="Read what happened to an order",
)
async def read_timeline(
    api: TheApi, order_id: OrderPath, principal: Annotated[Principal, may(May.READ)]
) -> Timeline:
    order = await api.commands.find(principal, May.READ, order_id)
    document = await api.desk.read(order)
    return Timeline(
        order_id=order.order_id,
        revision=document.revision,
        phase=document.phase,
        waits=document.waits,
        timeline=document.timeline,
    )


async def _check_channel(api: Api, principal: Principal, channel: ChannelId) -> None:
    if principal.sees(channel) and channel in api.channels:
        return
    if not principal.sees(channel):
        deed = Deed(actor=principal.name, role=principal.role, action=May.PLACE, channel=channel)
        await api.trail.deny(deed, "foreign_channel")
    reason = "there is no such channel that takes orders from here"
    raise ApiProblem(404, "not_found", reason, problems=[FieldProblem(field="channel", reason=reason)])


async def _placed(api: Api, asker: Asker, channel: ChannelId, document: bytes) -> Response:
    """The trail knows a repeat by its key where the document says which order it is."""
    principal, named = asker.principal, _named(document, channel)
    deed = Deed(
        actor=principal.name,
        role=principal.role,
        action=May.PLACE,
        channel=channel,
        order_id=named,
        command=asker.key if named else None,
        digest=digest_of(May.PLACE, principal.name, document),
    )
    try:
        entry = await api.trail.begin(deed)
    except KeyReused as reused:
        raise wrong_field("Idempotency-Key", str(reused), code="key_reused") from reused
    try:
        answer = await api.desk.place(document, channel)
    except Unavailable:
        await api.trail.end(entry, Verdict.UNREACHED)
        raise
    if isinstance(answer, Parked):
        await api.trail.end(entry, Verdict.REFUSED, "parked")
        problems = [FieldProblem(field=one.field, reason=one.reason) for one in answer.problems]
        raise ApiProblem(
            422,
            "unusable",
            "kept in the inbox until somebody mends what it needs",
            problems=problems,
            inbox_id=answer.inbox_id,
        )
    new = isinstance(answer, Accepted)
    state = Intake.ACCEPTED if new else Intake.ALREADY_KNOWN
    await api.trail.end(entry, Verdict.DONE, state)
    return JSONResponse(
        Placed(order_id=answer.order_id, state=state).model_dump(mode="json"),
        201 if new else 200,
        {"Location": f"/v1/orders/{answer.order_id}"},
    )


def _named(document: bytes, channel: ChannelId) -> str:
    """The order that it is about; empty where it does not say so."""
    try:
        return order_id(channel, PlatformId(str(load(document).get("id"))))
    except (UnusableDocument, ValueError):
        return ""


def _cursor(last: ListedOrder) -> str:
    return cursor(last.accepted_at.isoformat(), last.order_id)


def _read(text: str | None) -> tuple[datetime, str] | None:
    if text is None:
        return None
    try:
        at, order = read_cursor(text)
        moment = datetime.fromisoformat(str(at))
    except (ValueError, OverflowError):
        raise unknown_cursor() from None
    if moment.tzinfo is None or "\x00" in str(order):
        raise unknown_cursor()
    return moment, str(order)
