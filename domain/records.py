"""What our own database keeps beside the workflows: money movements for reports, closed orders, sweep cursors."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.base import Value
from domain.ids import OrderId, PaymentRef, ShipmentId
from domain.keys import Key
from domain.money import Money


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
    STARTED = "started"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Records(Protocol):
    async def record_movement(self, movement: MoneyMovement) -> None:
        """Write it once per key; the same again changes nothing. InvariantBroken: another one under the same key."""

    async def close_order(
        self, order: OrderId, state: OrderState, document: str, closed_at: datetime
    ) -> None:
        """Keep the whole closed order, a JSON document, for ever. The same again changes nothing."""

    async def cursor(self, name: str) -> str | None:
        """Where a sweep stopped; None before its first run."""

    async def keep_cursor(self, name: str, cursor: str) -> None: ...
