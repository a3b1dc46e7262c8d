"""What Stripe tells of a payment, as a `Payment`.

Stripe keeps the sum of what was captured, not by which of our keys. So each capture is announced in the payment
intent's metadata before it is made (`ordersaga_capture_1: "3210 order:shop:17/capture/s1"`), and an announcement
counts as far as the captured sum covers it. Money that was moved by someone else bears its Stripe id as its key.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from adapters.stripe.amounts import from_stripe, to_stripe
from adapters.stripe.minimums import minimum
from domain.ids import PaymentRef
from domain.keys import Key
from domain.money import Money
from domain.payments import (
    Capabilities,
    Capture,
    Dispute,
    DisputeState,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
)

ORDER_ID = "order_id"  # in the metadata of the payment intent; the shop's checkout writes it
KEY = "ordersaga_key"  # in the metadata of a refund
_CAPTURE = "ordersaga_capture_"  # and a number; in the metadata of the payment intent

_STATES = {
    "requires_payment_method": PaymentState.PENDING,
    "requires_confirmation": PaymentState.PENDING,
    "requires_action": PaymentState.PENDING,
    "processing": PaymentState.PENDING,
    "requires_capture": PaymentState.AUTHORISED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.VOIDED,
}

_REFUND_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
# An appeal fights for money that was lost.
_DISPUTE_STATES = {
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "appeal_under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
_NO_DISPUTE = frozenset({
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "prevented",
})  # fmt: skip
# What customers send by bank lands on their balance at Stripe, and pays from there.
_METHODS = {"card": PaymentMethod.CARD, "customer_balance": PaymentMethod.BANK_TRANSFER}


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Ability(_Wire):
    status: str
    maximum_amount_capturable: int | None = None

    @property
    def available(self) -> bool:
        return self.status == "available"


class _Card(_Wire):
    amount_authorized: int | None = None
    capture_before: datetime | None = None
    multicapture: _Ability | None = None
    overcapture: _Ability | None = None
    incremental_authorization: _Ability | None = None


class _PaymentMethodDetails(_Wire):
    type: str | None = None
    card: _Card | None = None


class Charge(_Wire):
    id: str
    amount: int
    captured: bool = False
    disputed: bool = False
    amount_captured: int | None = None
    payment_method_details: _PaymentMethodDetails | None = None

    @property
    def card(self) -> _Card:
        details = self.payment_method_details
        return details.card if details and details.card else _Card()


class Intent(_Wire):
    """A payment intent with its `latest_charge` expanded."""

    id: str
    status: str
    currency: str
    created: int
    amount: int
    payment_method_types: tuple[str, ...] = ()
    amount_received: int | None = None
    cancellation_reason: str | None = None
    last_payment_error: Mapping[str, Any] | None = None
    customer: str | None = None
    payment_method: str | None = None
    setup_future_usage: str | None = None
    metadata: Mapping[str, str] = {}
    latest_charge: Charge | None = None

    @property
    def may_have_refunds(self) -> bool:
        return bool(self.amount_received or (self.latest_charge and self.latest_charge.captured))

    @property
    def order(self) -> str | None:
        return self.metadata.get(ORDER_ID)

    @property
    def keeps_the_card(self) -> bool:
        """The shopper agreed that it is charged without them. The new payment must be found by the order's own id."""
        agreed = self.setup_future_usage == "off_session" and self.customer and self.payment_method
        return bool(agreed) and (self.order or "").startswith("order:")


class StripeDispute(_Wire):
    id: str
    charge: str
    amount: int
    status: str


class StripeRefund(_Wire):
    id: str
    amount: int
    created: int
    status: str
    payment_intent: str | None = None
    metadata: Mapping[str, str] | None = None

    @property
    def key(self) -> str | None:
        return (self.metadata or {}).get(KEY)

    @property
    def state(self) -> RefundState:
        return refund_state(self.id, self.status)


def refund_state(reference: str, status: str) -> RefundState:
    """ValueError: a status that Stripe does not document."""
    if (state := _REFUND_STATES.get(status)) is None:
        raise ValueError(f"refund {reference}: unknown status {status!r}")
    return state


def parse(
    intent: Intent, refunds: tuple[StripeRefund, ...], disputes: tuple[StripeDispute, ...] = ()
) -> Payment:
    """The payment. ValueError: a status, currency or amount that Stripe does not document."""
    currency = intent.currency.upper()
    received = _received(intent, refunds)
    return Payment(
        reference=PaymentRef(intent.id),
        method=_method(intent),
        state=_state(intent, received),
        currency=currency,
        authorised=_authorised(intent),
        captures=_captures(intent, received),
        refunds=tuple(
            Refund(
                key=Key(refund.key or f"stripe/{refund.id}"),
                reference=refund.id,
                amount=from_stripe(refund.amount, currency),
                state=refund.state,
            )
            for refund in _of_captured_money(intent, refunds, received)
        ),
        disputes=tuple(_disputes(disputes, currency)),
        capture_before=intent.latest_charge.card.capture_before if intent.latest_charge else None,
        capabilities=_capabilities(intent, received),
    )


