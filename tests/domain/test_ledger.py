import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvariantBroken
from domain.ids import LineId
from domain.keys import Key
from domain.ledger import Entry, EntryKind, Ledger, Part, Share
from domain.money import Money, total
from domain.orders import PlacedOrder
from tests.domain.amounts import eur
from tests.domain.moving import whole_order_shares
from tests.domain.placed import line, order, orders, surcharge

EMPTY = Ledger(currency="EUR", order_total=eur(10_000))


def entry(minor: int, *, key: str, kind: EntryKind = EntryKind.CHARGE, of: str = "1") -> Entry:
    share = Share(line_id=LineId(of), part=Part.GOODS, amount=eur(minor), quantity=1)
    return Entry(key=Key(key), kind=kind, amount=eur(minor), shares=(share,))


def credit(minor: int, *, key: str, of: str = "1") -> Entry:
    return entry(minor, key=key, kind=EntryKind.CREDIT, of=of)


def charged(ledger: Ledger, *entries: Entry) -> Ledger:
    for one in entries:
        ledger = ledger.with_entry(one)
    return ledger


def test_charges_and_credits_make_the_balance() -> None:
    ledger = charged(EMPTY, entry(6000, key="c1"), entry(4000, key="c2", of="2"), credit(1500, key="r1"))
    assert (ledger.charged, ledger.credited, ledger.balance) == (eur(10_000), eur(1500), eur(8500))


def test_the_same_entry_twice_changes_nothing() -> None:
    once = charged(EMPTY, entry(10_000, key="c1"))
    assert once.with_entry(entry(10_000, key="c1")) == once


@pytest.mark.parametrize(
    "other", [entry(5999, key="c1"), entry(6000, key="c1", of="2"), credit(6000, key="c1")]
)
def test_another_entry_under_a_known_key_breaks_the_invariant(other: Entry) -> None:
    with pytest.raises(InvariantBroken, match="two different entries"):
        charged(EMPTY, entry(6000, key="c1"), other)


def test_more_than_the_order_is_worth_is_never_charged() -> None:
    with pytest.raises(InvariantBroken, match="exceed the order's total"):
        charged(EMPTY, entry(6000, key="c1"), entry(4001, key="c2"))


def test_more_than_was_charged_is_never_credited() -> None:
    with pytest.raises(InvariantBroken, match="exceed the charges"):
        charged(EMPTY, entry(6000, key="c1"), credit(6001, key="r1"))


def test_more_than_a_line_was_charged_is_never_credited_on_it() -> None:
    with pytest.raises(InvariantBroken, match="more credited than charged on line 2"):
        charged(EMPTY, entry(6000, key="c1"), entry(1000, key="c2", of="2"), credit(1001, key="r1", of="2"))


def test_a_refused_entry_leaves_the_ledger_as_it_was() -> None:
    ledger = charged(EMPTY, entry(6000, key="c1"))
    with pytest.raises(InvariantBroken):
        ledger.with_entry(entry(6000, key="c2"))
    assert ledger == charged(EMPTY, entry(6000, key="c1"))


def test_shares_that_do_not_sum_are_no_entry() -> None:
    share = Share(line_id=LineId("1"), part=Part.GOODS, amount=eur(99))
    with pytest.raises(ValidationError, match="do not sum"):
        Entry(key=Key("c1"), kind=EntryKind.CHARGE, amount=eur(100), shares=(share,))


def test_a_negative_charge_is_no_entry() -> None:
    with pytest.raises(ValidationError, match="negative"):
        entry(-100, key="c1")


movements = st.lists(
    st.tuples(
        st.sampled_from(EntryKind), st.integers(0, 6000), st.sampled_from(["1", "2"]), st.integers(0, 12)
    ),
    max_size=30,
)


@given(movements)
def test_whatever_is_tried_the_invariants_hold(tried: list[tuple[EntryKind, int, str, int]]) -> None:
    ledger = EMPTY
    accepted: dict[Key, Entry] = {}
    for kind, minor, of, number in tried:
        wanted = entry(minor, key=f"k{number}", kind=kind, of=of)
        try:
            grown = ledger.with_entry(wanted)
        except InvariantBroken:
            continue
        assert (grown == ledger) is (wanted.key in accepted)
        accepted.setdefault(wanted.key, wanted)
        ledger = grown
    assert ledger.entries == tuple(accepted.values())
    assert eur(0) <= ledger.credited <= ledger.charged <= ledger.order_total
    assert ledger.balance == ledger.charged - ledger.credited
    ledger.check()


@given(orders())
def test_the_shares_of_a_whole_order_sum_to_its_total(placed: PlacedOrder) -> None:
    shares = whole_order_shares(placed)
    assert total((share.amount for share in shares), placed.currency) == placed.total
    assert sum(share.quantity for share in shares) == sum(item.quantity for item in placed.lines)
    for item in placed.priced:
        of_line = [share for share in shares if share.line_id == item.line_id]
        taxes = (share.amount for share in of_line if share.part is Part.TAX)
        assert total((share.amount for share in of_line), placed.currency) == item.total
        assert total(taxes, placed.currency) == item.tax


@given(orders())
def test_a_whole_order_can_be_charged_once_and_wholly_credited(placed: PlacedOrder) -> None:
    shares = whole_order_shares(placed)
    ledger = Ledger(currency=placed.currency, order_total=placed.total)
    for kind in EntryKind:
        ledger = ledger.with_entry(Entry(key=Key(kind.value), kind=kind, amount=placed.total, shares=shares))
    assert ledger.balance == Money.zero(placed.currency)


def test_a_free_line_keeps_its_units_and_a_surcharge_has_none() -> None:
    shares = whole_order_shares(order(line(discount=eur(2000)), surcharge(490)))
    assert [(s.part, s.amount, s.quantity) for s in shares] == [
        (Part.GOODS, eur(2000), 2),
        (Part.DISCOUNT, eur(-2000), 0),
        (Part.FREIGHT, eur(490), 0),
    ]
