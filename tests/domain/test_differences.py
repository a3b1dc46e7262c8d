from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.differences import Change, Differences, Field, differences
from domain.erp import ErpLine, ErpOrder, ErpOrderState
from domain.ids import LineId, OrderId, Sku
from domain.money import Money


def line(number: str, quantity: int = 1, price: str = "10", *, ours: bool = True) -> ErpLine:
    return ErpLine(
        erp_line=f"e{number}",
        line_id=LineId(number) if ours else None,
        sku=Sku(f"SKU-{number}"),
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        total=Money.zero("EUR"),
    )


def holding(*lines: ErpLine) -> ErpOrder:
    return ErpOrder(
        order_id=OrderId("order:shop:1"),
        reference="1",
        state=ErpOrderState.ENTERED,
        lines=lines,
        total=Money.zero("EUR"),
    )


def quantity(known: int | None, now: int | None, target: int | None, on: str = "1") -> Change:
    cells = [None if content is None else Decimal(content) for content in (known, now, target)]
    return Change(line=on, field=Field.QUANTITY, known=cells[0], now=cells[1], target=cells[2])


def test_an_echo_of_our_own_write_is_no_difference() -> None:
    before, after = holding(line("1", 2)), holding(line("1", 3))
    assert not differences(now=after, known=before, target=after)


def test_a_write_of_ours_that_has_not_arrived_is_outstanding() -> None:
    before, after = holding(line("1", 2)), holding(line("1", 3))
    assert differences(now=before, known=before, target=after) == Differences(
        outstanding=(quantity(2, 2, 3),)
    )


def test_a_persons_edit_is_an_edit() -> None:
    known, now = holding(line("1", 2)), holding(line("1", 5))
    assert differences(now=now, known=known, target=known) == Differences(edits=(quantity(2, 5, 2),))


def test_a_persons_edit_beside_our_write_is_not_lost() -> None:
    """Ours arrived; in the same moment a person changed the price of the same line."""
    known, target = holding(line("1", 2)), holding(line("1", 3))
    found = differences(now=holding(line("1", 3, "9.5")), known=known, target=target)
    assert not found.outstanding
    assert not found.conflicts
    assert [(edit.field, edit.now) for edit in found.edits] == [(Field.UNIT_PRICE, Decimal("9.5"))]


def test_both_changing_one_cell_apart_is_a_conflict_and_alike_is_nothing() -> None:
    known, target = holding(line("1", 2)), holding(line("1", 3))
    found = differences(now=holding(line("1", 4)), known=known, target=target)
    assert found == Differences(conflicts=(quantity(2, 4, 3),))
    assert not differences(now=holding(line("1", 3)), known=known, target=target)


def test_a_line_added_in_the_erp_is_an_edit_under_the_erps_own_name() -> None:
    known = holding(line("1"))
    found = differences(now=holding(line("1"), line("7", 4, ours=False)), known=known, target=known)
    assert quantity(None, 4, None, on="erp:e7") in found.edits
    assert {edit.line for edit in found.edits} == {"erp:e7"}


def test_a_line_removed_in_the_erp_is_an_edit_and_removed_by_us_outstanding() -> None:
    both, one = holding(line("1"), line("2")), holding(line("1"))
    assert quantity(1, None, 1, on="2") in differences(now=one, known=both, target=both).edits
    assert quantity(1, 1, None, on="2") in differences(now=both, known=both, target=one).outstanding


def test_a_copied_line_does_not_hide_the_first() -> None:
    known = holding(line("1", 2))
    copied = line("1", 9).model_copy(update={"erp_line": "e8"})
    found = differences(now=holding(line("1", 2), copied), known=known, target=known)
    assert {edit.line for edit in found.edits} == {"erp:e8"}


def test_trailing_zeros_are_no_difference() -> None:
    assert not differences(holding(line("1", 2, "10.0000")), holding(line("1", 2)), holding(line("1", 2)))


_orders = st.lists(
    st.tuples(st.sampled_from("123"), st.integers(1, 3), st.sampled_from(["1", "2"])),
    unique_by=lambda drawn: drawn[0],
).map(lambda drawn: holding(*(line(*parts) for parts in drawn)))


@given(now=_orders, known=_orders, target=_orders)
def test_every_cell_that_is_apart_is_told_exactly_once(
    now: ErpOrder, known: ErpOrder, target: ErpOrder
) -> None:
    found = differences(now, known, target)
    told = [(change.line, change.field) for change in (*found.edits, *found.outstanding, *found.conflicts)]
    assert len(told) == len(set(told))
    assert bool(found) == (sorted(map(_content, now.lines)) != sorted(map(_content, target.lines)))


def _content(held: ErpLine) -> tuple[str, Decimal, Decimal]:
    return str(held.line_id), held.quantity, held.unit_price
