from decimal import Decimal

from fastapi import APIRouter

from adapters.connector.protocol import (
    Capabilities,
    Capture,
    CaptureAnswer,
    Captured,
    Declined,
    Done,
    GiveRefund,
    Money,
    OrderId,
    Payment,
    PaymentState,
    PaymentTold,
    Refund,
    RefundAnswer,
    Refunded,
    TakeCapture,
)
from adapters.simulated.desk import effect, read
from adapters.simulated.records import Movement, PaymentRecord
from adapters.simulated.sums import decimal, money, summed
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/payments")


@read(router)
def look_up(world: World, order_id: OrderId, reference: str | None = None) -> Payment | None:
    """The payment of this order: by the gateway's reference, or by the order's id where none is given."""
    reference = reference or world.state.linked("payment", order_id)
    payment = _current(world, reference) if reference else None
    if payment is None or payment.order_id != order_id:
        return None
    return Payment(
        reference=payment.reference,
        state=payment.state,
        currency=payment.authorised.currency,
        authorised=payment.authorised,
        captures=tuple(Capture(key=m.key, reference=m.reference, amount=m.amount) for m in payment.captures),
        refunds=tuple(Refund(key=m.key, reference=m.reference, amount=m.amount) for m in payment.refunds),
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
    taken = _movement(world, "cap", key, told.amount)
    payment.captures.append(taken)
    if told.final or not _held(payment):
        payment.state = PaymentState.CAPTURED
    world.state.save(payment, payment.reference)
    return Captured(capture=Capture(key=key, reference=taken.reference, amount=taken.amount))


@effect(router)
def void(world: World, told: PaymentTold, key: str) -> Done:
    """Ensure no hold is left. One that is gone or never was is as good; captured money stays captured."""
    payment = _current(world, told.payment)
    if payment is not None and payment.state in (PaymentState.AUTHORISED, PaymentState.PENDING):
        released = money(_held(payment), payment.authorised)
        payment.voids.append(_movement(world, "void", key, released))
        payment.state = PaymentState.CAPTURED if payment.captures else PaymentState.VOIDED
        world.state.save(payment, payment.reference)
    return Done()


@effect(router, once=True)
def refund(world: World, told: GiveRefund, key: str) -> RefundAnswer:
    """Give back `amount` of what was captured, once per key."""
    payment = _payment(world, told.payment, told.amount)
    left = summed(m.amount for m in payment.captures) - summed(m.amount for m in payment.refunds)
    if decimal(told.amount) > left:
        return Declined(reason="refund_exceeds_captured")
    given = _movement(world, "ref", key, told.amount)
    payment.refunds.append(given)
    world.state.save(payment, payment.reference)
    return Refunded(refund=Refund(key=key, reference=given.reference, amount=given.amount))


_WHY_NOT = {
    PaymentState.PENDING: "not_authorised",
    PaymentState.CAPTURED: "already_captured",
    PaymentState.VOIDED: "hold_is_gone",
    PaymentState.DECLINED: "payment_declined",
}


def _held(payment: PaymentRecord) -> Decimal:
    return max(Decimal(0), decimal(payment.authorised) - summed(m.amount for m in payment.captures))


def _movement(world: World, prefix: str, key: str, amount: Money) -> Movement:
    mark = world.state.mark()
    return Movement(key=key, reference=f"{prefix}_{mark.seq}", amount=amount, mark=mark)


def _payment(world: World, reference: str, amount: Money | None = None) -> PaymentRecord:
    payment = _current(world, reference)
    if payment is None:
        raise Refusal("unknown_payment", "there is no such payment", field="payment")
    if amount is not None:
        if amount.currency != payment.authorised.currency:
            raise Refusal("wrong_currency", "the payment is in another currency", field="amount.currency")
        if decimal(amount) <= 0:
            raise Refusal("invalid_amount", "an amount above zero is needed", field="amount.amount")
    return payment


def _current(world: World, reference: str) -> PaymentRecord | None:
    """The payment as of now: a hold that was not taken in time is gone."""
    payment = world.state.load(PaymentRecord, reference)
    if payment is None or payment.state is not PaymentState.AUTHORISED or payment.capture_before is None:
        return payment
    if world.state.clock() > payment.capture_before:
        payment.voids.append(_movement(world, "void", "expired", money(_held(payment), payment.authorised)))
        payment.state = PaymentState.CAPTURED if payment.captures else PaymentState.VOIDED
        world.state.save(payment, reference)
    return payment
