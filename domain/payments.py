"""The payment position: what a gateway holds, took and gave back for one order, and what is legal next.

An order may be paid by several tenders (a gift card and a card) and in several tries. **Money is taken from gift cards
first, then from the other payments in the gateway's order; it goes back the other way round**, so that what is kept at
any time lies where it would lie had the order been smaller from the start.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.base import Value
from domain.errors import InvariantBroken, Refused
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


class RefundState(StrEnum):
    """A refund may stay pending for days, and may fail after all: the card was closed, say."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(Value):
    key: Key
    reference: str
    amount: Money
    state: RefundState = RefundState.SUCCEEDED


class DisputeState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Dispute(Value):
    """The customer took the money back through their bank. While it is open the money is not ours."""

    reference: str
    capture: str  # the gateway's id of the charge
    amount: Money
    state: DisputeState = DisputeState.OPEN


class PayLink(Value):
    """A page where the customer pays `amount` more; what comes of it is seen as another payment."""

    reference: str
    url: str
    amount: Money


class Declined(Value):
    """The gateway's answer when it will not: a business answer, never an exception. `reason` is its own code."""

    reason: str


class PaymentMethod(StrEnum):
    CARD = "card"
    GIFT_CARD = "gift_card"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class Capabilities(Value):
    """What the gateway can do with this payment; asked, never assumed."""

    multicapture: bool = False
    over_capture: Money | None = None  # the most that may be captured, where it is more than the hold
    increment: bool = False  # the hold itself can be made larger
    stored_credential: bool = False  # a new hold without the shopper: the card is kept for this order
    pay_link: bool = False  # the shopper can be sent a page where to pay more
    minimum: Money | None = None  # the least that can be captured


class Payment(Value):
    """One payment as the gateway tells it. Of a bank transfer the captures are the transfers that arrived."""

    reference: PaymentRef
    method: PaymentMethod = PaymentMethod.OTHER
    state: PaymentState
    currency: Currency
    authorised: (
        Money  # the whole hold as it was granted, not what is left of it; of a transfer, what was asked for
    )
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    capture_before: datetime | None = None  # the gateway lets the hold go then
    capabilities: Capabilities = Capabilities()

    @property
    def captured(self) -> Money:
        return total((capture.amount for capture in self.captures), self.currency)

    @property
    def refunded(self) -> Money:
        """What went back or is on its way; a refund that failed is money that we still have."""
        alive = (refund.amount for refund in self.refunds if refund.state is not RefundState.FAILED)
        return total(alive, self.currency)

    @property
    def disputed(self) -> Money:
        """What the customer's bank took back: for the time being while it is open, for good when it was lost."""
        gone = (dispute.amount for dispute in self.disputes if dispute.state is not DisputeState.WON)
        return total(gone, self.currency)

    @property
    def kept(self) -> Money:
        """What we have of it. Below zero where a customer disputes what was refunded already."""
        return self.captured - self.refunded - self.disputed

    @property
    def held(self) -> Money:
        """What is left of the hold: zero as soon as it was voided or used up."""
        if self.state is not PaymentState.AUTHORISED:
            return Money.zero(self.currency)
        return max(self.authorised - self.captured, Money.zero(self.currency))

    @property
    def capturable(self) -> Money:
        """What may still be captured: what is held, and beyond it what the gateway lets us over-capture.

        Nothing, where that is less than the gateway captures at all.
        """
        most = self.capturable_max - self.captured
        if self.state is not PaymentState.AUTHORISED or most < (
            self.capabilities.minimum or Money.zero(self.currency)
        ):
            return Money.zero(self.currency)
        return most

    @property
    def capturable_max(self) -> Money:
        return self.capabilities.over_capture or self.authorised

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        movements: tuple[Capture | Refund | Dispute, ...] = (*self.captures, *self.refunds, *self.disputes)
        amounts = [self.authorised, *(movement.amount for movement in movements)]
        if any(amount.currency != self.currency for amount in amounts):
            raise ValueError(f"payment {self.reference}: amounts in other currencies than {self.currency}")
        return self


def check(payment: Payment) -> Payment:
    """The payment itself, or InvariantBroken: captured ≤ authorised + over-capture, refunded ≤ captured.

    What arrives by bank transfer is the customer's to decide: it may be more than was asked for.
    """
    if payment.method is not PaymentMethod.BANK_TRANSFER and payment.captured > payment.capturable_max:
        raise InvariantBroken(f"captured {payment.captured} of a hold of {payment.capturable_max}")
    if payment.refunded > payment.captured:
        raise InvariantBroken(f"refunded {payment.refunded} of {payment.captured} captured")
    return payment


class Part(Value):
    """So much of one payment, to be taken or given back."""

    payment: PaymentRef
    amount: Money


