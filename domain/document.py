"""The whole order: what a query answers, what the story is told from, what is kept for ever when it closes."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from domain.base import Value
from domain.erp import ErpOrder, Invoice
from domain.ids import CustomerRef, ShipmentId, System
from domain.ledger import Ledger
from domain.orders import PlacedOrder
from domain.payments import Payment
from domain.phases import Phase
from domain.reservations import Reservation
from domain.shipments import Labels, Package, PickState, ShipmentLine, TrackingState


class Happening(Value):
    """One line of the timeline. `what` is a sentence without personal data."""

    at: datetime
    what: str


class Blocked(Value):
    """An effect that its system has not answered for longer than the attention delay."""

    system: System
    step: str
    since: datetime
    last_error: str


class Reason(StrEnum):
    """Why an order needs a person."""

    REFUSED = "refused"
    BOOKS_DISAGREE = "books_disagree"
    COMPENSATING = "compensating"


class Attention(Value):
    """`what` happened and what a person can do about it, in words."""

    reason: Reason
    what: str
    can_do: str
    since: datetime


class Shipment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shipment_id: ShipmentId
    lines: tuple[ShipmentLine, ...]
    state: PickState | None = None
    packages: tuple[Package, ...] = ()
    labels: Labels | None = None
    tracking: TrackingState | None = None


class OrderDocument(BaseModel):
    """Everything known of one order. Only its owner changes it."""

    model_config = ConfigDict(extra="forbid")

    order: PlacedOrder
    revision: int = 1
    phase: Phase = Phase.RECEIVED
    erp_customer: CustomerRef | None = None
    crm_customer: CustomerRef | None = None
    payment: Payment | None = None
    erp_order: ErpOrder | None = None
    reservation: Reservation | None = None
    shipments: list[Shipment] = []
    ledger: Ledger
    invoice: Invoice | None = None
    waits_for: str = ""
    looks_again_at: datetime | None = None
    blocked: list[Blocked] = []
    attention: Attention | None = None
    on_hold: bool = False
    cancel_reason: str = ""
    timeline: list[Happening] = []

    @classmethod
    def begun(cls, order: PlacedOrder) -> Self:
        """The document of an order to which nothing has happened yet."""
        return cls(order=order, ledger=Ledger(currency=order.currency, order_total=order.total))
