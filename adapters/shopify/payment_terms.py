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
    """Which tenders paid, and how much of them is held, the gateway tells: a gift card beside a card is no problem."""
    match order.financial_status:
        case "authorized":
            return PaymentTerm.AUTHORIZE_THEN_CAPTURE
        case "paid" | "partially_refunded":
            return PaymentTerm.PREPAID
        case "pending":
            return _open_term(order)
        case "partially_paid":
            if (term := _open_term(order)) is PaymentTerm.ON_ACCOUNT:
                problems.add(
                    "financial_status", "a part was paid, and the rest is on account: a person decides"
                )
            return term
        case status if status in _NOT_PAYABLE:
            problems.add("financial_status", _NOT_PAYABLE[status])
        case _:
            problems.add("financial_status", "not one that Shopify documents")
    return PaymentTerm.PREPAID


def _open_term(order: Order) -> PaymentTerm:
    """Terms and cash on delivery ship first; money by hand is waited for.

    Of a gateway that is still at work nobody knows yet whether it will hold the money or capture it at once: prepaid
    takes either, for what is only held is captured as goods ship.
    """
    names = [name.lower() for name in order.payment_gateway_names]
    if order.payment_terms or any(word in name for name in names for word in _ON_DELIVERY):
        return PaymentTerm.ON_ACCOUNT
    if any(word in name for name in names for word in _ONLINE):
        return PaymentTerm.PREPAID
    return PaymentTerm.BANK_TRANSFER
