"""Goods that come back: announced, labelled, received, and what was found in the box."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.base import Value
from domain.ids import MAIN, LineId, Location, OrderId, ReturnId, Sku
from domain.money import Money
from domain.orders import Address, Quantity
from domain.shipments import Labels


class Condition(StrEnum):
    """As the warehouse found it: good goods are sold again."""

    GOOD = "good"
    DAMAGED = "damaged"


class ReturnLine(Value):
    line_id: LineId
    sku: Sku
    quantity: Quantity


class ReturnAsked(Value):
    """What somebody wants to send back. `request` is the sender's own id of it: told again, it is the same return."""

    request: Annotated[str, Field(min_length=1, max_length=128)]
    actor: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    units: Annotated[dict[LineId, Quantity], Field(min_length=1)]


class ReturnNotice(Value):
    """What the warehouse is to expect."""

    return_id: ReturnId
    order_id: OrderId
    order_number: str
    lines: tuple[ReturnLine, ...]
    location: Location = MAIN


class ReceivedLine(ReturnLine):
    condition: Condition = Condition.GOOD


class Receipt(Value):
    """What has come so far. `complete`: the warehouse has closed the box and expects no more of it."""

    return_id: ReturnId
    lines: tuple[ReceivedLine, ...] = ()
    complete: bool = False


class ReturnParcel(Value):
    """What a carrier needs for the label that the customer sticks on the box."""

    return_id: ReturnId
    order_id: OrderId
    ship_from: Address | None


class CreditNote(Value):
    """What was given back for a return, for a lost parcel, or out of goodwill: `lines` are the units that came back.

    `amount` with its taxes, after a restocking fee, as the ledger's entry has it.
    """

    return_id: ReturnId
    order_id: OrderId
    lines: tuple[ReturnLine, ...]
    amount: Money
    reference: str  # of the refund at the gateway, or as a person gave it; empty on account


class ReturnState(StrEnum):
    ASKED = "asked"
    EXPECTED = "expected"
    RECEIVED = "received"
    CREDITED = "credited"
    CLOSED = "closed"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"


class Return(BaseModel):
    """One return of an order, as far as it has come."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    return_id: ReturnId
    request: str
    reason: str
    lines: tuple[ReturnLine, ...]
    location: Location = MAIN
    state: ReturnState = ReturnState.ASKED
    labels: Labels | None = None
    receipt: Receipt | None = None
    credited: Money | None = None

    @property
    def ended(self) -> bool:
        return self.state in {ReturnState.CLOSED, ReturnState.REJECTED, ReturnState.NOT_SENT}
