"""Stripe's errors, sorted by what to do next (docs.stripe.com/error-codes)."""

from datetime import timedelta

import stripe

from domain.errors import InvariantBroken, OrderError, OutcomeUnknown, Refused, Unavailable
from domain.payments import Declined

# Codes of invalid requests that are business answers. Those of cards (HTTP 402) always are.
_DECLINES = frozenset({
    "amount_too_large",
    "amount_too_small",
    "capture_charge_authorization_expired",
    "charge_already_captured",
    "charge_already_refunded",
    "charge_disputed",
    "charge_expired_for_capture",
    "charge_not_refundable",
    "payment_intent_unexpected_state",
    "refund_disputed_payment",
})  # fmt: skip


def code_of(error: stripe.StripeError) -> str:
    """Stripe's code, or the nearest to it that the answer has. Never its message, which may quote personal data."""
    code = error.error.code if error.error else None
    return code or error.code or type(error).__name__


def declined(error: stripe.StripeError) -> Declined | None:
    """The business answer, where the error is one. A card's refusal carries the bank's own reason where it gave one."""
    code = code_of(error)
    if isinstance(error, stripe.CardError):
        bank = error.error.decline_code if error.error else None
        return Declined(reason=bank or code)
    if isinstance(error, stripe.InvalidRequestError) and code in _DECLINES:
        return Declined(reason=code)
    return None


def translated(error: stripe.StripeError, *, changing: bool, settled_after: timedelta) -> OrderError:
    """What to raise for an answer that is no business answer. `changing`: the request was to change something."""
    what = f"Stripe: {code_of(error)} ({error.http_status}, request {error.request_id})"
    match error:
        case stripe.IdempotencyError():
            return InvariantBroken(f"{what}: two different effects under one key")
        case stripe.InvalidRequestError() | stripe.CardError():
            return Refused(what)
        case stripe.RateLimitError():
            return Unavailable(what, retry_after=_retry_after(error))
        case stripe.AuthenticationError() | stripe.PermissionError():
            return Unavailable(f"{what}: the API key needs to be looked at")
    if error.http_status == 409 or not changing:  # noqa: PLR2004  a request with this key is under way: idempotency_key_in_use
        return Unavailable(what, retry_after=_retry_after(error))
    return OutcomeUnknown(what, settled_after=settled_after)


def replayed_breakdown(error: stripe.StripeError) -> bool:
    """Whether this is the stored answer to a former request, which broke down: Stripe repeats it for 24 hours."""
    return isinstance(error, stripe.APIError) and (error.headers or {}).get("idempotent-replayed") == "true"


def not_found(error: stripe.StripeError) -> bool:
    return error.http_status == 404  # noqa: PLR2004  the status that says so


def _retry_after(error: stripe.StripeError) -> timedelta | None:
    seconds = (error.headers or {}).get("retry-after", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() else None
