"""The whole order: what a query answers, what the story is told from, what is kept for ever when it closes."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from domain.attention import Attention, Blocked, Hold
from domain.base import Value
from domain.erp import ErpOrder, Invoice
from domain.ids import CustomerRef, ShipmentId
from domain.ledger import Ledger
from domain.money import Money, total
from domain.orders import PlacedOrder
from domain.payments import Payments
from domain.phases import Phase
from domain.reservations import Reservation
from domain.shipments import Labels, Package, PickState, ShipmentLine, TrackingState


class Happening(Value):
    """One line of the timeline. `what` is a sentence without personal data."""

    at: datetime
    what: str


class MovedOutside(Value):
    """Money that was paid or given back past the gateway, under this reference: by bank transfer, say."""

    amount: Money
    reference: str


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
    payments: Payments
    paid_outside: tuple[MovedOutside, ...] = ()
    returned_outside: tuple[MovedOutside, ...] = ()
    erp_order: ErpOrder | None = None
    reservation: Reservation | None = None
    shipments: list[Shipment] = []
    ledger: Ledger
    invoice: Invoice | None = None
    waits_for: str = ""
    looks_again_at: datetime | None = None
    blocked: list[Blocked] = []
    attention: Attention | None = None
    questions: int = 0  # so many times a person was asked
    hold: Hold | None = None
    cancel_reason: str = ""
    timeline: list[Happening] = []

    @classmethod
    def begun(cls, order: PlacedOrder) -> Self:
        """The document of an order to which nothing has happened yet."""
        return cls(
            order=order,
            payments=Payments(currency=order.currency),
            ledger=Ledger(currency=order.currency, order_total=order.total),
        )

    @property
    def kept(self) -> Money:
        """What we have of the customer's money, whether it came and went through the gateway or past it."""
        paid = total((moved.amount for moved in self.paid_outside), self.order.currency)
        returned = total((moved.amount for moved in self.returned_outside), self.order.currency)
        return self.payments.kept + paid - returned
