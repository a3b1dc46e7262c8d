"""Money is exact: whole minor units of a currency that knows its digits. No float, and no amount without a currency."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, FloatOperation, InvalidOperation
from typing import Annotated, Self

from pydantic import AfterValidator, StrictInt

from domain.base import Value

# ISO 4217 (2026-01-01): active currencies whose minor unit is not two digits.
_DIGITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_TWO_DIGITS = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR
    MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD
    SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG
    YER ZAR ZMW ZWG""".split()  # noqa: SIM905  a table of 150 codes reads better so
)


def _known_currency(code: str) -> str:
    if code not in _TWO_DIGITS and code not in _DIGITS:
        raise ValueError(f"{code!r} is not a currency of ISO 4217")
    return code


_NO_FLOAT = Context(traps=[InvalidOperation, FloatOperation])

Currency = Annotated[str, AfterValidator(_known_currency)]


def digits_of(currency: str) -> int:
    """How many digits the minor unit has: EUR 2, JPY 0, KWD 3. ValueError for a code that ISO 4217 lacks."""
    return _DIGITS.get(_known_currency(currency), 2)


class Money(Value):
    """An amount in minor units: `Money(minor=1999, currency="EUR")` is 19.99 EUR. May be negative."""

    minor: StrictInt
    currency: Currency

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(minor=0, currency=currency)

    @classmethod
    def parse(cls, text: str | int | Decimal, currency: str) -> Self:
        """Exactly "19.99" in major units. ValueError: not a number, a float, or more digits than the currency has."""
        try:
            minor = Decimal(text, _NO_FLOAT).scaleb(digits_of(currency))
        except (InvalidOperation, FloatOperation):
            raise ValueError(f"{text!r} is not an amount") from None
        if not minor.is_finite() or minor != minor.to_integral_value():
            raise ValueError(f"{text!r} has more digits than {currency} has ({digits_of(currency)})")
        return cls(minor=int(minor), currency=currency)

    @classmethod
    def rounded(cls, major: Decimal, currency: str) -> Self:
        """The nearest amount, half away from zero: for prices that carry more digits than the currency."""
        minor = major.scaleb(digits_of(currency)).to_integral_value(ROUND_HALF_UP)
        return cls(minor=int(minor), currency=currency)

    @property
    def major(self) -> Decimal:
        return Decimal(self.minor).scaleb(-digits_of(self.currency))

    def __str__(self) -> str:
        return f"{self.major:f} {self.currency}"

    def __bool__(self) -> bool:
        return self.minor != 0

    def __add__(self, other: "Money") -> "Money":
        return Money(minor=self.minor + self._same(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(minor=self.minor - self._same(other), currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(minor=-self.minor, currency=self.currency)

    def __mul__(self, count: int) -> "Money":
        return Money(minor=self.minor * count, currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def times(self, numerator: int, denominator: int) -> "Money":
        """In proportion, half away from zero."""
        minor = half_up(abs(self.minor) * numerator, denominator)
        return Money(minor=-minor if self.minor < 0 else minor, currency=self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Parts in proportion to the weights that always sum to the whole (largest remainder, first of equals first).

        ValueError: no weights, a negative one, or all of them zero.
        """
        whole = sum(weights)
        if whole <= 0 or min(weights) < 0:
            raise ValueError(
                f"cannot split by {list(weights)}: weights are at least 0 and sum to more than 0"
            )
        sign, amount = (-1, -self.minor) if self.minor < 0 else (1, self.minor)
        floors = [amount * weight // whole for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
        for i in by_remainder[: amount - sum(floors)]:
            floors[i] += 1
        return [Money(minor=sign * part, currency=self.currency) for part in floors]

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise ValueError(f"{self} and {other} are of different currencies")
        return other.minor


def half_up(numerator: int, denominator: int) -> int:
    """The whole number nearest to the quotient of two that are not negative; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum; zero of the currency when there are none."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result
