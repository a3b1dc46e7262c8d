"""Stripe's books: payment intents with their charge, and refunds. Stripe tells times in whole seconds.

The shop's checkout writes our order id into the metadata of the payment intent. An intent without it may be named by
the order's own document, which is looked at later.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from entrypoints.audit.books import Books, Capture, Dispute, Method, Moment, Payment, Refund
from entrypoints.audit.sources import StripeBooks
from entrypoints.audit.sums import ZERO, digits_of

_PAGE = 100
_READ_SECONDS_MAX = 60
_DIGITS = {"ISK": 2, "UGX": 2, "MGA": 0}  # where Stripe counts otherwise (docs.stripe.com/currencies)
_PENDING = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "processing"})
_GAVE_NOTHING = frozenset({"failed", "canceled"})
_NOTHING_TAKEN = frozenset(  # docs.stripe.com/api/disputes/object: an inquiry takes no money
    {"won", "prevented", "warning_needs_response", "warning_under_review", "warning_closed"}
)
_METHODS = {"card": Method.CARD, "customer_balance": Method.BANK_TRANSFER}
_ANNOUNCED = "ordersaga_capture_"  # in the metadata of a payment intent that we captured

Thing = Mapping[str, Any]


async def read(source: StripeBooks) -> Books:
    """httpx.HTTPError: it does not answer."""
    async with httpx.AsyncClient(
        base_url=source.url, auth=(source.api_key, ""), timeout=_READ_SECONDS_MAX
    ) as http:
        intents = await _all(
            http,
            "/v1/payment_intents",
            ["data.latest_charge", "data.latest_charge.balance_transaction"],
        )
        refunds = await _all(http, "/v1/refunds", [])
        disputed = any((intent["latest_charge"] or {}).get("disputed") for intent in intents)
        disputes = await _all(http, "/v1/disputes", []) if disputed else []
    given_back, gone = _by_charge(refunds), _by_charge(disputes)
    return Books(payments=tuple(_payment(intent, given_back, gone) for intent in intents))


def _by_charge(things: list[Thing]) -> dict[str, list[Thing]]:
    by_charge: dict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        if thing["charge"]:
            by_charge[thing["charge"]].append(thing)
    return by_charge


async def _all(http: httpx.AsyncClient, path: str, expand: list[str]) -> list[Thing]:
    found: list[Thing] = []
    more = True
    while more:
        params: dict[str, Any] = {"limit": _PAGE, "expand[]": expand}
        if found:
            params["starting_after"] = found[-1]["id"]
        response = await http.get(path, params=params)
        response.raise_for_status()
        page = response.json(parse_float=Decimal)
        found += page["data"]
        more = page["has_more"]
    return found


def _payment(
    intent: Thing, refunds: Mapping[str, list[Thing]], disputes: Mapping[str, list[Thing]]
) -> Payment:
    currency = intent["currency"].upper()
    charge: Thing = intent["latest_charge"] or {}
    given_back = refunds.get(charge.get("id", ""), [])
    captured = _captured(intent, charge, given_back)
    method = _method(intent, charge)
    authorised = _authorised(intent, charge, method)
    most = _card(charge).get("overcapture") or {}
    over = most.get("maximum_amount_capturable", 0) if most.get("status") == "available" else 0
    return Payment(
        reference=intent["id"],
        order_id=(intent.get("metadata") or {}).get("order_id", ""),
        currency=currency,
        method=method,
        pending=intent["status"] in _PENDING and not intent.get("last_payment_error"),
        authorised=_major(authorised, currency),
        capturable=_major(max(authorised, over), currency),
        held=_major(_held(intent, authorised, captured), currency),
        captures=(_capture(intent, charge, captured, currency),) if captured else (),
        refunds=tuple(
            Refund(
                reference=refund["id"],
                amount=_major(refund["amount"], currency),
                capture=refund["charge"],
                failed=refund["status"] in _GAVE_NOTHING,
                moment=_second(refund["created"]),
            )
            for refund in _of_captured_money(charge, given_back, captured)
        ),
        disputes=tuple(
            Dispute(
                reference=dispute["id"],
                amount=_major(dispute["amount"], currency),
                won=dispute["status"] in _NOTHING_TAKEN,
                opened=_second(dispute["created"]),
            )
            for dispute in disputes.get(charge.get("id", ""), [])
        ),
    )


def _method(intent: Thing, charge: Thing) -> Method:
    kind = (charge.get("payment_method_details") or {}).get("type")
    kinds = [kind] if kind else intent.get("payment_method_types") or []
    return _METHODS.get(kinds[0], Method.OTHER) if len(kinds) == 1 else Method.OTHER


def _authorised(intent: Thing, charge: Thing, method: Method) -> int:
    if method is Method.BANK_TRANSFER:
        return int(intent["amount"])
    return 0 if not charge or intent["status"] in _PENDING else _granted(charge)


def _card(charge: Thing) -> Thing:
    return (charge.get("payment_method_details") or {}).get("card") or {}


def _granted(charge: Thing) -> int:
    granted = _card(charge).get("amount_authorized")
    return int(charge["amount"] if granted is None else granted)


def _captured(intent: Thing, charge: Thing, refunds: list[Thing]) -> int:
    if intent.get("amount_received") is not None:
        return int(intent["amount_received"])
    if not charge or not charge["captured"]:
        return 0
    if charge.get("amount_captured") is not None:
        return int(charge["amount_captured"])
    # localstripe tells neither: there what a capture released is a refund that names the charge alone.
    released = sum(refund["amount"] for refund in refunds if not refund["payment_intent"])
    return int(charge["amount"] - released)


def _held(intent: Thing, authorised: int, captured: int) -> int:
    if intent["status"] != "requires_capture":
        return 0
    capturable = intent.get("amount_capturable")
    return authorised - captured if capturable is None else int(capturable)


def _capture(intent: Thing, charge: Thing, captured: int, currency: str) -> Capture:
    return Capture(
        reference=charge["id"],
        amount=_major(captured, currency),
        moment=_moment(charge),
        ours=any(name.startswith(_ANNOUNCED) for name in intent.get("metadata") or {}),
    )


def _moment(charge: Thing) -> Moment | None:
    """A capture is booked when it is made. Of several captures only one booking is told here, so then it is unknown."""
    booked = charge["balance_transaction"]
    several = (_card(charge).get("multicapture") or {}).get("status") == "available"
    if several or not isinstance(booked, Mapping):
        return None
    return _second(booked["created"])


def _second(created: int) -> Moment:
    second = datetime.fromtimestamp(int(created), UTC)
    return Moment(book="stripe", earliest=second, latest=second + timedelta(seconds=1))


def _of_captured_money(charge: Thing, refunds: list[Thing], captured: int) -> list[Thing]:
    """What a capture releases of its hold is told as a refund too: the oldest of that amount that no one gave."""
    oldest_first = sorted(refunds, key=lambda refund: int(refund["created"]))
    released = charge.get("amount", 0) - captured if captured else 0
    for refund in oldest_first:
        alive = refund["status"] not in _GAVE_NOTHING
        if released > 0 and alive and refund["amount"] == released and not refund["metadata"]:
            oldest_first.remove(refund)
            break
    return oldest_first if captured else []


def _major(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-_DIGITS.get(currency, digits_of(currency))) if units else ZERO
