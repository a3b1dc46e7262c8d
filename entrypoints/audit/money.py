"""Promises 1 to 4: what was charged, when, by which hold, and what the ledger says of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any

from entrypoints.audit.books import Capture, Method, Moment, Payment, before
from entrypoints.audit.findings import Finding, NotChecked, Violation
from entrypoints.audit.orders import Order, money, units_of
from entrypoints.audit.sums import ZERO, minor_unit

# --- 1: nothing twice, and only what shipped


def captured_once(order: Order) -> Iterator[Finding]:
    """However often it was asked for: what we took, less what went back, never exceeds what the order is worth.

    Others may pay too much, by transfer say: that is theirs, and goes back.
    """
    references = Counter(capture.reference for payment in order.payments for capture in payment.captures)
    for reference, count in references.items():
        if count > 1:
            yield Violation(f"capture {reference} stands {count} times in the gateway's books")
    taken = sum((payment.ours - payment.refunded for payment in order.payments if payment.ours), ZERO)
    if order.worth and taken > order.worth.total:
        yield Violation(f"{taken} charged for an order of {order.worth.total} {order.currency}")


def captured_for_a_reason(order: Order) -> Iterator[Finding]:
    """At rest: we took what the ledger charges beyond what others had paid, even where more went back again."""
    taken = sum((payment.ours for payment in order.payments), ZERO)
    there = _kept_of_others(order.payments)
    charged = order.charged
    if taken > max(ZERO, charged - there):
        beside = f" beside {there} that others paid" if there else ""
        yield Violation(f"{taken} captured{beside}, the ledger has charges of {charged} only")


def captured_after_shipping(order: Order) -> Iterator[Finding]:
    """What we capture is covered by what had left the house by then, beyond what others had paid before."""
    if order.placed_worth is None:
        return
    ours = [capture for payment in order.payments for capture in payment.captures if capture.ours]
    ours.sort(key=_in_order)
    sums = accumulate(capture.amount for capture in ours)
    for capture, so_far in zip(ours, sums, strict=True):
        there = _kept_of_others(order.payments, before_this=capture)
        yield from _covered(order, capture, so_far + there)


def _kept_of_others(payments: Iterable[Payment], before_this: Capture | None = None) -> Decimal:
    """What was paid without us, by the shop's checkout or a bank say, less what went back of it."""
    kept = ZERO
    for payment in payments:
        theirs = (
            capture.amount
            for capture in payment.captures
            if not capture.ours
            and (before_this is None or before(capture.moment, before_this.moment) is True)
        )
        kept += max(ZERO, sum(theirs, ZERO) - payment.refunded)
    return kept


def _covered(order: Order, capture: Capture, so_far: Decimal) -> Iterator[Finding]:
    told = [(shipment, before(shipment.left, capture.moment)) for shipment in order.left]
    surely = units_of(shipment for shipment, first in told if first is True)
    perhaps = units_of(shipment for shipment, first in told if first is not False)
    if (most := _most_worth(order, perhaps)) < so_far:
        yield Violation(
            f"{so_far} {order.currency} captured by {capture.reference} when goods for {most} had shipped"
        )
    elif _most_worth(order, surely) < so_far:
        yield NotChecked("captured after it shipped: the two books give no times that tell which came first")


def _most_worth(order: Order, units: Mapping[str, Decimal]) -> Decimal:
    """As it was ordered first or as it is now: it may have been changed since it was captured."""
    worths = (worth for worth in (order.placed_worth, order.worth) if worth)
    return max(worth.shipped_worth(units) for worth in worths)


def _in_order(capture: Capture) -> tuple[bool, int, float]:
    moment = capture.moment or Moment(book="")
    seconds = moment.earliest.timestamp() if moment.earliest else 0
    return moment.seq is None, moment.seq or 0, seconds


