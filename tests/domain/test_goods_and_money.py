"""One order whose goods leave, fall away, return and are disputed in any order: its books hold the promises at every step."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from domain.charges import amount_shares, charge_shares, credit_shares, reduced
from domain.ids import LineId
from domain.ledger import Cause, Entry, EntryKind, Ledger, Part, Share
from domain.money import Money, total
from domain.orders import PlacedOrder
from domain.policies import FreightReturn, FreightRule
from tests.domain.moving import entered, goods_orders, ordered


class MovingOrder(RuleBasedStateMachine):
    """The gateway here does at once what the ledger says; units are counted apart from it."""

    order: PlacedOrder
    ledger: Ledger
    freight: FreightRule

    @initialize(placed=goods_orders(), freight=st.sampled_from(FreightRule))
    def place(self, placed: PlacedOrder, freight: FreightRule) -> None:
        self.order, self.freight = placed, freight
        self.ledger = Ledger(currency=placed.currency, order_total=placed.total)
        self.zero = Money.zero(placed.currency)
        self.captured = self.refunded = self.disputed = self.zero
        self.lost: tuple[Share, ...] = ()
        self.left: dict[LineId, int] = dict.fromkeys(ordered(placed), 0)
        self.back: dict[LineId, int] = dict.fromkeys(ordered(placed), 0)

    def book(self, shares: tuple[Share, ...], kind: EntryKind, cause: Cause) -> Money:
        before = self.ledger
        self.ledger = entered(before, shares, kind, cause)
        return total((share.amount for share in shares), before.currency)

    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        more = {
            one: data.draw(st.integers(self.left[one], most)) for one, most in ordered(self.order).items()
        }
        shares = charge_shares(self.order, self.ledger, more, freight=self.freight)
        self.captured += self.book(shares, EntryKind.CHARGE, Cause.SHIPMENT)
        self.left = more

    @rule(data=st.data())
    def lose_units_that_never_come(self, data: st.DataObject) -> None:
        left = {
            one: data.draw(st.integers(self.left[one], most)) for one, most in ordered(self.order).items()
        }
        if any(left.values()) or len(self.order.shippable) < len(self.order.lines):
            self.order = reduced(self.order, self.ledger, left, freight=self.freight)
            self.ledger = self.ledger.of_total(self.order.total)
            self.left = {one: self.left[one] for one in ordered(self.order)}
            self.back = {one: self.back[one] for one in ordered(self.order)}

    @rule(data=st.data(), freight=st.sampled_from(FreightReturn), percent=st.integers(0, 100))
    def take_back(self, data: st.DataObject, freight: FreightReturn, percent: int) -> None:
        units = {one: data.draw(st.integers(0, self.left[one] - self.back[one])) for one in self.left}
        shares = credit_shares(self.order, self.ledger, units, freight=freight, fee_percent=Decimal(percent))
        self.refunded += self.book(shares, EntryKind.CREDIT, Cause.RETURN)
        self.back = {one: self.back[one] + units[one] for one in units}

    @precondition(lambda self: self.ledger.balance and not self.lost)
    @rule(data=st.data())
    def dispute(self, data: st.DataObject) -> None:
        amount = Money(
            minor=data.draw(st.integers(1, self.ledger.balance.minor)), currency=self.order.currency
        )
        self.lost = amount_shares(self.ledger, amount, Part.DISPUTE)
        self.disputed += self.book(self.lost, EntryKind.CREDIT, Cause.DISPUTE)

    @precondition(lambda self: self.lost)
    @rule()
    def win_the_dispute(self) -> None:
        self.disputed -= self.book(self.lost, EntryKind.CHARGE, Cause.DISPUTE)
        self.lost = ()

    @precondition(lambda self: self.ledger.entries)
    @rule()
    def hear_the_last_again(self) -> None:
        last: Entry = self.ledger.entries[-1]
        assert self.ledger.with_entry(last) == self.ledger

    @invariant()
    def everybody_has_what_the_ledger_says(self) -> None:
        assert self.captured - self.refunded - self.disputed == self.ledger.balance

    @invariant()
    def no_more_is_charged_than_ordered_and_no_more_goes_back_than_was_charged(self) -> None:
        assert self.zero <= self.captured <= self.order.total
        assert self.zero <= self.refunded <= self.captured
        balances, totals = self.ledger.balances, {item.line_id: item.total for item in self.order.priced}
        assert all(self.zero <= balance <= totals[line_id] for line_id, balance in balances.items())
        self.ledger.check()

    @invariant()
    def the_units_charged_and_credited_are_those_that_left_and_returned(self) -> None:
        for kind, moved in ((EntryKind.CHARGE, self.left), (EntryKind.CREDIT, self.back)):
            shares = [share for entry in self.ledger.entries if entry.kind is kind for share in entry.shares]
            for line_id, units in moved.items():
                assert sum(share.quantity for share in shares if share.line_id == line_id) == units

    def teardown(self) -> None:
        """In the end everything that is still ordered ships: then all of the order is charged."""
        if hasattr(self, "order"):
            rest = charge_shares(self.order, self.ledger, ordered(self.order), freight=self.freight)
            self.captured += self.book(rest, EntryKind.CHARGE, Cause.SHIPMENT)
            assert self.captured == self.order.total


TestMovingOrder = MovingOrder.TestCase
