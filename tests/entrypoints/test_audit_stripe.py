"""The auditor's reading of Stripe's books, against a running localstripe and against what Stripe alone tells."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrypoints.audit import from_stripe
from entrypoints.audit.books import Method, Moment, Payment, before
from entrypoints.audit.sources import StripeBooks
from entrypoints.demo.shopper_stripe import card_hold
from entrypoints.embedded.localstripe import LocalStripe, localstripe_server

pytestmark = pytest.mark.stripe


@pytest.fixture
async def stripe(tmp_path: Path) -> AsyncIterator[LocalStripe]:
    async with localstripe_server(tmp_path / "stripe") as server:
        yield server


async def post(stripe: LocalStripe, path: str, **values: str) -> Any:
    async with httpx.AsyncClient(base_url=stripe.url, auth=(stripe.api_key, "")) as http:
        response = await http.post(f"/v1/{path}", data=values)
        response.raise_for_status()
        return response.json()


async def payments(stripe: LocalStripe) -> dict[str, Payment]:
    books = await from_stripe.read(StripeBooks(url=stripe.url, api_key=stripe.api_key))
    return {payment.order_id: payment for payment in books.payments}


async def hold(stripe: LocalStripe, order: str, cents: int = 2500, currency: str = "EUR") -> str:
    return await card_hold(stripe.url, stripe.api_key, order, cents, currency)


async def test_a_hold_is_held_until_it_is_captured_or_cancelled(stripe: LocalStripe) -> None:
    await hold(stripe, "order:shop:1")
    await post(stripe, f"payment_intents/{await hold(stripe, 'order:shop:2')}/cancel")
    await post(stripe, f"payment_intents/{await hold(stripe, 'order:shop:3')}/capture")
    told = await payments(stripe)
    assert [told[f"order:shop:{n}"].held for n in (1, 2, 3)] == [Decimal(25), 0, 0]
    assert [told[f"order:shop:{n}"].captured for n in (1, 2, 3)] == [0, 0, Decimal(25)]
    assert told["order:shop:1"].authorised == told["order:shop:1"].capturable == Decimal(25)


async def test_what_a_partial_capture_releases_is_no_refund(stripe: LocalStripe) -> None:
    intent = await hold(stripe, "order:shop:1")
    await post(stripe, f"payment_intents/{intent}/capture", amount_to_capture="1700")
    await post(stripe, "refunds", payment_intent=intent, amount="500", **{"metadata[k]": "v"})
    payment = (await payments(stripe))["order:shop:1"]
    assert (payment.captured, payment.refunded, payment.held) == (Decimal(17), Decimal(5), Decimal(0))
    assert payment.refunds[0].capture == payment.captures[0].reference


async def test_a_capture_that_was_not_announced_is_not_ours(stripe: LocalStripe) -> None:
    ours, by_hand = await hold(stripe, "order:shop:1"), await hold(stripe, "order:shop:2")
    await post(stripe, f"payment_intents/{ours}", **{"metadata[ordersaga_capture_1]": "2500 the-key"})
    for intent in (ours, by_hand):
        await post(stripe, f"payment_intents/{intent}/capture")
    told = await payments(stripe)
    assert [told[f"order:shop:{n}"].ours for n in (1, 2)] == [Decimal(25), 0]
    assert [told[f"order:shop:{n}"].captured for n in (1, 2)] == [Decimal(25), Decimal(25)]


async def test_a_capture_is_timed_by_its_booking_and_not_by_its_hold(stripe: LocalStripe) -> None:
    intent = await hold(stripe, "order:shop:1")
    await post(stripe, f"payment_intents/{intent}/capture")
    moment = (await payments(stripe))["order:shop:1"].captures[0].moment
    assert moment is not None
    assert moment.earliest is not None
    assert moment.latest == moment.earliest + timedelta(seconds=1)


@pytest.mark.long
async def test_more_payments_than_one_page_are_all_read(stripe: LocalStripe) -> None:
    for number in range(103):
        await hold(stripe, f"order:shop:{number}")
    assert len(await payments(stripe)) == 103


@pytest.mark.parametrize(("currency", "worth"), [("JPY", "2500"), ("KWD", "2.5"), ("ISK", "25")])
async def test_every_currency_is_counted_in_its_own_units(
    stripe: LocalStripe, currency: str, worth: str
) -> None:
    await hold(stripe, "order:shop:1", currency=currency)
    assert (await payments(stripe))["order:shop:1"].authorised == Decimal(worth)


def _wire(card: dict[str, Any] | None = None, **other: Any) -> dict[str, Any]:
    """A payment intent of 25.00 with Stripe's own fields, of which localstripe lacks some; captured unless told."""
    charge = {
        "id": "ch_1",
        "amount": 2500,
        "captured": True,
        "amount_captured": 2500,
        "balance_transaction": {"created": 1_700_000_000},
        "payment_method_details": {"type": "card", "card": {"amount_authorized": 2500, **(card or {})}},
    }
    return {
        "id": "pi_1",
        "amount": 2500,
        "currency": "eur",
        "status": "succeeded",
        "capture_method": "manual",
        "amount_received": 2500,
        "last_payment_error": None,
        "metadata": {"order_id": "order:shop:1", "ordersaga_capture_1": "2500 the-key"},
        "payment_method_types": ["card"],
        "latest_charge": charge,
        **other,
    }


