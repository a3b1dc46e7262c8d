import ast
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

import domain
from domain.money import Money, digits_of, total
from tests.domain.amounts import amounts, currencies, eur, minors

weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any)


@given(amounts, weights)
def test_a_split_conserves_the_whole(amount: Money, shares: list[int]) -> None:
    parts = amount.split(shares)
    assert len(parts) == len(shares)
    assert total(parts, amount.currency) == amount


@given(amounts, weights)
def test_every_part_is_within_one_unit_of_its_exact_share(amount: Money, shares: list[int]) -> None:
    for part, weight in zip(amount.split(shares), shares, strict=True):
        assert abs(part.minor * sum(shares) - amount.minor * weight) < sum(shares)
        assert part.minor * amount.minor >= 0
        assert weight or not part


@given(amounts, weights)
def test_a_credit_splits_as_its_charge_did(amount: Money, shares: list[int]) -> None:
    assert (-amount).split(shares) == [-part for part in amount.split(shares)]


def test_equal_shares_give_the_odd_cent_to_the_first() -> None:
    assert eur(100).split([1, 1, 1]) == [eur(34), eur(33), eur(33)]


@pytest.mark.parametrize("shares", [[], [0, 0], [1, -1], [3, -1]])
def test_a_split_without_a_positive_whole_is_an_error(shares: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        eur(100).split(shares)


@given(amounts)
def test_what_is_formatted_parses_back(amount: Money) -> None:
    text, currency = str(amount).split()
    assert Money.parse(text, currency) == amount
    assert Money.parse(amount.major, currency) == amount
    assert Money.rounded(amount.major, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("19.99", "EUR", 1999),
        ("-0.01", "EUR", -1),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        (7, "EUR", 700),
    ],
)
def test_the_digits_are_those_of_the_currency(text: str | int, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [("19.999", "EUR"), ("0.5", "JPY"), ("1.2345", "KWD"), ("NaN", "EUR"), ("Infinity", "EUR"), ("", "EUR")],
)
def test_what_the_currency_cannot_say_is_an_error(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"amount|digits"):
        Money.parse(text, currency)


@pytest.mark.parametrize(("major", "minor"), [("0.005", 1), ("-0.005", -1), ("0.0049", 0), ("2.675", 268)])
def test_rounding_is_half_away_from_zero(major: str, minor: int) -> None:
    assert Money.rounded(Decimal(major), "EUR") == eur(minor)


@given(st.floats())
def test_no_float_becomes_money(number: float) -> None:
    with pytest.raises(ValidationError):
        Money(minor=number, currency="EUR")
    with pytest.raises(ValueError, match="not an amount"):
        Money.parse(number, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["", "eur", "EU", "XXX", "BTC"])
def test_a_code_that_iso_4217_lacks_is_no_currency(code: str) -> None:
    with pytest.raises(ValidationError, match="not a currency"):
        Money(minor=1, currency=code)
    with pytest.raises(ValueError, match="not a currency"):
        digits_of(code)


MIXED: list[Callable[[Money, Money], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: total([a, b], a.currency),
    lambda a, b: total([a], b.currency),
]


@pytest.mark.parametrize("operation", MIXED)
@given(one=minors, other=minors, of=currencies, into=currencies)
def test_money_of_different_currencies_never_meets(
    operation: Callable[[Money, Money], Any], one: int, other: int, of: str, into: str
) -> None:
    assume(of != into)
    with pytest.raises(ValueError, match="different currencies"):
        operation(Money(minor=one, currency=of), Money(minor=other, currency=into))
    assert Money(minor=one, currency=of) != Money(minor=one, currency=into)


@given(minors, minors, currencies)
def test_money_adds_and_compares_as_its_minor_units(one: int, other: int, currency: str) -> None:
    a, b = Money(minor=one, currency=currency), Money(minor=other, currency=currency)
    assert (a + b).minor == one + other
    assert (a - b).minor == one - other
    assert ((a < b), (a <= b), (a > b), (a >= b)) == (one < other, one <= other, one > other, one >= other)
    assert bool(a) is (one != 0)
    assert total([a] * 3, currency) == a * 3


# Policies count hours and days, never money.
WITHOUT_MONEY = {"policies.py"}


MODULES = sorted(file for file in Path(domain.__path__[0]).glob("*.py") if file.name not in WITHOUT_MONEY)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_the_domain_knows_no_float(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        assert not (isinstance(node, ast.Name) and node.id == "float"), f"line {node.lineno}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"line {node.lineno}"
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), f"line {node.lineno}"
