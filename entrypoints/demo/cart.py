"""Shopping carts of the demo: varied, realistic, and the same for the same index. Their arithmetic is their own.

Amounts are whole minor units; every line is rounded by itself, half up, as shops do.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

DIGITS: Mapping[str, int] = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3}
_PER_EURO = {
    "EUR": Decimal(1),
    "USD": Decimal("1.1"),
    "GBP": Decimal("0.85"),
    "JPY": Decimal(160),
    "KWD": Decimal("0.34"),
}

CATALOGUE: Mapping[str, tuple[str, Decimal, Decimal]] = {  # name, net price in EUR, tax rate
    "KETTLE-17": ("Kettle, 1.7 litres", Decimal("42.01"), Decimal("0.19")),
    "MUG-BLUE": ("Mug, blue", Decimal("8.39"), Decimal("0.19")),
    "MUG-GREEN": ("Mug, green", Decimal("8.39"), Decimal("0.19")),
    "TEA-ASSAM-250": ("Assam tea, 250 g", Decimal("11.17"), Decimal("0.07")),
    "TEA-MINT-100": ("Peppermint tea, 100 g", Decimal("4.63"), Decimal("0.07")),
    "COFFEE-ESP-1000": ("Espresso beans, 1 kg", Decimal("21.45"), Decimal("0.07")),
    "FILTER-100": ("Paper filters, 100 pieces", Decimal("2.93"), Decimal("0.19")),
    "GRINDER-M": ("Hand grinder", Decimal("74.75"), Decimal("0.19")),
    "SCALE-01": ("Kitchen scale, 0.1 g", Decimal("33.57"), Decimal("0.20")),
    "TOWEL-LINEN": ("Linen tea towel", Decimal("12.58"), Decimal("0.20")),
    "BOOK-COFFEE": ("The Coffee Book", Decimal("18.60"), Decimal("0.07")),
    "POSTCARD-UN": ("Postcards for a good cause", Decimal("5.00"), Decimal(0)),
}

_FIRST_NUMBER = 10_001
_FIRST_PLACED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)

_CUSTOMERS = (  # name, company, street, postal code, city, country
    ("Amelie Sommer", "", "Lindenweg 4", "50674", "Köln", "DE"),
    ("Jonas Reuter", "Café Morgenrot", "Hafenstraße 21", "20457", "Hamburg", "DE"),
    ("Clara Vogt", "", "Am Anger 9", "99084", "Erfurt", "DE"),
    ("Mateo Ruiz", "", "Calle de la Luna 12", "28004", "Madrid", "ES"),
    ("Sofie Jansen", "", "Oudegracht 88", "3511 AV", "Utrecht", "NL"),
    ("Luca Moretti", "Bar Aurora", "Via Garibaldi 3", "10122", "Torino", "IT"),
    ("Élodie Martin", "", "Rue des Lilas 17", "69003", "Lyon", "FR"),
    ("Nina Hofer", "", "Gumpendorfer Straße 40", "1060", "Wien", "AT"),
    ("Oskar Lind", "", "Storgatan 5", "211 42", "Malmö", "SE"),
    ("Freya O'Hara", "", "Mill Lane 2", "T12 X8Y", "Cork", "IE"),
)


@dataclass(frozen=True)
class Buyer:
    name: str
    email: str
    company: str
    street: str
    postal_code: str
    city: str
    country: str


@dataclass(frozen=True)
class CartLine:
    """`unit` is before discounts; unit, value and tax are gross or net as the cart's `taxes_included` says."""

    sku: str
    name: str
    quantity: int
    unit: int
    discount: int
    order_discount: int
    rate: Decimal
    taxes_included: bool

    @property
    def listed(self) -> int:
        return self.unit * self.quantity

    @property
    def value(self) -> int:
        return self.listed - self.discount - self.order_discount

    @property
    def tax(self) -> int:
        return self.tax_of(self.value)

    def tax_of(self, value: int) -> int:
        """The tax in `value`, or on top of it."""
        base = 1 + self.rate if self.taxes_included else Decimal(1)
        return _half_up(value * self.rate / base)

    @property
    def total(self) -> int:
        return self.value if self.taxes_included else self.value + self.tax


