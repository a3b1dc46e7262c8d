"""Goods that come back: announced, labelled, received, and what was found in the box."""

from enum import StrEnum

from domain.base import Value
from domain.ids import MAIN, LineId, Location, OrderId, ReturnId, Sku
from domain.money import Money
from domain.orders import Address, Quantity


class Condition(StrEnum):
    """As the warehouse found it: good goods are sold again."""

    GOOD = "good"
    DAMAGED = "damaged"


class ReturnLine(Value):
    line_id: LineId
    sku: Sku
    quantity: Quantity


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
