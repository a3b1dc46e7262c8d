"""How a WooCommerce order is paid, from its status, its method and what the payment plugin left with it."""

from adapters.parsing import Problems
from adapters.woocommerce.shapes import Order
from domain.ids import PaymentRef
from domain.orders import PaymentIntent, PaymentTerm

_BY_HAND = frozenset({"bacs", "cheque"})
_ON_ACCOUNT = frozenset({"cod", "invoice", "purchase_order"})
_CARRIED = frozenset({"pending", "on-hold", "processing"})
_NOT_CARRIED = {
    "completed": "shipped already: nothing may ship twice",
    "cancelled": "the order is cancelled",
    "refunded": "everything was refunded",
    "failed": "the payment failed",
    "trash": "the order is in the bin",
    "checkout-draft": "the customer has not placed it yet",
    "auto-draft": "nobody has placed it yet",
}


def payment_of(order: Order, problems: Problems) -> PaymentIntent:
    """The term, and the gateway's own reference: for Stripe the PaymentIntent, `transaction_id` being its charge."""
    if order.status not in _CARRIED:
        problems.add("status", _NOT_CARRIED.get(order.status, "not one that WooCommerce documents"))
    if order.refunds:
        refunded = sum(refund.total for refund in order.refunds)
        problems.add("refunds", f"{refunded} {order.currency} went back, but not for which lines")
    intent = order.meta("_stripe_intent_id", "_intent_id", "_wcpay_intent_id")
    reference = intent or order.transaction_id
    return PaymentIntent(
        term=_term(order, problems),
        reference=PaymentRef(reference) if reference else None,
        method=order.payment_method,
    )


def _term(order: Order, problems: Problems) -> PaymentTerm:
    """Of a payment that is still under way nobody knows whether it will be held or captured: prepaid takes either."""
    if order.payment_method in _BY_HAND:
        return PaymentTerm.BANK_TRANSFER
    if order.payment_method in _ON_ACCOUNT:
        return PaymentTerm.ON_ACCOUNT
    if order.meta("_stripe_charge_captured", "_wcpay_charge_captured") == "no":
        return PaymentTerm.AUTHORIZE_THEN_CAPTURE
    if not order.payment_method and not order.date_paid_gmt and order.total:
        problems.add("payment_method", "not paid, and no method to pay it")
    return PaymentTerm.PREPAID
