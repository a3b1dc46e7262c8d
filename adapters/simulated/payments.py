from decimal import Decimal

from fastapi import APIRouter

from adapters.connector.protocol.common import Done, Money, OrderId
from adapters.connector.protocol.payments import (
    Capabilities,
    Capture,
    CaptureAnswer,
    Captured,
    Declined,
    GiveRefund,
    Payment,
    Payments,
    PaymentState,
    PaymentTold,
    Refund,
    RefundAnswer,
    Refunded,
    RefundState,
    TakeCapture,
)
from adapters.simulated.desk import effect, read
from adapters.simulated.ledger import GivenBack, Movement, PaymentRecord, PaymentScript
from adapters.simulated.sums import decimal, money, summed
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/payments")


@read(router)
def look_up(world: World, order_id: OrderId, reference: str | None = None) -> Payments:  # noqa: ARG001  every payment here bears its order's id
    """Every payment of this order, oldest first; an empty list where none is known yet.

    `reference` is the gateway's own id of one of them, for a gateway that cannot find it by the order.
    """
    known = world.state.of_order(PaymentRecord, order_id)
    return Payments(payments=tuple(_told(_as_of_now(world, payment)) for payment in known))


def _told(payment: PaymentRecord) -> Payment:
    return Payment(
        reference=payment.reference,
        method=payment.method,
        state=payment.state,
        currency=payment.authorised.currency,
        authorised=payment.authorised,
        captures=tuple(Capture(key=m.key, reference=m.reference, amount=m.amount) for m in payment.captures),
        refunds=tuple(
            Refund(key=m.key, reference=m.reference, amount=m.amount, state=m.state) for m in payment.refunds
        ),
        capture_before=payment.capture_before,
        capabilities=Capabilities(multicapture=payment.multicapture, over_capture=payment.over_capture),
    )


@effect(router, once=True)
def capture(world: World, told: TakeCapture, key: str) -> CaptureAnswer:
    """Take `amount` of the hold, once per key. `final` releases the rest; without multicapture every capture is."""
    payment = _payment(world, told.payment, told.amount)
    if payment.state is not PaymentState.AUTHORISED:
        return Declined(reason=_WHY_NOT[payment.state])
    limit = decimal(payment.over_capture or payment.authorised)
    if summed(m.amount for m in payment.captures) + decimal(told.amount) > limit:
        return Declined(reason="amount_too_large")
    if not told.final and not payment.multicapture:
        return Declined(reason="multicapture_not_available")
    if reason := _script(world, payment).decline_captures:
        return Declined(reason=reason)
    taken = _movement(world, "cap", key, told.amount)
    payment.captures.append(taken)
    if told.final or not _left(payment):
        payment.state = PaymentState.CAPTURED
    world.state.save(payment, payment.reference)
    return Captured(capture=Capture(key=key, reference=taken.reference, amount=taken.amount))


@effect(router)
def void(world: World, told: PaymentTold, key: str) -> Done:
    """Ensure no hold is left and a pending payment comes to nothing.

    One that is gone or never was is as good; captured money stays captured.
    """
    payment = _current(world, told.payment)
    if payment is not None and payment.state in (PaymentState.AUTHORISED, PaymentState.PENDING):
        payment.voids.append(_movement(world, "void", key, held(payment)))
        payment.state = PaymentState.CAPTURED if payment.captures else PaymentState.VOIDED
        world.state.save(payment, payment.reference)
    return Done()


@effect(router, once=True)
def refund(world: World, told: GiveRefund, key: str) -> RefundAnswer:
    """Give back `amount` of what was captured, once per key. What failed to arrive may be given back again."""
    payment = _payment(world, told.payment, told.amount)
    alive = (m.amount for m in payment.refunds if m.state is not RefundState.FAILED)
    if decimal(told.amount) > summed(m.amount for m in payment.captures) - summed(alive):
        return Declined(reason="refund_exceeds_captured")
    state = _script(world, payment).refunds
    given = GivenBack(**dict(_movement(world, "ref", key, told.amount)), state=state)
    payment.refunds.append(given)
    world.state.save(payment, payment.reference)
    return Refunded(refund=Refund(key=key, reference=given.reference, amount=given.amount, state=state))


_WHY_NOT = {
    PaymentState.PENDING: "not_authorised",
    PaymentState.CAPTURED: "already_captured",
    PaymentState.VOIDED: "hold_is_gone",
    PaymentState.DECLINED: "payment_declined",
}


def held(payment: PaymentRecord) -> Money:
    """What is not captured of the hold; of a transfer, what has not arrived of what was asked for."""
    return money(_left(payment), payment.authorised)


def check_money(payment: PaymentRecord, amount: Money) -> None:
    if amount.currency != payment.authorised.currency:
        raise Refusal("wrong_currency", "the payment is in another currency", field="amount.currency")
    if decimal(amount) <= 0:
        raise Refusal("invalid_amount", "an amount above zero is needed", field="amount.amount")


def _left(payment: PaymentRecord) -> Decimal:
    return max(Decimal(0), decimal(payment.authorised) - summed(m.amount for m in payment.captures))


def _script(world: World, payment: PaymentRecord) -> PaymentScript:
    order = payment.order_id
    return world.state.load(PaymentScript, order) or PaymentScript(order_id=order)


def _movement(world: World, prefix: str, key: str, amount: Money) -> Movement:
    mark = world.state.mark()
    return Movement(key=key, reference=f"{prefix}_{mark.seq}", amount=amount, mark=mark)


def _payment(world: World, reference: str, amount: Money) -> PaymentRecord:
    payment = _current(world, reference)
    if payment is None:
        raise Refusal("unknown_payment", "there is no such payment", field="payment")
    check_money(payment, amount)
    return payment


def _current(world: World, reference: str) -> PaymentRecord | None:
    payment = world.state.load(PaymentRecord, reference)
    return _as_of_now(world, payment) if payment else None


def _as_of_now(world: World, payment: PaymentRecord) -> PaymentRecord:
    """A hold that was not taken in time is gone."""
    if payment.state is not PaymentState.AUTHORISED or payment.capture_before is None:
        return payment
    if world.state.clock() > payment.capture_before:
        payment.voids.append(_movement(world, "void", "expired", held(payment)))
        payment.state = PaymentState.CAPTURED if payment.captures else PaymentState.VOIDED
        world.state.save(payment, payment.reference)
    return payment
