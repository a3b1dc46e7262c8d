import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.stripe.amounts import from_stripe, to_stripe
from adapters.stripe.parsing import Charge, Intent, StripeRefund, announcement, parse
from domain.keys import Key
from domain.money import Money
from domain.payments import (
    Capabilities,
    Capture,
    Payment,
    PaymentMethod,
    PaymentState,
    Refund,
    RefundState,
    check,
)
from tests.adapters.stripe_wire import CAPTURE_BEFORE, captured_intent, charge, intent, refund

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "stripe"


def parsed(document: dict[str, Any], *refunds: dict[str, Any]) -> Payment:
    return check(
        parse(Intent.model_validate(document), tuple(StripeRefund.model_validate(item) for item in refunds))
    )


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def sample(name: str) -> dict[str, Any]:
    file = SAMPLES / f"{name}.json"
    if not file.exists():
        pytest.skip(f"the sample {file} is not there")
    return dict(json.loads(file.read_text()))


# States


def test_a_hold_is_told_with_its_deadline() -> None:
    payment = parsed(intent())
    assert (payment.state, payment.authorised, payment.held) == (
        PaymentState.AUTHORISED,
        eur(5000),
        eur(5000),
    )
    assert payment.capture_before == datetime.fromtimestamp(CAPTURE_BEFORE, UTC)


@pytest.mark.parametrize("status", ["requires_confirmation", "requires_action", "processing"])
def test_what_waits_for_the_shopper_or_the_bank_is_pending_and_holds_nothing(status: str) -> None:
    payment = parsed(intent(status=status))
    assert (payment.state, payment.authorised) == (PaymentState.PENDING, eur(0))


def test_a_payment_that_nobody_tried_to_pay_is_pending() -> None:
    payment = parsed(intent(status="requires_payment_method", latest_charge=None))
    assert payment.state is PaymentState.PENDING


def test_a_payment_whose_card_failed_is_declined() -> None:
    failed = intent(status="requires_payment_method", last_payment_error={"code": "card_declined"})
    assert parsed(failed).state is PaymentState.DECLINED


def test_a_cancelled_hold_is_voided_and_tells_what_was_held() -> None:
    payment = parsed(intent(status="canceled"))
    assert (payment.state, payment.authorised, payment.held) == (PaymentState.VOIDED, eur(5000), eur(0))


def test_a_hold_cancelled_after_some_of_it_was_captured_is_captured() -> None:
    partly = captured_intent(2000, metadata={"ordersaga_capture_1": "2000 k1"}) | {"status": "canceled"}
    payment = parsed(partly)
    assert (payment.state, payment.captured) == (PaymentState.CAPTURED, eur(2000))


def test_a_status_that_stripe_does_not_document_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown status 'resting'"):
        parsed(intent(status="resting"))


# Captures


def test_a_capture_bears_the_key_that_announced_it() -> None:
    payment = parsed(captured_intent(3210, metadata={"ordersaga_capture_1": "3210 order:shop:17/capture/s1"}))
    assert payment.captures == (
        Capture(key=Key("order:shop:17/capture/s1"), reference="ch_1", amount=eur(3210)),
    )


def test_a_capture_that_was_announced_and_not_made_is_none() -> None:
    announced = intent(metadata={"ordersaga_capture_1": "3210 k1"})
    assert parsed(announced).captures == ()


def test_several_captures_are_told_apart_and_the_last_announced_one_was_not_made() -> None:
    metadata = {f"ordersaga_capture_{n}": f"{n}000 k{n}" for n in (1, 2, 3)}
    document = intent(amount_received=3000, latest_charge=charge(amount_captured=3000), metadata=metadata)
    assert [(c.key, c.amount) for c in parsed(document).captures] == [("k1", eur(1000)), ("k2", eur(2000))]


def test_the_next_announcement_takes_the_place_of_the_one_that_was_not_made() -> None:
    metadata = {"ordersaga_capture_1": "1000 k1", "ordersaga_capture_2": "500 k2"}
    payment = parsed(intent(amount_received=1000, metadata=metadata))
    assert announcement(payment, Key("k3"), eur(700)) == {"ordersaga_capture_2": "700 k3"}


def test_money_captured_by_someone_else_counts_under_the_charge() -> None:
    assert parsed(captured_intent(5000)).captures == (
        Capture(key=Key("stripe/ch_1"), reference="ch_1", amount=eur(5000)),
    )


@given(st.lists(st.integers(1, 1000), max_size=8), st.data())
def test_the_captures_always_sum_to_what_stripe_received(announced: list[int], data: st.DataObject) -> None:
    received = data.draw(st.integers(0, sum(announced) + 100))
    metadata = {f"ordersaga_capture_{n}": f"{units} k{n}" for n, units in enumerate(announced, 1)}
    document = intent(
        amount_received=received, latest_charge=charge(card={"amount_authorized": 9000}), metadata=metadata
    )
    payment = parsed(document)
    assert payment.captured == eur(received)
    assert len({capture.key for capture in payment.captures}) == len(payment.captures)


# Refunds


def test_a_refund_bears_its_key_and_one_made_by_hand_its_own_id() -> None:
    payment = parsed(
        captured_intent(5000),
        refund(300, id="re_2", created=2),
        refund(1209, key="order:shop:17/refund/r1", created=1),
    )
    assert payment.refunds == (
        Refund(key=Key("order:shop:17/refund/r1"), reference="re_1", amount=eur(1209)),
        Refund(key=Key("stripe/re_2"), reference="re_2", amount=eur(300)),
    )


