"""Amounts to test with: three currencies whose minor units have 2, 0 and 3 digits."""

from hypothesis import strategies as st

from domain.money import Money

CURRENCIES = ("EUR", "JPY", "KWD")

currencies = st.sampled_from(CURRENCIES)
minors = st.integers(-(10**12), 10**12)
amounts = st.builds(Money, minor=minors, currency=currencies)


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")
