"""Promises 1 to 4: what was charged, when, by which hold, and what the ledger says of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any

from entrypoints.audit.books import Capture, Moment, before
from entrypoints.audit.findings import Finding, NotChecked, Violation
from entrypoints.audit.orders import Order, money, units_of
from entrypoints.audit.sums import ZERO, OrderWorth, minor_unit

# --- 1: nothing twice, and only what shipped


def captured_once(order: Order) -> Iterator[Finding]:
    """However often it was asked for: the captures less what went back never exceed what the order is worth."""
    references = Counter(capture.reference for payment in order.payments for capture in payment.captures)
    for reference, count in references.items():
        if count > 1:
            yield Violation(f"capture {reference} stands {count} times in the gateway's books")
    if order.worth and order.captured - order.refunded > order.worth.total:
        taken = order.captured - order.refunded
        yield Violation(f"{taken} charged for an order of {order.worth.total} {order.currency}")


def captured_for_a_reason(order: Order) -> Iterator[Finding]:
    """At rest: as much was captured as the ledger charges, even where a second charge went back again."""
    captured, charged = order.captured, order.ledger("charge")
    if captured > charged:
        yield Violation(f"{captured} captured, the ledger has charges of {charged} only")


def captured_after_shipping(order: Order) -> Iterator[Finding]:
    """A capture is covered by what had left the house by then."""
    if order.worth is None:
        return
    captures = [capture for payment in order.payments for capture in payment.captures]
    captures = sorted((capture for capture in captures if not capture.at_checkout), key=_in_order)
    sums = accumulate(capture.amount for capture in captures)
    for capture, so_far in zip(captures, sums, strict=True):
        yield from _covered(order, order.worth, capture, so_far)


def _covered(order: Order, worth: OrderWorth, capture: Capture, so_far: Decimal) -> Iterator[Finding]:
    told = [(shipment, before(shipment.left, capture.moment)) for shipment in order.left]
    surely = units_of(shipment for shipment, first in told if first is True)
    perhaps = units_of(shipment for shipment, first in told if first is not False)
    if worth.shipped_worth(perhaps) < so_far:
        yield Violation(
            f"{so_far} {order.currency} captured by {capture.reference} when goods for"
            f" {worth.shipped_worth(perhaps)} had shipped"
        )
    elif worth.shipped_worth(surely) < so_far:
        yield NotChecked("captured after it shipped: the two books give no times that tell which came first")


def _in_order(capture: Capture) -> tuple[bool, int, float]:
    moment = capture.moment or Moment(book="")
    seconds = moment.earliest.timestamp() if moment.earliest else 0
    return moment.seq is None, moment.seq or 0, seconds


def refunded_what_never_ships(order: Order) -> Iterator[Finding]:
    """At rest: what is kept is at most what shipped."""
    if order.worth is None:
        return
    kept = order.captured - order.refunded
    shipped = order.worth.shipped_worth(units_of(order.left))
    if kept > shipped:
        yield Violation(f"{kept} {order.currency} kept, but goods for {shipped} shipped")


# --- 2: the ledger, and the bounds of every hold and charge


def within_the_hold(order: Order) -> Iterator[Finding]:
    for payment in order.payments:
        if payment.captured > payment.capturable:
            yield Violation(
                f"payment {payment.reference}: {payment.captured} captured of {payment.capturable} authorised"
            )
        if payment.refunded > payment.captured:
            yield Violation(
                f"payment {payment.reference}: {payment.refunded} refunded of {payment.captured} captured"
            )
        if order.worth and payment.currency != order.currency:
            yield Violation(
                f"payment {payment.reference} is in {payment.currency}, the order in {order.currency}"
            )
        for capture in payment.captures:
            back = sum((r.amount for r in payment.refunds if r.capture == capture.reference), ZERO)
            if back > capture.amount:
                yield Violation(f"charge {capture.reference}: {back} refunded of {capture.amount} captured")


def ledger_adds_up(order: Order) -> Iterator[Finding]:
    for entry in order.entries:
        shares = sum((money(share["amount"]) for share in entry["shares"]), ZERO)
        if shares != money(entry["amount"]):
            yield Violation(
                f"ledger entry {entry['key']}: {money(entry['amount'])}, its shares sum to {shares}"
            )
        if order.worth and _currencies(entry) != {order.currency}:
            yield Violation(f"ledger entry {entry['key']} is not in {order.currency} alone")
    for key, count in Counter(entry["key"] for entry in order.entries).items():
        if count > 1:
            yield Violation(f"ledger entry {key} stands {count} times in the ledger")
    charged, credited = order.ledger("charge"), order.ledger("credit")
    if order.worth and charged > order.worth.total:
        yield Violation(f"the ledger charges {charged} for an order of {order.worth.total} {order.currency}")
    if credited > charged:
        yield Violation(f"the ledger credits {credited} of {charged} charged")


def _currencies(entry: Mapping[str, Any]) -> set[str]:
    return {amount["currency"] for amount in (entry["amount"], *(s["amount"] for s in entry["shares"]))}


def ledger_is_the_gateway(order: Order) -> Iterator[Finding]:
    """At rest: captured − refunded = Σ charges − Σ credits."""
    taken, balance = order.captured - order.refunded, order.ledger("charge") - order.ledger("credit")
    if taken != balance:
        yield Violation(f"the gateway kept {taken}, the ledger's balance is {balance} {order.currency}")


def movements_are_recorded(order: Order) -> Iterator[Finding]:
    """At rest: every movement of the gateway has its row in our database, and every row its movement."""
    recorded: Counter[tuple[str, str]] = Counter()
    for row in order.movements:
        recorded[row.kind, row.reference] += _units(row.amount, row.currency)
    moved: Counter[tuple[str, str]] = Counter()
    for payment in order.payments:
        for capture in payment.captures:
            if not capture.at_checkout:
                moved["captured", capture.reference] += _units(capture.amount, payment.currency)
        for refund in payment.refunds:
            moved["refunded", refund.reference] += _units(refund.amount, payment.currency)
    for kind, reference in sorted(moved.keys() | {key for key in recorded if key[0] != "voided"}):
        gateway, database = moved[kind, reference], recorded[kind, reference]
        if gateway != database:
            unit = minor_unit(order.currency)
            yield Violation(
                f"{kind} {reference}: {gateway * unit} at the gateway, {database * unit} in our database"
            )
    yield from _rows_are_in_the_ledger(order)


def _rows_are_in_the_ledger(order: Order) -> Iterator[Finding]:
    entries = {entry["key"]: money(entry["amount"]) for entry in order.entries}
    for row in order.movements:
        if row.kind != "voided" and entries.get(row.key) != row.amount:
            yield Violation(
                f"{row.kind} {row.reference}: no entry of {row.amount} in the ledger under {row.key}"
            )


def _units(amount: Decimal, currency: str) -> int:
    return int(amount / minor_unit(currency))


# --- 3: to the cent


def captures_are_the_total(order: Order) -> Iterator[Finding]:
    """At rest, once everything shipped: captures and charges sum to the total, and the shares to every line."""
    if order.worth is None or order.cancelled or not order.fully_shipped:
        return
    if order.captured != order.worth.total:
        yield Violation(
            f"everything shipped and {order.captured} was captured of {order.worth.total} {order.currency}"
        )
    shares: Counter[str] = Counter()
    for entry in order.entries:
        if entry["kind"] == "charge":
            for share in entry["shares"]:
                shares[share["line_id"]] += int(share["amount"]["minor"])
    unit = minor_unit(order.currency)
    for line in order.worth.lines:
        charged = shares.pop(line.line_id, 0) * unit
        if not line.worth.has(charged):
            yield Violation(f"line {line.line_id}: {charged} charged, it is worth {line.worth}")
    rest = sum(shares.values()) * unit
    if not order.worth.rest.has(rest):
        yield Violation(f"freight and fees: {rest} charged, they are worth {order.worth.rest}")


def nothing_captures_nothing(order: Order) -> Iterator[Finding]:
    for payment in order.payments:
        for capture in payment.captures:
            if capture.amount <= 0:
                yield Violation(f"capture {capture.reference} of {capture.amount}")


# --- 4: no hold is left


def no_hold_left(order: Order) -> Iterator[Finding]:
    for payment in order.payments:
        if payment.held > 0:
            yield Violation(
                f"the order is {order.phase}, and {payment.held} {payment.currency} of payment"
                f" {payment.reference} are still held"
            )
