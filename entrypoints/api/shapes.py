"""What comes in and goes out of the API, beside the orders' own documents."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from adapters.database.order_pages import ListedOrder
from adapters.database.tokens import ApiToken
from adapters.database.trail import Decision
from domain.amendments import (
    CHANGES_MAX,
    AddLine,
    Amended,
    CancelRest,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
)
from domain.attention import Action, Correction, Reason
from domain.document import Happening, Wait
from domain.ids import ChannelId, LineId, OrderId, System
from domain.orders import Quantity
from domain.phases import Phase
from domain.records import Incident
from entrypoints.api.roles import CHANNEL, Role
from entrypoints.attention import Standing
from entrypoints.doors import Outcome

ORDER_ID = r"^order:[a-z0-9][a-z0-9-]{0,39}:[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
COMMAND_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
PLAIN = r"^[^\x00-\x1f\x7f]+$"  # one line of text
EXAMPLE_ORDER = "order:shop-de:S-11001"
PLACED_EXAMPLE = {
    "format": "ordersaga.order.v1",
    "id": "S-11001",
    "number": "S-11001",
    "placed_at": "2026-11-07T04:40:00+00:00",
    "currency": "EUR",
    "taxes_included": True,
    "lines": [
        {
            "id": "1",
            "sku": "MUG-1",
            "name": "Mug",
            "quantity": 2,
            "unit_price": "12.50",
            "taxes": [{"name": "VAT", "rate": "0.19", "amount": "3.99"}],
        }
    ],
    "tax_total": "3.99",
    "total": "25.00",
    "customer": {"name": "Ada Beispiel", "email": "ada@example.com"},
    "payment": {"term": "prepaid"},
}

Why = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"\S",
        description="Kept in the order's timeline; of a cancel the customer reads it.",
        examples=["the customer has changed their mind"],
    ),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


# -- orders ------------------------------------------------------------------------------------------------------------


class OrderPage(_Shape):
    orders: list[ListedOrder]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; none: this is the last.")]


class Timeline(_Shape):
    order_id: OrderId
    revision: int
    phase: Phase
    waits: list[Wait]
    timeline: list[Happening]


class Intake(StrEnum):
    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already_known"


class Placed(_Shape):
    """`already_known`: the order stands as it was accepted first; nothing was changed by this document."""

    order_id: Annotated[OrderId, Field(examples=[EXAMPLE_ORDER])]
    state: Intake


# -- commands ----------------------------------------------------------------------------------------------------------


class AskedFor(_Shape):
    reason: Why


class ReturnAskedFor(AskedFor):
    units: Annotated[
        dict[LineId, Quantity],
        Field(min_length=1, description="So many units of each line.", examples=[{"1": 2}]),
    ]


def _without_floats(value: Any) -> Any:
    """A binary float is no amount: it is refused before it is rounded to something."""
    if isinstance(value, float):
        raise ValueError('amounts are decimal strings: "19.99"')  # noqa: TRY004  pydantic collects ValueErrors only
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _without_floats(part)
    return value


OneChange = Annotated[
    AddLine | RemoveLine | SetQuantity | SetUnitPrice | SetDiscount | SetAddress | SetShipping | CancelRest,
    Field(discriminator="kind"),
]
ManyChanges = Annotated[
    tuple[OneChange, ...],
    Field(
        min_length=1,
        max_length=CHANGES_MAX,
        examples=[[{"kind": "set_quantity", "line_id": "1", "quantity": 3}]],
    ),
    BeforeValidator(_without_floats),
]


class QuoteAskedFor(_Shape):
    changes: ManyChanges


class AmendAskedFor(AskedFor):
    """All of the changes, or none."""

    changes: ManyChanges


class ResolveAskedFor(AskedFor):
    """`done` names the `reference` under which it was done outside; `correct` carries the `correction`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"action": "retry", "reason": "the article is known now"}]},
    )

    action: Action
    number: Annotated[
        int | None, Field(ge=1, description="The question it answers; without it the one that stands.")
    ] = None
    reference: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    correction: Correction | None = None


class Filter(_Shape):
    """Orders that stand still for all that is named here. Something must be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    needs: Reason | None = None
    blocked_on: System | None = None
    channel: Annotated[ChannelId, Field(pattern=CHANNEL)] | None = None


class ResolveManyAskedFor(AskedFor):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"filter": {"blocked_on": "erp"}, "action": "retry", "reason": "the ERP is back"}]
        },
    )

    filter: Filter
    action: Action
    reference: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class CommandAnswer(_Shape):
    """`unknown`: the order has taken it and will answer. `unreached`: it is kept, and given to it as soon as it can be."""

    order_id: Annotated[OrderId, Field(examples=[EXAMPLE_ORDER])]
    command_id: Annotated[str, Field(examples=["cancel-S-11001"])]
    outcome: Outcome
    why: Annotated[str, Field(examples=["cancelled: nothing has left"])]
    amended: Annotated[Amended | None, Field(description="Of an amendment: how the order stood with it.")] = (
        None
    )


class ManyAnswers(_Shape):
    """What became of each order. `all_done` only when it was done for every one of them."""

    all_done: bool
    summary: Annotated[str, Field(examples=["2 of 3 done, 1 refused"])]
    orders: list[CommandAnswer]


# -- attention, audit, tokens, health ----------------------------------------------------------------------------------


class AttentionList(_Shape):
    """The longest standing first; `total` counts those beyond the limit too. Incidents: for who sees all channels."""

    total: int
    orders: list[Standing]
    incidents: list[Incident]


class TrailPage(_Shape):
    decisions: list[Decision]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; none: this is the last.")]


class TokenAskedFor(_Shape):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "shop-de", "role": "storefront", "channels": ["shop-de"], "days": 365}]
        },
    )

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
    role: Role
    channels: Annotated[
        list[Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,39})$")]],
        Field(min_length=1, max_length=100, description="`*` stands for all."),
    ]
    days: Annotated[int, Field(ge=1, le=3650, description="So long it is valid.")] = 365


class TokenCreated(_Shape):
    token: Annotated[str, Field(description="Shown this once.")]
    known_as: ApiToken


class TokenList(_Shape):
    tokens: list[ApiToken]


class Health(StrEnum):
    UP = "up"
    DOWN = "down"


class Readiness(_Shape):
    """Ready is who can tell tokens and store orders: while Temporal is away orders are taken all the same."""

    ready: bool
    dependencies: Annotated[dict[str, Health], Field(examples=[{"database": "up", "temporal": "up"}])]


class Alive(_Shape):
    status: str = "alive"
