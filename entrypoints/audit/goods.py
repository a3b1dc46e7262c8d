"""Promises 5 and 6: what is reserved, what ships, and what must not."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from entrypoints.audit.books import Books
from entrypoints.audit.findings import Finding, Violation
from entrypoints.audit.orders import Order, units_of
from entrypoints.audit.sums import ZERO

# --- 5: stock


def shelves_hold_what_is_reserved(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    """In every warehouse by itself."""
    reserved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for reservation in books.reservations:
        reserved[reservation.sku, reservation.location] += reservation.units
    for shelf in books.shelves:
        what = _stock(shelf.sku, shelf.location)
        if shelf.reserved > shelf.on_hand or shelf.reserved < 0:
            yield Violation(f"{what}: {shelf.reserved} reserved of {shelf.on_hand} on hand")
        orders = reserved.pop((shelf.sku, shelf.location), ZERO)
        if shelf.reserved != orders:
            yield Violation(f"{what}: {shelf.reserved} reserved, for orders {orders}")
    for (sku, location), units in reserved.items():
        if units:
            yield Violation(f"{_stock(sku, location)}: {units} reserved where there is no shelf")


def _stock(sku: str, location: str) -> str:
    return f"stock of {sku} in {location}" if location else f"stock of {sku}"


def reserved_once(order: Order) -> Iterator[Finding]:
    """Never twice for one line: what is reserved and what left are together at most what was ordered."""
    if order.worth is None:
        return
    ordered, left = order.worth.shipping, units_of(order.left)
    for line, units in _reserved(order).items():
        if units + left.get(line, ZERO) > ordered.get(line, 0):
            yield Violation(
                f"line {line}: {units} reserved and {left.get(line, ZERO)} shipped of {ordered.get(line, 0)} ordered"
            )


def nothing_left_reserved(order: Order) -> Iterator[Finding]:
    """At rest, ended: every unit is gone or free."""
    for line, units in _reserved(order).items():
        if units:
            yield Violation(f"the order is {order.phase}, and {units} of line {line} are still reserved")


def _reserved(order: Order) -> dict[str, Decimal]:
    units: dict[str, Decimal] = defaultdict(Decimal)
    for reservation in order.reservations:
        units[reservation.line_id] += reservation.units
    return dict(units)


def shipped_at_most_what_was_ordered(order: Order) -> Iterator[Finding]:
    if order.worth is None:
        return
    for line, units in units_of(order.left).items():
        ordered = order.worth.shipping.get(line, 0)
        if units > ordered:
            yield Violation(f"line {line}: {units} shipped of {ordered} ordered")


def shipped_what_was_ordered(order: Order) -> Iterator[Finding]:
    """At rest and not cancelled: unit by unit, what is ordered now. Nothing is on backorder in an order at rest."""
    if order.worth is None or order.cancelled:
        return
    left = units_of(order.left)
    for line, ordered in order.worth.shipping.items():
        if left.get(line, ZERO) < ordered:
            yield Violation(f"line {line}: {left.get(line, ZERO)} shipped of {ordered} ordered")


# --- 6: a cancelled order does not ship


def cancelled_does_not_ship(order: Order) -> Iterator[Finding]:
    if not order.cancelled:
        return
    for shipment in order.left:
        yield Violation(f"the order is cancelled, and shipment {shipment.reference} left the house")
    for parcel in order.parcels:
        if parcel.moving:
            yield Violation(f"the order is cancelled, and the carrier has {parcel.shipment}")
    if order.kept:
        yield Violation(f"the order is cancelled, and {order.kept} {order.currency} were kept")


def parcels_are_shipments(order: Order) -> Iterator[Finding]:
    """What a carrier drives left the warehouse. Either may be told a moment later, so only at rest."""
    left = {shipment.reference for shipment in order.left}
    for parcel in order.parcels:
        if parcel.moving and parcel.shipment not in left:
            yield Violation(f"the carrier has {parcel.shipment}, which never left the warehouse")