def announcement(payment: Payment, key: Key, amount: Money) -> dict[str, str]:
    """The metadata that announces the next capture, in the place of one that was announced and never made."""
    number = 1 + sum(1 for capture in payment.captures if not capture.key.startswith("stripe/"))
    return {f"{_CAPTURE}{number}": f"{to_stripe(amount)} {key}"}


def _state(intent: Intent, received: int) -> PaymentState:
    state = _STATES.get(intent.status)
    if state is None:
        raise ValueError(f"payment intent {intent.id}: unknown status {intent.status!r}")
    if state is PaymentState.VOIDED and received:
        return PaymentState.CAPTURED
    if intent.status == "requires_payment_method" and intent.last_payment_error:
        return PaymentState.DECLINED
    return state


def _method(intent: Intent) -> PaymentMethod:
    """What it was paid with, or is to be where the shopper has no choice."""
    details = intent.latest_charge.payment_method_details if intent.latest_charge else None
    kinds = (details.type,) if details else intent.payment_method_types
    return _METHODS.get(kinds[0] or "", PaymentMethod.OTHER) if len(kinds) == 1 else PaymentMethod.OTHER


def _authorised(intent: Intent) -> Money:
    """What the bank granted: nothing before the charge stands. A later pay attempt does not change a former grant.

    Of a bank transfer, what was asked for.
    """
    charge = intent.latest_charge
    if _method(intent) is PaymentMethod.BANK_TRANSFER:
        return from_stripe(intent.amount, intent.currency)
    if charge is None or _STATES.get(intent.status) is PaymentState.PENDING:
        return Money.zero(intent.currency.upper())
    granted = charge.card.amount_authorized
    return from_stripe(charge.amount if granted is None else granted, intent.currency)


def _received(intent: Intent, refunds: tuple[StripeRefund, ...]) -> int:
    """All that was captured, in Stripe's units."""
    charge = intent.latest_charge
    if intent.amount_received is not None:
        return intent.amount_received
    if charge is None or not charge.captured:
        return 0
    if charge.amount_captured is not None:
        return charge.amount_captured
    # localstripe tells neither; what it released shows as a refund of the charge that names no payment intent.
    return charge.amount - sum(refund.amount for refund in refunds if refund.payment_intent is None)


def _captures(intent: Intent, received: int) -> tuple[Capture, ...]:
    charge = intent.latest_charge
    if charge is None or not received:
        return ()
    captures = []
    left = received
    number = 1
    while announced := intent.metadata.get(f"{_CAPTURE}{number}"):
        units, _, key = announced.partition(" ")
        if int(units) > left:
            break
        captures.append((Key(key), int(units)))
        left -= int(units)
        number += 1
    if left:
        captures.append((Key(f"stripe/{charge.id}"), left))
    return tuple(
        Capture(key=key, reference=charge.id, amount=from_stripe(units, intent.currency))
        for key, units in captures
    )


def _of_captured_money(
    intent: Intent, refunds: tuple[StripeRefund, ...], received: int
) -> list[StripeRefund]:
    """The refunds of captured money, oldest first.

    Stripe shows what the last capture released as a refund as well: the oldest that is not ours, did not fail, and has
    exactly that amount.
    """
    ordered = sorted(refunds, key=lambda refund: refund.created)
    charge = intent.latest_charge
    released = charge.amount - received if charge and received and intent.status != "requires_capture" else 0
    for refund in ordered:
        alive = refund.key is None and refund.state is not RefundState.FAILED
        if released > 0 and alive and refund.amount == released:
            return [other for other in ordered if other is not refund]
    return ordered


def _disputes(disputes: tuple[StripeDispute, ...], currency: str) -> Iterator[Dispute]:
    """Those that took money. An inquiry takes none, and one that was prevented ended as a refund."""
    for dispute in disputes:
        if dispute.status in _NO_DISPUTE:
            continue
        if (state := _DISPUTE_STATES.get(dispute.status)) is None:
            raise ValueError(f"dispute {dispute.id}: unknown status {dispute.status!r}")
        amount = from_stripe(dispute.amount, currency)
        yield Dispute(reference=dispute.id, capture=dispute.charge, amount=amount, state=state)


def _capabilities(intent: Intent, received: int) -> Capabilities:
    """A hold grows only until something was captured of it (docs.stripe.com/payments/multicapture)."""
    if intent.latest_charge is None:
        return Capabilities()
    card = intent.latest_charge.card
    most = card.overcapture.maximum_amount_capturable if card.overcapture else None
    over = card.overcapture is not None and card.overcapture.available and most is not None
    return Capabilities(
        multicapture=card.multicapture is not None and card.multicapture.available,
        over_capture=from_stripe(most, intent.currency) if over and most is not None else None,
        increment=card.incremental_authorization is not None
        and card.incremental_authorization.available
        and not received,
        stored_credential=intent.keeps_the_card,
        minimum=minimum(intent.currency.upper()),
    )
