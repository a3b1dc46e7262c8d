from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.connector.protocol.common import Model, Money


class PaymentState(StrEnum):
    PENDING = "pending"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"


class PaymentMethod(StrEnum):
    CARD = "card"
    GIFT_CARD = "gift_card"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class Capture(Model):
    """Money taken; `key` is the Idempotency-Key it was taken with, `reference` the gateway's own id.

    Of a bank transfer: money that arrived; both are the bank's own reference.
    """

    key: str
    reference: str
    amount: Money


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(Model):
    """A refund that failed gave nothing back: its money may be refunded again, under another key."""

    key: str
    reference: str
    amount: Money
    state: RefundState = RefundState.SUCCEEDED


class Capabilities(Model):
    """`over_capture` is the most that may be captured, where that is more than the hold."""

    multicapture: bool = False
    over_capture: Money | None = None


class Payment(Model):
    """`authorised` is the whole hold as it was granted, not what is left of it; of a transfer, what was asked for."""

    reference: str
    method: PaymentMethod = PaymentMethod.OTHER
    state: PaymentState
    currency: str
    authorised: Money
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    capture_before: AwareDatetime | None = None
    capabilities: Capabilities = Capabilities()


class Payments(Model):
    """Every payment of the order, oldest first: one per tender and per try, declined and voided ones too."""

    payments: tuple[Payment, ...]


class TakeCapture(Model):
    """`final` releases what is left of the hold."""

    payment: str
    amount: Money
    final: bool


class GiveRefund(Model):
    payment: str
    amount: Money


class PaymentTold(Model):
    payment: str


class Captured(Model):
    outcome: Literal["captured"] = "captured"
    capture: Capture


class Refunded(Model):
    outcome: Literal["refunded"] = "refunded"
    refund: Refund


class Declined(Model):
    """The gateway will not; `reason` is its own code."""

    outcome: Literal["declined"] = "declined"
    reason: str


CaptureAnswer = Annotated[Captured | Declined, Field(discriminator="outcome")]
RefundAnswer = Annotated[Refunded | Declined, Field(discriminator="outcome")]
