"""A sale with all that follows from it, read in one request: lines, shipments with their moves and boxes, invoices.

The sale's `reference` is our order id; a shipment's is our order id from its reservation on and our shipment id once it
is to be picked; the first line of a sale line's `note` names our line (docs/adr/0003). Moves lead back to the line they
serve: a picking move ("inventory") names the leaving move ("outgoing") as its origin, and that one the sale line.
A shipment leaves from one warehouse; a line's leaving moves may be in shipments of several (docs/adr/0013).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from adapters.tryton.client import Domain, Record, TrytonClient, referenced
from adapters.tryton.places import named
from domain.ids import LineId, Location, OrderId, ShipmentId, Sku
from domain.money import Money

SALE = "sale.sale"
SHIPMENT = "stock.shipment.out"
INVOICE = "account.invoice"
MOVE = "stock.move"

_LINE_NOTE = re.compile(r"Shop line (\S+)\s*(?:\n|$)")
_SHIPMENT_ID = re.compile(r"order:\S+/s\d+")
_SHIPMENT_FIELDS = [
    "state",
    "number",
    "reference",
    "carrier",
    "warehouse.code",
    "warehouse.name",
    *(
        f"{kind}_moves.{name}"
        for kind in ("inventory", "outgoing")
        for name in ("state", "quantity", "origin", "product.code")
    ),
    *(f"packages.{name}" for name in ("number", "shipping_reference", "moves")),
]
_FIELDS = [
    "state",
    "number",
    "revision",
    "create_uid",
    "total_amount",
    "party.customer_location",
    "shipment_party",
    "shipment_address",
    "currency.code",
    "invoices_ignored",
    *(f"lines.{name}" for name in ("type", "note", "description", "quantity", "unit", "unit_price")),
    *(f"lines.{name}" for name in ("product.code", "product.type", "taxes.rate")),
    *(f"lines.{name}" for name in ("moves.state", "moves_ignored", "moves_recreated")),
    *(f"shipments.{name}" for name in _SHIPMENT_FIELDS),
    *(f"invoices.{name}" for name in ("state", "number", "total_amount")),
]


@dataclass(frozen=True)
class Line:
    """`line_id` is ours, or None for a line that someone added in Tryton. `unit_price` is net."""

    id: int
    line_id: LineId | None
    sku: Sku | None
    product: int | None
    unit: int | None
    description: str
    quantity: Decimal
    unit_price: Decimal
    total: Money
    rates: tuple[Decimal, ...]
    unhandled: tuple[int, ...]  # cancelled moves that nobody has ignored or made anew yet


@dataclass(frozen=True)
class Move:
    id: int
    state: str
    quantity: int
    origin: int | None
    sku: Sku


@dataclass(frozen=True)
class Box:
    id: int
    number: str
    tracking_number: str | None
    moves: tuple[int, ...]


@dataclass(frozen=True)
class Shipment:
    id: int
    state: str
    number: str
    reference: str | None
    warehouse: int
    location: Location
    carrier: int | None
    picking: tuple[Move, ...]
    leaving: tuple[Move, ...]
    boxes: tuple[Box, ...]

    @property
    def left(self) -> bool:
        return self.state in ("shipped", "done")

    @property
    def cancelled(self) -> bool:
        return self.state == "cancelled"

    @property
    def asked_for(self) -> bool:
        """It bears a shipment id of ours: it is on the warehouse's list, or was."""
        return bool(self.reference and _SHIPMENT_ID.fullmatch(self.reference))

    @property
    def stray(self) -> bool:
        """It lost the goods it was to send: an amendment of the sale planned them anew in another shipment.

        Tryton then leaves an assigned or picked shipment standing, linked to no sale, with its units still taken.
        """
        return not self.leaving


@dataclass(frozen=True)
class SaleInvoice:
    id: int
    state: str
    number: str | None
    total: Money


@dataclass(frozen=True)
class Sale:
    id: int
    state: str
    number: str
    party: int
    consignee: int  # the party who gets the goods
    customer_location: int
    delivery_address: int
    currency: int
    author: int  # the Tryton user who made it
    version: str
    total: Money
    lines: tuple[Line, ...]
    shipments: tuple[Shipment, ...]
    invoices: tuple[SaleInvoice, ...]
    invoices_ignored: tuple[int, ...]

    @property
    def cancelled(self) -> bool:
        """Cancelled while it could be, or processed and then emptied: nothing left, nothing is invoiced.

        Tryton does not cancel a processed sale. With every shipment and invoice cancelled and ignored it is `done`.
        """
        if self.state in ("draft", "quotation", "confirmed"):
            return False
        followed = [shipment.state for shipment in self.shipments]
        followed += [invoice.state for invoice in self.invoices]
        return self.state == "cancelled" or (bool(followed) and set(followed) == {"cancelled"})

    def line_of(self, shipment: Shipment, move: Move) -> Line | None:
        """The sale line that a picking or leaving move of the shipment serves."""
        outgoing: Move | None = move
        if move in shipment.picking:
            outgoing = next((other for other in shipment.leaving if other.id == move.origin), None)
        return next((line for line in self.lines if outgoing and line.id == outgoing.origin), None)


def line_note(line_id: LineId) -> str:
    return f"Shop line {line_id}"


