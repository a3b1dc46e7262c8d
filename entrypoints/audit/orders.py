"""One order as all the books tell it, gathered from them by its id."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from entrypoints.audit.amended import worth_now
from entrypoints.audit.books import (
    Books,
    Dispute,
    Edit,
    Invoice,
    Method,
    Moment,
    Movement,
    Parcel,
    PayLink,
    Payment,
    Reservation,
    Return,
    Row,
    Sale,
    Shipment,
    ShipmentState,
    ShopOrder,
    State,
    Workflow,
)
from entrypoints.audit.sums import ZERO, CannotSum, OrderWorth, minor_unit, worth_of
from entrypoints.audit.terms import on_account, payment_told, term_told

FOUND_WITHIN = timedelta(hours=4)  # what a lost hint told of is found at the order's next look

_CLOSED = frozenset({"completed", "cancelled"})
_ARRIVED = frozenset({"delivered", "lost"})
_BEING_CREDITED = frozenset({"received", "credited"})


class _OfAnOrder(Protocol):
    @property
    def order_id(self) -> str: ...


K = TypeVar("K", bound=_OfAnOrder)


@dataclass
class Order:
    """`placed_worth` is what was ordered first, `worth` what is ordered now.

    `complaints`: what somebody asked for and is not so; `not_recomputed`: why the worth of now was not added up anew.
    """

    order_id: str
    shop: list[ShopOrder] = field(default_factory=list)
    workflows: list[Workflow] = field(default_factory=list)
    first_rows: list[Row] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    links: list[PayLink] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    worth: OrderWorth | None = None
    placed_worth: OrderWorth | None = None
    not_summed: str = ""
    complaints: tuple[str, ...] = ()
    not_recomputed: str = ""
    on_account: bool = False
    term: str = "unknown"
    read_at: datetime | None = None

    @property
    def document(self) -> Mapping[str, Any]:
        """What OrderSaga tells of it: the running workflow, or the record that was kept when it closed."""
        told = [workflow.document for workflow in self.workflows] + [row.document for row in self.first_rows]
        return next((document for document in told if document), {})

    @property
    def phase(self) -> str:
        return str(self.document.get("phase", ""))

    @property
    def needs_person(self) -> bool:
        return self.document.get("attention") is not None

    @property
    def at_rest(self) -> bool:
        """Nothing in flight and nothing owed. What needs a person is listed as such and not judged yet."""
        if self.needs_person or self.document.get("blocked") or self._just_moved:
            return False
        if self.phase in _CLOSED:
            return True
        shipments = (s for s in self.document.get("shipments", []) if s.get("state") != "cancelled")
        arrived = all(shipment.get("tracking") in _ARRIVED for shipment in shipments)
        credits_run = any(back["state"] in _BEING_CREDITED for back in self.document.get("returns", []))
        return self.phase == "after_sales" and arrived and not credits_run

    @property
    def cancelled(self) -> bool:
        return self.phase == "cancelled"

    @property
    def currency(self) -> str:
        return self.worth.currency if self.worth else ""

    @property
    def captured(self) -> Decimal:
        return sum((payment.captured for payment in self.payments), ZERO)

    @property
    def refunded(self) -> Decimal:
        return sum((payment.refunded for payment in self.payments), ZERO)

    @property
    def returned_outside(self) -> Decimal:
        """What a person gave back past the gateway, by that person's word."""
        return sum((money(back["amount"]) for back in self.document.get("returned_outside", [])), ZERO)

    @property
    def paid_outside(self) -> Decimal:
        """What the customer paid past the gateway, by a person's word."""
        return sum((money(paid["amount"]) for paid in self.document.get("paid_outside", [])), ZERO)

    @property
    def kept(self) -> Decimal:
        """What we have of the customer's money. What is disputed is gone."""
        there = self.captured - self.refunded - self.disputed
        return there + self.paid_outside - self.returned_outside

    @property
    def disputed(self) -> Decimal:
        return sum((payment.disputed for payment in self.payments), ZERO)

    @property
    def earned(self) -> Decimal:
        """What was kept of it for this order, before anything was credited again."""
        return self.kept + self.ledger("credit") - self.regained

    @property
    def charged(self) -> Decimal:
        """What the ledger charges for goods and what goes with them."""
        return self.ledger("charge") - self.regained

    @property
    def regained(self) -> Decimal:
        """What the ledger charges again, because a dispute was won."""
        return self.ledger("charge", cause="dispute")

    @property
    def invoiced(self) -> Decimal:
        return sum((invoice.total for invoice in self.invoices), ZERO)

    @property
    def _just_moved(self) -> bool:
        """Money or goods came, or went by a dispute, so late that nobody may have looked since."""
        if self.read_at is None:
            return False
        moments: list[Moment | None] = list(self._edits_on_their_way)
        if not self._disputes_are_booked:
            moments += [dispute.decided or dispute.opened for dispute in self._disputes]
        if self.kept > self.ledger("charge") - self.ledger("credit"):
            transfers = (payment for payment in self.payments if payment.method is Method.BANK_TRANSFER)
            moments += [capture.moment for payment in transfers for capture in payment.captures]
        for back in self.returns:
            if back.units != self._received(back.reference):
                moments.append(back.last)
        came = (moment.latest for moment in moments if moment and moment.latest)
        return any(latest > self.read_at - FOUND_WITHIN for latest in came)

    @property
    def edits(self) -> list[Edit]:
        """What people edited in the shop and in the ERP by hand."""
        by_system = (*(shop.by_hand for shop in self.shop), *(sale.by_hand for sale in self.live_sales))
        return [edit for edits in by_system for edit in edits]

    @property
    def _edits_on_their_way(self) -> Iterator[Moment]:
        """Made after the last time that an amendment came to its end."""
        ends = [r["ended_at"] for r in self.document.get("amendments", []) if r.get("ended_at")]
        last = max(map(datetime.fromisoformat, ends), default=None)
        for edit in self.edits:
            if last is None or (edit.moment.latest and edit.moment.latest > last):
                yield edit.moment

    @property
    def _disputes(self) -> list[Dispute]:
        return [dispute for payment in self.payments for dispute in payment.disputes]

    @property
    def _disputes_are_booked(self) -> bool:
        """The ledger has all that was disputed, and all that was won."""
        lost = sum((dispute.amount for dispute in self._disputes), ZERO)
        won = sum((dispute.amount for dispute in self._disputes if dispute.won), ZERO)
        return (self.ledger("credit", cause="dispute"), self.regained) == (lost, won)

    def _received(self, return_id: str) -> dict[str, Decimal]:
        """Units by line that the order knows to have come back with this return."""
        return _sum_of(
            {line["line_id"]: Decimal(line["quantity"])}
            for back in self.document.get("returns", [])
            if back.get("return_id") == return_id
            for line in (back.get("receipt") or {}).get("lines", [])
        )

    def credited_units(self, cause: str, return_id: str | None = None) -> dict[str, Decimal]:
        """Units by line that the ledger credits for this cause, in all or for one return."""
        return _sum_of(
            {share["line_id"]: Decimal(share["quantity"])}
            for entry in self.entries
            if (entry["kind"], entry.get("cause")) == ("credit", cause)
            and return_id in {None, entry.get("return_id")}
            for share in entry["shares"]
            if share["quantity"]
        )

    @property
    def returned_units(self) -> dict[str, Decimal]:
        """Units by line that came back, as the warehouse counted them."""
        return _sum_of(back.units for back in self.returns)

    @property
    def left(self) -> list[Shipment]:
        """The shipments that left the house."""
        return [shipment for shipment in self.shipments if shipment.state is ShipmentState.LEFT]

    @property
    def live_sales(self) -> list[Sale]:
        return [sale for sale in self.sales if sale.state is not State.CANCELLED]

    @property
    def fully_shipped(self) -> bool:
        return self.worth is not None and units_of(self.left) == {
            line: Decimal(units) for line, units in self.worth.shipping.items()
        }

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """The order's ledger."""
        return list(self.document.get("ledger", {}).get("entries", []))

    def ledger(self, kind: str, *, cause: str | None = None) -> Decimal:
        """The sum of one kind of entry, or of those for one cause."""
        entries = (entry for entry in self.entries if entry["kind"] == kind)
        return sum((money(e["amount"]) for e in entries if cause in {None, e.get("cause")}), ZERO)


