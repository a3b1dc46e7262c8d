"""A quote is what the amendment will do: the same verdict, the same total, and how the money would follow."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.amendments import (
    AddLine,
    CancelRest,
    Change,
    ChangeRefused,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetUnitPrice,
    Verdict,
)
from domain.charges import charge_shares
from domain.document import OrderDocument, Shipment
from domain.errors import InvariantBroken
from domain.ids import LineId, PaymentRef, Sku, System, shipment_id
from domain.money import Money
from domain.orders import PaymentTerm, PlacedOrder
from domain.payments import Capabilities, Payment, Payments, PaymentState
from domain.phases import Phase
from domain.planner import AskPerson, CaptureLess, Enough, Increment
from domain.policies import FreightRule, OrderPolicies
from domain.quoting import money_plan, quote, repricing_of
from domain.shipments import PickState, ShipmentLine
from tests.domain.amounts import eur
from tests.domain.changing import ELSEWHERE, changes
from tests.domain.moving import entered, goods_orders, ordered
from tests.domain.placed import line, order, surcharge

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ONE, TWO = LineId("1"), LineId("2")


def policies(freight: FreightRule = FreightRule.FIRST_SHIPMENT) -> OrderPolicies:
    return OrderPolicies(adapters=dict.fromkeys(System, "connector"), freight=freight)


def document(
    placed: PlacedOrder,
    left: Mapping[LineId, int] | None = None,
    *,
    freight: FreightRule = FreightRule.FIRST_SHIPMENT,
    phase: Phase = Phase.FULFILLING,
    **capabilities: Any,
) -> OrderDocument:
    """An order whose total a card holds, and of which so many units have left and been charged."""
    told = OrderDocument.begun(placed)
    told.phase = phase
    card = Payment(
        reference=PaymentRef("card"),
        state=PaymentState.AUTHORISED,
        currency=placed.currency,
        authorised=placed.total,
        capabilities=Capabilities(**capabilities),
    )
    told.payments = Payments(currency=placed.currency, payments=(card,))
    if units := {line_id: units for line_id, units in (left or {}).items() if units}:
        told.ledger = entered(told.ledger, charge_shares(placed, told.ledger, units, freight=freight))
        told.shipments = [shipment(placed, units)]
    return told


def shipment(
    placed: PlacedOrder, units: Mapping[LineId, int], state: PickState = PickState.SHIPPED
) -> Shipment:
    lines = tuple(
        ShipmentLine(line_id=line_id, sku=placed.line(line_id).sku, quantity=count)
        for line_id, count in units.items()
    )
    name = shipment_id(placed.order_id, 1)
    return Shipment(shipment_id=name, lines=lines, state=state, told=state is PickState.SHIPPED)


def asked(told: OrderDocument, *wanted: Change) -> Any:
    return quote(told, wanted, policies=policies(), now=NOW)


# -- the quote and the deed ----------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(goods_orders(), st.sampled_from(FreightRule), st.data())
def test_a_quote_never_differs_from_what_applying_does(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    left = {one: data.draw(st.integers(0, most)) for one, most in ordered(placed).items()}
    wanted = data.draw(changes(placed))
    told = document(placed, left, freight=freight)
    before = told.model_copy(deep=True)
    answer = quote(told, wanted, policies=policies(freight), now=NOW)
    assert told == before
    if any(one.why for one in answer.verdicts if one.verdict is Verdict.TOO_LATE and not one.field):
        assert told.all_left or not placed.shippable  # it is closed: nothing is applied at all
        return
    done = applied(told, wanted, policies(freight))
    if isinstance(done, PlacedOrder):
        assert (answer.allowed, answer.total_after) == (True, done.total)
        assert answer.plan == money_plan(told, done, policies=policies(freight), now=NOW)
        return
    assert not answer.allowed
    if isinstance(done, ChangeRefused):
        possible = {Verdict.ALLOWED, Verdict.UNSHIPPED_ONLY}
        first = next(one for one in answer.verdicts if one.verdict not in possible)
        assert (first.number, first.field, first.why) == (done.number, done.field, done.why)
        assert first.verdict is (Verdict.TOO_LATE if done.late else Verdict.REFUSED)


def applied(
    told: OrderDocument, wanted: Sequence[Change], by: OrderPolicies
) -> PlacedOrder | ChangeRefused | InvariantBroken:
    """The order as an amendment makes it, or why it does not."""
    try:
        after = repricing_of(told, by).apply(wanted)
        told.ledger.of_total(after.total)
    except (ChangeRefused, InvariantBroken) as no:
        return no
    return after


@settings(max_examples=60)
@given(goods_orders(), st.data())
def test_the_verdict_on_a_change_counts_those_before_it(placed: PlacedOrder, data: st.DataObject) -> None:
    wanted = data.draw(changes(placed))
    told = document(placed)
    together = quote(told, wanted, policies=policies(), now=NOW)
    for number in range(len(wanted)):
        done = applied(told, wanted[: number + 1], policies())
        if not isinstance(done, PlacedOrder):
            assert together.verdicts[number].why == (
                done.why if isinstance(done, ChangeRefused) else str(done)
            )
            return
        assert together.verdicts[number].verdict is Verdict.ALLOWED


# -- verdicts ------------------------------------------------------------------------------------------------------


def two_lines() -> PlacedOrder:
    return order(line(), line(line_id=TWO), surcharge(490))


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (SetQuantity(line_id=ONE, quantity=3), Verdict.ALLOWED),
        (SetQuantity(line_id=TWO, quantity=3), Verdict.ALLOWED),
        (RemoveLine(line_id=ONE), Verdict.TOO_LATE),
        (RemoveLine(line_id=TWO), Verdict.ALLOWED),
        (RemoveLine(line_id=LineId("9")), Verdict.REFUSED),
        (SetAddress(shipping=ELSEWHERE), Verdict.UNSHIPPED_ONLY),
        (CancelRest(), Verdict.UNSHIPPED_ONLY),
        (SetUnitPrice(line_id=ONE, unit_price=Decimal(1)), Verdict.UNSHIPPED_ONLY),
        (SetDiscount(percent=Decimal(10)), Verdict.UNSHIPPED_ONLY),
        (AddLine(sku=Sku("X"), quantity=1), Verdict.ALLOWED),
    ],
)
def test_the_verdict_after_a_part_has_left(change: Change, verdict: Verdict) -> None:
    told = asked(document(two_lines(), {ONE: 1}), change)
    assert told.verdicts[0].verdict is verdict
    assert told.allowed is (verdict in {Verdict.ALLOWED, Verdict.UNSHIPPED_ONLY})


@pytest.mark.parametrize(
    "phase", [Phase.CANCELLED, Phase.COMPLETED, Phase.CANCELLING, Phase.AFTER_SALES, Phase.SETTLING]
)
def test_of_an_order_that_is_over_nothing_can_be_changed(phase: Phase) -> None:
    told = asked(document(two_lines(), phase=phase), SetQuantity(line_id=ONE, quantity=1))
    assert (told.allowed, told.verdicts[0].verdict) == (False, Verdict.TOO_LATE)
    assert told.total_after is None


def test_when_everything_has_left_a_return_is_the_way_back() -> None:
    told = asked(document(two_lines(), {ONE: 2, TWO: 2}), SetQuantity(line_id=ONE, quantity=3))
    assert "a return is the way back" in told.words


def test_what_is_locked_is_what_left_and_what_the_warehouse_has_begun() -> None:
    standing = document(two_lines(), {ONE: 1})
    standing.shipments.append(shipment(two_lines(), {TWO: 2}, PickState.PICKING))
    standing.shipments.append(shipment(two_lines(), {ONE: 1}, PickState.CANCELLED))
    told = asked(standing, SetAddress(shipping=ELSEWHERE))
    assert [(one.line_id, one.units, "left" in one.why) for one in told.locked] == [
        (ONE, 1, True),
        (TWO, 2, False),
    ]


# -- the money -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "step"), [(1, CaptureLess), (2, Enough), (3, Increment)], ids=["less", "the same", "more"]
)
def test_how_the_money_would_follow(quantity: int, step: type) -> None:
    told = asked(document(two_lines(), increment=True), SetQuantity(line_id=ONE, quantity=quantity))
    assert isinstance(told.plan.steps[0], step)
    assert told.total_after == eur(4490 + 1000 * (quantity - 2))


def test_where_no_way_is_legal_a_person_is_asked() -> None:
    told = asked(document(two_lines()), SetQuantity(line_id=ONE, quantity=3))
    assert isinstance(told.plan.steps[0], AskPerson)


def test_before_it_is_paid_the_customer_pays_the_new_total() -> None:
    told = asked(document(two_lines(), phase=Phase.AWAITING_PAYMENT), SetQuantity(line_id=ONE, quantity=3))
    assert (told.plan, told.words) == (None, "54.90 EUR are to be paid instead of 44.90 EUR.")


def test_on_account_the_invoice_is_another() -> None:
    placed = two_lines()
    intent = placed.payment.model_copy(update={"term": PaymentTerm.ON_ACCOUNT})
    told = asked(document(placed.model_copy(update={"payment": intent})), RemoveLine(line_id=TWO))
    assert (told.plan, told.words) == (None, "The invoice will be 24.90 EUR instead of 44.90 EUR.")


def test_an_unpriced_article_is_priced_when_it_is_done() -> None:
    told = asked(document(two_lines()), AddLine(sku=Sku("X"), quantity=1))
    assert (told.allowed, told.total_after) == (True, None)
    assert told.words == "The ERP is asked for the price of X when it is done."


def test_after_a_shipment_what_left_is_paid_and_the_rest_is_held() -> None:
    placed = two_lines()
    standing = document(placed, {ONE: 1}, multicapture=True)
    told = asked(standing, CancelRest())
    assert told.total_after == Money(minor=1490, currency="EUR")
    assert isinstance(told.plan.steps[0], CaptureLess)
    assert told.plan.steps[0].amount == eur(3000)