def refunded_what_never_ships(order: Order) -> Iterator[Finding]:
    """At rest: what is kept is at most what shipped, whoever paid it. A refund that is pending is on its way."""
    if order.worth is None:
        return
    shipped = order.worth.shipped_worth(units_of(order.left))
    if order.kept > shipped:
        yield Violation(f"{order.kept} {order.currency} kept, but goods for {shipped} shipped")
    if order.returned_outside:
        yield NotChecked("given back past the gateway: only the word of a person tells it")
    if order.paid_outside:
        yield NotChecked("paid past the gateway: only the word of a person tells it")


def links_ask_for_what_is_owed(order: Order) -> Iterator[Finding]:
    """One page to pay at is open at a time, and by each at least what it asks for was paid, or nothing.

    It asks for no more than the order is worth. What an amendment would have made of that no book of others tells.
    """
    still_open = [link.reference for link in order.links if link.open]
    if len(still_open) > 1:
        yield Violation(f"the customer can pay by {len(still_open)} links at once: {', '.join(still_open)}")
    paid = {payment.reference: payment.authorised for payment in order.payments}
    for link in order.links:
        amended = order.edits or order.document.get("amendments")
        if order.placed_worth and not amended and link.amount > order.placed_worth.total:
            worth = order.placed_worth.total
            yield Violation(f"link {link.reference} asks for {link.amount} of an order of {worth}")
        if link.paid_by is not None and paid.get(link.paid_by, ZERO) < link.amount:
            came = paid.get(link.paid_by, ZERO)
            yield Violation(f"link {link.reference} asks for {link.amount}, and {came} was paid by it")


def nothing_taken_on_account(order: Order) -> Iterator[Finding]:
    """Its invoice is what is owed: no gateway holds or takes money for it."""
    if order.on_account:
        for payment in order.payments:
            if payment.captures or payment.held or payment.pending:
                yield Violation(
                    f"the order is on account, and the gateway has payment {payment.reference} of it"
                )


def given_back_once(order: Order) -> Iterator[Finding]:
    """What the customer's bank took back is not refunded by us as well, once we could know of it."""
    for payment in order.payments:
        beyond = payment.refunded + payment.disputed - payment.captured
        disputes = [dispute for dispute in payment.disputes if not dispute.won]
        for refund in payment.refunds:
            after = any(before(dispute.opened, refund.moment) for dispute in disputes)
            if beyond > 0 and after and not refund.failed:
                yield Violation(
                    f"refund {refund.reference} was given of money that is disputed: {payment.refunded} refunded"
                    f" and {payment.disputed} disputed of {payment.captured} captured"
                )


# --- 2: the ledger, and the bounds of every hold and charge


def within_the_hold(order: Order) -> Iterator[Finding]:
    """A customer decides how much a bank transfer brings: it is bounded by nothing."""
    for payment in order.payments:
        if payment.method is not Method.BANK_TRANSFER and payment.captured > payment.capturable:
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


def ledger_is_bounded(order: Order) -> Iterator[Finding]:
    """Charges by the order's worth, credits by the charges, as a whole and on every line."""
    charged, credited = order.ledger("charge"), order.ledger("credit")
    if order.worth and order.charged > order.worth.total:
        worth = f"{order.worth.total} {order.currency}"
        yield Violation(f"the ledger charges {order.charged} for an order of {worth}")
    if credited > charged:
        yield Violation(f"the ledger credits {credited} of {charged} charged")
    if order.regained > (lost := order.ledger("credit", cause="dispute")):
        yield Violation(f"the ledger charges {order.regained} again after disputes over {lost}")
    for line, balance in _balances(order).items():
        if balance < 0:
            yield Violation(f"the ledger credits {-balance} more on line {line} than it charges")


def _balances(order: Order) -> dict[str, Decimal]:
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for entry in order.entries:
        for share in entry["shares"]:
            amount = money(share["amount"])
            balances[share["line_id"]] += amount if entry["kind"] == "charge" else -amount
    return dict(balances)


def _currencies(entry: Mapping[str, Any]) -> set[str]:
    return {amount["currency"] for amount in (entry["amount"], *(s["amount"] for s in entry["shares"]))}


