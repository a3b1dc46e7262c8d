"""What comes back is worth what was charged for it: all units back, all money back, in any number of returns."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.charges import amount_shares, charge_shares, credit_shares
from domain.errors import InvariantBroken
from domain.ids import LineId
from domain.ledger import Cause, EntryKind, Ledger, Part, Share
from domain.money import Money, total
from domain.orders import PlacedOrder, SurchargeKind
from domain.policies import FreightReturn, FreightRule
from tests.domain.amounts import eur
from tests.domain.moving import Units, books, entered, goods_orders, ordered, splits
from tests.domain.placed import line, order, surcharge

NEVER, ALL, PRO_RATA = FreightReturn.NEVER, FreightReturn.WHEN_ALL_RETURNED, FreightReturn.PRO_RATA
ONE, TWO = LineId("1"), LineId("2")
NO_FEE = Decimal(0)
THREE_FOR_TEN = order(line(quantity=3, unit_price=Decimal(10), discount=eur(2000)))


def shipped(placed: PlacedOrder, units: Units | None = None) -> Ledger:
    """The books after so many units left, or all."""
    units = ordered(placed) if units is None else units
    return entered(
        books(placed), charge_shares(placed, books(placed), units, freight=FreightRule.FIRST_SHIPMENT)
    )


def back(
    placed: PlacedOrder,
    ledger: Ledger,
    units: Units,
    freight: FreightReturn = NEVER,
    fee_percent: Decimal = NO_FEE,
) -> tuple[Ledger, int]:
    """The books after a return, and what it gave back in minor units."""
    shares = credit_shares(placed, ledger, units, freight=freight, fee_percent=fee_percent)
    after = entered(ledger, shares, EntryKind.CREDIT, Cause.RETURN)
    return after, (after.credited - ledger.credited).minor


# -- sums that are right over any number of returns ----------------------------------------------------------------


@given(goods_orders(), st.sampled_from(FreightReturn), st.data())
def test_all_units_back_give_all_of_their_money_back(
    placed: PlacedOrder, freight: FreightReturn, data: st.DataObject
) -> None:
    ledger = shipped(placed)
    before = dict.fromkeys(ordered(placed), 0)
    for so_far in data.draw(splits(ordered(placed))):
        ledger, _ = back(placed, ledger, {one: so_far[one] - before[one] for one in so_far}, freight)
        before = dict(so_far)
    if not placed.shippable:
        return
    assert all(
        not ledger.balances[line.line_id] for line in placed.shippable if line.line_id in ledger.balances
    )
    kept = [item for item in placed.priced if item not in placed.shippable and not goes_back(item, freight)]
    assert ledger.balance == total((item.total for item in kept), placed.currency)


def goes_back(item: object, freight: FreightReturn) -> bool:
    return getattr(item, "kind", None) is SurchargeKind.FREIGHT and freight is not NEVER


@given(goods_orders(), st.sampled_from(FreightReturn), st.integers(0, 100), st.data())
def test_while_more_ships_and_returns_no_line_is_ever_below_zero(
    placed: PlacedOrder, freight: FreightReturn, percent: int, data: st.DataObject
) -> None:
    ledger, left, returned = (
        books(placed),
        dict.fromkeys(ordered(placed), 0),
        dict.fromkeys(ordered(placed), 0),
    )
    for _ in range(data.draw(st.integers(1, 4))):
        left = {one: data.draw(st.integers(left[one], most)) for one, most in ordered(placed).items()}
        shares = charge_shares(placed, ledger, left, freight=FreightRule.PRO_RATA)
        ledger = entered(ledger, shares)
        units = {one: data.draw(st.integers(0, left[one] - returned[one])) for one in left}
        ledger, amount = back(placed, ledger, units, freight, Decimal(percent))
        assert amount >= 0
        returned = {one: returned[one] + units[one] for one in left}
    assert min(ledger.balances.values(), default=Money.zero(placed.currency)).minor >= 0


# -- the rule in figures -------------------------------------------------------------------------------------------


def test_the_last_of_three_units_brings_the_remainder_back() -> None:
    ledger, amounts = shipped(THREE_FOR_TEN), []
    for _ in range(3):
        ledger, amount = back(THREE_FOR_TEN, ledger, {ONE: 1})
        amounts.append(amount)
    assert amounts == [333, 334, 333]


def test_a_credit_has_the_parts_that_were_charged() -> None:
    shares = credit_shares(THREE_FOR_TEN, shipped(THREE_FOR_TEN), {ONE: 1}, freight=NEVER, fee_percent=NO_FEE)
    assert shares == (
        Share(line_id=ONE, part=Part.GOODS, amount=eur(1000), quantity=1),
        Share(line_id=ONE, part=Part.DISCOUNT, amount=eur(-667)),
    )


def test_units_that_were_given_away_come_back_for_nothing_and_are_counted() -> None:
    placed = order(line(discount=eur(2000)))
    shares = credit_shares(placed, shipped(placed), {ONE: 2}, freight=NEVER, fee_percent=NO_FEE)
    assert shares == (Share(line_id=ONE, part=Part.GOODS, amount=eur(0), quantity=2),)


def test_what_was_given_back_is_not_asked_for_again_when_later_units_are_charged_less() -> None:
    """Nine for 0.04: four are charged 0.02, of which three give it all back; with the fifth it would be 0.01."""
    placed = order(line(quantity=9, unit_price=Decimal(1), discount=eur(896)))
    ledger, amount = back(placed, shipped(placed, {ONE: 4}), {ONE: 3})
    ledger = entered(ledger, charge_shares(placed, ledger, {ONE: 5}, freight=FreightRule.FIRST_SHIPMENT))
    assert (amount, ledger.charged) == (2, eur(2))
    assert credit_shares(placed, ledger, {ONE: 0}, freight=NEVER, fee_percent=NO_FEE) == ()


def test_a_fee_is_kept_of_the_goods_and_stays_kept() -> None:
    placed = order(line())
    ledger, first = back(placed, shipped(placed), {ONE: 1}, fee_percent=Decimal("12.5"))
    ledger, second = back(placed, ledger, {ONE: 1})
    assert (first, second, ledger.balance) == (875, 1000, eur(125))


def test_the_whole_value_may_be_the_fee() -> None:
    placed = order(line())
    assert back(placed, shipped(placed), {ONE: 2}, fee_percent=Decimal(100))[1] == 0


@pytest.mark.parametrize(
    ("freight", "amounts"),
    [(NEVER, [1000, 1000]), (ALL, [1000, 1490]), (PRO_RATA, [1245, 1245])],
)
def test_freight_goes_back_by_the_merchants_rule(freight: FreightReturn, amounts: list[int]) -> None:
    placed = order(line(), surcharge(490))
    ledger, first = back(placed, shipped(placed), {ONE: 1}, freight)
    _, second = back(placed, ledger, {ONE: 1}, freight)
    assert [first, second] == amounts


def test_freight_stays_while_goods_are_still_to_come() -> None:
    placed = order(line(), surcharge(490))
    assert back(placed, shipped(placed, {ONE: 1}), {ONE: 1}, ALL)[1] == 1000


def test_freight_of_what_never_shipped_goes_back_with_all_of_it() -> None:
    placed = order(line(ships=False), surcharge(490))
    ledger, first = back(placed, shipped(placed), {ONE: 1}, ALL)
    assert (first, back(placed, ledger, {ONE: 1}, ALL)[1]) == (1000, 1490)


def test_other_surcharges_than_freight_never_go_back() -> None:
    placed = order(line(), surcharge(490, kind=SurchargeKind.TIP))
    assert back(placed, shipped(placed), {ONE: 2}, ALL)[1] == 2000


def test_no_fee_is_kept_of_the_freight() -> None:
    placed = order(line(), surcharge(490))
    assert back(placed, shipped(placed), {ONE: 2}, ALL, Decimal(50))[1] == 1490


@pytest.mark.parametrize("units", [{ONE: 2}, {ONE: -1}, {TWO: 1}, {LineId("freight"): 1}])
def test_more_than_was_charged_does_not_come_back(units: dict[LineId, int]) -> None:
    placed = order(line(), line(line_id=TWO), surcharge(490))
    with pytest.raises(InvariantBroken, match="units came back"):
        credit_shares(placed, shipped(placed, {ONE: 1}), units, freight=NEVER, fee_percent=NO_FEE)


def test_units_come_back_once() -> None:
    ledger, _ = back(THREE_FOR_TEN, shipped(THREE_FOR_TEN), {ONE: 2})
    with pytest.raises(InvariantBroken, match="2 units came back of 1"):
        back(THREE_FOR_TEN, ledger, {ONE: 2})


# -- disputes and goodwill -----------------------------------------------------------------------------------------


def disputed(ledger: Ledger, minor: int, kind: EntryKind = EntryKind.CREDIT) -> Ledger:
    return entered(ledger, amount_shares(ledger, eur(minor), Part.DISPUTE), kind, Cause.DISPUTE)


def test_a_dispute_is_spread_over_what_is_still_ours() -> None:
    placed = order(line(), line(line_id=TWO, quantity=1))
    ledger, _ = back(placed, shipped(placed), {ONE: 1})
    assert amount_shares(ledger, eur(1001), Part.DISPUTE) == (
        Share(line_id=ONE, part=Part.DISPUTE, amount=eur(501)),
        Share(line_id=TWO, part=Part.DISPUTE, amount=eur(500)),
    )


def test_what_was_disputed_is_not_given_back_once_more() -> None:
    placed = order(line())
    ledger = disputed(shipped(placed), 1500)
    ledger, first = back(placed, ledger, {ONE: 1})
    ledger, second = back(placed, ledger, {ONE: 1})
    assert (first, second, ledger.balance) == (500, 0, eur(0))


def test_what_a_won_dispute_kept_back_goes_back_when_the_line_is_named_again() -> None:
    placed = order(line())
    lost = amount_shares(shipped(placed), eur(2000), Part.DISPUTE)
    ledger = entered(shipped(placed), lost, EntryKind.CREDIT, Cause.DISPUTE)
    ledger, none = back(placed, ledger, {ONE: 1})
    ledger = entered(ledger, lost, EntryKind.CHARGE, Cause.DISPUTE)
    ledger, then = back(placed, ledger, {ONE: 0})
    assert (none, then, ledger.balance) == (0, 1000, eur(1000))


def test_a_fee_that_was_kept_is_not_given_back_by_another_way() -> None:
    placed = order(line())
    ledger, _ = back(placed, shipped(placed), {ONE: 1}, fee_percent=Decimal(10))
    ledger = entered(ledger, amount_shares(ledger, eur(500), Part.GOODWILL), EntryKind.CREDIT, Cause.GOODWILL)
    ledger, amount = back(placed, ledger, {ONE: 1})
    assert (amount, ledger.balance) == (500, eur(100))


def test_a_dispute_that_is_won_is_charged_again_and_no_more_than_it_took() -> None:
    placed = order(line())
    shares = amount_shares(shipped(placed), eur(1500), Part.DISPUTE)
    lost = entered(shipped(placed), shares, EntryKind.CREDIT, Cause.DISPUTE)
    won = entered(lost, shares, EntryKind.CHARGE, Cause.DISPUTE)
    assert (lost.balance, won.balance) == (eur(500), eur(2000))
    assert lost.uncharged == won.uncharged == eur(0)
    with pytest.raises(InvariantBroken, match=r"30\.00 EUR came back of disputes over 15\.00 EUR"):
        entered(won, shares, EntryKind.CHARGE, Cause.DISPUTE)


def test_no_more_than_is_ours_is_spread() -> None:
    placed = order(line())
    with pytest.raises(InvariantBroken, match=r"only 20\.00 EUR are ours"):
        amount_shares(shipped(placed), eur(2001), Part.GOODWILL)
    assert amount_shares(shipped(placed), eur(0), Part.GOODWILL) == ()
