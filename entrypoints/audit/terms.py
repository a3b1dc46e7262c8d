"""How an order is paid, as the storefront's own document tells it: by invoice or not, and by which payment."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

_SHIPS_FIRST = ("cash on delivery", "(cod)", "nachnahme")  # as merchants call it at Shopify
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


def payment_told(platform: str, document: Document) -> str | None:
    """The gateway's id of the payment, where the document names it."""
    if platform == "ordersaga":
        return (document.get("payment") or {}).get("reference")
    if platform == "woocommerce":
        left = {entry.get("key"): entry.get("value") for entry in document.get("meta_data") or []}
        plugins = (left.get(key) for key in ("_stripe_intent_id", "_intent_id", "_wcpay_intent_id"))
        return next(filter(None, plugins), None) or document.get("transaction_id") or None
    return None
