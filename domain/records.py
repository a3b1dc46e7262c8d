"""What our own database keeps beside the workflows: money movements for reports, closed orders, sweep cursors."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.base import Value
from domain.document import OrderDocument
from domain.ids import OrderId, PaymentRef, ShipmentId, Sku, System
from domain.keys import Key
from domain.money import Money
from domain.notifications import Occasion


class MovementKind(StrEnum):
    CAPTURED = "captured"
    REFUNDED = "refunded"
    VOIDED = "voided"


class MoneyMovement(Value):
    """One movement of money, written by the activity that made it, once per key. A void's amount is what was held."""

    key: Key
    order_id: OrderId
    kind: MovementKind
    amount: Money
    payment: PaymentRef
    reference: str
    shipment: ShipmentId | None = None


class OrderState(StrEnum):
    ACCEPTED = "accepted"  # the row is written; the workflow may not have started yet
    STARTED = "started"  # its workflow runs; after it had closed, its aftermath
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class ClosedOrder(Value):
    """An order as it was kept when it closed."""

    document: OrderDocument
    closed_at: datetime


class Records(Protocol):
    async def record_movement(self, movement: MoneyMovement) -> None:
        """Write it once per key; the same again changes nothing. InvariantBroken: another one under the same key."""

    async def close_order(
        self, order: OrderId, state: OrderState, document: str, closed_at: datetime
    ) -> None:
        """Keep the whole closed order, a JSON document, for ever. The same again changes nothing."""

    async def closed_order(self, order: OrderId) -> ClosedOrder | None:
        """None while it is open."""

    async def reopen_order(self, order: OrderId, closed_at: datetime) -> None:
        """Ensure it counts as open, if that is when it closed. What was closed anew since then stays closed."""

    async def cursor(self, name: str) -> str | None:
        """Where a sweep stopped; None before its first run."""

    async def keep_cursor(self, name: str, cursor: str) -> None: ...


class Outage(Value):
    """One order's effect meets a system that does not answer: a part of that system's incident.

    `operators` are told of the incident, by mail through the adapter `notifier`; whoever opens it decides.
    """

    order_id: OrderId
    system: System
    adapter: str
    step: str
    operators: str = ""
    notifier: str = ""


class Incident(Value):
    """A system is down for at least one order. There is one at a time per system, whatever the number of orders."""

    number: int
    system: System
    adapter: str
    opened_at: datetime
    closed_at: datetime | None = None
    orders: int  # stopped by it now, or while it was open
    operators: str = ""
    notifier: str = ""
    told: frozenset[Occasion] = frozenset()  # what operators were told of it already


class Incidents(Protocol):
    """One incident per system, however many orders it stops."""

    async def begin(self, outage: Outage) -> Incident:
        """Ensure the order counts among those that the system stops; the first of them opens the incident."""

    async def end(self, outage: Outage) -> None:
        """Ensure it counts no longer. The incident is over with the last of its orders."""

    async def tell(self, incident: int, occasion: Occasion) -> None:
        """Write down that operators were told."""

    async def untold(self) -> tuple[Incident, ...]:
        """Those of which operators must be told something now."""

    async def open(self) -> tuple[Incident, ...]:
        """What is down now."""


class Waiting(Value):
    """So many units of an article that an order waits for."""

    order_id: OrderId
    sku: Sku
    units: int


class Backorders(Protocol):
    """Who waits for which article, of all orders of one stock system: the oldest promise is served first."""

    async def ahead(
        self, adapter: str, order: OrderId, promised_at: datetime, skus: Iterable[Sku]
    ) -> Mapping[Sku, int]:
        """Units per article that older orders wait for; younger ones leave them on the shelf."""

    async def wait(
        self, adapter: str, order: OrderId, promised_at: datetime, units: Mapping[Sku, int]
    ) -> None:
        """Ensure the order waits for exactly this; for nothing, once it has all."""

    async def waiting(self, adapter: str) -> tuple[Waiting, ...]:
        """All that wait, the oldest promise first."""
