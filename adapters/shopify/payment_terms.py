"""How a Shopify order is paid, from its financial status and the names of its gateways."""

from adapters.parsing import Problems
from adapters.shopify.shapes import Order
from domain.orders import PaymentIntent, PaymentTerm

# Shopify names manual methods as the merchant typed them; these words mark a payment that the gateway reports itself.
_ONLINE = (
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
_ON_DELIVERY = ("cash on delivery", "(cod)", "nachnahme")

_NOT_PAYABLE = {
    "refunded": "everything was refunded",
    "voided": "the payment was voided",
    "expired": "the hold expired and nothing was paid",
}


def payment_of(order: Order, problems: Problems) -> PaymentIntent:
    """The payment as Shopify's own transactions tell it: no reference, the gateway is asked by the order's id."""
    term = _term(order, problems)
    return PaymentIntent(term=term, method=", ".join(order.payment_gateway_names))


def _term(order: Order, problems: Problems) -> PaymentTerm:
    match order.financial_status:
        case "authorized":
            if "gift_card" in order.payment_gateway_names:
                problems.add(
                    "payment_gateway_names", "a gift card paid part of it: the hold is not for the total"
                )
            return PaymentTerm.AUTHORIZE_THEN_CAPTURE
        case "paid" | "partially_refunded":
            return PaymentTerm.PREPAID
        case "pending":
            return _pending_term(order)
        case "partially_paid":
            problems.add(
                "financial_status", "only part of it was paid: a person decides, or it is paid in full"
            )
        case status if status in _NOT_PAYABLE:
            problems.add("financial_status", _NOT_PAYABLE[status])
        case _:
            problems.add("financial_status", "not one that Shopify documents")
    return PaymentTerm.PREPAID


def _pending_term(order: Order) -> PaymentTerm:
    """Terms and cash on delivery ship first; a gateway that is still at work is asked; money by hand is waited for."""
    names = [name.lower() for name in order.payment_gateway_names]
    if order.payment_terms or any(word in name for name in names for word in _ON_DELIVERY):
        return PaymentTerm.ON_ACCOUNT
    if any(word in name for name in names for word in _ONLINE):
        return PaymentTerm.AUTHORIZE_THEN_CAPTURE
    return PaymentTerm.BANK_TRANSFER
