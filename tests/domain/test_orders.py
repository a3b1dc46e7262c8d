from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.ids import LineId, PlatformId
from domain.money import Money, total
from domain.orders import PlacedOrder, Tax
from tests.domain.amounts import eur
from tests.domain.placed import PLACED_AT, line, order, orders, surcharge


def vat(minor: int) -> tuple[Tax, ...]:
    return (Tax(name="VAT", rate=Decimal("0.19"), amount=eur(minor)),)


def test_a_tax_that_is_included_changes_nothing() -> None:
    priced = line(taxes=vat(319))
    assert (priced.total, priced.net, priced.tax) == (eur(2000), eur(1681), eur(319))


def test_a_tax_on_top_is_paid_besides() -> None:
    priced = line(taxes=vat(380), taxes_included=False)
    assert (priced.total, priced.net, priced.tax) == (eur(2380), eur(2000), eur(380))


def test_discounts_of_line_and_order_are_both_taken_off() -> None:
    priced = line(discount=eur(300), order_discount=eur(200), taxes=vat(285), taxes_included=False)
    assert (priced.list_amount, priced.discounted, priced.total) == (eur(2000), eur(1500), eur(1785))


def test_a_price_with_more_digits_than_the_currency_is_rounded_once_per_line() -> None:
    assert line(quantity=3, unit_price=Decimal("0.3333")).list_amount == eur(100)


def test_discounts_beyond_the_value_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"discounts of 20\.01 EUR exceed the value 20\.00 EUR"):
        line(discount=eur(2000), order_discount=eur(1))


@given(orders())
def test_the_lines_add_up_to_the_total(placed: PlacedOrder) -> None:
    net = total((item.net for item in placed.priced), placed.currency)
    taxes = total((item.tax for item in placed.priced), placed.currency)
    assert net + taxes == placed.total
    assert total((item.total for item in placed.priced), placed.currency) == placed.total


@given(orders(), st.integers(-100, 100).filter(bool))
def test_a_document_that_does_not_add_up_is_refused_with_both_figures(placed: PlacedOrder, off: int) -> None:
    claimed = placed.total + Money(minor=off, currency=placed.currency)
    with pytest.raises(ValidationError) as refused:
        PlacedOrder.model_validate({**dict(placed), "total": claimed})
    assert str(claimed) in str(refused.value)
    assert f"add up to {placed.total}" in str(refused.value)


@given(orders())
def test_an_order_survives_its_own_json(placed: PlacedOrder) -> None:
    assert PlacedOrder.model_validate_json(placed.model_dump_json()) == placed


def test_two_lines_of_one_id_are_refused() -> None:
    with pytest.raises(ValidationError, match="id of its own"):
        order(line(), line())
    with pytest.raises(ValidationError, match="id of its own"):
        order(line(), surcharge(490, line_id=LineId("1")))


def test_an_order_needs_a_line() -> None:
    with pytest.raises(ValidationError, match="lines"):
        order(surcharge(490))


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="placed_at"):
        order(line(), placed_at=datetime(2026, 11, 20, 9, 30))  # noqa: DTZ001  that is what is refused


def test_a_malformed_platform_id_is_refused() -> None:
    with pytest.raises(ValidationError, match="order id"):
        order(line(), platform_id=PlatformId("1:2"))


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", 1_000_001])
def test_a_quantity_is_a_whole_number_of_at_least_one(quantity: object) -> None:
    with pytest.raises(ValidationError, match="quantity"):
        line(quantity=quantity)


def test_lines_of_another_currency_than_the_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="different currencies"):
        PlacedOrder.model_validate({**dict(order(line())), "lines": (line("USD"),)})


def test_a_line_is_found_by_its_id_and_only_goods_ship() -> None:
    card = line(line_id=LineId("2"), ships=False)
    placed = order(line(), card, surcharge(490), placed_at=PLACED_AT)
    assert placed.line(LineId("2")) is placed.lines[1]
    assert placed.shippable == (placed.lines[0],)
    with pytest.raises(KeyError):
        placed.line(LineId("3"))
