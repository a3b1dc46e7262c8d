"""The payment planner: from what the gateway can do and what it holds, the cheapest legal way to what is needed.

In this order: capture less; over-capture; make the hold itself larger; a new hold by the stored credential, and then
void the old one; a pay-link; a person. Nothing happens here: a plan says what to do, in words that customer service can
read to the customer.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from domain.base import Value
from domain.ids import PaymentRef
from domain.money import Money, total
from domain.payments import Part, Payment, Payments, PaymentState


class Enough(Value):
    """What is held and taken covers it exactly."""

    kind: Literal["enough"] = "enough"


class CaptureLess(Value):
    """So much of what is held is never captured: the last capture, or a void, lets it go."""

    kind: Literal["capture_less"] = "capture_less"
    amount: Money


class GiveBack(Value):
    """So much of what was taken is refunded."""

    kind: Literal["give_back"] = "give_back"
    amount: Money


class OverCapture(Value):
    """So much is captured beyond the holds when goods ship, as the gateway allows; nothing is done before."""

    kind: Literal["over_capture"] = "over_capture"
    amount: Money


class Increment(Value):
    """The whole hold becomes `authorised`."""

    kind: Literal["increment"] = "increment"
    payment: PaymentRef
    authorised: Money


class NewHold(Value):
    """A hold by the stored credential of `like`; when it stands, `void` is let go. Declined: the old one still stands."""

    kind: Literal["new_hold"] = "new_hold"
    like: PaymentRef
    amount: Money
    void: PaymentRef | None = None


class AskByLink(Value):
    """The customer pays so much by themselves."""

    kind: Literal["ask_by_link"] = "ask_by_link"
    amount: Money


class AskPerson(Value):
    kind: Literal["ask_person"] = "ask_person"
    why: str


Step = Enough | CaptureLess | GiveBack | OverCapture | Increment | NewHold | AskByLink | AskPerson


class Plan(Value):
    """What to do, in order, and how customer service tells it."""

    steps: tuple[Step, ...]
    words: str


class Renewal(Value):
    """A hold that is let go soon, and how what is still needed of it stays secured."""

    payment: PaymentRef
    capture_before: datetime
    step: NewHold | AskByLink | AskPerson


class Take(Part):
    """One capture. `final`: nothing more will be needed of this hold, so the rest of it may go."""

    final: bool


class Taking(Value):
    """What of the money that is due is captured now, and from which holds.

    `first` are new holds that must stand before anything is captured, because these captures let the old holds go; where
    one is declined, ask again with `new_holds=False`. `waits` joins the next capture. `then` secures what these captures
    let go and no new hold could keep.
    """

    captures: tuple[Take, ...] = ()
    first: tuple[NewHold, ...] = ()
    waits: Money
    then: tuple[AskByLink | AskPerson, ...] = ()
    words: str


# -- what is secured against what is needed ------------------------------------------------------------------------


def plan(payments: Payments, secured_for: Money, *, now: datetime, renew_before: timedelta) -> Plan:
    """How to have `secured_for` in hand or held: all that was charged and all that is still to be charged.

    A hold that has run out holds nothing; one that will within `renew_before` is replaced rather than made larger.
    """
    live = [payment for payment in payments.payments if _is_live(payment, now)]
    held = total((_usable(payment) for payment in live), payments.currency)
    missing = secured_for - payments.kept - held
    if not missing:
        return Plan(steps=(Enough(),), words="The payment covers it; nothing changes for you.")
    if missing.minor < 0:
        return _less(-missing, held)
    over = total((payment.capturable - _usable(payment) for payment in live), payments.currency)
    if missing <= over:
        words = f"Your payment is charged {missing} more when the goods ship; there is nothing for you to do."
        return Plan(steps=(OverCapture(amount=missing),), words=words)
    for payment in _lasting(live, now, renew_before):
        if payment.capabilities.increment and not payment.captures:
            words = f"The amount reserved on your payment method goes up by {missing}."
            increment = Increment(payment=payment.reference, authorised=payment.authorised + missing)
            return Plan(steps=(increment,), words=words)
    return _secure_anew(payments, live, missing)


def _less(surplus: Money, held: Money) -> Plan:
    released = min(surplus, held)
    steps: list[Step] = [CaptureLess(amount=released)] if released else []
    words = [f"{released} less will be charged than was reserved."] if released else []
    if back := surplus - released:
        steps.append(GiveBack(amount=back))
        words.append(f"{back} will be refunded.")
    return Plan(steps=tuple(steps), words=" ".join(words))


def _secure_anew(payments: Payments, live: list[Payment], missing: Money) -> Plan:
    """By a new hold in place of the one that is too small, by the customer, or by a person."""
    zero = Money.zero(missing.currency)
    for payment in (*live, *(p for p in reversed(payments.payments) if p not in live)):
        held = _usable(payment) if payment in live else zero
        amount = held + missing
        if _can_hold_anew(payment) and not _too_small(payment, amount):
            step = NewHold(like=payment.reference, amount=amount, void=payment.reference if held else None)
            words = f"A new reservation of {amount} is made on your payment method"
            words += f"; the old one over {held} is let go then." if held else "."
            return Plan(
                steps=(step,), words=f"{words} For a short while you may see both." if held else words
            )
    return _ask(payments, missing)


def _ask(payments: Payments, missing: Money) -> Plan:
    step = _link_or_person(payments, missing)
    if isinstance(step, AskByLink):
        return Plan(steps=(step,), words=f"{missing} more are to be paid; we send you a link to do so.")
    return Plan(steps=(step,), words=f"{missing} more are to be paid; we will call you about how.")


def _link_or_person(payments: Payments, missing: Money) -> AskByLink | AskPerson:
    able = [payment for payment in payments.payments if payment.capabilities.pay_link]
    if any(not _too_small(payment, missing) for payment in able):
        return AskByLink(amount=missing)
    why = "it is below the gateway's minimum" if able else "the gateway cannot make a pay-link"
    return AskPerson(why=f"{missing} are missing; no stored credential gives a new hold, and {why}")


def _can_hold_anew(payment: Payment) -> bool:
    """A try that was declined or never came to anything left no credential that is worth trying."""
    return payment.capabilities.stored_credential and payment.state not in {
        PaymentState.DECLINED,
        PaymentState.PENDING,
    }


def _too_small(payment: Payment, amount: Money) -> bool:
    least = payment.capabilities.minimum
    return least is not None and amount < least


def _is_live(payment: Payment, now: datetime) -> bool:
    return payment.state is PaymentState.AUTHORISED and (
        payment.capture_before is None or payment.capture_before > now
    )


def _usable(payment: Payment) -> Money:
    """What is held, where it is as much as can be captured at all."""
    return min(payment.held, payment.capturable)


def _lasting(live: list[Payment], now: datetime, renew_before: timedelta) -> Iterator[Payment]:
    return (payment for payment in live if not _ends_soon(payment, now, renew_before))


def _ends_soon(payment: Payment, now: datetime, renew_before: timedelta) -> bool:
    return payment.capture_before is not None and payment.capture_before <= now + renew_before


# -- holds that run out ----------------------------------------------------------------------------------------


def renewals(
    payments: Payments, needed: Money, *, now: datetime, renew_before: timedelta
) -> tuple[Renewal, ...]:
    """Which holds run out within the margin though `needed` is still to be captured, and how each is renewed.

    `needed` is what is still to be charged and what was charged and waits. What other holds can give needs no renewal;
    one of which nothing is needed is left to run out.
    """
    held = [payment for payment in payments.payments if _usable(payment)]
    lasting = total((_usable(payment) for payment in _lasting(held, now, renew_before)), payments.currency)
    missing = max(needed - lasting, Money.zero(payments.currency))
    found = []
    for payment in held:
        end, amount = payment.capture_before, min(_usable(payment), missing)
        if end is not None and _ends_soon(payment, now, renew_before) and amount:
            missing -= amount
            step = _renewal(payments, payment, amount)
            found.append(Renewal(payment=payment.reference, capture_before=end, step=step))
    return tuple(found)


def _renewal(payments: Payments, payment: Payment, amount: Money) -> NewHold | AskByLink | AskPerson:
    if _can_hold_anew(payment) and not _too_small(payment, amount):
        return NewHold(like=payment.reference, amount=amount, void=payment.reference)
    return _link_or_person(payments, amount)


# -- when to capture -------------------------------------------------------------------------------------------


def capture_now(
    payments: Payments,
    due: Money,
    still_to_come: Money,
    *,
    now: datetime,
    renew_before: timedelta,
    new_holds: bool = True,
) -> Taking:
    """What to capture of the money that is `due`, when `still_to_come` is what later shipments will be charged.

    A hold that can be captured several times gives what is due. One that can be captured once gives it when nothing more
    will be needed of it; else now with a new hold for the rest where the stored credential allows (`new_holds`: none was
    declined), or else together with the last shipment, or when the hold is about to run out. Less than the gateway's
    minimum waits for the next capture. Refused when the holds do not give what is due.
    """
    needed = {part.payment: part.amount for part in payments.capturable_of(due + still_to_come)}
    parts = {part.payment: part for part in payments.captures_of(due)}
    zero = Money.zero(payments.currency)
    takings = []
    for part in parts.values():
        payment = payments.of(part.payment)
        more = needed[part.payment] - part.amount
        if not payment.capabilities.multicapture:
            untouched = (
                other.capturable - needed.get(other.reference, zero)
                for other in payments.payments
                if other.method is payment.method and other.reference not in parts
            )  # no shipment needs it: it is a new hold that stands already, say
            more -= min(more, total(untouched, payments.currency))
        soon = _ends_soon(payment, now, renew_before)
        takings.append(_take(payments, part, more, soon=soon, last=not still_to_come, new_holds=new_holds))
    return Taking(
        captures=tuple(take for taking in takings for take in taking.captures),
        first=tuple(hold for taking in takings for hold in taking.first),
        waits=total((taking.waits for taking in takings), payments.currency),
        then=tuple(step for taking in takings for step in taking.then),
        words=" ".join(taking.words for taking in takings) or "Nothing is due.",
    )


def _take(payments: Payments, part: Part, more: Money, *, soon: bool, last: bool, new_holds: bool) -> Taking:
    payment, amount, none = payments.of(part.payment), part.amount, Money.zero(part.amount.currency)
    if _too_small(payment, amount):
        words = f"{amount} are less than the gateway captures (at least {payment.capabilities.minimum})"
        if not last:
            return Taking(waits=amount, words=f"{words}; they join the next capture.")
        return Taking(
            waits=amount, then=(AskPerson(why=f"{words}, and no other capture follows"),), words=f"{words}."
        )
    now = (Take(payment=part.payment, amount=amount, final=not more),)
    if payment.capabilities.multicapture or not more:
        return Taking(captures=now, waits=none, words=f"{amount} are captured.")
    now = (Take(payment=part.payment, amount=amount, final=True),)
    if new_holds and _can_hold_anew(payment) and not _too_small(payment, more):
        words = f"{amount} are captured; the hold can be captured once only, so {more} are held anew before."
        return Taking(captures=now, first=(NewHold(like=part.payment, amount=more),), waits=none, words=words)
    if soon:
        words = f"{amount} are captured because the hold runs out; {more} are to be secured in another way."
        return Taking(captures=now, waits=none, then=(_link_or_person(payments, more),), words=words)
    words = f"{amount} wait for the last shipment, because the hold can be captured once only."
    return Taking(waits=amount, words=words)
