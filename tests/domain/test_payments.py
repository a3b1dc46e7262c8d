"""The payment position, alone and in step with the ledger."""

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from domain.errors import InvariantBroken
from domain.ids import LineId, PaymentRef
from domain.keys import Key
from domain.ledger import Entry, EntryKind, Ledger, Part, Share
from domain.money import Money
from domain.payments import (
    Capabilities,
    Capture,
    Dispute,
    DisputeState,
    Payment,
    PaymentState,
    Refund,
    check,
)
from tests.domain.amounts import eur

HOLD = Payment(
    reference=PaymentRef("pi_1"), state=PaymentState.AUTHORISED, currency="EUR", authorised=eur(5000)
)


def captures(*minors: int) -> tuple[Capture, ...]:
    return tuple(Capture(key=Key(f"c{n}"), reference="ch", amount=eur(m)) for n, m in enumerate(minors))


def refunds(*minors: int) -> tuple[Refund, ...]:
    return tuple(Refund(key=Key(f"r{n}"), reference="re", amount=eur(m)) for n, m in enumerate(minors))


def changed(**facts: object) -> Payment:
    return Payment.model_validate({**dict(HOLD), **facts})


def test_what_is_held_is_what_is_left_of_the_hold() -> None:
    assert HOLD.held == eur(5000)
    assert changed(captures=captures(2000, 500)).held == eur(2500)


@pytest.mark.parametrize("state", sorted(set(PaymentState) - {PaymentState.AUTHORISED}))
def test_only_a_standing_hold_holds_anything(state: PaymentState) -> None:
    assert changed(state=state).held == eur(0)


@pytest.mark.parametrize(
    ("state", "kept"), [(DisputeState.OPEN, 2000), (DisputeState.LOST, 2000), (DisputeState.WON, 5000)]
)
def test_disputed_money_is_not_kept_unless_the_dispute_was_won(state: DisputeState, kept: int) -> None:
    dispute = Dispute(reference="dp", capture="ch", amount=eur(3000), state=state)
    payment = changed(captures=captures(5000), disputes=(dispute,))
    assert (payment.kept, payment.disputed) == (eur(kept), eur(5000 - kept))


def test_what_is_disputed_after_its_refund_is_gone_twice() -> None:
    dispute = Dispute(reference="dp", capture="ch", amount=eur(5000))
    payment = changed(captures=captures(5000), refunds=refunds(5000), disputes=(dispute,))
    assert payment.kept == eur(-5000)


def test_beyond_the_hold_only_what_the_gateway_declared_may_be_captured() -> None:
    assert changed(captures=captures(2000)).capturable == eur(3000)
    able = Capabilities(over_capture=eur(5500))
    assert changed(captures=captures(2000), capabilities=able).capturable == eur(3500)
    assert changed(capabilities=able, state=PaymentState.VOIDED).capturable == eur(0)


def test_a_hold_with_less_than_the_gateway_captures_gives_nothing() -> None:
    able = Capabilities(minimum=eur(50))
    assert changed(captures=captures(4950), capabilities=able).capturable == eur(50)
    assert changed(captures=captures(4951), capabilities=able).capturable == eur(0)


def test_what_was_captured_beyond_the_hold_leaves_nothing_held() -> None:
    able = Capabilities(over_capture=eur(5500))
    assert changed(captures=captures(5200), capabilities=able).held == eur(0)


def test_a_sound_payment_is_passed_on() -> None:
    sound = changed(captures=captures(5000), refunds=refunds(5000))
    assert check(sound) is sound


def test_more_captured_than_the_hold_breaks_the_invariant() -> None:
    with pytest.raises(InvariantBroken, match="captured"):
        check(changed(captures=captures(3000, 2001)))


def test_over_capture_is_sound_up_to_what_the_gateway_declared() -> None:
    able = Capabilities(over_capture=eur(5500))
    assert check(changed(captures=captures(5500), capabilities=able)).captured == eur(5500)
    with pytest.raises(InvariantBroken):
        check(changed(captures=captures(5501), capabilities=able))


def test_more_refunded_than_captured_breaks_the_invariant() -> None:
    with pytest.raises(InvariantBroken, match="refunded"):
        check(changed(captures=captures(3000), refunds=refunds(2000, 1001)))


@pytest.mark.parametrize("field", ["authorised", "captures", "refunds", "disputes"])
def test_a_payment_is_in_one_currency(field: str) -> None:
    dollars = Money(minor=1, currency="USD")
    other = {
        "authorised": dollars,
        "captures": (Capture(key=Key("c"), reference="ch", amount=dollars),),
        "refunds": (Refund(key=Key("r"), reference="re", amount=dollars),),
        "disputes": (Dispute(reference="dp", capture="ch", amount=dollars),),
    }[field]
    with pytest.raises(ValidationError, match="other currencies"):
        changed(**{field: other})


class PaidOrder(RuleBasedStateMachine):
    """One order of 50.00 under one hold: whatever is tried in whatever order, the books agree at rest."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = HOLD
        self.ledger = Ledger(currency="EUR", order_total=eur(5000))
        self.numbers = itertools.count()
        self.last: Entry | None = None

    def move(self, payment: Payment, kind: EntryKind, amount: Money, key: Key) -> None:
        """As the order does: nothing is kept unless both books take it."""
        share = Share(line_id=LineId("1"), part=Part.GOODS, amount=amount)
        entry = Entry(key=key, kind=kind, amount=amount, shares=(share,))
        self.payment, self.ledger, self.last = check(payment), self.ledger.with_entry(entry), entry

    @precondition(lambda self: self.payment.held)
    @rule(minor=st.integers(1, 7000))
    def capture(self, minor: int) -> None:
        before = self.payment
        key = Key(f"c{next(self.numbers)}")
        taken = (*before.captures, Capture(key=key, reference="ch", amount=eur(minor)))
        wanted = before.model_copy(update={"captures": taken})
        if eur(minor) > before.held:
            with pytest.raises(InvariantBroken):
                self.move(wanted, EntryKind.CHARGE, eur(minor), key)
            return
        self.move(wanted, EntryKind.CHARGE, eur(minor), key)
        assert self.payment.held == before.held - eur(minor)

    @rule(minor=st.integers(1, 7000))
    def refund(self, minor: int) -> None:
        before = self.payment
        key = Key(f"r{next(self.numbers)}")
        given = (*before.refunds, Refund(key=key, reference="re", amount=eur(minor)))
        wanted = before.model_copy(update={"refunds": given})
        if eur(minor) > before.captured - before.refunded:
            with pytest.raises(InvariantBroken):
                self.move(wanted, EntryKind.CREDIT, eur(minor), key)
            return
        self.move(wanted, EntryKind.CREDIT, eur(minor), key)

    @rule()
    def void(self) -> None:
        state = PaymentState.CAPTURED if self.payment.captured else PaymentState.VOIDED
        self.payment = check(self.payment.model_copy(update={"state": state}))
        assert not self.payment.held

    @precondition(lambda self: self.last)
    @rule()
    def repeat_the_last_entry(self) -> None:
        assert self.last is not None
        assert self.ledger.with_entry(self.last) == self.ledger

    @invariant()
    def the_books_agree(self) -> None:
        assert self.payment.captured - self.payment.refunded == self.ledger.balance
        assert eur(0) <= self.payment.refunded <= self.payment.captured <= self.payment.authorised
        assert self.payment.held >= eur(0)


TestPaidOrder = PaidOrder.TestCase