@dataclass(frozen=True)
class Cart:
    index: int
    currency: str
    taxes_included: bool
    buyer: Buyer
    lines: Sequence[CartLine]
    freight: CartLine | None
    charged: Sequence[CartLine] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "charged", (*self.lines, *((self.freight,) if self.freight else ())))

    @property
    def number(self) -> int:
        return _FIRST_NUMBER + self.index

    @property
    def placed(self) -> datetime:
        return _FIRST_PLACED + timedelta(minutes=7 * self.index)

    @property
    def total(self) -> int:
        return sum(line.total for line in self.charged)

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.charged)

    def text(self, minor: int) -> str:
        """`minor` in major units, as platforms write amounts: "19.99"."""
        digits = DIGITS[self.currency]
        return f"{Decimal(minor).scaleb(-digits):.{digits}f}"


def cart(index: int, currencies: Sequence[str]) -> Cart:
    """The cart of this index; the currency is the first of `currencies` three times out of four."""
    currency = (
        currencies[0] if _pick(index, "main", 4) else currencies[_pick(index, "other", len(currencies))]
    )
    included = _pick(index, "included", 2) == 0
    skus = _distinct(index, 1 + _pick(index, "lines", 4))
    drafts = [_line(index, sku, currency, taxes_included=included) for sku in skus]
    lines = _with_order_discount(index, drafts, currency)
    goods = sum(line.value for line in lines)
    freight = None if goods >= _price(Decimal(120), currency) else _freight(currency, taxes_included=included)
    return Cart(index, currency, included, _buyer(index), lines, freight)


def of_articles(content: Cart, skus: Sequence[str]) -> Cart:
    """The same cart with these articles in it, a line each."""
    lines = tuple(
        _line(content.index, sku, content.currency, taxes_included=content.taxes_included) for sku in skus
    )
    return replace(content, lines=lines)


def article_number(sku: str) -> int:
    """What is made to order has a number of its own, beyond the catalogue's."""
    listed = list(CATALOGUE)
    return listed.index(sku) if sku in CATALOGUE else len(listed) + _pick(0, sku, 1_000_003)


def _line(index: int, sku: str, currency: str, *, taxes_included: bool) -> CartLine:
    name, net, rate = CATALOGUE[sku]
    quantity = 1 + _pick(index, f"quantity {sku}", 5)
    unit = _price(net * (1 + rate) if taxes_included else net, currency)
    reduced = _pick(index, f"discount {sku}", 5) == 0
    discount = _half_up(Decimal(unit * quantity) / 10) if reduced else 0
    return CartLine(sku, name, quantity, unit, discount, 0, rate, taxes_included)


def _with_order_discount(index: int, lines: Sequence[CartLine], currency: str) -> tuple[CartLine, ...]:
    """Every fourth order has 5 EUR off, at most a quarter of the goods, shared by value; the last line takes the rest."""
    if _pick(index, "order discount", 4):
        return tuple(lines)
    goods = sum(line.value for line in lines)
    left = min(_price(Decimal(5), currency), goods // 4)
    whole, shared = left, []
    for line in lines:
        share = left if line is lines[-1] else whole * line.value // goods
        left -= share
        shared.append(replace(line, order_discount=share))
    return tuple(shared)


def _freight(currency: str, *, taxes_included: bool) -> CartLine:
    rate = Decimal("0.19")
    price = Decimal("4.90") if taxes_included else Decimal("4.12")
    unit = _price(price, currency)
    return CartLine("", "Parcel", 1, unit, 0, 0, rate, taxes_included)


def _buyer(index: int) -> Buyer:
    name, company, street, postal_code, city, country = _CUSTOMERS[_pick(index, "buyer", len(_CUSTOMERS))]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    mailbox = ".".join("".join(sign for sign in word if sign.isalpha()) for word in plain.split())
    return Buyer(name, f"{mailbox}@example.com", company, street, postal_code, city, country)


def _distinct(index: int, count: int) -> list[str]:
    by_digest = sorted(CATALOGUE, key=lambda sku: _pick(index, sku, 1_000_003))
    return by_digest[:count]


def _price(euros: Decimal, currency: str) -> int:
    return _half_up((euros * _PER_EURO[currency]).scaleb(DIGITS[currency]))


def _pick(index: int, what: str, choices: int) -> int:
    """0 … choices − 1: it looks random, and is the same for the same index."""
    return int.from_bytes(hashlib.sha256(f"{index} {what}".encode()).digest()[:6]) % choices


def _half_up(minor: Decimal) -> int:
    return int(minor.to_integral_value(ROUND_HALF_UP))
