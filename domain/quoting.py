"""What an amendment would mean, from what is known of the order: pure, quick, and the same rules that carry it out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from domain.amendments import (
    AddLine,
    CancelRest,
    Change,
    ChangeRefused,
    ChangeVerdict,
    Locked,
    Quote,
    SetAddress,
    SetDiscount,
    SetUnitPrice,
    Verdict,
)
from domain.document import OrderDocument, units_of
from domain.errors import InvariantBroken
from domain.ids import LineId, shipment_name
from domain.orders import PaymentTerm, PlacedOrder
from domain.phases import Phase
from domain.planner import Plan, plan
from domain.policies import OrderPolicies
from domain.repricing import Repricing

UNPAID = frozenset({Phase.RECEIVED, Phase.CUSTOMER_CHECK, Phase.AWAITING_PAYMENT})
_ENDED = frozenset({Phase.CANCELLING, Phase.CANCELLED, Phase.COMPLETED})
_OVER = frozenset({Phase.SETTLING, Phase.AFTER_SALES})


def quote(
    document: OrderDocument, changes: Sequence[Change], *, policies: OrderPolicies, now: datetime
) -> Quote:
    """A verdict per change, the totals, how the money would follow, and what cannot be changed any more."""
    closed = why_closed(document)
    repricing = repricing_of(document, policies)
    verdicts = [
        ChangeVerdict(number=number, verdict=Verdict.TOO_LATE, why=closed)
        if closed
        else _verdict(repricing, number, change)
        for number, change in enumerate(changes)
    ]
    allowed = all(one.verdict in {Verdict.ALLOWED, Verdict.UNSHIPPED_ONLY} for one in verdicts)
    open_prices = [change.sku for change in changes if isinstance(change, AddLine) and not _is_priced(change)]
    facts = {"revision": document.revision, "verdicts": tuple(verdicts), "locked": tuple(_locked(document))}
    before = document.order.total
    if not allowed:
        words = "; ".join(one.why for one in verdicts if one.why) or "It cannot be done."
        return Quote(**facts, allowed=False, total_before=before, words=words)
    if open_prices:
        words = f"The ERP is asked for the price of {', '.join(open_prices)} when it is done."
        return Quote(**facts, allowed=True, total_before=before, words=words)
    planned = money_plan(document, repricing.order, policies=policies, now=now)
    words = planned.words if planned else _without_gateway(document, repricing.order)
    after = repricing.order.total
    return Quote(**facts, allowed=True, total_before=before, total_after=after, plan=planned, words=words)


def why_closed(document: OrderDocument) -> str:
    """Why nothing of the order can be changed any more; empty while something can."""
    if document.phase in _ENDED:
        return f"the order is {document.phase}"
    if document.phase in _OVER or (document.shipments and document.all_left):
        return "everything has left; a return is the way back"
    if not document.order.shippable and document.ledger.charged:
        return "it has been paid; a return is the way back"
    return ""


def repricing_of(document: OrderDocument, policies: OrderPolicies) -> Repricing:
    return Repricing(
        document.order,
        document.ledger,
        gone(document),
        revision=document.revision + 1,
        freight=policies.freight,
    )


def gone(document: OrderDocument) -> Counter[LineId]:
    """Units per line that have left."""
    return units_of(shipment for shipment in document.shipments if shipment.left)


def money_plan(
    document: OrderDocument, order: PlacedOrder, *, policies: OrderPolicies, now: datetime
) -> Plan | None:
    """How the money would follow; None where no gateway has to do with it, or nothing is confirmed yet.

    InvariantBroken: more was charged than the order would come to.
    """
    if document.order.payment.term is PaymentTerm.ON_ACCOUNT or document.phase in UNPAID:
        return None
    ledger = document.ledger.of_total(order.total)
    margin = timedelta(hours=policies.hold_renewal_hours)
    needed = ledger.uncharged + ledger.balance
    outside = document.kept - document.payments.kept
    return plan(document.payments, needed - outside, now=now, renew_before=margin)


def _verdict(repricing: Repricing, number: int, change: Change) -> ChangeVerdict:
    if isinstance(change, AddLine) and not _is_priced(change):
        return ChangeVerdict(number=number, verdict=Verdict.ALLOWED, why="the price is the ERP's to tell")
    before = repricing.left
    try:
        repricing.change(number, change)
        repricing.ledger.of_total(repricing.order.total)
    except ChangeRefused as no:
        verdict = Verdict.TOO_LATE if no.late else Verdict.REFUSED
        return ChangeVerdict(number=number, verdict=verdict, field=no.field, why=no.why)
    except InvariantBroken as broken:
        return ChangeVerdict(number=number, verdict=Verdict.TOO_LATE, why=str(broken))
    if _concerns_what_left(change) and any(before.values()):
        return ChangeVerdict(
            number=number, verdict=Verdict.UNSHIPPED_ONLY, why="it holds for what has not left yet"
        )
    return ChangeVerdict(number=number, verdict=Verdict.ALLOWED)


def _concerns_what_left(change: Change) -> bool:
    return isinstance(change, SetAddress | CancelRest | SetUnitPrice | SetDiscount)


def _is_priced(change: AddLine) -> bool:
    return change.unit_price is not None and change.tax_rates is not None


def _without_gateway(document: OrderDocument, order: PlacedOrder) -> str:
    if order.total == document.order.total:
        return "Nothing changes in what is to be paid."
    if document.phase in UNPAID:
        return f"{order.total} are to be paid instead of {document.order.total}."
    return f"The invoice will be {order.total} instead of {document.order.total}."


def _locked(document: OrderDocument) -> Iterator[Locked]:
    for shipment in document.shipments:
        if shipment.left:
            why = f"in {shipment_name(shipment.shipment_id)}, which has left"
        elif shipment.state is not None and not shipment.ended:
            name = shipment_name(shipment.shipment_id)
            why = f"in {name}, which is {shipment.state}: the warehouse is asked to stop it"
        else:
            continue
        for line in shipment.lines:
            yield Locked(line_id=line.line_id, units=line.quantity, why=why)
