"""Stripe counts in minor units too, but not always in ISO 4217's (docs.stripe.com/currencies, special cases)."""

from decimal import Decimal

from domain.money import Money, digits_of

_STRIPE_DIGITS = {"ISK": 2, "UGX": 2, "MGA": 0}  # where Stripe's digits differ from ISO 4217's


def to_stripe(amount: Money) -> int:
    """The amount in Stripe's units. ValueError when Stripe cannot express it: half an ariary."""
    return _scaled(amount.minor, _digits(amount.currency) - digits_of(amount.currency))


def from_stripe(units: int, currency: str) -> Money:
    """ValueError for a currency that ISO 4217 lacks, or an amount that it has no unit for: half an Icelandic króna."""
    code = currency.upper()
    return Money(minor=_scaled(units, digits_of(code) - _digits(code)), currency=code)


def _scaled(units: int, digits: int) -> int:
    scaled = Decimal(units).scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{units} is no whole number of units that are {-digits} digits larger")
    return int(scaled)


def _digits(currency: str) -> int:
    return _STRIPE_DIGITS.get(currency, digits_of(currency))
