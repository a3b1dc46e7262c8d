from datetime import timedelta
from decimal import Decimal

from fastapi import APIRouter

from adapters.connector.protocol.common import Changes, Done, Money, OrderId
from adapters.connector.protocol.payments import (
    Authorised,
    Capabilities,
    Capture,
    CaptureAnswer,
    Captured,
    Declined,
    Dispute,
    DisputeState,
    GiveRefund,
    HoldAnswer,
    IncrementHold,
    OfferPayLink,
    PayLink,
    Payment,
    Payments,
    PaymentState,
    PaymentTold,
    Refund,
    RefundAnswer,
    Refunded,
    RefundState,
    TakeCapture,
    TakeHold,
)
from adapters.simulated.desk import effect, read
from adapters.simulated.ledger import GivenBack, Movement, PayLinkRecord, PaymentRecord, PaymentScript
from adapters.simulated.sums import decimal, money, summed
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/payments")

HOLD_DAYS = 7


@read(router)
def look_up(world: World, order_id: OrderId, reference: str | None = None) -> Payments:  # noqa: ARG001  every payment here bears its order's id
    """Every payment of this order, oldest first; an empty list where none is known yet.

    `reference` is the gateway's own id of one of them, for a gateway that cannot find it by the order.
    """
    known = world.state.of_order(PaymentRecord, order_id)
    return Payments(payments=tuple(_told(_as_of_now(world, payment)) for payment in known))


@read(router)
def changes(world: World, since: str | None = None) -> Changes | None:
    """Orders whose payments moved on since the cursor; from the beginning without one."""
    return world.changes("payments", since)


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
        disputes=tuple(
            Dispute(reference=d.reference, capture=d.capture, amount=d.amount, state=d.state)
            for d in payment.disputes
        ),
        capture_before=payment.capture_before,
        capabilities=Capabilities(
            **{name: getattr(payment, name) for name in Capabilities.model_fields},
        ),
    )


@effect(router, once=True)
def capture(world: World, told: TakeCapture, key: str) -> CaptureAnswer:
    """Take `amount` of the hold, once per key. `final` releases the rest; without multicapture every capture is.

    Declined: more than the hold or the declared over-capture, less than the declared minimum.
    """
    payment = _payment(world, told.payment, told.amount)
    if payment.state is not PaymentState.AUTHORISED:
        return Declined(reason=_WHY_NOT[payment.state])
    if payment.minimum and decimal(told.amount) < decimal(payment.minimum):
        return Declined(reason="amount_too_small")
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
def increment(world: World, told: IncrementHold, key: str) -> HoldAnswer:
    """Ensure that the whole hold is `authorised`, which is more than before. The payment keeps its reference."""
    payment = _payment(world, told.payment, told.authorised)
    if payment.state is PaymentState.AUTHORISED and payment.authorised == told.authorised:
        return Authorised(payment=_told(payment))
    if payment.state is not PaymentState.AUTHORISED:
        return Declined(reason=_WHY_NOT[payment.state])
    if not payment.increment:
        return Declined(reason="increment_not_available")
    more = decimal(told.authorised) - decimal(payment.authorised)
    if more < 0:
        return Declined(reason="increment_only_upwards")
    if reason := _script(world, payment).decline_holds:
        return Declined(reason=reason)
    payment.authorised = told.authorised
    if payment.over_capture:
        payment.over_capture = money(decimal(payment.over_capture) + more, payment.over_capture)
    payment.increments.append(_movement(world, "inc", key, told.authorised))
    world.state.save(payment, payment.reference)
    return Authorised(payment=_told(payment))


@effect(router, once=True)
def hold(world: World, told: TakeHold, key: str) -> HoldAnswer:
    """A new hold by the stored credential of the payment `like`, without the shopper, once per key.

    `like` stays as it is.
    """
    like = _payment(world, told.like, told.amount)
    if not like.stored_credential:
        return Declined(reason="no_stored_credential")
    if reason := _script(world, like).decline_holds:
        return Declined(reason=reason)
    made = open_payment(world, like, told.amount)
    made.like, made.made_by = like.reference, key
    world.state.save(made, made.reference)
    return Authorised(payment=_told(made))


@effect(router, once=True)
def pay_link(world: World, told: OfferPayLink, key: str) -> PayLink:
    """Ensure there is a page where the customer can pay `amount` more for this order.

    A former page that was for another amount is closed, for nobody is to pay twice.

    Refused where no payment of the order says that this can be done.
    """
    able = next((p for p in world.state.of_order(PaymentRecord, told.order_id) if p.pay_link), None)
    if able is None:
        raise Refusal("pay_link_not_available", "this order cannot be paid by link", field="order_id")
    check_money(able, told.amount)
    for former in world.state.of_order(PayLinkRecord, told.order_id):
        if former.payment is None and not former.closed:
            if former.amount == told.amount:
                return PayLink(reference=former.reference, url=former.url, amount=former.amount)
            former.closed = True
            world.state.save(former, former.reference)
    mark = world.state.mark()
    reference = f"link_{mark.seq}"
    link = PayLinkRecord(
        reference=reference,
        order_id=told.order_id,
        amount=told.amount,
        url=f"https://gateway.example/pay/{reference}",
        key=key,
        mark=mark,
    )
    world.state.save(link, reference)
    return PayLink(reference=reference, url=link.url, amount=link.amount)


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
    """Give back `amount` of what was captured, once per key. What failed to arrive may be given back again.

    Disputed money is with the customer's bank, and cannot be given back: declined.
    """
    payment = _payment(world, told.payment, told.amount)
    left = kept(payment)
    if decimal(told.amount) > left:
        return Declined(reason="refund_exceeds_captured")
    if decimal(told.amount) > left - disputed(payment):
        return Declined(reason="charge_disputed")
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


def kept(payment: PaymentRecord) -> Decimal:
    """What was captured and not given back. What is disputed is not taken off."""
    alive = (m.amount for m in payment.refunds if m.state is not RefundState.FAILED)
    return summed(m.amount for m in payment.captures) - summed(alive)


def disputed(payment: PaymentRecord) -> Decimal:
    """What the customer's bank took back, for now or for ever."""
    return summed(d.amount for d in payment.disputes if d.state is not DisputeState.WON)


def open_payment(world: World, like: PaymentRecord, amount: Money) -> PaymentRecord:
    """One more hold of the same order, with what the gateway can do for `like`. Not saved yet."""
    mark = world.state.mark()
    return PaymentRecord(
        reference=f"pay_{mark.seq}",
        order_id=like.order_id,
        method=like.method,
        state=PaymentState.AUTHORISED,
        authorised=amount,
        multicapture=like.multicapture,
        increment=like.increment,
        stored_credential=like.stored_credential,
        pay_link=like.pay_link,
        minimum=like.minimum,
        capture_before=mark.at + timedelta(days=HOLD_DAYS),
        opened=mark,
    )


def expire(world: World, payment: PaymentRecord) -> None:
    """The hold is let go."""
    payment.voids.append(_movement(world, "void", "expired", held(payment)))
    payment.state = PaymentState.CAPTURED if payment.captures else PaymentState.VOIDED
    world.state.save(payment, payment.reference)


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
        expire(world, payment)
    return payment