def ledger_is_the_gateway(order: Order) -> Iterator[Finding]:
    """At rest: captured − refunded − disputed = Σ charges − Σ credits.

    Of an order on account what was invoiced stands for what was captured, and credit notes for refunds.
    """
    balance = order.ledger("charge") - order.ledger("credit")
    if order.on_account:
        notes = (amount for sale in order.live_sales for amount in (sale.credited or {}).values())
        owed = order.invoiced - sum(notes, ZERO)
        if owed != balance:
            yield Violation(f"{owed} invoiced, the ledger's balance is {balance} {order.currency}")
    elif order.kept != balance:
        yield Violation(f"the gateway kept {order.kept}, the ledger's balance is {balance} {order.currency}")


def movements_are_recorded(order: Order) -> Iterator[Finding]:
    """At rest: every movement that we made has its row in our database, and every row its movement.

    A refund that failed later was made as well.
    """
    recorded: Counter[tuple[str, str]] = Counter()
    for row in order.movements:
        recorded[row.kind, row.reference] += _units(row.amount, row.currency)
    moved: Counter[tuple[str, str]] = Counter()
    for payment in order.payments:
        for capture in payment.captures:
            if capture.ours:
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
    """What was captured for a shipment, from one payment or several, the ledger charges for it and those before.

    What was too little for the gateway, or waited for the last shipment, is captured with a later one, or for none.
    """
    captured: dict[str, Decimal] = defaultdict(Decimal)
    for row in order.movements:
        if row.kind == "captured":
            captured[row.shipment or ""] += row.amount
    left = ZERO
    for entry in order.entries:
        if entry["kind"] == "charge" and entry.get("cause") != "dispute":
            left += money(entry["amount"])
            shipment = entry.get("shipment") or ""
            taken = captured.pop(shipment, ZERO) if shipment else ZERO
            yield from _taken_of(taken, left, shipment)
            left -= taken
    for shipment, taken in captured.items():
        yield from _taken_of(taken, ZERO if shipment else left, shipment)


def _taken_of(taken: Decimal, charged: Decimal, shipment: str) -> Iterator[Finding]:
    if taken > charged:
        yield Violation(
            f"{taken} captured for {shipment or 'no shipment'} in our database,"
            f" the ledger charges {charged} until then"
        )


def _units(amount: Decimal, currency: str) -> int:
    return int(amount / minor_unit(currency))


# --- 3: to the cent


def captures_are_the_total(order: Order) -> Iterator[Finding]:
    """At rest, once everything shipped: captures and charges sum to the total, and the shares to every line.

    An order on account is invoiced instead.
    """
    if order.worth is None or order.cancelled or not order.fully_shipped:
        return
    paid, how = (order.invoiced, "invoiced") if order.on_account else (order.earned, "captured")
    if paid != order.worth.total:
        yield Violation(f"everything shipped and {paid} was {how} of {order.worth.total} {order.currency}")
    shares: Counter[str] = Counter()
    for entry in order.entries:
        if entry["kind"] == "charge" and entry.get("cause") != "dispute":
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


def charged_what_left(order: Order) -> Iterator[Finding]:
    """At rest: the units that the ledger charges are those that were in the boxes."""
    if order.worth is None or order.cancelled:
        return
    charged: Counter[str] = Counter()
    for entry in order.entries:
        if entry["kind"] == "charge":
            for share in entry["shares"]:
                charged[share["line_id"]] += share["quantity"]
    left = units_of(order.left)
    for line in order.worth.shipping:
        if charged[line] != left.get(line, ZERO):
            yield Violation(
                f"line {line}: {charged[line]} units charged, {left.get(line, ZERO)} left the house"
            )


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


def nothing_waited_for(order: Order) -> Iterator[Finding]:
    """A payment that is pending may become a hold that nobody looks for any more."""
    for payment in order.payments:
        if payment.pending:
            yield Violation(f"the order is {order.phase}, and payment {payment.reference} is still pending")
