"""What people edited in ERP or shop becomes changes that give exactly what that system holds; an echo becomes none."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.amendments import (
    AddLine,
    AsHeld,
    CancelRest,
    Change,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
)
from domain.edits import edits_in_erp, edits_in_shop, in_conflict, owner_of
from domain.erp import ErpLine, ErpOrder, ErpOrderState
from domain.errors import Refused
from domain.ids import LineId, Sku, System
from domain.money import Money, total
from domain.orders import OrderLine, PlacedOrder
from domain.policies import Owned
from domain.repricing import Repricing
from domain.storefront import StorefrontLine, StorefrontOrder, StorefrontState
from tests.domain.amounts import eur
from tests.domain.changing import ELSEWHERE
from tests.domain.moving import books, goods_orders
from tests.domain.placed import line, order, surcharge

ONE, TWO, NINE = LineId("1"), LineId("2"), LineId("9")


def in_erp(placed: PlacedOrder) -> ErpOrder:
    """The order as an ERP that keeps net prices has it once we entered it."""
    lines = tuple(
        ErpLine(
            erp_line=f"E{number}",
            line_id=item.line_id,
            sku=item.sku if isinstance(item, OrderLine) else None,
            quantity=Decimal(item.quantity if isinstance(item, OrderLine) else 1),
            unit_price=item.net.major / (item.quantity if isinstance(item, OrderLine) else 1),
            total=item.total,
        )
        for number, item in enumerate(placed.priced)
    )
    return ErpOrder(
        order_id=placed.order_id,
        reference="SO-1",
        state=ErpOrderState.ENTERED,
        lines=lines,
        total=placed.total,
        shipping=placed.shipping,
    )


def in_shop(placed: PlacedOrder) -> StorefrontOrder:
    lines = tuple(
        StorefrontLine(
            line_id=item.line_id,
            quantity=item.quantity if isinstance(item, OrderLine) else 1,
            total=item.total,
            sku=item.sku if isinstance(item, OrderLine) else None,
        )
        for item in placed.priced
    )
    return StorefrontOrder(
        order_id=placed.order_id,
        state=StorefrontState.OPEN,
        lines=lines,
        total=placed.total,
        shipping=placed.shipping,
    )


def edited(held: Any, line_id: LineId, **cells: Any) -> Any:
    """The same with other cells in one line."""
    lines = [one.model_copy(update=cells) if one.line_id == line_id else one for one in held.lines]
    return held.model_copy(update={"lines": tuple(lines)})


def without(held: Any, line_id: LineId) -> Any:
    return held.model_copy(update={"lines": tuple(one for one in held.lines if one.line_id != line_id)})


def applied(placed: PlacedOrder, found: tuple[Change, ...]) -> PlacedOrder:
    return Repricing(placed, books(placed), {}, 2).apply(found)


def two_lines() -> PlacedOrder:
    return order(line(), line(line_id=TWO, sku=Sku("SKU-2")), surcharge(490))


# -- by property ---------------------------------------------------------------------------------------------------


@given(goods_orders(), st.booleans())
def test_an_echo_is_no_edit(placed: PlacedOrder, remembered: bool) -> None:
    known = in_erp(placed) if remembered else None
    assert edits_in_erp(placed, known, in_erp(placed)) == ()
    shown = in_shop(placed) if remembered else None
    assert edits_in_shop(placed, shown, in_shop(placed)) == ()


def test_cents_that_an_erp_rounds_by_are_no_edit_of_an_order_that_was_never_seen_there() -> None:
    placed = two_lines()
    first, *others = in_erp(placed).lines
    cent = eur(1)
    missed = first.model_copy(update={"total": first.total - cent})
    rounding = first.model_copy(update={"erp_line": "E9", "line_id": LineId("rounding"), "total": cent})
    held = in_erp(placed).model_copy(update={"lines": (missed, *others, rounding)})
    assert edits_in_erp(placed, None, held) == ()
    (edit,) = edits_in_erp(placed, None, held.model_copy(update={"total": held.total - cent}))
    assert isinstance(edit, AsHeld)
    assert (edit.line_id, edit.total) == (first.line_id, missed.total)


@st.composite
def cells(draw: st.DrawFn, placed: PlacedOrder) -> dict[LineId, tuple[int, Money] | None]:
    """Per line that somebody edits: its units and total now, or None where they removed it; one line stays."""
    touched = draw(st.lists(st.sampled_from(placed.lines), unique_by=lambda one: one.line_id))
    wanted: dict[LineId, tuple[int, Money] | None] = {}
    for number, one in enumerate(touched):
        units, minor = draw(st.integers(1, 90)), draw(st.integers(0, 10**7))
        gone = number < len(placed.lines) - 1 and draw(st.booleans())
        wanted[one.line_id] = None if gone else (units, Money(minor=minor, currency=placed.currency))
    return wanted


@given(goods_orders(), st.booleans(), st.data())
def test_what_was_edited_in_the_erp_is_carried_over_exactly(
    placed: PlacedOrder, remembered: bool, data: st.DataObject
) -> None:
    known = now = in_erp(placed)
    for line_id, cell in data.draw(cells(placed)).items():
        if cell is None:
            now = without(now, line_id)
        else:
            units, whole = cell
            price = whole.major / units + Decimal("0.00000001")  # never by chance what it was
            now = edited(now, line_id, quantity=Decimal(units), total=whole, unit_price=price)
    after = applied(placed, edits_in_erp(placed, known if remembered else None, now))
    held = {one.line_id: (int(one.quantity), one.total) for one in now.lines if one.sku}
    assert {one.line_id: (one.quantity, one.total) for one in after.lines} == held
    assert after.total == total((one.total for one in now.lines), placed.currency)


@given(goods_orders(), st.booleans(), st.data())
def test_what_was_edited_in_the_shop_is_carried_over_exactly(
    placed: PlacedOrder, remembered: bool, data: st.DataObject
) -> None:
    known = now = in_shop(placed)
    for line_id, cell in data.draw(cells(placed)).items():
        now = without(now, line_id) if cell is None else edited(now, line_id, quantity=cell[0], total=cell[1])
    after = applied(placed, edits_in_shop(placed, known if remembered else None, now))
    shown = {one.line_id: (one.quantity, one.total) for one in now.lines if one.sku}
    assert {one.line_id: (one.quantity, one.total) for one in after.lines} == shown
    assert after.total == total((one.total for one in now.lines), placed.currency)


# -- in figures ----------------------------------------------------------------------------------------------------


def test_a_line_that_somebody_added_in_the_erp_is_a_new_one_under_the_erps_name() -> None:
    placed = two_lines()
    added = ErpLine(
        erp_line="E7",
        line_id=None,
        sku=Sku("X"),
        name="Shade",
        quantity=Decimal(3),
        unit_price=Decimal("2.00"),
        total=eur(714),
    )
    held = in_erp(placed)
    now = held.model_copy(update={"lines": (*held.lines, added)})
    (found,) = edits_in_erp(placed, held, now)
    assert found == AsHeld(
        line_id=LineId("erp-E7"), sku=Sku("X"), name="Shade", quantity=3, total=eur(714), net=eur(600)
    )
    after = applied(placed, (found,)).line(LineId("erp-E7"))
    assert (after.total, after.tax) == (eur(714), eur(114))


def test_a_line_that_was_added_in_the_shop_is_taxed_as_the_most_valuable_one() -> None:
    placed = two_lines()
    shown = in_shop(placed)
    added = StorefrontLine(line_id=NINE, quantity=2, total=eur(500), sku=Sku("X"), name="Shade")
    now = shown.model_copy(update={"lines": (*shown.lines, added)})
    after = applied(placed, edits_in_shop(placed, shown, now)).line(NINE)
    assert (after.quantity, after.total, after.name) == (2, eur(500), "Shade")


def test_freight_that_was_edited_in_the_erp() -> None:
    placed = two_lines()
    now = edited(in_erp(placed), LineId("freight"), unit_price=Decimal("9.90"), total=eur(990))
    after = applied(placed, edits_in_erp(placed, in_erp(placed), now))
    assert [item.total for item in after.surcharges] == [eur(990)]


@pytest.mark.parametrize("find", [edits_in_erp, edits_in_shop])
def test_another_address_is_an_edit_and_one_that_is_not_told_is_none(find: Callable[..., Any]) -> None:
    placed = two_lines()
    held: Any = in_erp(placed) if find is edits_in_erp else in_shop(placed)
    moved = held.model_copy(update={"shipping": ELSEWHERE})
    assert find(placed, held, moved) == (SetAddress(shipping=ELSEWHERE),)
    assert find(placed, None, moved) == (SetAddress(shipping=ELSEWHERE),)
    assert find(placed, moved, held) == ()


def test_a_line_that_became_another_article_cannot_be_carried_on() -> None:
    placed = two_lines()
    now = edited(in_erp(placed), ONE, sku=Sku("OTHER"))
    with pytest.raises(Refused, match="line 1 became another article"):
        edits_in_erp(placed, in_erp(placed), now)


@pytest.mark.parametrize("units", [Decimal("1.5"), Decimal(-1)])
def test_an_order_counts_whole_units(units: Decimal) -> None:
    placed = two_lines()
    with pytest.raises(Refused, match="an order counts whole ones"):
        edits_in_erp(placed, in_erp(placed), edited(in_erp(placed), ONE, quantity=units))


MORE = SetQuantity(line_id=ONE, quantity=3)


@pytest.mark.parametrize(
    ("ours", "theirs", "conflict"),
    [
        (MORE, RemoveLine(line_id=ONE), True),
        (MORE, RemoveLine(line_id=TWO), False),
        (MORE, SetAddress(shipping=ELSEWHERE), False),
        (SetAddress(shipping=ELSEWHERE), SetAddress(shipping=ELSEWHERE), True),
        (CancelRest(), RemoveLine(line_id=TWO), True),
        (SetDiscount(percent=Decimal(10)), MORE, True),
        (SetDiscount(line_id=TWO, percent=Decimal(10)), MORE, False),
        (SetShipping(method="Express", amount=Decimal(9)), MORE, False),
        (AddLine(sku=Sku("X"), quantity=1), MORE, False),
    ],
)
def test_two_edits_of_the_same_thing_are_a_conflict(ours: Change, theirs: Change, *, conflict: bool) -> None:
    assert in_conflict([ours], [theirs]) == ((theirs,) if conflict else ())


def as_held(units: int, minor: int, line_id: LineId = ONE) -> AsHeld:
    return AsHeld(line_id=line_id, quantity=units, total=eur(minor))


def test_the_erp_owns_what_nobody_else_was_given() -> None:
    owners = {Owned.ADDRESSES: System.STOREFRONT}
    assert owner_of(MORE, [MORE], two_lines(), owners) is System.ERP
    there = SetAddress(shipping=ELSEWHERE)
    assert owner_of(there, [there], two_lines(), owners) is System.STOREFRONT
    assert owner_of(there, [there], two_lines(), {}) is System.ERP


@pytest.mark.parametrize(
    ("theirs", "ours", "owned"),
    [
        (as_held(2, 1500), [as_held(2, 1000)], Owned.PRICES),
        (as_held(2, 1500), [as_held(2, 1000), as_held(5, 9000, TWO)], Owned.PRICES),
        (as_held(1, 600, LineId("freight")), [as_held(1, 300, LineId("freight"))], Owned.PRICES),
        (as_held(3, 1500), [as_held(2, 1000)], Owned.ORDERS),
        (as_held(2, 1500), [as_held(3, 1785)], Owned.ORDERS),
        (as_held(2, 1500), [as_held(0, 0)], Owned.ORDERS),
        (as_held(1, 1500, NINE), [as_held(1, 1000, NINE)], Owned.ORDERS),
        (as_held(2, 1500), [MORE], Owned.ORDERS),
    ],
)
def test_a_price_has_an_owner_of_its_own_where_both_left_the_units_alone(
    theirs: AsHeld, ours: list[Change], owned: Owned
) -> None:
    freight = surcharge(490).model_copy(update={"line_id": LineId("freight")})
    placed = order(line(quantity=2), line(line_id=TWO, sku=Sku("SKU-2")), freight)
    assert owner_of(theirs, ours, placed, {owned: System.STOREFRONT}) is System.STOREFRONT
    others = dict.fromkeys(set(Owned) - {owned}, System.STOREFRONT)
    assert owner_of(theirs, ours, placed, others) is System.ERP
