"""The whole order: what a query answers, what the story is told from, what is kept for ever when it closes."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from domain.amendments import AmendmentRecord
from domain.attention import Attention, Blocked, Hold
from domain.base import Value
from domain.erp import ErpOrder, Invoice
from domain.ids import MAIN, CustomerRef, LineId, Location, ShipmentId, Sku
from domain.ledger import Ledger
from domain.money import Money, total
from domain.orders import PlacedOrder, Quantity
from domain.payments import Payments
from domain.phases import Phase
from domain.reservations import PassedOver, Reservation
from domain.returns import Return
from domain.shipments import Labels, Package, PickState, ShipmentLine, TrackingState
from domain.storefront import StorefrontOrder


class Happening(Value):
    """One line of the timeline. `what` is a sentence without personal data."""

    at: datetime
    what: str


class MovedOutside(Value):
    """Money that was paid or given back past the gateway, under this reference: by bank transfer, say."""

    amount: Money
    reference: str


class Wait(Value):
    """What an order waits for, and when it looks anyway."""

    what: str
    looks_again_at: datetime | None = None


class Shipment(BaseModel):
    """`handed_over`: the warehouse has the labels. `captured`: money that was taken when it left; `told`: shop, ERP and customer know that it has.

    `stopping`: the warehouse is asked to stop it, because the order is amended.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    shipment_id: ShipmentId
    location: Location = MAIN
    lines: tuple[ShipmentLine, ...]
    state: PickState | None = None
    packages: tuple[Package, ...] = ()
    labels: Labels | None = None
    handed_over: bool = False
    captured: Money | None = None
    told: bool = False
    stopping: bool = False
    tracking: TrackingState | None = None

    @property
    def left(self) -> bool:
        return self.state is PickState.SHIPPED

    @property
    def ended(self) -> bool:
        return self.told or self.state is PickState.CANCELLED


class Dropped(Value):
    """Units of a line that were ordered and are not to be had, or not wanted any more."""

    line_id: LineId
    sku: Sku
    quantity: Quantity
    why: str


def units_of(shipments: Iterable[Shipment]) -> Counter[LineId]:
    return units_in(line for shipment in shipments for line in shipment.lines)


def units_in(lines: Iterable[ShipmentLine]) -> Counter[LineId]:
    units: Counter[LineId] = Counter()
    for line in lines:
        units[line.line_id] += line.quantity
    return units


class OrderDocument(BaseModel):
    """Everything known of one order. Only its owner changes it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    order: PlacedOrder
    revision: int = 1  # as people count: grows with every change that holds
    edition: int = 1  # as ERP and shop were written: grows with every attempt
    phase: Phase = Phase.RECEIVED
    confirmed: bool = False  # customer and CRM know that it is
    erp_customer: CustomerRef | None = None
    crm_customer: CustomerRef | None = None
    payments: Payments
    paid_outside: tuple[MovedOutside, ...] = ()
    returned_outside: tuple[MovedOutside, ...] = ()
    erp_order: ErpOrder | None = None
    shop_order: StorefrontOrder | None = None  # as we know that the shop shows it
    amendments: list[AmendmentRecord] = []
    reservation: Reservation | None = None
    passed_over: tuple[PassedOver, ...] = ()
    shipments: list[Shipment] = []
    dropped: tuple[Dropped, ...] = ()
    backordered: tuple[ShipmentLine, ...] = ()  # what the customer was told to be missing
    backorders_told: int = 0
    holds_asked: int = 0  # so many times more money was to be secured
    unsecured: Money | None = None  # what the customer, or a person, is asked for before anything more leaves
    ships_unsecured: bool = False  # a person decided to ship all the same
    unshared: bool = False  # ERP and shop still hold a former revision
    returns: list[Return] = []
    ledger: Ledger
    invoice: Invoice | None = None
    waits: list[Wait] = []
    deadlines: dict[str, datetime] = {}  # how long at most something is waited for: set when that began
    blocked: list[Blocked] = []
    attention: Attention | None = None
    questions: int = 0  # so many times a person was asked
    outages: int = 0  # so many times a system did not answer
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
    def unassigned(self) -> Counter[LineId]:
        """Units that are in no shipment yet."""
        wanted = Counter({line.line_id: line.quantity for line in self.order.shippable})
        return wanted - units_of(
            shipment for shipment in self.shipments if shipment.state is not PickState.CANCELLED
        )

    @property
    def all_left(self) -> bool:
        """Nothing of the order is still in the house."""
        return not self.unassigned and all(shipment.ended for shipment in self.shipments)

    @property
    def waits_for(self) -> str:
        return "; ".join(wait.what for wait in self.waits)

    @property
    def looks_again_at(self) -> datetime | None:
        return min((wait.looks_again_at for wait in self.waits if wait.looks_again_at), default=None)

    @property
    def earned(self) -> Money:
        """What was taken for the order, before anything of it was credited again."""
        return self.kept + self.ledger.credited - self.ledger.regained

    @property
    def told(self) -> Money:
        """Of that, what ERP and shop were told with the shipments."""
        return total((s.captured for s in self.shipments if s.captured), self.order.currency)

    @property
    def untold(self) -> Money:
        """As far as the order charges it, what they were not told yet."""
        return min(self.earned, self.ledger.charged - self.ledger.regained) - self.told

    @property
    def kept(self) -> Money:
        """What we have of the customer's money, whether it came and went through the gateway or past it."""
        paid = total((moved.amount for moved in self.paid_outside), self.order.currency)
        returned = total((moved.amount for moved in self.returned_outside), self.order.currency)
        return self.payments.kept + paid - returned