def _refund(name: str, cents: int, status: str, **metadata: str) -> Mapping[str, Any]:
    facts = {"charge": "ch_1", "payment_intent": "pi_1", "created": 1_700_000_100}
    return {"id": name, "amount": cents, "status": status, "metadata": metadata, **facts}


def test_what_stripe_tells_of_over_capture_and_several_captures_is_heard() -> None:
    able = {
        "overcapture": {"status": "available", "maximum_amount_capturable": 2875},
        "multicapture": {"status": "available"},
    }
    payment = from_stripe._payment(_wire(able, amount_received=2600), {}, {})
    assert (payment.authorised, payment.capturable) == (Decimal(25), Decimal("28.75"))
    assert (payment.captured, payment.ours) == (Decimal(26), Decimal(26))
    assert payment.method is Method.CARD
    assert payment.captures[0].moment is None, "which of the captures was booked then is not told"


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ("pending", False),
        ("requires_action", False),
        ("succeeded", False),
        ("failed", True),
        ("canceled", True),
    ],
)
def test_a_refund_counts_unless_it_failed(status: str, *, failed: bool) -> None:
    refunds = {"ch_1": [_refund("re_1", 500, status, ordersaga_key="k")]}
    payment = from_stripe._payment(_wire(), refunds, {})
    assert [(refund.reference, refund.failed) for refund in payment.refunds] == [("re_1", failed)]
    assert payment.refunded == (0 if failed else 5)


def test_a_failed_refund_is_not_taken_for_what_a_capture_released() -> None:
    refunds = [_refund("re_failed", 800, "failed"), _refund("re_released", 800, "succeeded")]
    payment = from_stripe._payment(_wire(amount_received=1700), {"ch_1": refunds}, {})
    assert [refund.reference for refund in payment.refunds] == ["re_failed"]


@pytest.mark.parametrize(
    ("status", "gone"),
    [("needs_response", 8), ("under_review", 8), ("lost", 8), ("won", 0), ("warning_needs_response", 0)],
)
def test_disputed_money_is_gone_unless_it_was_won_or_only_asked_about(status: str, gone: int) -> None:
    dispute = {"id": "dp_1", "charge": "ch_1", "amount": 800, "status": status, "created": 1_700_000_200}
    payment = from_stripe._payment(_wire(), {}, {"ch_1": [dispute]})
    assert payment.disputed == gone


def test_a_transfer_is_told_by_what_was_asked_for_until_it_arrives() -> None:
    asked = _wire(
        status="requires_action",
        amount_received=0,
        latest_charge=None,
        payment_method_types=["customer_balance"],
        metadata={"order_id": "order:shop:1"},
    )
    payment = from_stripe._payment(asked, {}, {})
    assert (payment.method, payment.pending) == (Method.BANK_TRANSFER, True)
    assert payment.authorised == Decimal(25)
    assert payment.held == payment.captured == 0


@pytest.mark.parametrize(("error", "pending"), [(None, True), ({"code": "card_declined"}, False)])
def test_a_declined_try_is_pending_no_more(error: dict[str, str] | None, *, pending: bool) -> None:
    tried = _wire(
        status="requires_payment_method", amount_received=0, latest_charge=None, last_payment_error=error
    )
    assert from_stripe._payment(tried, {}, {}).pending is pending


def test_times_of_two_books_tell_what_came_first_only_where_they_do_not_overlap() -> None:
    nine = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    shipped = Moment(book="warehouse", earliest=nine, latest=nine)

    def captured(seconds: float) -> Moment:
        second = nine + timedelta(seconds=seconds)
        return Moment(book="stripe", earliest=second, latest=second + timedelta(seconds=1))

    assert before(shipped, captured(2)) is True
    assert before(shipped, captured(-2)) is False
    assert before(shipped, captured(-0.5)) is None
    assert before(None, captured(2)) is None
    assert before(Moment(book="a", seq=1), Moment(book="a", seq=2)) is True
    assert before(Moment(book="a", seq=1), Moment(book="b", seq=2)) is None
