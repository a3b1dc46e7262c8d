"""The simulated world's own arithmetic: Decimals in major units, as they came over the wire."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from adapters.connector.protocol.common import Money


def decimal(money: Money) -> Decimal:
    return Decimal(money.amount)


def money(amount: Decimal, like: Money) -> Money:
    """The amount in the currency of `like`, with as many digits."""
    return Money(amount=f"{rounded(amount, like):f}", currency=like.currency)


def rounded(amount: Decimal, like: Money) -> Decimal:
    """Half away from zero, to the digits that `like` is written with."""
    return amount.quantize(Decimal(like.amount), ROUND_HALF_UP)


def summed(amounts: Iterable[Money]) -> Decimal:
    return sum((decimal(amount) for amount in amounts), Decimal(0))
