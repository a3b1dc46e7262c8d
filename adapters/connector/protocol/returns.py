"""Goods that come back, as several systems speak of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import (
    MAIN,
    LineId,
    Location,
    Model,
    Money,
    OrderId,
    ReturnId,
    Sku,
    Text,
    Units,
)


class ReturnLine(Model):
    line_id: LineId
    sku: Sku
    quantity: Units


class ReturnNotice(Model):
    """What the warehouse is to expect."""

    return_id: ReturnId
    order_id: OrderId
    order_number: Text
    lines: Annotated[tuple[ReturnLine, ...], Field(min_length=1)]
    location: Location = MAIN


class Condition(StrEnum):
    """As the warehouse found it: good goods are sold again."""

    GOOD = "good"
    DAMAGED = "damaged"


class ReceivedLine(ReturnLine):
    condition: Condition = Condition.GOOD


class Receipt(Model):
    """What has come so far. `complete`: the warehouse has closed the box and expects no more of it."""

    return_id: ReturnId
    lines: tuple[ReceivedLine, ...] = ()
    complete: bool = False


class CreditNote(Model):
    """So much was given back: for a return, for a lost parcel, or out of goodwill. `lines` are the units that came back.

    `amount` is with its taxes. `reference` is that of the refund; empty where nothing was paid yet.
    """

    return_id: ReturnId
    order_id: OrderId
    lines: tuple[ReturnLine, ...]
    amount: Money
    reference: Text
