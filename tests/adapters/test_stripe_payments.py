"""What Stripe answers and localstripe does not: codes, replays, limits, searches, several captures."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from adapters.stripe.payments import StripePayments
from domain.errors import InvariantBroken, OrderError, OutcomeUnknown, Refused, Unavailable
from domain.ids import ChannelId, OrderId, PaymentRef, PlatformId, order_id
from domain.keys import Key
from domain.money import Money
from domain.payments import Capture, Declined, PaymentState, Refund, RefundState
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
KEY = Key("order:shop:17/capture/s1")
PAYMENT = PaymentRef("pi_1")
INTENT, CAPTURE, CANCEL = (f"/v1/payment_intents/pi_1{what}" for what in ("", "/capture", "/cancel"))
INTENTS, SEARCH, REFUNDS = "/v1/payment_intents", "/v1/payment_intents/search", "/v1/refunds"


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


@pytest.fixture
def script() -> Script:
    """A hold of 50.00 that takes notes; nothing else is answered."""
    return Script().on("GET", INTENT, answer(intent())).on("POST", INTENT, answer(intent()))


@pytest.fixture
async def gateway(script: Script) -> AsyncIterator[StripePayments]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(script)) as client:
        yield StripePayments(client, api_key="sk_test_1", url="https://stripe.test")


async def capture(gateway: StripePayments, units: int = 3210, *, final: bool = True) -> Capture | Declined:
    return await gateway.capture(PAYMENT, eur(units), key=KEY, final=final)


def nothing_else(script: Script) -> None:
    """Neither the search nor the list knows a payment of the order."""
    script.on("GET", SEARCH, answer({**listed(), "object": "search_result"}))
    script.on("GET", INTENTS, answer(listed()))


# What is sent


async def test_a_capture_is_announced_first_and_sent_under_its_key(
    gateway: StripePayments, script: Script
) -> None:
    script.on("POST", CAPTURE, answer(captured_intent(3210)))
    assert await capture(gateway) == Capture(key=KEY, reference="ch_1", amount=eur(3210))
    posts = [request.url.path for request in script.asked if request.method == "POST"]
    assert posts == [INTENT, CAPTURE]
    assert script.sent(INTENT)[0]["metadata[ordersaga_capture_1]"] == f"3210 {KEY}"
    assert script.sent(CAPTURE) == [{"amount_to_capture": "3210", "expand[0]": "latest_charge", "key": KEY}]


async def test_a_capture_that_was_made_is_answered_from_what_stripe_tells(
    gateway: StripePayments, script: Script
) -> None:
    made = captured_intent(3210, metadata={"ordersaga_capture_1": f"3210 {KEY}"})
    script.on("GET", INTENT, answer(made)).on("GET", REFUNDS, answer(listed()))
    assert await capture(gateway) == Capture(key=KEY, reference="ch_1", amount=eur(3210))
    assert script.sent(CAPTURE) == []


async def test_the_same_key_with_another_amount_breaks_the_invariant(
    gateway: StripePayments, script: Script
) -> None:
    made = captured_intent(3210, metadata={"ordersaga_capture_1": f"3210 {KEY}"})
    script.on("GET", INTENT, answer(made)).on("GET", REFUNDS, answer(listed()))
    with pytest.raises(InvariantBroken):
        await capture(gateway, 3211)


async def test_a_hold_that_takes_several_captures_keeps_the_rest(
    gateway: StripePayments, script: Script
) -> None:
    able = charge(card={"multicapture": {"status": "available"}})
    made = intent(amount_received=2000, latest_charge=able)
    script.on("GET", INTENT, answer(intent(latest_charge=able))).on("POST", CAPTURE, answer(made))
    assert await capture(gateway, 2000, final=False) == Capture(key=KEY, reference="ch_1", amount=eur(2000))
    assert script.sent(CAPTURE)[0]["final_capture"] == "false"


async def test_a_capture_that_is_not_the_last_is_declined_where_the_hold_takes_one(
    gateway: StripePayments, script: Script
) -> None:
    assert await capture(gateway, final=False) == Declined(reason="multicapture_unavailable")
    assert script.sent(INTENT) == []


async def test_an_expired_hold_is_declined_as_such(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(intent(status="canceled", cancellation_reason="automatic")))
    assert await capture(gateway) == Declined(reason="charge_expired_for_capture")


async def test_a_refund_carries_its_key_twice(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(captured_intent(5000))).on("GET", REFUNDS, answer(listed()))
    script.on("POST", REFUNDS, answer(refund(300, key="r1")))
    assert await gateway.refund(PAYMENT, eur(300), key=Key("r1")) == Refund(
        key=Key("r1"), reference="re_1", amount=eur(300)
    )
    assert script.sent(REFUNDS) == [
        {"payment_intent": "pi_1", "amount": "300", "metadata[ordersaga_key]": "r1", "key": "r1"}
    ]


async def test_a_refund_that_stays_pending_is_answered_as_such(
    gateway: StripePayments, script: Script
) -> None:
    script.on("GET", INTENT, answer(captured_intent(5000))).on("GET", REFUNDS, answer(listed()))
    script.on("POST", REFUNDS, answer(refund(300, key="r1", status="requires_action")))
    given = await gateway.refund(PAYMENT, eur(300), key=Key("r1"))
    assert isinstance(given, Refund)
    assert given.state is RefundState.PENDING


async def test_a_refund_that_failed_later_is_answered_as_failed_when_asked_for_again(
    gateway: StripePayments, script: Script
) -> None:
    failed = refund(5000, key="r1", status="failed", failure_reason="expired_or_canceled_card")
    script.on("GET", INTENT, answer(captured_intent(5000))).on("GET", REFUNDS, answer(listed(failed)))
    script.on("POST", REFUNDS, answer(refund(5000, key="r2", id="re_2")))
    again = await gateway.refund(PAYMENT, eur(5000), key=Key("r1"))
    assert isinstance(again, Refund)
    assert (again.reference, again.state) == ("re_1", RefundState.FAILED)
    assert script.sent(REFUNDS) == []
    anew = await gateway.refund(PAYMENT, eur(5000), key=Key("r2"))
    assert isinstance(anew, Refund)
    assert (anew.reference, anew.state) == ("re_2", RefundState.SUCCEEDED)


async def test_every_page_of_refunds_is_read(gateway: StripePayments, script: Script) -> None:
    pages = [listed(refund(300, key="r1"), has_more=True), listed(refund(200, key="r2", id="re_2"))]
    for page in pages:
        page["url"] = REFUNDS
    script.on("GET", INTENT, answer(captured_intent(5000))).on("GET", REFUNDS, *map(answer, pages))
    nothing_else(script)
    (payment,) = await gateway.look_up(ORDER, PAYMENT)
    assert payment.refunded == eur(500)


# Looking up


async def test_every_try_of_the_shopper_is_told_oldest_first(gateway: StripePayments, script: Script) -> None:
    """The search knows the first and not yet the second; the list tells the newest as they are now."""
    declined = intent(
        id="pi_0",
        created=CREATED - 60,
        status="requires_payment_method",
        latest_charge=None,
        last_payment_error={"code": "card_declined"},
    )
    script.on("GET", f"{INTENTS}/pi_0", answer(declined))
    script.on("GET", SEARCH, answer({**listed({"id": "pi_0", "object": "payment_intent"})}))
    script.on("GET", INTENTS, answer(listed(intent(), has_more=True)))
    payments = await gateway.look_up(ORDER, None)
    told = [(payment.reference, payment.state) for payment in payments]
    assert told == [("pi_0", PaymentState.DECLINED), (PAYMENT, PaymentState.AUTHORISED)]
    searched, newest, _ = script.asked
    assert searched.url.params["query"] == f"metadata['order_id']:'{ORDER}'"
    assert newest.url.path == INTENTS


async def test_beside_the_one_that_the_document_names_others_are_found_by_the_order(
    gateway: StripePayments, script: Script
) -> None:
    second = intent(id="pi_2", created=CREATED + 60)
    script.on("GET", SEARCH, failure(404)).on("GET", INTENTS, answer(listed(second, intent(), has_more=True)))
    payments = await gateway.look_up(ORDER, PAYMENT)
    assert [payment.reference for payment in payments] == [PAYMENT, "pi_2"]
    assert sum(request.url.path == INTENTS for request in script.asked) == 1


async def test_what_the_search_does_not_know_yet_is_found_in_the_list(
    gateway: StripePayments, script: Script
) -> None:
    other = intent(id="pi_0", metadata={"order_id": "order:shop:16"})
    script.on("GET", SEARCH, answer({**listed(), "object": "search_result"}))
    script.on("GET", INTENTS, answer(listed(other, has_more=True)), answer(listed(intent())))
    (payment,) = await gateway.look_up(ORDER, None)
    assert payment.reference == PAYMENT
    assert script.asked[-1].url.params["starting_after"] == "pi_0"


async def test_the_list_is_not_read_for_ever(gateway: StripePayments, script: Script) -> None:
    others = [intent(id=f"pi_{n}", metadata={}) for n in range(100)]
    script.on("GET", SEARCH, failure(404)).on("GET", INTENTS, answer(listed(*others, has_more=True)))
    assert await gateway.look_up(ORDER, None) == ()
    assert sum(request.url.path == INTENTS for request in script.asked) == 10


@pytest.mark.parametrize("named", [ORDER, "17"])
async def test_a_shop_may_name_the_order_by_its_own_id(
    gateway: StripePayments, script: Script, named: str
) -> None:
    script.on("GET", INTENT, answer(intent(metadata={"order_id": named})))
    nothing_else(script)
    assert [payment.reference for payment in await gateway.look_up(ORDER, PAYMENT)] == [PAYMENT]


async def test_the_payment_of_another_order_is_not_taken(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(intent(metadata={"order_id": "order:shop:18"})))
    nothing_else(script)
    with pytest.raises(InvariantBroken):
        await gateway.look_up(ORDER, PAYMENT)


# What Stripe answers


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (failure(402, "card_declined", decline_code="insufficient_funds"), "insufficient_funds"),
        (failure(402, "expired_card"), "expired_card"),
        (failure(400, "charge_expired_for_capture"), "charge_expired_for_capture"),
        (failure(400, "charge_already_captured"), "charge_already_captured"),
        (failure(400, "amount_too_large"), "amount_too_large"),
        (failure(400, "payment_intent_unexpected_state"), "payment_intent_unexpected_state"),
    ],
)
async def test_a_business_answer_is_a_decline_with_stripes_code(
    gateway: StripePayments, script: Script, response: httpx.Response, reason: str
) -> None:
    script.on("POST", CAPTURE, response)
    assert await capture(gateway) == Declined(reason=reason)


async def test_a_refund_of_what_is_refunded_is_declined(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, answer(captured_intent(5000))).on("GET", REFUNDS, answer(listed()))
    script.on("POST", REFUNDS, failure(400, "charge_already_refunded"))
    assert await gateway.refund(PAYMENT, eur(300), key=KEY) == Declined(reason="charge_already_refunded")


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (failure(400, "parameter_missing"), Refused),
        (failure(400, type="idempotency_error"), InvariantBroken),
        (failure(401), Unavailable),
        (failure(403), Unavailable),
        (failure(409, "idempotency_key_in_use"), Unavailable),
        (failure(429, "rate_limit"), Unavailable),
        (failure(500, type="api_error"), OutcomeUnknown),
        (httpx.Response(502, text="<html>"), OutcomeUnknown),
        (httpx.ConnectError, Unavailable),
        (httpx.ConnectTimeout, Unavailable),
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.WriteTimeout, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
    ],
)
async def test_an_error_says_what_to_do_next_and_nothing_personal(
    gateway: StripePayments,
    script: Script,
    response: httpx.Response | type[httpx.TransportError],
    error: type[OrderError],
) -> None:
    script.on("POST", CAPTURE, response)
    with pytest.raises(error) as raised:
        await capture(gateway)
    assert "jenny" not in str(raised.value)


@pytest.mark.parametrize("response", [failure(500, type="api_error"), failure(429), httpx.ReadTimeout])
async def test_a_read_that_fails_changed_nothing(
    gateway: StripePayments, script: Script, response: httpx.Response | type[httpx.TransportError]
) -> None:
    script.on("GET", INTENT, response)
    for call in (gateway.look_up(ORDER, PAYMENT), capture(gateway), gateway.void(PAYMENT, key=KEY)):
        with pytest.raises(Unavailable):
            await call


async def test_a_limit_tells_how_long_to_wait(gateway: StripePayments, script: Script) -> None:
    script.on("POST", CAPTURE, failure(429, "rate_limit", headers={"retry-after": "7"}))
    with pytest.raises(Unavailable) as raised:
        await capture(gateway)
    assert raised.value.retry_after == timedelta(seconds=7)


async def test_an_unknown_outcome_settles_when_stripes_longest_request_is_over(
    gateway: StripePayments, script: Script
) -> None:
    script.on("POST", CAPTURE, httpx.ReadTimeout)
    with pytest.raises(OutcomeUnknown) as raised:
        await capture(gateway)
    assert raised.value.settled_after == timedelta(seconds=80)


async def test_a_replayed_breakdown_does_not_block_the_capture_for_a_day(
    gateway: StripePayments, script: Script
) -> None:
    replay = failure(500, type="api_error", headers={"idempotent-replayed": "true"})
    script.on("POST", CAPTURE, replay, answer(captured_intent(3210)))
    assert isinstance(await capture(gateway), Capture)
    assert [sent["key"] for sent in script.sent(CAPTURE)] == [KEY, f"{KEY}/1"]


async def test_a_replayed_decline_stays_declined(gateway: StripePayments, script: Script) -> None:
    script.on("POST", CAPTURE, failure(402, "card_declined", headers={"idempotent-replayed": "true"}))
    assert await capture(gateway) == Declined(reason="card_declined")
    assert len(script.sent(CAPTURE)) == 1


async def test_a_void_that_stripe_will_not_do_now_is_asked_for_again(
    gateway: StripePayments, script: Script
) -> None:
    script.on("GET", INTENT, answer(intent(status="processing")))
    script.on("POST", CANCEL, failure(400, "payment_intent_unexpected_state"))
    with pytest.raises(Unavailable):
        await gateway.void(PAYMENT, key=KEY)


@pytest.mark.parametrize("minor", [0, -1])
async def test_nothing_and_less_are_refused(gateway: StripePayments, minor: int) -> None:
    with pytest.raises(Refused):
        await gateway.refund(PAYMENT, eur(minor), key=KEY)


async def test_an_unknown_payment_moves_no_money(gateway: StripePayments, script: Script) -> None:
    script.on("GET", INTENT, failure(404, "resource_missing"))
    with pytest.raises(Refused):
        await capture(gateway)


def test_the_order_id_fits_into_a_search_as_it_is() -> None:
    longest: OrderId = order_id(ChannelId("a" * 40), PlatformId("9" * 100))
    assert "'" not in longest
    assert len(longest) < 500
