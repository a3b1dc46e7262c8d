"""The payment position: what a gateway holds, took and gave back for one order, and what is legal next."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.base import Value
from domain.errors import InvariantBroken
from domain.ids import PaymentRef
from domain.keys import Key
from domain.money import Currency, Money, total


class PaymentState(StrEnum):
    PENDING = "pending"  # nothing secured yet: the shopper, the bank or the gateway still has to act
    AUTHORISED = "authorised"  # a hold stands, in whole or in part
    CAPTURED = "captured"  # nothing is left to capture
    VOIDED = "voided"  # the hold was released or expired
    DECLINED = "declined"


class Capture(Value):
    """Money taken. `reference` is the gateway's id of the charge."""

    key: Key
    reference: str
    amount: Money


class Refund(Value):
    key: Key
    reference: str
    amount: Money


class Declined(Value):
    """The gateway's answer when it will not: a business answer, never an exception. `reason` is its own code."""

    reason: str


class Capabilities(Value):
    """What the gateway can do with this payment; asked, never assumed."""

    multicapture: bool = False
    over_capture: Money | None = None  # the most that may be captured, where it is more than the hold


class Payment(Value):
    """One payment as the gateway tells it."""

    reference: PaymentRef
    state: PaymentState
    currency: Currency
    authorised: Money  # the whole hold as it was granted, not what is left of it
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    capture_before: datetime | None = None
    capabilities: Capabilities = Capabilities()

    @property
    def captured(self) -> Money:
        return total((capture.amount for capture in self.captures), self.currency)

    @property
    def refunded(self) -> Money:
        return total((refund.amount for refund in self.refunds), self.currency)

    @property
    def held(self) -> Money:
        """What may still be captured: zero as soon as the hold was voided or used up."""
        if self.state is not PaymentState.AUTHORISED:
            return Money.zero(self.currency)
        return self.authorised - self.captured

    @property
    def capturable_max(self) -> Money:
        return self.capabilities.over_capture or self.authorised

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        amounts = [self.authorised, *(c.amount for c in self.captures), *(r.amount for r in self.refunds)]
        if any(amount.currency != self.currency for amount in amounts):
            raise ValueError(f"payment {self.reference}: amounts in other currencies than {self.currency}")
        return self


def check(payment: Payment) -> Payment:
    """The payment itself, or InvariantBroken: captured ≤ authorised + over-capture, refunded ≤ captured."""
    if payment.captured > payment.capturable_max:
        raise InvariantBroken(f"captured {payment.captured} of a hold of {payment.capturable_max}")
    if payment.refunded > payment.captured:
        raise InvariantBroken(f"refunded {payment.refunded} of {payment.captured} captured")
    return payment
