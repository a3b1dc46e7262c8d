from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.connector.protocol.common import Model, Money, OrderId


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


class DisputeState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Dispute(Model):
    """The customer took money back through their bank: it is gone while the dispute is open, and when it is lost.

    `capture` is your reference of the capture.
    """

    reference: str
    capture: str
    amount: Money
    state: DisputeState


class Capabilities(Model):
    """What you can do with this payment.

    `over_capture` is the most that may be captured, where that is more than the hold; `increment`: the hold itself can
    be made larger; `stored_credential`: the card is kept for this order, so that a new hold needs no shopper;
    `pay_link`: the shopper can be sent a page where to pay more; `minimum` is the least that can be captured.
    """

    multicapture: bool = False
    over_capture: Money | None = None
    increment: bool = False
    stored_credential: bool = False
    pay_link: bool = False
    minimum: Money | None = None


class Payment(Model):
    """`authorised` is the whole hold as it was granted, not what is left of it; of a transfer, what was asked for."""

    reference: str
    method: PaymentMethod = PaymentMethod.OTHER
    state: PaymentState
    currency: str
    authorised: Money
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
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


class IncrementHold(Model):
    """`authorised` is what the whole hold is to be, what was captured of it included."""

    payment: str
    authorised: Money


class TakeHold(Model):
    """A new hold by the stored credential of the payment `like`."""

    like: str
    amount: Money


class OfferPayLink(Model):
    order_id: OrderId
    amount: Money


class PayLink(Model):
    """A page where the customer pays `amount`. What comes of it is another payment of the order."""

    reference: str
    url: str
    amount: Money


class GiveRefund(Model):
    payment: str
    amount: Money


class PaymentTold(Model):
    payment: str


class Captured(Model):
    outcome: Literal["captured"] = "captured"
    capture: Capture


class Authorised(Model):
    """The hold stands. `payment` is as `look_up` tells it."""

    outcome: Literal["authorised"] = "authorised"
    payment: Payment


class Refunded(Model):
    outcome: Literal["refunded"] = "refunded"
    refund: Refund


class Declined(Model):
    """The gateway will not; `reason` is its own code."""

    outcome: Literal["declined"] = "declined"
    reason: str


CaptureAnswer = Annotated[Captured | Declined, Field(discriminator="outcome")]
HoldAnswer = Annotated[Authorised | Declined, Field(discriminator="outcome")]
RefundAnswer = Annotated[Refunded | Declined, Field(discriminator="outcome")]