async def sales_of(tryton: TrytonClient, order: OrderId) -> list[Sale]:
    """All sales that carry our order id, cancelled ones too, oldest first. There may be twins.

    The one to keep also shows the shipments that an amendment cut off from it.
    """
    found = await _sales(tryton, [["reference", "=", order]])
    if not found:
        return []
    linked = {shipment.id for sale in found for shipment in sale.shipments}
    domain = [["reference", "like", f"{order}%"]]
    strays = tuple(
        _shipment(record)
        for record in await tryton.search(SHIPMENT, domain, _SHIPMENT_FIELDS)
        if record["reference"].partition("/")[0] == order and record["id"] not in linked
    )
    kept = keeper(found)
    return [replace(sale, shipments=(*sale.shipments, *strays)) if sale is kept else sale for sale in found]


async def sale_of(tryton: TrytonClient, order: OrderId) -> Sale | None:
    """The sale of an order: of several the furthest, and of those the oldest. None when nobody entered it."""
    return keeper(await sales_of(tryton, order))


async def state_of(tryton: TrytonClient, sale: int) -> str:
    (found,) = await tryton.search(SALE, [["id", "=", sale]], ["state"])
    return str(found["state"])


async def sale_numbered(tryton: TrytonClient, sale: int) -> Sale:
    (found,) = await _sales(tryton, [["id", "=", sale]])
    return found


_FURTHEST = ("done", "processing", "confirmed", "quotation", "draft", "cancelled")


def keeper(sales: Sequence[Sale]) -> Sale | None:
    return min(sales, key=lambda sale: (_FURTHEST.index(sale.state), sale.id), default=None)


def shipment_called(sale: Sale | None, shipment: ShipmentId) -> Shipment | None:
    """The shipment under our id: a live one before a cancelled one. A stray that is cancelled is nobody's any more."""
    named = [
        candidate
        for candidate in (sale.shipments if sale else ())
        if candidate.reference == shipment and not (candidate.stray and candidate.cancelled)
    ]
    return min(named, key=lambda candidate: (candidate.cancelled, candidate.id), default=None)


async def _sales(tryton: TrytonClient, domain: Domain) -> list[Sale]:
    return [_sale(record) for record in await tryton.search(SALE, domain, _FIELDS)]


def _sale(record: Record) -> Sale:
    currency = record["currency"]["code"]
    return Sale(
        id=record["id"],
        state=record["state"],
        number=record["number"] or "",
        party=record["party"]["id"],
        consignee=record["shipment_party"] or record["party"]["id"],
        customer_location=record["party"]["customer_location"],
        delivery_address=record["shipment_address"],
        currency=record["currency"]["id"],
        author=record["create_uid"],
        version=f"{record['revision']}",
        total=Money.parse(record["total_amount"], currency),
        lines=tuple(_line(line, currency) for line in record["lines"] if line["type"] == "line"),
        shipments=tuple(_shipment(shipment) for shipment in record["shipments"]),
        invoices=tuple(
            SaleInvoice(
                id=invoice["id"],
                state=invoice["state"],
                number=invoice["number"],
                total=Money.parse(invoice["total_amount"], currency),
            )
            for invoice in record["invoices"]
        ),
        invoices_ignored=tuple(record["invoices_ignored"]),
    )


def _line(record: Record, currency: str) -> Line:
    noted = _LINE_NOTE.match(record["note"] or "")
    quantity, unit_price = Decimal(str(record["quantity"])), record["unit_price"]
    rates = tuple(tax["rate"] or Decimal(0) for tax in record["taxes"])
    handled = {*record["moves_ignored"], *record["moves_recreated"]}
    return Line(
        id=record["id"],
        line_id=LineId(noted[1]) if noted else None,
        sku=Sku(record["product"]["code"]) if record["product"] else None,
        product=record["product"]["id"] if record["product"] else None,
        unit=record["unit"],
        description=record["description"] or "",
        quantity=quantity,
        unit_price=unit_price,
        total=with_taxes(quantity * unit_price, rates, currency),
        rates=rates,
        unhandled=tuple(
            move["id"]
            for move in record["moves"]
            if move["state"] == "cancelled" and move["id"] not in handled
        ),
    )


def with_taxes(net: Decimal, rates: Sequence[Decimal], currency: str) -> Money:
    """What Tryton makes of a line: amount and taxes rounded on their own, half to even."""
    cent = Money(minor=1, currency=currency).major
    tax = net * sum(rates, Decimal(0))
    rounded = (part.quantize(cent, ROUND_HALF_EVEN) for part in (net, tax))
    return Money.parse(sum(rounded, Decimal(0)), currency)


def _shipment(record: Record) -> Shipment:
    return Shipment(
        id=record["id"],
        state=record["state"],
        number=record["number"] or "",
        reference=record["reference"],
        warehouse=record["warehouse"]["id"],
        location=named(record["warehouse"]),
        carrier=record["carrier"],
        picking=tuple(_move(move) for move in record["inventory_moves"]),
        leaving=tuple(_move(move) for move in record["outgoing_moves"]),
        boxes=tuple(
            Box(
                id=box["id"],
                number=box["number"],
                tracking_number=box["shipping_reference"],
                moves=tuple(box["moves"]),
            )
            for box in record["packages"]
        ),
    )


def _move(record: Record) -> Move:
    return Move(
        id=record["id"],
        state=record["state"],
        quantity=int(record["quantity"]),
        origin=referenced(record["origin"]),
        sku=Sku(record["product"]["code"]),
    )
