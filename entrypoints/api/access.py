"""What every operation begins with: may its bearer do this, and what do the headers say of the command."""

from dataclasses import dataclass
from re import fullmatch
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from adapters.database.engine import Clock
from adapters.database.tokens import Tokens
from adapters.database.trail import Deed, Trail
from domain.ids import ChannelId, OrderId, channel_of
from entrypoints.api.commands import Asker, FrontDesk
from entrypoints.api.desk import Desk
from entrypoints.api.problems import ApiProblem
from entrypoints.api.roles import May, Principal
from entrypoints.api.shapes import COMMAND_ID, EXAMPLE_ORDER, ORDER_ID

OrderPath = Annotated[OrderId, Path(pattern=ORDER_ID, examples=[EXAMPLE_ORDER])]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=COMMAND_ID,
        description="Your own id of the command. Repeated under it, it is the same command and has the same answer.",
        examples=["cancel-S-11001"],
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=16,
        description="Only if the order is still at this revision (its `ETag`); 412 otherwise.",
        examples=['"1"'],
    ),
]
Revision = Annotated[
    str,
    Header(
        alias="If-Match",
        pattern=r'^"[1-9][0-9]{0,8}"$',
        description="The revision (`ETag`) of the order that you have seen; 412 when it is at another one.",
        examples=['"1"'],
    ),
]


@dataclass(frozen=True)
class Api:
    """What the operations work with. `channels`: those that orders may be placed in, by the API's own document."""

    desk: Desk
    trail: Trail
    tokens: Tokens
    commands: FrontDesk
    clock: Clock
    channels: frozenset[ChannelId]


def _of_app(request: Request) -> Api:
    api: Api = request.app.state.api
    return api


TheApi = Annotated[Api, Depends(_of_app)]


def may(what: May) -> Any:
    """A dependency: who asks, once it is certain that their role may do it. Denials are written down."""

    async def allowed(request: Request, api: TheApi) -> Principal:
        principal: Principal = request.state.principal
        if not principal.may(what):
            await api.trail.deny(_denied(principal, what, request), "forbidden")
            raise ApiProblem(403, "forbidden", f"the role {principal.role} may not do this")
        return principal

    return Depends(allowed)


def asker_of(what: May) -> Any:
    """A dependency: who asks for something under a key."""

    async def asker(principal: Annotated[Principal, may(what)], key: Key = None) -> Asker:
        return Asker(principal=principal, key=key)

    return Depends(asker)


def commander_of(what: May) -> Any:
    """A dependency: who gives one order a command, and at which revision."""

    async def commander(asker: Annotated[Asker, asker_of(what)], if_match: IfMatch = None) -> Asker:
        return asker.model_copy(update={"if_match": if_match})

    return Depends(commander)


def _denied(principal: Principal, what: May, request: Request) -> Deed:
    """The order is named only where it may be one: an address may hold anything."""
    named = request.path_params.get("order_id", "")
    order = named if fullmatch(ORDER_ID, named) else ""
    return Deed(
        actor=principal.name,
        role=principal.role,
        action=what,
        channel=channel_of(OrderId(order)) if order else "",
        order_id=order,
    )