def test_what_a_partial_capture_released_is_no_refund() -> None:
    released = refund(1790, id="re_released", created=1)
    given_back = refund(1790, key="k", id="re_given", created=2)
    payment = parsed(captured_intent(3210), given_back, released)
    assert [r.reference for r in payment.refunds] == ["re_given"]


def test_a_refund_by_hand_of_what_was_released_counts_once() -> None:
    released, by_hand = refund(1790, id="re_released", created=1), refund(1790, id="re_hand", created=2)
    payment = parsed(captured_intent(3210), by_hand, released)
    assert [r.reference for r in payment.refunds] == ["re_hand"]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_failed_is_told_and_gave_nothing_back(status: str) -> None:
    payment = parsed(captured_intent(5000), refund(300, key="k", status=status))
    assert [told.state for told in payment.refunds] == [RefundState.FAILED]
    assert (payment.refunded, payment.kept) == (eur(0), eur(5000))


def test_a_failed_refund_is_not_taken_for_what_a_capture_released() -> None:
    failed = refund(1790, id="re_failed", created=1, status="failed")
    released = refund(1790, id="re_released", created=2)
    payment = parsed(captured_intent(3210), failed, released)
    assert [r.reference for r in payment.refunds] == ["re_failed"]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        ("succeeded", RefundState.SUCCEEDED),
    ],
)
def test_a_refund_under_way_counts(status: str, state: RefundState) -> None:
    payment = parsed(captured_intent(5000), refund(300, key="k", status=status))
    assert (payment.refunded, payment.refunds[0].state) == (eur(300), state)


def test_a_refund_in_a_status_that_stripe_does_not_document_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown status 'resting'"):
        parsed(captured_intent(5000), refund(300, status="resting"))


# Methods


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("card", PaymentMethod.CARD),
        ("customer_balance", PaymentMethod.BANK_TRANSFER),
        ("klarna", PaymentMethod.OTHER),
    ],
)
def test_a_payment_tells_what_it_was_paid_with(kind: str, method: PaymentMethod) -> None:
    paid = charge() | {"payment_method_details": {"type": kind}}
    assert parsed(intent(latest_charge=paid, payment_method_types=["card", "klarna"])).method is method
    waiting = intent(status="requires_action", latest_charge=None, payment_method_types=[kind])
    assert parsed(waiting).method is method


def test_what_the_shopper_may_still_choose_is_no_method_yet() -> None:
    open_choice = intent(status="requires_payment_method", latest_charge=None)
    for kinds in ([], ["card", "customer_balance"]):
        assert parsed(open_choice | {"payment_method_types": kinds}).method is PaymentMethod.OTHER


def test_a_transfer_that_is_waited_for_tells_what_was_asked_for_and_holds_nothing() -> None:
    asked = intent(
        status="requires_action",
        latest_charge=None,
        capture_method="automatic",
        payment_method_types=["customer_balance"],
    )
    payment = parsed(asked)
    assert (payment.state, payment.authorised) == (PaymentState.PENDING, eur(5000))
    assert (payment.held, payment.captured) == (eur(0), eur(0))


# Capabilities


def test_capabilities_are_those_of_this_payment() -> None:
    able = charge(
        card={
            "multicapture": {"status": "available"},
            "overcapture": {"maximum_amount_capturable": 6000, "status": "available"},
        }
    )
    assert parsed(intent()).capabilities == Capabilities(minimum=eur(50))
    assert parsed(intent(latest_charge=able)).capabilities == Capabilities(
        multicapture=True, over_capture=eur(6000), minimum=eur(50)
    )


# Amounts


@pytest.mark.parametrize(
    ("currency", "minor", "units"),
    [("EUR", 1999, 1999), ("JPY", 500, 500), ("KWD", 1230, 1230), ("ISK", 5, 500), ("MGA", 500, 5)],
)
def test_amounts_are_in_stripes_own_units(currency: str, minor: int, units: int) -> None:
    money = Money(minor=minor, currency=currency)
    assert to_stripe(money) == units
    assert from_stripe(units, currency.lower()) == money


def test_what_stripe_or_the_currency_has_no_unit_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="no whole number"):
        to_stripe(Money(minor=501, currency="MGA"))
    with pytest.raises(ValueError, match="no whole number"):
        from_stripe(501, "isk")


# Stripe's own fixtures


def test_stripes_own_payment_intent_and_refund_are_understood() -> None:
    payment = parsed(sample("payment_intent"))
    assert (payment.reference, payment.state) == ("pi_1PgafyB7WZ01zgkWSjxsAJo3", PaymentState.DECLINED)
    given_back = StripeRefund.model_validate(sample("refund"))
    assert (given_back.amount, given_back.state, given_back.key) == (100, RefundState.SUCCEEDED, None)


def test_stripes_own_charge_is_understood() -> None:
    own = Charge.model_validate(sample("charge"))
    assert (own.id, own.amount, own.captured, own.amount_captured) == (
        "ch_1PgafuB7WZ01zgkWXYmPNZs8",
        100,
        False,
        0,
    )
    document = intent(currency="usd", latest_charge=sample("charge"))
    assert parsed(document).authorised == Money(minor=100, currency="USD")
    assert parsed(document).capabilities == Capabilities(minimum=Money(minor=50, currency="USD"))
