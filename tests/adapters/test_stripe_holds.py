"""Larger and new holds, minimums and disputes at Stripe, which localstripe knows nothing of."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.stripe.payments import StripePayments
from domain.errors import InvariantBroken, OutcomeUnknown, Refused
from domain.ids import ChannelId, PaymentRef, PlatformId, order_id
from domain.keys import Key
from domain.money import Money
from domain.payments import Declined, DisputeState, Payment, PaymentState, Refund
from tests.adapters.stripe_wire import (
    CREATED,
    Script,
    answer,
    captured_intent,
    charge,
    failure,
    intent,
    listed,
    refund,
)

ORDER = order_id(ChannelId("shop"), PlatformId("17"))
KEY = Key("order:shop:17/hold/r2")
PAYMENT = PaymentRef("pi_1")
INTENTS, SEARCH = "/v1/payment_intents", "/v1/payment_intents/search"
INTENT, LARGER = "/v1/payment_intents/pi_1", "/v1/payment_intents/pi_1/increment_authorization"
REFUNDS, DISPUTES = "/v1/refunds", "/v1/disputes"
AVAILABLE = {"status": "available"}


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def gateway(script: Script) -> AsyncIterator[StripePayments]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(script)) as client:
        yield StripePayments(client, api_key="sk_test_1", url="https://stripe.test")


def growing(units: int = 5000, **other: Any) -> dict[str, Any]:
    """A hold that can be made larger."""
    card = {"incremental_authorization": AVAILABLE, "amount_authorized": units}
    return intent(amount=units, latest_charge=charge(amount=units, card=card), **other)


def kept(**other: Any) -> dict[str, Any]:
    """A hold on a card that the shopper left for this order."""
    return intent(
        **{"customer": "cus_1", "payment_method": "pm_1", "setup_future_usage": "off_session", **other}
    )


def alone(script: Script, like: dict[str, Any]) -> None:
    """The order has this payment and no other."""
    script.on("GET", INTENT, answer(like)).on("GET", SEARCH, failure(404)).on(
        "GET", INTENTS, answer(listed(like))
    )


# Larger


async def test_a_hold_is_made_larger_under_its_key(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(growing())).on("POST", LARGER, answer(growing(6250)))
    larger = await gateway.increment(PAYMENT, eur(6250), key=KEY)
    assert isinstance(larger, Payment)
    assert (larger.reference, larger.authorised, larger.held) == (PAYMENT, eur(6250), eur(6250))
    assert script.sent(LARGER) == [{"amount": "6250", "expand[0]": "latest_charge", "key": KEY}]


async def test_a_hold_that_is_as_large_already_is_left_alone(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(growing(6250)))
    larger = await gateway.increment(PAYMENT, eur(6250), key=KEY)
    assert isinstance(larger, Payment)
    assert larger.authorised == eur(6250)
    assert script.sent(LARGER) == []


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (intent(), "incremental_authorization_unavailable"),
        (growing(7000), "increment_only_upwards"),
        (growing(amount_received=1000), "incremental_authorization_unavailable"),
        (growing(status="canceled"), "payment_intent_unexpected_state"),
    ],
    ids=["not able", "smaller", "captured in part", "gone"],
)
async def test_what_stripe_would_not_make_larger_is_declined_unasked(
    gateway: StripePayments, script: Script, now: dict[str, Any], reason: str
) -> None:
    script.on("GET", INTENT, answer(now)).on("GET", REFUNDS, answer(listed()))
    assert await gateway.increment(PAYMENT, eur(6250), key=KEY) == Declined(reason=reason)
    assert script.sent(LARGER) == []


async def test_a_bank_that_says_no_leaves_the_hold(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(growing())).on("POST", LARGER, failure(402, "card_declined"))
    assert await gateway.increment(PAYMENT, eur(6250), key=KEY) == Declined(reason="card_declined")


# New


async def test_a_new_hold_is_taken_off_session_with_the_card_of_the_old_one(
    gateway: StripePayments, script: Script
) -> None:
    multicapture = charge(card={"multicapture": AVAILABLE})
    alone(script, kept(latest_charge=multicapture))
    made = kept(
        id="pi_2", amount=6250, latest_charge=charge(id="ch_2", amount=6250, card={"amount_authorized": 6250})
    )
    script.on("POST", INTENTS, answer(made))
    hold = await gateway.hold(PAYMENT, eur(6250), key=KEY)
    assert isinstance(hold, Payment)
    assert (hold.reference, hold.state, hold.held) == ("pi_2", PaymentState.AUTHORISED, eur(6250))
    (sent,) = script.sent(INTENTS)
    assert sent == {
        "amount": "6250",
        "currency": "eur",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "payment_method_types[0]": "card",
        "capture_method": "manual",
        "setup_future_usage": "off_session",
        "off_session": "true",
        "confirm": "true",
        "metadata[order_id]": ORDER,
        "metadata[ordersaga_key]": KEY,
        "expand[0]": "latest_charge",
        "payment_method_options[card][request_multicapture]": "if_available",
        "key": KEY,
    }


async def test_a_hold_that_was_made_is_found_when_stripe_has_forgotten_the_key(
    gateway: StripePayments, script: Script
) -> None:
    alone(script, kept())
    metadata = {"order_id": ORDER, "ordersaga_key": KEY}
    script.on(
        "GET", INTENTS, answer(listed(kept(id="pi_2", metadata=metadata, created=CREATED + 60), kept()))
    )
    hold = await gateway.hold(PAYMENT, eur(5000), key=KEY)
    assert isinstance(hold, Payment)
    assert hold.reference == "pi_2"
    assert script.sent(INTENTS) == []
    with pytest.raises(InvariantBroken):
        await gateway.hold(PAYMENT, eur(5001), key=KEY)


async def test_a_hold_that_the_bank_declined_stays_declined(gateway: StripePayments, script: Script) -> None:
    alone(script, kept())
    script.on("POST", INTENTS, failure(402, "authentication_required"))
    assert await gateway.hold(PAYMENT, eur(6250), key=KEY) == Declined(reason="authentication_required")
    declined = kept(
        id="pi_2",
        status="requires_payment_method",
        latest_charge=None,
        last_payment_error={"code": "authentication_required"},
        metadata={"order_id": ORDER, "ordersaga_key": KEY},
    )
    script.on("GET", INTENTS, answer(listed(declined, kept())))
    assert await gateway.hold(PAYMENT, eur(6250), key=KEY) == Declined(reason="authentication_required")
    assert len(script.sent(INTENTS)) == 1


@pytest.mark.parametrize(
    "like",
    [
        intent(),
        kept(setup_future_usage="on_session"),
        kept(customer=None),
        kept(metadata={"order_id": "17"}),
    ],
    ids=["guest", "not agreed", "no customer", "not findable by the order"],
)
async def test_without_the_shoppers_leave_there_is_no_new_hold(
    gateway: StripePayments, script: Script, like: dict[str, Any]
) -> None:
    alone(script, like)
    (told,) = await gateway.look_up(ORDER, PAYMENT)
    assert not told.capabilities.stored_credential
    answered = await gateway.hold(PAYMENT, eur(6250), key=KEY)
    assert answered == Declined(reason="no_stored_credential")
    assert script.sent(INTENTS) == []


async def test_a_hold_without_an_answer_is_unknown(gateway: StripePayments, script: Script) -> None:
    alone(script, kept())
    script.on("POST", INTENTS, httpx.ReadTimeout)
    with pytest.raises(OutcomeUnknown):
        await gateway.hold(PAYMENT, eur(6250), key=KEY)


async def test_a_pay_link_is_refused_and_no_payment_promises_one(
    gateway: StripePayments, script: Script
) -> None:
    alone(script, kept())
    (told,) = await gateway.look_up(ORDER, PAYMENT)
    assert told.capabilities.stored_credential
    assert not told.capabilities.pay_link
    with pytest.raises(Refused, match="return to"):
        await gateway.pay_link(ORDER, eur(1250), key=KEY)


# Minimums


@pytest.mark.parametrize(
    ("currency", "least"),
    [
        ("eur", Money(minor=50, currency="EUR")),
        ("gbp", Money(minor=30, currency="GBP")),
        ("huf", Money(minor=17500, currency="HUF")),
        ("jpy", Money(minor=50, currency="JPY")),
        ("kwd", None),
    ],
)
async def test_the_least_that_stripe_captures_is_told(
    gateway: StripePayments, script: Script, currency: str, least: Money | None
) -> None:
    alone(script, intent(currency=currency))
    (told,) = await gateway.look_up(ORDER, PAYMENT)
    assert told.capabilities.minimum == least


# Disputes


def disputed(status: str, **other: Any) -> dict[str, Any]:
    return {
        "id": "du_1",
        "object": "dispute",
        "amount": 3210,
        "charge": "ch_1",
        "currency": "eur",
        "status": status,
        **other,
    }


def after_a_dispute(script: Script, status: str) -> None:
    taken = charge(amount_captured=3210, captured=True, disputed=True)
    now = captured_intent(3210) | {"latest_charge": taken}
    alone(script, now)
    script.on("GET", REFUNDS, answer(listed())).on("GET", DISPUTES, answer(listed(disputed(status))))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.OPEN),
        ("won", DisputeState.WON),
        ("lost", DisputeState.LOST),
        ("appeal_under_review", DisputeState.OPEN),
    ],
)
async def test_a_dispute_is_told_with_its_charge(
    gateway: StripePayments, script: Script, status: str, state: DisputeState
) -> None:
    after_a_dispute(script, status)
    (told,) = await gateway.look_up(ORDER, PAYMENT)
    (dispute,) = told.disputes
    assert (dispute.capture, dispute.amount, dispute.state) == (told.captures[0].reference, eur(3210), state)


@pytest.mark.parametrize("status", ["warning_needs_response", "warning_closed", "prevented"])
async def test_an_inquiry_takes_no_money_yet(gateway: StripePayments, script: Script, status: str) -> None:
    after_a_dispute(script, status)
    (told,) = await gateway.look_up(ORDER, PAYMENT)
    assert told.disputes == ()


async def test_disputes_are_asked_for_only_where_the_charge_has_some(
    gateway: StripePayments, script: Script
) -> None:
    alone(script, captured_intent(3210))
    script.on("GET", REFUNDS, answer(listed()))
    (told,) = await gateway.look_up(ORDER, PAYMENT)
    assert told.disputes == ()
    assert DISPUTES not in {request.url.path for request in script.asked}


async def test_disputed_money_is_not_refunded_unless_the_dispute_is_won(
    gateway: StripePayments, script: Script
) -> None:
    after_a_dispute(script, "under_review")
    assert await gateway.refund(PAYMENT, eur(100), key=Key("r1")) == Declined(reason="charge_disputed")
    assert script.sent(REFUNDS) == []
    after_a_dispute(script, "won")
    script.on("POST", REFUNDS, answer(refund(100, key="r1")))
    assert isinstance(await gateway.refund(PAYMENT, eur(100), key=Key("r1")), Refund)