def money(amount: Mapping[str, Any]) -> Decimal:
    """Major units of `{"minor": 1999, "currency": "EUR"}`."""
    return int(amount["minor"]) * minor_unit(str(amount["currency"]))


def units_of(shipments: Iterable[Shipment]) -> dict[str, Decimal]:
    """Units by line, over all of them."""
    return _sum_of(shipment.units for shipment in shipments)


def _sum_of(parts: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    units: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for line, count in part.items():
            units[line] += count
    return dict(units)


def orders_of(books: Books) -> list[Order]:
    """Every order that the shop or we know of. A sale, payment or shipment that names none of them is not ours to judge."""
    known = (books.shop, books.first_rows, books.rows, books.workflows)
    orders = {thing.order_id: Order(thing.order_id) for things in known for thing in things}
    books = books.model_copy(update={"payments": _named(books, orders)})
    for kind in fields(Order):
        for order_id, things in _by_order(getattr(books, kind.name, ())).items():
            if order_id in orders:
                setattr(orders[order_id], kind.name, things)
    for order in orders.values():
        order.read_at = books.as_of
        _sum_up(order)
    return list(orders.values())


def _named(books: Books, orders: Mapping[str, Order]) -> tuple[Payment, ...]:
    """The payments; one that names no order of ours belongs to the one whose document names it."""
    told = {payment_told(shop.platform, shop.document): shop.order_id for shop in books.shop}
    return tuple(
        payment
        if payment.order_id in orders
        else payment.model_copy(update={"order_id": told.get(payment.reference, payment.order_id)})
        for payment in books.payments
    )


def _by_order(things: Iterable[K]) -> dict[str, list[K]]:
    by_order: dict[str, list[K]] = defaultdict(list)
    for thing in things:
        by_order[thing.order_id].append(thing)
    return by_order


def _sum_up(order: Order) -> None:
    if not order.shop:
        order.not_summed = "the shop's books hold no such order"
        return
    shop = order.shop[0]
    order.on_account = on_account(shop.platform, shop.document)
    order.term = term_told(shop.platform, shop.document)
    try:
        order.placed_worth = worth_of(shop.platform, shop.document)
        sale = next(iter(order.live_sales or order.sales), None)
        now = worth_now(order.placed_worth, shop, sale, order.document)
        order.worth, order.complaints, order.not_recomputed = now.worth, now.complaints, now.unknown
    except CannotSum as reason:
        order.not_summed = str(reason)
