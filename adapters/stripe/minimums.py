"""The least that Stripe charges: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, read in November 2026.

Its table is by the currency of the merchant's bank account. Where the customer pays in another one, Stripe converts first
and has the last word: `amount_too_small`.
"""

from domain.money import Money

_MINIMUMS = {
    "AED": "2.00",
    "AUD": "0.50",
    "BGN": "1.00",
    "BRL": "0.50",
    "CAD": "0.50",
    "CHF": "0.50",
    "CZK": "15.00",
    "DKK": "2.50",
    "EUR": "0.50",
    "GBP": "0.30",
    "HKD": "4.00",
    "HUF": "175.00",
    "INR": "0.50",
    "JPY": "50",
    "MXN": "10.00",
    "MYR": "2.00",
    "NOK": "3.00",
    "NZD": "0.50",
    "PLN": "2.00",
    "RON": "2.00",
    "SEK": "3.00",
    "SGD": "0.50",
    "THB": "10.00",
    "USD": "0.50",
}


def minimum(currency: str) -> Money | None:
    """None for a currency that no account settles in."""
    amount = _MINIMUMS.get(currency)
    return Money.parse(amount, currency) if amount else None
