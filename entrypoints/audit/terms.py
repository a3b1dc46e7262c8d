"""How an order is paid, as the storefront's own document tells it: by invoice or not, and by which payment."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

_SHIPS_FIRST = ("cash on delivery", "(cod)", "nachnahme")  # as merchants call it at Shopify
_REPORT_THEMSELVES = (
    "shopify_payments",
    "stripe",
    "paypal",
    "klarna",
    "adyen",
    "mollie",
    "braintree",
    "authorize",
    "bogus",
)
_WOO_BY_HAND = ("bacs", "cheque")
_OWN_TERMS = {"authorize_then_capture": "card", "prepaid": "prepaid", "bank_transfer": "bank transfer"}
_WOO_ON_ACCOUNT = ("cod", "invoice", "purchase_order")


def on_account(platform: str, document: Document) -> bool:
    """Whether it is paid by invoice: no gateway ever sees money of it."""
    if platform == "ordersaga":
        return bool((document.get("payment") or {}).get("term") == "on_account")
    if platform == "woocommerce":
        return document.get("payment_method") in _WOO_ON_ACCOUNT
    if platform == "shopify" and document.get("financial_status") == "pending":
        names = " ".join(document.get("payment_gateway_names") or []).lower()
        return bool(document.get("payment_terms")) or any(word in names for word in _SHIPS_FIRST)
    return False


def term_told(platform: str, document: Document) -> str:
    """In words: card, prepaid, bank transfer, on account."""
    if on_account(platform, document):
        return "on account"
    if platform == "ordersaga":
        return _OWN_TERMS.get((document.get("payment") or {}).get("term", ""), "unknown")
    if platform == "woocommerce":
        return _woo_term(document)
    return _shopify_term(document)


def _woo_term(document: Document) -> str:
    if document.get("payment_method") in _WOO_BY_HAND:
        return "bank transfer"
    left = {entry.get("key"): entry.get("value") for entry in document.get("meta_data") or []}
    captured = left.get("_stripe_charge_captured") or left.get("_wcpay_charge_captured")
    return "card" if captured == "no" else "prepaid"


def _shopify_term(document: Document) -> str:
    """Open amounts are a transfer, unless a gateway that reports itself is at work."""
    status = document.get("financial_status")
    if status == "authorized":
        return "card"
    names = " ".join(document.get("payment_gateway_names") or []).lower()
    by_hand = status in {"pending", "partially_paid"} and not any(
        word in names for word in _REPORT_THEMSELVES
    )
    return "bank transfer" if by_hand else "prepaid"


def payment_told(platform: str, document: Document) -> str | None:
    """The gateway's id of the payment, where the document names it."""
    if platform == "ordersaga":
        return (document.get("payment") or {}).get("reference")
    if platform == "woocommerce":
        left = {entry.get("key"): entry.get("value") for entry in document.get("meta_data") or []}
        plugins = (left.get(key) for key in ("_stripe_intent_id", "_intent_id", "_wcpay_intent_id"))
        return next(filter(None, plugins), None) or document.get("transaction_id") or None
    return None