class Payments(Value):
    """All payments of one order: one per tender and per try, in the gateway's order."""

    currency: Currency
    payments: tuple[Payment, ...] = ()

    @property
    def authorised(self) -> Money:
        return self._sum("authorised")

    @property
    def held(self) -> Money:
        return self._sum("held")

    @property
    def captured(self) -> Money:
        return self._sum("captured")

    @property
    def refunded(self) -> Money:
        return self._sum("refunded")

    @property
    def disputed(self) -> Money:
        return self._sum("disputed")

    @property
    def kept(self) -> Money:
        """What was taken, and neither given back nor disputed."""
        return self._sum("kept")

    @property
    def secured(self) -> Money:
        """What is in hand or held for us: enough of it opens the rest of the order."""
        return self.held + self.kept

    @property
    def captures(self) -> tuple[Capture, ...]:
        return tuple(capture for payment in self.payments for capture in payment.captures)

    @property
    def disputes(self) -> tuple[Dispute, ...]:
        return tuple(dispute for payment in self.payments for dispute in payment.disputes)

    @property
    def in_dispute(self) -> bool:
        """Some of it a bank has not decided yet."""
        return any(dispute.state is DisputeState.OPEN for dispute in self.disputes)

    @property
    def refunds(self) -> tuple[Refund, ...]:
        return tuple(refund for payment in self.payments for refund in payment.refunds)

    @property
    def declined(self) -> bool:
        """The last try was declined, and nothing else is under way."""
        states = {payment.state for payment in self.payments}
        return PaymentState.DECLINED in states and PaymentState.PENDING not in states

    @property
    def charged_cards(self) -> Money:
        """What was taken of cards; a gift card is redeemed at the checkout, a transfer was sent by the customer."""
        cards = (p.kept for p in self.payments if p.method in {PaymentMethod.CARD, PaymentMethod.OTHER})
        return total(cards, self.currency)

    def captures_of(self, amount: Money) -> tuple[Part, ...]:
        """Which holds to take this amount from: beyond what is held only where that does not suffice.

        Refused when they do not hold as much: expired, say, or declined.
        """
        parts = self.capturable_of(amount)
        if (found := total((part.amount for part in parts), self.currency)) < amount:
            states = ", ".join(sorted({payment.state for payment in self.payments})) or "unknown"
            raise Refused(f"{amount} are to be captured, and only {found} are held (the payment is {states})")
        return parts

    def capturable_of(self, amount: Money) -> tuple[Part, ...]:
        """As much of this amount as may be captured, by the same rule; short where the holds are."""
        holds = self._gift_cards_first()
        most = ((p.reference, min(p.held, p.capturable)) for p in holds)
        held = {part.payment: part.amount for part in _parts(amount, most)}
        rest = amount - total(held.values(), self.currency)
        beyond = _parts(rest, ((p.reference, p.capturable - p.held) for p in holds))
        over = {part.payment: part.amount for part in beyond}
        zero = Money.zero(self.currency)
        taken = ((p.reference, held.get(p.reference, zero) + over.get(p.reference, zero)) for p in holds)
        return tuple(Part(payment=reference, amount=part) for reference, part in taken if part)

    def refunds_of(self, amount: Money) -> tuple[Part, ...]:
        """Which payments to give this amount back to. InvariantBroken when it is more than is kept of them."""
        kept = ((p.reference, p.kept) for p in reversed(self._gift_cards_first()))
        parts = tuple(_parts(amount, kept))
        if (found := total((part.amount for part in parts), self.currency)) < amount:
            raise InvariantBroken(f"{amount} are to be refunded, and only {found} were taken")
        return parts

    def with_capture(self, reference: PaymentRef, capture: Capture, *, final: bool) -> "Payments":
        """What the next look will tell, once this was taken. KeyError when there is no such payment."""
        before = self.of(reference)
        if capture.key in {known.key for known in before.captures}:
            return self
        taken = before.model_copy(update={"captures": (*before.captures, capture)})
        if final or not taken.held:
            taken = taken.model_copy(update={"state": PaymentState.CAPTURED})
        payments = tuple(taken if payment is before else payment for payment in self.payments)
        return self.model_copy(update={"payments": payments})

    def of(self, reference: PaymentRef) -> Payment:
        """KeyError when the gateway knows no such payment of the order."""
        for payment in self.payments:
            if payment.reference == reference:
                return payment
        raise KeyError(reference)

    def _gift_cards_first(self) -> list[Payment]:
        return sorted(self.payments, key=lambda payment: payment.method is not PaymentMethod.GIFT_CARD)

    def _sum(self, what: str) -> Money:
        return total((getattr(payment, what) for payment in self.payments), self.currency)


def _parts(amount: Money, available: Iterator[tuple[PaymentRef, Money]]) -> Iterator[Part]:
    left = amount
    for payment, most in available:
        if (part := min(left, most)) > Money.zero(amount.currency):
            yield Part(payment=payment, amount=part)
            left -= part
