"""What the gateway can do × a stored credential × the position × what is wanted: each row of the tables says why."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.ids import PaymentRef
from domain.keys import Key
from domain.money import Money
from domain.payments import (
    Capabilities,
    Capture,
    Dispute,
    Payment,
    PaymentMethod,
    Payments,
    PaymentState,
)
from domain.planner import (
    AskByLink,
    AskPerson,
    CaptureLess,
    Enough,
    GiveBack,
    Increment,
    NewHold,
    OverCapture,
    Step,
    Take,
    capture_now,
    plan,
    renewals,
)
from tests.domain.amounts import eur

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MARGIN = timedelta(hours=24)
SOON, LATER, GONE = NOW + timedelta(hours=23), NOW + timedelta(days=5), NOW - timedelta(hours=1)
CARD = PaymentRef("card")
PLAIN = Capabilities()
STORED = Capabilities(stored_credential=True)
LINK = Capabilities(pay_link=True)
EVERYTHING = Capabilities(
    multicapture=True, over_capture=eur(11_500), increment=True, stored_credential=True, pay_link=True
)


def hold(
    of: int, *, name: str = "card", taken: int = 0, able: Capabilities = PLAIN, **facts: object
) -> Payment:
    """A hold over `of` cents, of which `taken` were captured."""
    captures = (Capture(key=Key(f"c-{name}"), reference=f"ch-{name}", amount=eur(taken)),) if taken else ()
    known = {
        "reference": PaymentRef(name),
        "method": PaymentMethod.CARD,
        "state": PaymentState.AUTHORISED if taken < of else PaymentState.CAPTURED,
        "currency": "EUR",
        "authorised": eur(of),
        "captures": captures,
        "capabilities": able,
    }
    return Payment.model_validate(known | facts)


def of(*payments: Payment) -> Payments:
    return Payments(currency="EUR", payments=payments)


def person(steps: tuple[Step, ...]) -> str:
    (step,) = steps
    assert isinstance(step, AskPerson)
    return step.why


# -- plan: what is secured against what is needed ------------------------------------------------------------------

PLANS = {
    "the hold covers it exactly": (of(hold(10_000)), 10_000, Enough()),
    "what was taken counts as much as what is held": (
        of(hold(10_000, taken=4000)),
        10_000,
        Enough(),
    ),
    "less is needed: the rest of the hold is never captured": (
        of(hold(10_000, able=EVERYTHING)),
        9000,
        CaptureLess(amount=eur(1000)),
    ),
    "less is needed than was taken: it goes back": (
        of(hold(10_000, taken=10_000)),
        9000,
        GiveBack(amount=eur(1000)),
    ),
    "over-capture is cheapest: nothing happens before the goods ship": (
        of(hold(10_000, able=EVERYTHING)),
        11_500,
        OverCapture(amount=eur(1500)),
    ),
    "beyond over-capture the hold itself is made larger": (
        of(hold(10_000, able=EVERYTHING)),
        11_501,
        Increment(payment=CARD, authorised=eur(11_501)),
    ),
    "after a capture no gateway makes a hold larger: a new one for the rest and what is missing": (
        of(hold(10_000, taken=4000, able=EVERYTHING)),
        12_000,
        NewHold(like=CARD, amount=eur(8000), void=CARD),
    ),
    "a hold that runs out soon is replaced, not made larger": (
        of(hold(10_000, able=EVERYTHING, capture_before=SOON)),
        12_000,
        NewHold(like=CARD, amount=eur(12_000), void=CARD),
    ),
    "a hold that ran out holds nothing, and there is nothing to void": (
        of(hold(10_000, able=STORED, capture_before=GONE)),
        10_000,
        NewHold(like=CARD, amount=eur(10_000)),
    ),
    "a stored credential is good for a new hold": (
        of(hold(10_000, able=STORED)),
        12_000,
        NewHold(like=CARD, amount=eur(12_000), void=CARD),
    ),
    "so it is when the money was taken at the checkout": (
        of(hold(10_000, taken=10_000, able=STORED)),
        12_000,
        NewHold(like=CARD, amount=eur(2000)),
    ),
    "so it is when the hold was lost": (
        of(hold(10_000, able=STORED, state=PaymentState.VOIDED)),
        10_000,
        NewHold(like=CARD, amount=eur(10_000)),
    ),
    "the standing hold is replaced rather than the lost one": (
        of(hold(9000, name="old", able=STORED, state=PaymentState.VOIDED), hold(10_000, able=STORED)),
        12_000,
        NewHold(like=CARD, amount=eur(12_000), void=CARD),
    ),
    "without a stored credential the customer pays by link": (
        of(hold(10_000, able=LINK)),
        12_000,
        AskByLink(amount=eur(2000)),
    ),
    "a credential that was declined is not tried again": (
        of(hold(10_000, able=STORED, state=PaymentState.DECLINED), hold(1, name="other", able=LINK)),
        10_000,
        AskByLink(amount=eur(9999)),
    ),
    "what a lost dispute took is missing again": (
        of(
            hold(
                10_000,
                taken=10_000,
                able=LINK,
                disputes=(Dispute(reference="d", capture="ch-card", amount=eur(3000)),),
            )
        ),
        10_000,
        AskByLink(amount=eur(3000)),
    ),
}


@pytest.mark.parametrize(("payments", "needed", "step"), PLANS.values(), ids=PLANS.keys())
def test_the_cheapest_legal_way_is_chosen(payments: Payments, needed: int, step: Step) -> None:
    made = plan(payments, eur(needed), now=NOW, renew_before=MARGIN)
    assert made.steps == (step,)
    assert made.words.endswith(".")


def test_less_than_held_and_taken_lets_go_and_gives_back() -> None:
    made = plan(of(hold(10_000, taken=6000)), eur(5000), now=NOW, renew_before=MARGIN)
    assert made.steps == (CaptureLess(amount=eur(4000)), GiveBack(amount=eur(1000)))
    assert made.words == "40.00 EUR less will be charged than was reserved. 10.00 EUR will be refunded."


def test_without_credential_and_link_a_person_is_asked() -> None:
    made = plan(of(hold(10_000)), eur(12_000), now=NOW, renew_before=MARGIN)
    assert person(made.steps) == (
        "20.00 EUR are missing; no stored credential gives a new hold, and the gateway cannot make a pay-link"
    )
    assert made.words == "20.00 EUR more are to be paid; we will call you about how."


def test_what_is_below_the_minimum_is_for_a_person() -> None:
    able = Capabilities(pay_link=True, minimum=eur(50))
    made = plan(of(hold(10_000, able=able)), eur(10_049), now=NOW, renew_before=MARGIN)
    assert "below the gateway's minimum" in person(made.steps)


def test_a_hold_with_less_left_than_can_be_captured_secures_nothing() -> None:
    able = Capabilities(multicapture=True, stored_credential=True, minimum=eur(50))
    made = plan(of(hold(10_000, taken=9980, able=able)), eur(10_050), now=NOW, renew_before=MARGIN)
    assert made.steps == (NewHold(like=CARD, amount=eur(70)),)


def test_the_customer_is_told_of_two_reservations_for_a_while() -> None:
    words = plan(of(hold(10_000, able=STORED)), eur(12_000), now=NOW, renew_before=MARGIN).words
    assert words == (
        "A new reservation of 120.00 EUR is made on your payment method; the old one over 100.00 EUR is let go then."
        " For a short while you may see both."
    )


abilities = st.builds(
    Capabilities,
    multicapture=st.booleans(),
    over_capture=st.none() | st.integers(10_000, 12_000).map(eur),
    increment=st.booleans(),
    stored_credential=st.booleans(),
    pay_link=st.booleans(),
    minimum=st.none() | st.integers(1, 500).map(eur),
)
ends = st.sampled_from([None, GONE, SOON, LATER])


@st.composite
def positions(draw: st.DrawFn) -> Payments:
    payments = []
    for number in range(draw(st.integers(0, 3))):
        taken = draw(st.sampled_from([0, 0, 1, 4000, 10_000]))
        facts = {"capture_before": draw(ends), "method": draw(st.sampled_from(PaymentMethod))}
        payments.append(hold(10_000, name=f"p{number}", taken=taken, able=draw(abilities), **facts))
    return of(*payments)


@given(positions(), st.integers(0, 40_000))
def test_a_plan_makes_no_use_of_what_the_gateway_cannot_do_and_ends_at_what_is_needed(
    payments: Payments, needed: int
) -> None:
    made = plan(payments, eur(needed), now=NOW, renew_before=MARGIN)
    live = [p for p in payments.payments if p.held and p.capture_before != GONE]
    usable = sum(min(p.held, p.capturable).minor for p in live)
    reached = payments.kept.minor + usable
    for step in made.steps:
        match step:
            case Increment():
                payment = payments.of(step.payment)
                assert payment.capabilities.increment
                assert not payment.captures
                reached += (step.authorised - payment.authorised).minor
            case NewHold():
                assert payments.of(step.like).capabilities.stored_credential
                reached += step.amount.minor
                reached -= payments.of(step.void).held.minor if step.void else 0
            case OverCapture():
                assert step.amount.minor <= sum(p.capturable.minor for p in live) - usable
                reached += step.amount.minor
            case AskByLink():
                assert any(p.capabilities.pay_link for p in payments.payments)
                reached += step.amount.minor
            case AskPerson():
                reached = needed
            case CaptureLess() | GiveBack():
                reached -= step.amount.minor
    assert reached == needed
    assert made.words


# -- renewals: holds that run out ----------------------------------------------------------------------------------

RENEWED = {
    "a hold that lasts needs nothing": (of(hold(10_000, capture_before=LATER)), 10_000, []),
    "nor one without an end": (of(hold(10_000)), 10_000, []),
    "nor one of which nothing is needed any more": (of(hold(10_000, capture_before=SOON)), 0, []),
    "a stored credential holds anew what is still needed": (
        of(hold(10_000, taken=4000, able=STORED, capture_before=SOON)),
        5000,
        [NewHold(like=CARD, amount=eur(5000), void=CARD)],
    ),
    "what another hold can give is not held twice": (
        of(hold(10_000, able=STORED, capture_before=SOON), hold(4000, name="lasting", capture_before=LATER)),
        10_000,
        [NewHold(like=CARD, amount=eur(6000), void=CARD)],
    ),
    "without a credential the customer pays by link before it runs out": (
        of(hold(10_000, able=LINK, capture_before=SOON)),
        10_000,
        [AskByLink(amount=eur(10_000))],
    ),
    "one that ran out unnoticed is renewed as well": (
        of(hold(10_000, able=STORED, capture_before=GONE)),
        10_000,
        [NewHold(like=CARD, amount=eur(10_000), void=CARD)],
    ),
}


@pytest.mark.parametrize(("payments", "needed", "steps"), RENEWED.values(), ids=RENEWED.keys())
def test_what_runs_out_is_renewed_as_far_as_it_is_needed(
    payments: Payments, needed: int, steps: list[Step]
) -> None:
    found = renewals(payments, eur(needed), now=NOW, renew_before=MARGIN)
    assert [renewal.step for renewal in found] == steps


def test_a_hold_that_cannot_be_renewed_is_for_a_person_who_hears_by_when() -> None:
    (found,) = renewals(of(hold(500, capture_before=SOON)), eur(500), now=NOW, renew_before=MARGIN)
    assert isinstance(found.step, AskPerson)
    assert (found.payment, found.capture_before) == (CARD, SOON)


@given(positions(), st.integers(0, 40_000))
def test_renewals_cover_what_the_lasting_holds_do_not(payments: Payments, needed: int) -> None:
    found = renewals(payments, eur(needed), now=NOW, renew_before=MARGIN)
    ending = [p for p in payments.payments if p.capture_before in {GONE, SOON}]
    assert {renewal.payment for renewal in found} <= {p.reference for p in ending}
    lasting = sum(min(p.held, p.capturable).minor for p in payments.payments if p not in ending)
    expiring = sum(min(p.held, p.capturable).minor for p in ending)
    if not any(isinstance(renewal.step, AskPerson) for renewal in found):
        amounts = [r.step.amount.minor for r in found if not isinstance(r.step, AskPerson)]
        assert sum(amounts) == min(max(needed - lasting, 0), expiring)


# -- capture_now ---------------------------------------------------------------------------------------------------

SEVERAL = Capabilities(multicapture=True)


def take(minor: int, *, final: bool, name: str = "card") -> Take:
    return Take(payment=PaymentRef(name), amount=eur(minor), final=final)


TAKEN = {
    "several captures: what is due is taken": (
        hold(10_000, able=SEVERAL),
        4000,
        6000,
        [take(4000, final=False)],
        0,
    ),
    "the last of several lets the rest go": (
        hold(10_000, able=SEVERAL),
        4000,
        0,
        [take(4000, final=True)],
        0,
    ),
    "one capture only, and it is the last shipment": (hold(10_000), 10_000, 0, [take(10_000, final=True)], 0),
    "one capture only waits for the last shipment": (hold(10_000), 4000, 6000, [], 4000),
    "one capture only does not wait until the hold is gone": (
        hold(10_000, capture_before=SOON),
        4000,
        6000,
        [take(4000, final=True)],
        0,
    ),
    "less than the minimum joins the next": (
        hold(10_000, able=Capabilities(multicapture=True, minimum=eur(50))),
        49,
        6000,
        [],
        49,
    ),
    "nothing is due": (hold(10_000), 0, 6000, [], 0),
}


@pytest.mark.parametrize(("payment", "due", "to_come", "captures", "waits"), TAKEN.values(), ids=TAKEN.keys())
def test_when_what_is_due_is_captured(
    payment: Payment, due: int, to_come: int, captures: list[Take], waits: int
) -> None:
    taking = capture_now(of(payment), eur(due), eur(to_come), now=NOW, renew_before=MARGIN)
    assert (list(taking.captures), taking.waits, taking.first) == (captures, eur(waits), ())


def test_a_stored_credential_holds_the_rest_before_the_only_capture_lets_it_go() -> None:
    taking = capture_now(of(hold(10_000, able=STORED)), eur(4000), eur(6000), now=NOW, renew_before=MARGIN)
    assert taking.first == (NewHold(like=CARD, amount=eur(6000)),)
    assert taking.captures == (take(4000, final=True),)


def test_a_new_hold_that_was_declined_lets_it_wait_for_the_last_shipment() -> None:
    payments = of(hold(10_000, able=STORED))
    taking = capture_now(payments, eur(4000), eur(6000), now=NOW, renew_before=MARGIN, new_holds=False)
    assert (taking.first, taking.captures, taking.waits) == ((), (), eur(4000))


def test_when_the_new_hold_stands_none_is_asked_for_again() -> None:
    payments = of(hold(10_000, able=STORED), hold(6000, name="new", able=STORED))
    taking = capture_now(payments, eur(4000), eur(6000), now=NOW, renew_before=MARGIN)
    assert (taking.first, taking.captures) == ((), (take(4000, final=True),))


def test_the_room_beyond_a_hold_that_is_taken_once_does_not_secure_the_rest() -> None:
    able = Capabilities(over_capture=eur(11_500), stored_credential=True)
    taking = capture_now(of(hold(10_000, able=able)), eur(6000), eur(4000), now=NOW, renew_before=MARGIN)
    assert taking.first == (NewHold(like=CARD, amount=eur(4000)),)


def test_a_gift_card_that_can_be_redeemed_once_waits_until_it_is_used_up() -> None:
    gift = hold(2000, name="gift", method=PaymentMethod.GIFT_CARD)
    payments = of(hold(1000, able=SEVERAL), gift)
    first = capture_now(payments, eur(1200), eur(1800), now=NOW, renew_before=MARGIN)
    then = capture_now(payments, eur(2400), eur(600), now=NOW, renew_before=MARGIN)
    assert (first.captures, first.waits) == ((), eur(1200))
    assert then.captures == (take(2000, final=True, name="gift"), take(400, final=False))


def test_a_hold_that_runs_out_gives_what_is_due_and_the_rest_is_asked_for() -> None:
    payments = of(hold(10_000, able=LINK, capture_before=SOON))
    taking = capture_now(payments, eur(4000), eur(6000), now=NOW, renew_before=MARGIN)
    assert (taking.captures, taking.then) == ((take(4000, final=True),), (AskByLink(amount=eur(6000)),))


def test_a_last_amount_that_the_gateway_does_not_capture_is_for_a_person() -> None:
    able = Capabilities(multicapture=True, minimum=eur(50))
    taking = capture_now(of(hold(10_000, able=able)), eur(49), eur(0), now=NOW, renew_before=MARGIN)
    assert (taking.captures, taking.waits) == ((), eur(49))
    assert "no other capture follows" in person(taking.then)


def test_more_than_is_held_is_refused() -> None:
    with pytest.raises(Refused, match=r"only 100\.00 EUR are held"):
        capture_now(of(hold(10_000)), eur(10_001), eur(0), now=NOW, renew_before=MARGIN)


@given(positions(), st.data())
def test_what_is_due_is_captured_or_waits_and_no_hold_gives_more_than_it_has(
    payments: Payments, data: st.DataObject
) -> None:
    most = sum(payment.capturable.minor for payment in payments.payments)
    due = data.draw(st.integers(0, most))
    to_come = data.draw(st.integers(0, most - due))
    taking = capture_now(payments, eur(due), eur(to_come), now=NOW, renew_before=MARGIN)
    assert sum((take.amount for take in taking.captures), Money.zero("EUR")) + taking.waits == eur(due)
    for one in taking.captures:
        payment = payments.of(one.payment)
        assert eur(0) < one.amount <= payment.capturable
        assert one.amount >= (payment.capabilities.minimum or eur(0))
        assert one.final or payment.capabilities.multicapture
    for hold_anew in taking.first:
        assert payments.of(hold_anew.like).capabilities.stored_credential
    taken = {one.payment: one for one in taking.captures}
    rest = sum(
        (payment.capturable for payment in payments.payments if payment.reference not in taken),
        Money.zero("EUR"),
    )
    for reference, one in taken.items():
        rest += eur(0) if one.final else payments.of(reference).capturable - one.amount
    for step in (*taking.first, *taking.then):
        rest += eur(to_come) if isinstance(step, AskPerson) else step.amount
    assert rest >= eur(to_come) + taking.waits, "what is still to come stays secured"
