"""What is varied in the proof of the amendments, which combinations there are, and what comes of each.

A case is one order: when it is amended, by what change, from where, how it is paid, and what goes wrong on the way. The
rules below say which cases cannot be, each in a sentence, and what a case must come to: all of it, or nothing.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from itertools import combinations, product
from operator import itemgetter
from typing import NamedTuple


class When(StrEnum):
    AWAITING_PAYMENT = "awaiting payment"
    ENTERING_ERP = "entering the ERP, which is down"
    BACKORDERED = "backordered"
    PICKING = "picking"
    PACKED = "packed"  # and labelled: the warehouse stops nothing any more
    PARTLY_SHIPPED = "after a partial shipment"
    ON_HOLD = "on hold"
    BLOCKED = "blocked on the warehouse"
    NEEDS_PERSON = "needs a person"
    IN_FLIGHT = "another amendment in flight"


class What(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    MORE = "more"
    LESS = "less"
    UNIT_PRICE = "unit price"
    LINE_DISCOUNT = "line discount"
    ORDER_DISCOUNT = "order discount"
    ADDRESS = "address"
    SHIPPING = "shipping"
    CANCEL_REST = "cancel rest"
    SEVERAL = "several"


class Where(StrEnum):
    CUSTOMER_SERVICE = "customer service"
    ERP = "ERP"
    SHOP = "shop"


class Money(StrEnum):
    """What the gateway can do, or how else the order is paid."""

    MULTICAPTURE = "multicapture"
    INCREMENT = "increment"
    OVER_CAPTURE = "over-capture"
    STORED_CREDENTIAL = "stored credential"
    PAY_LINK = "pay-link"
    NONE = "nothing more"
    PREPAID = "prepaid"
    ON_ACCOUNT = "on account"
    BANK_TRANSFER = "bank transfer"


class Step(StrEnum):
    """Of an amendment, in its order."""

    WAREHOUSE = "warehouse"
    STOCK = "stock"
    PAYMENT = "payment"
    ERP = "ERP"
    SHOP = "shop"


class How(StrEnum):
    REFUSED = "refused"
    REPLY_LOST = "reply lost"
    LATE_COMMIT = "late commit"


class Trouble(NamedTuple):
    """The step that goes wrong, and how."""

    step: Step
    how: How

    def __str__(self) -> str:
        return f"{self.step} {self.how}"


class Outcome(StrEnum):
    COMMITTED = "committed"
    UNDONE = "undone"
    REFUSED = "refused at the door"
    PUT_BACK = "put back by a person"
    TRIED_AGAIN = "tried again by a person"


Value = StrEnum | Trouble | None


class Case(NamedTuple):
    when: When
    what: What
    where: Where
    money: Money
    trouble: Trouble | None = None

    def __str__(self) -> str:
        trouble = f"; {self.trouble}" if self.trouble else ""
        return f"{self.when}: {self.what} by {self.where}, {self.money}{trouble}"


TROUBLES: tuple[Trouble | None, ...] = (None, *(Trouble(step, how) for how in How for step in Step))
VALUES: tuple[tuple[Value, ...], ...] = (
    tuple(When),
    tuple(What),
    tuple(Where),
    tuple(Money),
    TROUBLES,
)

# -- what happens on the way ---------------------------------------------------------------------------------------

UNPAID = {When.AWAITING_PAYMENT}
UNKNOWN_TO_ERP = {When.AWAITING_PAYMENT, When.ENTERING_ERP, When.NEEDS_PERSON}
UNRESERVED = UNKNOWN_TO_ERP
UNPICKED = {*UNRESERVED, When.BACKORDERED}
_MOVES_UNITS = {What.ADD, What.REMOVE, What.MORE, What.LESS, What.CANCEL_REST, What.SEVERAL}
_STOPS_PICKS = {What.REMOVE, What.LESS, What.ADDRESS, What.CANCEL_REST, What.SEVERAL}
_COSTS_MORE = {What.ADD, What.MORE, What.UNIT_PRICE, What.SHIPPING, What.SEVERAL}
_HOLDS_MORE = {Money.INCREMENT, Money.STORED_CREDENTIAL, Money.PREPAID, Money.PAY_LINK}
_CANNOT_TAKE_MORE = {Money.MULTICAPTURE, Money.NONE, Money.BANK_TRANSFER}


def stops_picks(case: Case) -> bool:
    return case.when not in UNPICKED and case.what in _STOPS_PICKS


def costs_more(case: Case) -> bool:
    return case.what in _COSTS_MORE and not too_late(case)


def steps(case: Case) -> Iterator[Step]:
    """Those that write somewhere."""
    if stops_picks(case):
        yield Step.WAREHOUSE
    if case.when not in UNRESERVED and (case.what in _MOVES_UNITS or stops_picks(case)):
        yield Step.STOCK
    pays = costs_more(case) and case.money in _HOLDS_MORE and not _cannot_be_paid(case)
    if case.when not in UNPAID and (case.money is Money.ON_ACCOUNT or pays):
        yield Step.PAYMENT
    if case.when not in UNKNOWN_TO_ERP:
        yield Step.ERP
    yield Step.SHOP


def too_late(case: Case) -> bool:
    """It concerns what has left: of a line one unit is gone, the freight is charged, and no line is whole any more."""
    return case.when is When.PARTLY_SHIPPED and case.what in {
        What.REMOVE,
        What.SHIPPING,
        What.ORDER_DISCOUNT,
    }


# -- what cannot be ------------------------------------------------------------------------------------------------


def why_not(case: Case) -> str:
    """Why there is no such case; empty where there is."""
    by_hand = case.where is not Where.CUSTOMER_SERVICE
    rules = {
        "nobody edits in the ERP what the ERP does not have": case.where is Where.ERP
        and case.when in UNKNOWN_TO_ERP,
        "neither ERP nor shop have a screen for it: people change the lines": by_hand
        and case.what in {What.ORDER_DISCOUNT, What.CANCEL_REST},
        "ERP and shop themselves do not let go what has shipped": by_hand
        and case.what is What.REMOVE
        and too_late(case),
        "it is paid at the checkout, or by invoice": case.when is When.AWAITING_PAYMENT
        and case.money in {Money.PREPAID, Money.ON_ACCOUNT},
    }
    found = next((why for why, holds in rules.items() if holds), "")
    return found or ("" if case.trouble is None else _why_no_trouble(case, case.trouble))


def _why_no_trouble(case: Case, trouble: Trouble) -> str:
    both = case.when is When.IN_FLIGHT and case.where is not Where.ERP
    rules = {
        "the amendment does not get to that step": trouble.step not in steps(case),
        "as much credit as before needs no approval": case.money is Money.ON_ACCOUNT
        and case.what is What.ADDRESS
        and trouble == (Step.PAYMENT, How.REFUSED),
        "something else ends it before that step": _ended_before(case, trouble.step),
        "the warehouse is too late for what is packed anyway": case.when is When.PACKED
        and trouble == (Step.WAREHOUSE, How.REFUSED),
        "the first of two writes there after the second is begun, and would meet its trouble": (
            case.when is When.IN_FLIGHT and trouble.step is Step.SHOP
        ),
        "the first of two writes to the ERP once more, when it is undone or takes the second in": both
        and (trouble.step is Step.ERP or (trouble.step is Step.PAYMENT and case.money is Money.ON_ACCOUNT)),
    }
    return next((why for why, holds in rules.items() if holds), "")


def _ended_before(case: Case, step: Step) -> bool:
    order = list(Step)
    if too_late(case):
        return True
    if case.when is When.PACKED and stops_picks(case) and step is not Step.WAREHOUSE:
        return True
    return _cannot_be_paid(case) and order.index(step) > order.index(Step.PAYMENT)


def _cannot_be_paid(case: Case) -> bool:
    captured = case.money is Money.INCREMENT and case.when is When.PARTLY_SHIPPED  # no larger hold after that
    return costs_more(case) and (case.money in _CANNOT_TAKE_MORE or captured) and case.when not in UNPAID


@cache
def legal() -> list[Case]:
    found = (Case(*values) for values in product(When, What, Where, Money, TROUBLES))
    return [case for case in found if not why_not(case)]


# -- what comes of it ----------------------------------------------------------------------------------------------


def outcome(case: Case) -> Outcome:
    if too_late(case):
        return Outcome.REFUSED if case.where is Where.CUSTOMER_SERVICE else Outcome.PUT_BACK
    refused = case.trouble is not None and case.trouble.how is How.REFUSED
    hopeless = _cannot_be_paid(case) or (case.when is When.PACKED and stops_picks(case))
    if not refused and not hopeless:
        return Outcome.COMMITTED
    if case.where is Where.CUSTOMER_SERVICE:
        return Outcome.UNDONE
    passes = case.trouble is not None and case.trouble.step in {Step.STOCK, Step.ERP, Step.SHOP}
    if case.when is When.IN_FLIGHT and case.where is Where.SHOP and case.what is not What.SHIPPING and passes:
        # The first of two takes the edit in, is refused, and the edit is tried by itself.
        return Outcome.PUT_BACK if hopeless else Outcome.COMMITTED
    return Outcome.TRIED_AGAIN if passes and not hopeless else Outcome.PUT_BACK


# -- which are tried -----------------------------------------------------------------------------------------------

Tuple = tuple[int, tuple[Value, ...]]
_APART = 7919  # a prime: what is picked with it lies wide apart
_STRIDE = 337
_WHEN, _WHAT, _WHERE, _MONEY, _TROUBLE = range(5)
_TRIPLES = (
    (_WHEN, _WHAT, _WHERE),
    (_WHEN, _WHERE, _TROUBLE),
    (_WHAT, _WHERE, _TROUBLE),
    (_WHERE, _MONEY, _TROUBLE),
    (_WHAT, _WHERE, _MONEY),
)


_TOGETHER = [itemgetter(*at) for at in (*combinations(range(5), 2), *_TRIPLES)]


def _tuples(case: Case) -> Iterator[Tuple]:
    return enumerate(values(case) for values in _TOGETHER)


def covering(cases: Iterable[Case]) -> list[Case]:
    """All pairs of values that any case has, and what is changed and what goes wrong
    when and from where, by as few as greed finds."""
    known = [(case, frozenset(_tuples(case))) for case in cases]
    return _greedy(known, {one for _, tuples in known for one in tuples})


def _greedy(known: list[tuple[Case, frozenset[Tuple]]], missing: set[Tuple]) -> list[Case]:
    """What a case adds only ever becomes less, so that a former figure is the most that it can be."""
    heap = [(-len(tuples), number) for number, (_, tuples) in enumerate(known)]
    heapq.heapify(heap)
    chosen = []
    while missing:
        _, number = heapq.heappop(heap)
        case, tuples = known[number]
        adds = len(tuples & missing)
        if heap and adds < -heap[0][0]:
            heapq.heappush(heap, (-adds, number))
        else:
            chosen.append(case)
            missing -= tuples
    return chosen


def sample(cases: Iterable[Case], *, times: int, least: int) -> list[Case]:
    """Some of them, in which every value is met so many times, those first that others do not stand for."""
    chosen: list[Case] = []
    seen: Counter[tuple[int, Value]] = Counter()
    rest = list(cases)

    def values(case: Case) -> list[tuple[int, Value]]:
        return list(enumerate((*case, outcome(case))))

    def adds(case: Case) -> int:
        return sum(max(times - seen[value], 0) for value in values(case))

    while rest:
        best = max(rest, key=adds)
        if not adds(best):
            if len(chosen) >= least:
                break
            best = rest[len(chosen) * _APART % len(rest)]
        chosen.append(best)
        rest.remove(best)
        seen.update(values(best))
    return chosen


@cache
def tried() -> list[Case]:
    """Those that stand for all, and some further ones."""
    chosen = covering(legal())
    known = set(chosen)
    return [*chosen, *(case for case in legal()[::_STRIDE] if case not in known)]


@cache
def sampled() -> list[Case]:
    return sample(tried(), times=1, least=12)
