"""Several payments of one order: the rule of order, and sums to the cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvariantBroken, Refused
from domain.ids import PaymentRef
from domain.keys import Key
from domain.money import Money, total
from domain.payments import (
    Capabilities,
    Capture,
    Dispute,
    Part,
    Payment,
    PaymentMethod,
    Payments,
    PaymentState,
    Refund,
    RefundState,
)
from tests.domain.amounts import eur


def payment(
    name: str, held: int, taken: int = 0, method: PaymentMethod = PaymentMethod.CARD, **facts: object
) -> Payment:
    """`held` and `taken` in cents; a payment of which only something was taken is captured."""
    captures = (Capture(key=Key(f"c-{name}"), reference=f"ch-{name}", amount=eur(taken)),) if taken else ()
    state = PaymentState.AUTHORISED if held else PaymentState.CAPTURED
    known = {
        "reference": PaymentRef(name),
        "method": method,
        "state": state,
        "currency": "EUR",
        "authorised": eur(held + taken),
        "captures": captures,
    }
    return Payment.model_validate(known | facts)


def of(*payments: Payment) -> Payments:
    return Payments(currency="EUR", payments=payments)


def gift_card(held: int, taken: int = 0) -> Payment:
    return payment("gift", held, taken, PaymentMethod.GIFT_CARD)


def parts(*named: tuple[str, int]) -> tuple[Part, ...]:
    return tuple(Part(payment=PaymentRef(name), amount=eur(minor)) for name, minor in named)


def test_gift_cards_are_taken_first_wherever_the_gateway_lists_them() -> None:
    assert of(payment("card", 3000), gift_card(2000)).captures_of(eur(2500)) == parts(
        ("gift", 2000), ("card", 500)
    )


def test_beyond_what_is_held_only_where_the_holds_do_not_suffice() -> None:
    able = Capabilities(over_capture=eur(3450))
    paid = of(payment("card", 3000, capabilities=able), gift_card(2000))
    assert paid.captures_of(eur(5000)) == parts(("gift", 2000), ("card", 3000))
    assert paid.captures_of(eur(5450)) == parts(("gift", 2000), ("card", 3450))
    with pytest.raises(Refused, match=r"only 54\.50 EUR are held"):
        paid.captures_of(eur(5451))


def test_money_that_is_disputed_does_not_go_back_once_more() -> None:
    gone = (Dispute(reference="dp", capture="ch-card", amount=eur(900)),)
    taken = of(gift_card(0, 2000), payment("card", 0, 963, disputes=gone))
    assert (taken.kept, taken.disputed) == (eur(2063), eur(900))
    assert taken.refunds_of(eur(100)) == parts(("card", 63), ("gift", 37))


def test_money_goes_back_the_other_way_round() -> None:
    taken = of(payment("card", 0, 963), gift_card(0, 2000))
    assert taken.refunds_of(eur(1000)) == parts(("card", 963), ("gift", 37))


def test_a_hold_that_does_not_suffice_is_refused_with_its_state() -> None:
    gone = payment("card", 0).model_copy(update={"state": PaymentState.VOIDED})
    with pytest.raises(Refused, match=r"29\.63 EUR are to be captured, and only 0\.00 EUR are held .*voided"):
        of(gone).captures_of(eur(2963))


def test_more_than_was_taken_cannot_go_back() -> None:
    with pytest.raises(InvariantBroken, match=r"5\.01 EUR are to be refunded, and only 5\.00 EUR were taken"):
        of(payment("card", 0, 500)).refunds_of(eur(501))


@pytest.mark.parametrize(
    ("state", "kept"), [(RefundState.PENDING, 300), (RefundState.SUCCEEDED, 300), (RefundState.FAILED, 500)]
)
def test_a_refund_on_its_way_counts_and_a_failed_one_does_not(state: RefundState, kept: int) -> None:
    refund = Refund(key=Key("r"), reference="re", amount=eur(200), state=state)
    assert of(payment("card", 0, 500, refunds=(refund,))).kept == eur(kept)


def test_a_card_that_was_taken_early_shows_and_a_redeemed_gift_card_does_not() -> None:
    assert of(gift_card(0, 2000), payment("card", 963)).charged_cards == eur(0)
    assert of(gift_card(0, 2000), payment("card", 0, 963)).charged_cards == eur(963)


def test_a_decline_stands_only_while_nothing_else_is_under_way() -> None:
    declined = payment("one", 0).model_copy(update={"state": PaymentState.DECLINED})
    pending = payment("two", 0).model_copy(update={"state": PaymentState.PENDING})
    assert of(declined).declined
    assert not of(declined, pending).declined
    assert not of(pending).declined


AMOUNTS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(PaymentMethod)),
    min_size=1,
    max_size=5,
)


def position(amounts: list[tuple[int, int, PaymentMethod]]) -> Payments:
    return of(*(payment(str(n), held, taken, method) for n, (held, taken, method) in enumerate(amounts)))


def sums_to(found: tuple[Part, ...], amount: Money) -> bool:
    return total((part.amount for part in found), "EUR") == amount


@given(AMOUNTS, st.data())
def test_captures_sum_to_the_cent_and_never_exceed_a_hold(
    amounts: list[tuple[int, int, PaymentMethod]], data: st.DataObject
) -> None:
    known = position(amounts)
    amount = eur(data.draw(st.integers(0, known.held.minor)))
    found = known.captures_of(amount)
    assert sums_to(found, amount)
    assert all(Money.zero("EUR") < part.amount <= known.of(part.payment).held for part in found)


@given(AMOUNTS, st.data())
def test_refunds_sum_to_the_cent_and_leave_what_a_smaller_order_would_have_taken(
    amounts: list[tuple[int, int, PaymentMethod]], data: st.DataObject
) -> None:
    """What is kept of each payment afterwards is what a capture of the smaller amount would have taken of it."""
    taken = position([(0, taken, method) for _, taken, method in amounts])
    back = eur(data.draw(st.integers(0, taken.kept.minor)))
    found = taken.refunds_of(back)
    assert sums_to(found, back)
    given_back = {part.payment: part.amount for part in found}
    kept = {p.reference: p.kept - given_back.get(p.reference, eur(0)) for p in taken.payments}
    smaller = position([(taken, 0, method) for _, taken, method in amounts])
    wanted = {part.payment: part.amount for part in smaller.captures_of(taken.kept - back)}
    assert kept == {reference: wanted.get(reference, eur(0)) for reference in kept}
