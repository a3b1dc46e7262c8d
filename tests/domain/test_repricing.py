"""An amended order adds up, what left keeps its value, and all of it is charged in the end: to the minor unit."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.amendments import (
    AddLine,
    AsHeld,
    CancelRest,
    Change,
    ChangeRefused,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
)
from domain.charges import charge_shares, charged_on
from domain.errors import InvariantBroken
from domain.ids import LineId, Sku
from domain.ledger import Ledger
from domain.money import Money, total
from domain.orders import OrderLine, PlacedOrder, SurchargeKind, Tax
from domain.policies import FreightRule
from domain.repricing import Repricing
from tests.domain.amounts import CURRENCIES, eur
from tests.domain.changing import ELSEWHERE, changes
from tests.domain.moving import books, entered, goods_orders, ordered
from tests.domain.placed import line, order, surcharge

FIRST, PRO_RATA = FreightRule.FIRST_SHIPMENT, FreightRule.PRO_RATA
ONE, TWO, NEW = LineId("1"), LineId("2"), LineId("r2-1")
rules = st.sampled_from(FreightRule)


def amended(
    placed: PlacedOrder,
    *asked: Change,
    ledger: Ledger | None = None,
    left: Mapping[LineId, int] | None = None,
    freight: FreightRule = FIRST,
) -> PlacedOrder:
    return Repricing(placed, ledger or books(placed), left or {}, 2, freight).apply(asked)


def shipped(placed: PlacedOrder, left: Mapping[LineId, int], freight: FreightRule = FIRST) -> Ledger:
    """The books after so many units left."""
    return entered(books(placed), charge_shares(placed, books(placed), left, freight=freight))


# -- any order, any changes between any shipments ------------------------------------------------------------------


class AmendedOrder(RuleBasedStateMachine):
    """Goods leave and the order is amended, in any sequence; what cannot be is refused and changes nothing."""

    order: PlacedOrder
    ledger: Ledger
    freight: FreightRule

    @initialize(placed=goods_orders(), freight=rules)
    def place(self, placed: PlacedOrder, freight: FreightRule) -> None:
        self.order, self.freight = placed, freight
        self.ledger = books(placed)
        self.left: dict[LineId, int] = {}
        self.revision = 1

    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        more = {
            one: data.draw(st.integers(self.left.get(one, 0), most))
            for one, most in ordered(self.order).items()
        }
        shares = charge_shares(self.order, self.ledger, more, freight=self.freight)
        self.ledger = entered(self.ledger, shares)
        self.left = more

    @rule(data=st.data())
    def amend(self, data: st.DataObject) -> None:
        repricing = Repricing(self.order, self.ledger, self.left, self.revision + 1, self.freight)
        before = charged_on(self.ledger)
        try:
            after = repricing.apply(data.draw(changes(self.order)))
            ledger = self.ledger.of_total(after.total)
        except (ChangeRefused, InvariantBroken):
            return
        self.order, self.ledger = after, ledger
        self.revision += 1
        assert charged_on(self.ledger) == before

    @invariant()
    def lines_add_up(self) -> None:
        assert total((item.total for item in self.order.priced), self.order.currency) == self.order.total

    @invariant()
    def what_left_is_still_of_the_order(self) -> None:
        units = ordered(self.order)
        assert all(units[line_id] >= left for line_id, left in self.left.items() if left)

    @invariant()
    def nothing_is_worth_less_than_was_charged_for_it(self) -> None:
        totals = {item.line_id: item.total for item in self.order.priced}
        charged = {line_id: amount for line_id, amount in charged_on(self.ledger).items() if amount}
        assert all(charged[line_id] <= totals[line_id] for line_id in charged)

    def teardown(self) -> None:
        """In the end everything that is still ordered ships: then all of the order is charged, line by line."""
        if hasattr(self, "order"):
            rest = charge_shares(self.order, self.ledger, ordered(self.order), freight=self.freight)
            done = entered(self.ledger, rest)
            assert done.charged == self.order.total
            assert done.balances.items() >= {i.line_id: i.total for i in self.order.priced if i.total}.items()


TestAmendedOrder = AmendedOrder.TestCase
TestAmendedOrder.settings = settings(
    max_examples=60, stateful_step_count=12
)  # each step builds an order anew


@given(goods_orders(), st.data())
def test_nothing_more_is_due_for_what_left_because_the_rest_has_another_price(
    placed: PlacedOrder, data: st.DataObject
) -> None:
    most = data.draw(st.sampled_from(placed.lines)).model_copy(update={"ships": True})
    placed = placed.model_copy(
        update={"lines": tuple(most if one.line_id == most.line_id else one for one in placed.lines)}
    )
    left = {one: data.draw(st.integers(0, units)) for one, units in ordered(placed).items()}
    left[most.line_id] = min(left[most.line_id], most.quantity - 1)
    ledger = shipped(placed, left)
    asked: list[Change] = [
        SetUnitPrice(line_id=most.line_id, unit_price=Decimal("1234.56")),
        SetDiscount(line_id=most.line_id, percent=Decimal(50)),
    ]
    after = amended(placed, data.draw(st.sampled_from(asked)), ledger=ledger, left=left)
    assert charge_shares(after, ledger.of_total(after.total), left, freight=FIRST) == ()


@given(goods_orders(), rules)
def test_what_is_as_it_was_stays_as_it_is_to_the_minor_unit(
    placed: PlacedOrder, freight: FreightRule
) -> None:
    asked = [SetQuantity(line_id=one.line_id, quantity=one.quantity) for one in placed.lines]
    assert amended(placed, *asked, freight=freight) == placed


@given(goods_orders(), st.data())
def test_more_and_then_as_many_as_before_is_worth_nearly_what_it_was(
    placed: PlacedOrder, data: st.DataObject
) -> None:
    """Proportions of proportions: half a minor unit per amount and change, not more."""
    one = data.draw(st.sampled_from(placed.lines))
    there = SetQuantity(line_id=one.line_id, quantity=one.quantity * data.draw(st.integers(1, 5)))
    back = SetQuantity(line_id=one.line_id, quantity=one.quantity)
    again = amended(placed, there, back)
    apart = abs(again.line(one.line_id).total.minor - one.total.minor)
    assert apart <= 2 * (2 + len(one.taxes))


# -- as ERP or shop hold it ----------------------------------------------------------------------------------------


@given(goods_orders(), st.data())
def test_as_held_gives_exactly_the_figures_of_where_it_is_held(
    placed: PlacedOrder, data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(placed.priced))
    whole = Money(minor=data.draw(st.integers(0, 2 * one.total.minor + 100)), currency=placed.currency)
    told = data.draw(st.none() | st.integers(0, whole.minor))
    net = None if told is None else Money(minor=told, currency=placed.currency)
    quantity = data.draw(st.integers(1, 90)) if isinstance(one, OrderLine) else 1
    held = AsHeld(line_id=one.line_id, quantity=quantity, total=whole, net=net)
    after = amended(placed, held)
    found = next((item for item in after.priced if item.line_id == one.line_id), None)
    assert (found.total if found else Money.zero(placed.currency)) == whole
    if isinstance(found, OrderLine):
        assert found.quantity == quantity
    assert after.total == placed.total - one.total + whole


@given(goods_orders(), st.data())
def test_a_line_that_the_erp_has_and_we_had_not_is_worth_what_it_is_there(
    placed: PlacedOrder, data: st.DataObject
) -> None:
    whole = data.draw(st.integers(0, 10**9))
    net = data.draw(st.integers(whole // 2, whole))
    facts = {
        "total": Money(minor=whole, currency=placed.currency),
        "net": Money(minor=net, currency=placed.currency),
    }
    quantity = data.draw(st.integers(1, 1000))
    after = amended(placed, AsHeld(line_id=LineId("erp-9"), sku=Sku("X"), quantity=quantity, **facts))
    added = after.line(LineId("erp-9"))
    assert (added.quantity, added.total, added.net) == (quantity, facts["total"], facts["net"])


@given(goods_orders(), rules, st.data())
def test_as_held_of_what_left_in_part_is_charged_to_its_total_in_the_end(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    left = {one: data.draw(st.integers(0, most)) for one, most in ordered(placed).items()}
    ledger = shipped(placed, left, freight)
    one = data.draw(st.sampled_from(placed.lines))
    charged = charged_on(ledger)[one.line_id]
    whole = Money(minor=data.draw(st.integers(0, 2 * one.total.minor + 100)), currency=placed.currency)
    quantity = data.draw(st.integers(1, 90))
    asked = AsHeld(line_id=one.line_id, quantity=quantity, total=whole)
    fixed = left.get(one.line_id, 0) if one.ships else one.quantity if charged else 0
    if quantity < fixed or (fixed and whole < charged):
        with pytest.raises(ChangeRefused) as no:
            amended(placed, asked, ledger=ledger, left=left, freight=freight)
        assert no.value.late
        return
    after = amended(placed, asked, ledger=ledger, left=left, freight=freight)
    assert after.line(one.line_id).total == whole
    grown = ledger.of_total(after.total)
    done = entered(grown, charge_shares(after, grown, ordered(after), freight=freight))
    assert done.charged == after.total


# -- the rules in figures ------------------------------------------------------------------------------------------


def money(amount: str, currency: str = "EUR") -> Money:
    return Money.parse(amount, currency)


def taxed(currency: str, *, included: bool, tax: str, **other: Any) -> OrderLine:
    taxes = (Tax(name="VAT", rate=Decimal("0.19"), amount=money(tax, currency)),)
    return line(currency, taxes=taxes, taxes_included=included, **other)


@pytest.mark.parametrize(
    ("currency", "price", "tax", "asked", "after"),
    [
        ("EUR", "11.90", "3.80", SetQuantity(line_id=ONE, quantity=3), ("35.70", "5.70")),
        ("EUR", "11.90", "3.80", SetUnitPrice(line_id=ONE, unit_price=Decimal("5.95")), ("11.90", "1.90")),
        ("EUR", "11.90", "3.80", SetDiscount(line_id=ONE, percent=Decimal(50)), ("11.90", "1.90")),
        ("EUR", "11.90", "3.80", SetDiscount(amount=Decimal("11.90")), ("11.90", "1.90")),
        ("JPY", "1190", "380", SetQuantity(line_id=ONE, quantity=3), ("3570", "570")),
        ("JPY", "1190", "380", SetUnitPrice(line_id=ONE, unit_price=Decimal(333)), ("666", "106")),
        ("JPY", "1190", "380", SetDiscount(line_id=ONE, percent=Decimal("0.1")), ("2378", "380")),
        ("KWD", "11.900", "3.800", SetQuantity(line_id=ONE, quantity=1), ("11.900", "1.900")),
        (
            "KWD",
            "11.900",
            "3.800",
            SetUnitPrice(line_id=ONE, unit_price=Decimal("0.001")),
            ("0.002", "0.000"),
        ),
        ("KWD", "11.900", "3.800", SetDiscount(amount=Decimal("0.001")), ("23.799", "3.800")),
    ],
)
def test_taxes_in_the_price(
    currency: str, price: str, tax: str, asked: Change, after: tuple[str, str]
) -> None:
    placed = order(taxed(currency, included=True, tax=tax, unit_price=Decimal(price)), currency=currency)
    (one,) = amended(placed, asked).lines
    assert (one.total, one.tax) == (money(after[0], currency), money(after[1], currency))


@pytest.mark.parametrize(
    ("currency", "price", "tax", "asked", "after"),
    [
        ("EUR", "10.00", "3.80", SetQuantity(line_id=ONE, quantity=3), ("35.70", "5.70")),
        ("EUR", "10.00", "3.80", SetUnitPrice(line_id=ONE, unit_price=Decimal("5.00")), ("11.90", "1.90")),
        ("EUR", "10.00", "3.80", SetDiscount(line_id=ONE, percent=Decimal(50)), ("11.90", "1.90")),
        ("EUR", "10.00", "3.80", SetDiscount(amount=Decimal("0.01")), ("23.79", "3.80")),
        ("JPY", "1000", "380", SetQuantity(line_id=ONE, quantity=1), ("1190", "190")),
        ("JPY", "1000", "380", SetUnitPrice(line_id=ONE, unit_price=Decimal("1.5")), ("4", "1")),
        ("JPY", "1000", "380", SetDiscount(percent=Decimal(100)), ("0", "0")),
        ("KWD", "10.000", "3.800", SetQuantity(line_id=ONE, quantity=7), ("83.300", "13.300")),
        (
            "KWD",
            "10.000",
            "3.800",
            SetUnitPrice(line_id=ONE, unit_price=Decimal("0.003")),
            ("0.007", "0.001"),
        ),
        ("KWD", "10.000", "3.800", SetDiscount(line_id=ONE, amount=Decimal("0.500")), ("23.205", "3.705")),
    ],
)
def test_taxes_on_top(currency: str, price: str, tax: str, asked: Change, after: tuple[str, str]) -> None:
    placed = order(taxed(currency, included=False, tax=tax, unit_price=Decimal(price)), currency=currency)
    (one,) = amended(placed, asked).lines
    assert (one.total, one.tax) == (money(after[0], currency), money(after[1], currency))


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize("included", [True, False])
def test_an_added_line_has_the_taxes_that_its_rates_give(currency: str, included: bool) -> None:
    placed = order(line(currency, taxes_included=included), currency=currency)
    rates = (Decimal("0.07"), Decimal("0.12"))
    price = Decimal(1190) if included else Decimal(1000)
    after = amended(placed, AddLine(sku=Sku("X"), quantity=2, unit_price=price, tax_rates=rates))
    added = after.line(NEW)
    assert (added.total, added.tax) == (money("2380", currency), money("380", currency))
    assert [tax.amount for tax in added.taxes] == [money("140", currency), money("240", currency)]


def test_taxes_that_no_rate_explains_stay_the_same_part() -> None:
    placed = order(taxed("EUR", included=False, tax="1.00", unit_price=Decimal("10.00")))
    (one,) = amended(placed, SetUnitPrice(line_id=ONE, unit_price=Decimal("20.00"))).lines
    assert one.tax == eur(200)


def test_of_a_line_that_left_in_part_the_rest_is_a_line_of_its_own() -> None:
    placed = order(line(quantity=3), line(line_id=TWO), surcharge(490))
    ledger = shipped(placed, {ONE: 1})
    after = amended(placed, SetUnitPrice(line_id=ONE, unit_price=Decimal(8)), ledger=ledger, left={ONE: 1})
    assert [(one.line_id, one.quantity, one.total) for one in after.lines] == [
        (ONE, 1, eur(1000)),
        (NEW, 2, eur(1600)),
        (TWO, 2, eur(2000)),
    ]


def test_a_discount_on_the_goods_leaves_alone_what_left_already() -> None:
    placed = order(line(order_discount=eur(300)), line(line_id=TWO, order_discount=eur(100)))
    ledger = shipped(placed, {ONE: 1})
    after = amended(placed, SetDiscount(amount=Decimal("10.00")), ledger=ledger, left={ONE: 1})
    assert [one.order_discount for one in after.lines] == [eur(300), eur(700)]


def test_another_shipping_is_taxed_as_the_former_and_none_at_all_goes() -> None:
    vat = (Tax(name="VAT", rate=Decimal("0.19"), amount=eur(93)),)
    placed = order(line(), surcharge(490, taxes=vat, taxes_included=False))
    (freight,) = amended(placed, SetShipping(method="Express", amount=Decimal(10))).surcharges
    assert (freight.name, freight.total, freight.tax) == ("Express", eur(1190), eur(190))
    assert amended(placed, SetShipping(method="Pickup", amount=Decimal(0))).surcharges == ()


def test_a_first_shipping_is_taxed_as_the_most_valuable_line() -> None:
    placed = order(taxed("EUR", included=True, tax="3.19", unit_price=Decimal(10)))
    (freight,) = amended(placed, SetShipping(method="Parcel", amount=Decimal("11.90"))).surcharges
    assert (freight.kind, freight.total, freight.tax) == (SurchargeKind.FREIGHT, eur(1190), eur(190))


@pytest.mark.parametrize(
    ("asked", "field", "why"),
    [
        (RemoveLine(line_id=ONE), "line_id", "1 of 2 units have left"),
        (SetQuantity(line_id=ONE, quantity=0 + 1), "", ""),
        (SetUnitPrice(line_id=TWO, unit_price=Decimal(1)), "line_id", "all units of line 2 have left"),
        (SetDiscount(line_id=TWO, percent=Decimal(1)), "line_id", "all units of line 2 have left"),
        (SetDiscount(amount=Decimal(1)), "line_id", "nothing is left that a discount could be on"),
        (SetShipping(method="Pickup", amount=Decimal(0)), "amount", "4.90 EUR were charged"),
        (CancelRest(lines=(TWO,)), "lines", "all of it has left"),
        (AsHeld(line_id=ONE, quantity=2, total=eur(999)), "total", "less than was charged for line 1"),
    ],
)
def test_what_comes_too_late_says_so(asked: Change, field: str, why: str) -> None:
    placed = order(line(), line(line_id=TWO), surcharge(490))
    left = {ONE: 1, TWO: 2}
    ledger = shipped(placed, left)
    if not why:  # as many as have left: that is the rest cancelled
        assert amended(placed, asked, ledger=ledger, left=left).line(ONE).total == eur(1000)
        return
    with pytest.raises(ChangeRefused, match=why) as no:
        amended(placed, asked, ledger=ledger, left=left)
    assert (no.value.field, no.value.late) == (field, True)


@pytest.mark.parametrize("line_id", [ONE, LineId("erp-9")])
def test_no_line_is_less_than_nothing(line_id: LineId) -> None:
    with pytest.raises(ChangeRefused, match="less than nothing"):
        amended(order(line()), AsHeld(line_id=line_id, sku=Sku("X"), quantity=1, total=eur(-1)))


def test_an_address_holds_for_what_has_not_left() -> None:
    placed = order(line(), line(line_id=TWO))
    assert amended(placed, SetAddress(shipping=ELSEWHERE), left={ONE: 2, TWO: 1}).shipping == ELSEWHERE
    with pytest.raises(ChangeRefused, match="everything has left"):
        amended(placed, SetAddress(shipping=ELSEWHERE), left={ONE: 2, TWO: 2})


def test_an_amount_with_more_digits_than_the_currency_has_names_its_field() -> None:
    placed = order(line("JPY"), currency="JPY")
    with pytest.raises(ChangeRefused, match=r"changes\[1\].amount") as no:
        amended(placed, SetAddress(shipping=ELSEWHERE), SetShipping(method="Express", amount=Decimal("1.5")))
    assert (no.value.number, no.value.late) == (1, False)
