"""Every charge is the value of what left, less what was charged: to the minor unit, over any split."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.charges import charge_shares, reduced
from domain.errors import InvariantBroken
from domain.ids import LineId
from domain.ledger import Part, Share
from domain.money import Money
from domain.orders import PlacedOrder, SurchargeKind, Tax
from domain.policies import FreightRule
from tests.domain.amounts import eur
from tests.domain.moving import books, entered, goods_orders, ordered, splits, whole_order_shares
from tests.domain.placed import line, order, surcharge

FIRST, PRO_RATA = FreightRule.FIRST_SHIPMENT, FreightRule.PRO_RATA
ONE, TWO = LineId("1"), LineId("2")
rules = st.sampled_from(FreightRule)


def charged_for(placed: PlacedOrder, *steps: dict[LineId, int], freight: FreightRule = FIRST) -> list[int]:
    """What each step is charged, in minor units."""
    ledger, amounts = books(placed), []
    for shipped in steps:
        shares = charge_shares(placed, ledger, shipped, freight=freight)
        amounts.append(sum(share.amount.minor for share in shares))
        ledger = entered(ledger, shares)
    return amounts


def vat(minor: int, rate: str = "0.19") -> tuple[Tax, ...]:
    return (Tax(name="VAT", rate=Decimal(rate), amount=eur(minor)),)


# -- sums that are right over any split ----------------------------------------------------------------------------


@given(goods_orders(), rules, st.data())
def test_the_charges_of_any_split_sum_to_the_total(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    ledger = books(placed)
    for shipped in data.draw(splits(ordered(placed))):
        ledger = entered(ledger, charge_shares(placed, ledger, shipped, freight=freight))
    assert ledger.charged == placed.total
    assert (
        ledger.balances.items() >= {item.line_id: item.total for item in placed.priced if item.total}.items()
    )


@given(goods_orders(), rules, st.data())
def test_a_charge_never_takes_anything_back_from_a_line_and_counts_the_units_that_left(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    ledger, before = books(placed), dict.fromkeys(ordered(placed), 0)
    for shipped in data.draw(splits(ordered(placed))):
        shares = charge_shares(placed, ledger, shipped, freight=freight)
        per_line = entered(books(placed), shares).balances
        assert all(amount.minor >= 0 for amount in per_line.values())
        left = {share.line_id: share.quantity for share in shares if share.part is Part.GOODS}
        for line_id, units in shipped.items():
            assert left.get(line_id, 0) == units - before[line_id]
        ledger, before = entered(ledger, shares), dict(shipped)


@given(goods_orders(), rules, st.data())
def test_what_is_charged_depends_on_what_left_and_not_on_the_way_there(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    steps = data.draw(splits(ordered(placed), whole=False))
    ledger = books(placed)
    for shipped in steps:
        ledger = entered(ledger, charge_shares(placed, ledger, shipped, freight=freight))
    at_once = [
        entered(books(placed), charge_shares(placed, books(placed), s, freight=freight)) for s in steps[-1:]
    ]
    assert [once.charged for once in at_once] == [ledger.charged for _ in at_once]


@given(goods_orders(), rules)
def test_all_at_once_is_the_whole_order(placed: PlacedOrder, freight: FreightRule) -> None:
    shares = charge_shares(placed, books(placed), ordered(placed), freight=freight)
    assert sorted(shares, key=repr) == sorted(whole_order_shares(placed), key=repr)


@given(goods_orders(), rules)
def test_the_same_again_charges_nothing(placed: PlacedOrder, freight: FreightRule) -> None:
    ledger = entered(books(placed), charge_shares(placed, books(placed), ordered(placed), freight=freight))
    assert charge_shares(placed, ledger, ordered(placed), freight=freight) == ()


# -- the rule in figures -------------------------------------------------------------------------------------------


def test_the_last_of_three_units_absorbs_the_remainder() -> None:
    placed = order(line(quantity=3, unit_price=Decimal(10), discount=eur(2000)))
    assert charged_for(placed, {ONE: 1}, {ONE: 2}, {ONE: 3}) == [333, 334, 333]


def test_a_unit_is_never_charged_above_its_list_price() -> None:
    """Four at 0.0144 are listed at 0.06, but one at 0.01 and three at 0.04, less than their part."""
    placed = order(line(quantity=4, unit_price=Decimal("0.0144")))
    assert charged_for(placed, {ONE: 1}, {ONE: 2}, {ONE: 3}, {ONE: 4}) == [1, 2, 1, 2]


def test_discount_and_taxes_go_with_their_units() -> None:
    placed = order(line(quantity=4, discount=eur(1000), taxes=vat(570), taxes_included=False))
    assert charge_shares(placed, books(placed), {ONE: 1}, freight=FIRST) == (
        Share(line_id=ONE, part=Part.GOODS, amount=eur(1000), quantity=1),
        Share(line_id=ONE, part=Part.TAX, amount=eur(143)),
        Share(line_id=ONE, part=Part.DISCOUNT, amount=eur(-250)),
    )


def test_surcharges_go_with_the_first_shipment_whatever_it_is_worth() -> None:
    placed = order(line(discount=eur(2000)), line(line_id=TWO), surcharge(490))
    assert charged_for(placed, {ONE: 1}, {ONE: 2}, {ONE: 2, TWO: 2}) == [490, 0, 2000]


def test_pro_rata_surcharges_go_by_the_value_of_the_goods_and_end_exactly() -> None:
    placed = order(line(quantity=3), surcharge(500))
    assert charged_for(placed, {ONE: 1}, {ONE: 2}, {ONE: 3}, freight=PRO_RATA) == [1167, 1166, 1167]


def test_pro_rata_of_worthless_goods_goes_with_the_first_shipment() -> None:
    placed = order(line(discount=eur(2000)), surcharge(490))
    assert charged_for(placed, {ONE: 1}, {ONE: 2}, freight=PRO_RATA) == [490, 0]


@pytest.mark.parametrize("freight", FreightRule)
def test_what_does_not_ship_goes_with_the_first_charge(freight: FreightRule) -> None:
    placed = order(line(), line(line_id=TWO, ships=False, quantity=1))
    assert charged_for(placed, {}, {ONE: 1}, {ONE: 2}, freight=freight) == [0, 2000, 1000]


@pytest.mark.parametrize("freight", FreightRule)
def test_an_order_in_which_nothing_ships_is_charged_whole(freight: FreightRule) -> None:
    placed = order(line(ships=False), surcharge(490, kind=SurchargeKind.FEE))
    assert charged_for(placed, {}, freight=freight) == [2490]


def test_yen_have_no_cents_to_lose() -> None:
    placed = order(
        line("JPY", quantity=3, unit_price=Decimal(100), discount=Money(minor=200, currency="JPY")),
        currency="JPY",
    )
    assert charged_for(placed, {ONE: 1}, {ONE: 2}, {ONE: 3}) == [33, 34, 33]


@pytest.mark.parametrize("shipped", [{ONE: 3}, {ONE: -1}, {TWO: 1}])
def test_more_than_was_ordered_cannot_have_left(shipped: dict[LineId, int]) -> None:
    placed = order(line())
    with pytest.raises(InvariantBroken, match="units shipped"):
        charge_shares(placed, books(placed), shipped, freight=FIRST)


# -- an order that becomes less ------------------------------------------------------------------------------------


@given(goods_orders(), rules, st.data())
def test_an_order_that_shrinks_again_and_again_is_charged_exactly_what_it_is_in_the_end(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    """Ship some, lose some, several times: never more charged than the order is worth, and all of it in the end."""
    ledger, shipped = books(placed), dict.fromkeys(ordered(placed), 0)
    for _ in range(data.draw(st.integers(1, 4))):
        left = ordered(placed)
        shipped = {one: data.draw(st.integers(shipped[one], left[one])) for one in left}
        ledger = entered(ledger, charge_shares(placed, ledger, shipped, freight=freight))
        left = {one: data.draw(st.integers(shipped[one], left[one])) for one in left}
        if not any(left.values()) and all(item.ships for item in placed.lines):
            return
        placed = reduced(placed, ledger, left, freight=freight)
        ledger = ledger.of_total(placed.total)
        shipped = {one: units for one, units in shipped.items() if one in ordered(placed)}
    ledger = entered(ledger, charge_shares(placed, ledger, ordered(placed), freight=freight))
    assert ledger.charged == placed.total


@given(goods_orders(), rules)
def test_nothing_taken_off_leaves_the_order_as_it_is(placed: PlacedOrder, freight: FreightRule) -> None:
    assert reduced(placed, books(placed), {}, freight=freight) == placed
    assert reduced(placed, books(placed), ordered(placed), freight=freight) == placed


def test_a_line_with_nothing_left_goes_and_the_freight_stays_by_first_shipment() -> None:
    placed = order(line(), line(line_id=TWO), surcharge(490))
    less = reduced(placed, books(placed), {TWO: 0}, freight=FIRST)
    assert [(item.line_id, item.total) for item in less.priced] == [(ONE, eur(2000)), ("freight", eur(490))]
    assert less.total == eur(2490)


def test_pro_rata_freight_shrinks_with_the_goods() -> None:
    placed = order(line(), line(line_id=TWO), surcharge(490))
    less = reduced(placed, books(placed), {TWO: 1}, freight=PRO_RATA)
    assert [(item.line_id, item.total) for item in less.priced] == [
        (ONE, eur(2000)),
        (TWO, eur(1000)),
        ("freight", eur(368)),
    ]


def test_an_order_of_which_only_what_does_not_ship_is_left_has_no_pro_rata_freight() -> None:
    placed = order(line(), line(line_id=TWO, ships=False), surcharge(490))
    less = reduced(placed, books(placed), {ONE: 0}, freight=PRO_RATA)
    assert (less.surcharges, less.total) == ((), eur(2000))


def test_discounts_of_line_and_order_and_taxes_shrink_with_the_units() -> None:
    placed = order(
        line(quantity=4, discount=eur(600), order_discount=eur(400), taxes=vat(570), taxes_included=False)
    )
    (less,) = reduced(placed, books(placed), {ONE: 3}, freight=FIRST).lines
    assert (less.quantity, less.discount, less.order_discount, less.tax) == (3, eur(450), eur(300), eur(428))


@pytest.mark.parametrize(
    "facts",
    [{"discount": eur(694)}, {"taxes": vat(6), "taxes_included": False}],
    ids=["discounted to 0.06", "0.06 of tax on top"],
)
def test_a_line_is_never_left_worth_less_than_was_charged_for_it(facts: dict[str, Any]) -> None:
    """3 of 7 are charged 0.03 of 0.06. Of the 0.04 that 5 keep, 3 would be worth 0.02."""
    placed = order(line(quantity=7, unit_price=Decimal(1), **facts))
    ledger = entered(books(placed), charge_shares(placed, books(placed), {ONE: 3}, freight=FIRST))
    for left in (5, 3):
        placed = reduced(placed, ledger, {ONE: left}, freight=FIRST)
    assert ledger.of_total(placed.total).charged == placed.total


def test_an_order_of_which_nothing_is_left_is_no_order() -> None:
    placed = order(line(), surcharge(490))
    with pytest.raises(ValueError, match="nothing is left"):
        reduced(placed, books(placed), {ONE: 0}, freight=FIRST)


@pytest.mark.parametrize(
    ("left", "why"),
    [({ONE: 3}, "only become less"), ({ONE: -1}, "only become less"), ({TWO: 1}, "no line 2")],
)
def test_an_order_cannot_become_more_by_being_reduced(left: dict[LineId, int], why: str) -> None:
    placed = order(line())
    with pytest.raises(ValueError, match=why):
        reduced(placed, books(placed), left, freight=FIRST)


def test_what_was_charged_is_not_taken_off() -> None:
    placed = order(line(), line(line_id=TWO))
    ledger = entered(books(placed), charge_shares(placed, books(placed), {ONE: 2}, freight=FIRST))
    with pytest.raises(InvariantBroken, match="line 1: 2 units were charged"):
        reduced(placed, ledger, {ONE: 1}, freight=FIRST)


def test_a_total_below_what_was_charged_is_refused_by_the_ledger() -> None:
    placed = order(line())
    ledger = entered(books(placed), whole_order_shares(placed))
    assert ledger.of_total(eur(2001)).order_total == eur(2001)
    with pytest.raises(InvariantBroken, match="exceed the order's total"):
        ledger.of_total(eur(1999))
