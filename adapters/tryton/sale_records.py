"""A sale as Tryton's records tell it: lines, shipments with their moves and boxes, invoices, all read in one request.

The sale's `reference` is our order id; a shipment's is our order id from its reservation on and our shipment id once it
is to be picked; the first line of a sale line's `note` names our line (docs/adr/0003). Moves lead back to the line they
serve: a picking move ("inventory") names the leaving move ("outgoing") as its origin, and that one the sale line.
A shipment leaves from one warehouse; a line's leaving moves may be in shipments of several (docs/adr/0013).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

from adapters.tryton.client import Record, referenced
from adapters.tryton.customers import ADDRESS_FIELDS, told
from adapters.tryton.places import named
from domain.ids import LineId, Location, OrderId, Sku
from domain.money import Money
from domain.orders import Address

SALE = "sale.sale"
SHIPMENT = "stock.shipment.out"
INVOICE = "account.invoice"
MOVE = "stock.move"

_LINE_NOTE = re.compile(r"Shop line (\S+)\s*(?:\n|$)")
_REVISION = re.compile(r"order:\S+ revision (\d+)")
_SHIPMENT_ID = re.compile(r"order:\S+/s\d+")
_DIGEST_LENGTH = 8
SHIPMENT_FIELDS = [
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
FIELDS = [
    "state",
    "number",
    "revision",
    "description",
    "create_uid",
    "total_amount",
    "party.customer_location",
    "invoice_party",
    "invoice_address",
    "shipment_party",
    *(f"shipment_address.{name}" for name in ADDRESS_FIELDS),
    "currency.code",
    "invoices_ignored",
    *(f"lines.{name}" for name in ("type", "note", "description", "quantity", "unit", "unit_price")),
    *(f"lines.{name}" for name in ("product.code", "product.type", "taxes.rate")),
    *(f"lines.{name}" for name in ("moves.state", "moves_ignored", "moves_recreated")),
    *(f"shipments.{name}" for name in SHIPMENT_FIELDS),
    *(f"invoices.{name}" for name in ("state", "number", "total_amount")),
]


@dataclass(frozen=True)
class Line:
    """`line_id` is ours; `erp-` and Tryton's own id for a line that someone added, `noted` once we know of it.

    `sale` is the one that it stands in. `unit_price` is net.
    """

    id: int
    sale: int
    line_id: LineId
    noted: bool
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

        Tryton then leaves an assigned or picked shipment standing, linked to no sale, with its units still taken. Picked
        it sends them for no sale, and cannot be packed.
        """
        return not any(move.origin for move in self.leaving)


@dataclass(frozen=True)
class SaleInvoice:
    id: int
    state: str
    number: str | None
    total: Money


@dataclass(frozen=True)
class Part:
    """One of the sales that hold an order. `written_for`: the revision that we added it for."""

    id: int
    state: str
    revision: int
    written_for: int | None
    parties: Record  # who gets invoice and goods, and where, by the names that an amendment has for them
    consignee: int
    shipping: Address | None


@dataclass(frozen=True)
class Sale:
    """`id`, `state` and parties are of the sale that the order was entered as; all else is of its `parts` together."""

    id: int
    parts: tuple[Part, ...]
    state: str
    number: str
    party: int
    consignee: int  # the party who gets the goods
    customer_location: int
    delivery_address: int
    currency: int
    author: int  # the Tryton user who made it
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

    @property
    def shipping(self) -> Address | None:
        return self.parts[0].shipping

    @property
    def written_for(self) -> int | None:
        return self.parts[0].written_for

    @property
    def version(self) -> str:
        """Changes with every amendment, with every sale that is added, and with the address, whoever wrote it."""
        return f"{self.counts()} {hashlib.sha256(repr(self.shipping).encode()).hexdigest()[:_DIGEST_LENGTH]}"

    def counts(self, since: int | None = None, amended: Mapping[int, int] = MappingProxyType({})) -> str:
        """The amendments of each part, as before we wrote the revisions `since` one, with so many of our own per part."""
        parts = (part for part in self.parts if since is None or (part.written_for or 0) < since)
        return " ".join(f"{part.id}:{part.revision - amended.get(part.id, 0)}" for part in parts)

    def line_of(self, shipment: Shipment, move: Move) -> Line | None:
        """The sale line that a picking or leaving move of the shipment serves."""
        outgoing: Move | None = move
        if move in shipment.picking:
            outgoing = next((other for other in shipment.leaving if other.id == move.origin), None)
        return next((line for line in self.lines if outgoing and line.id == outgoing.origin), None)


def line_note(line_id: LineId) -> str:
    return f"Shop line {line_id}"


def revision_name(order: OrderId, revision: int) -> str:
    """What we call all that we write for one revision: amendments, and sales that add lines."""
    return f"{order} revision {revision}"


def sale_from(record: Record) -> Sale:
    currency = record["currency"]["code"]
    part = _part(record)
    return Sale(
        id=record["id"],
        parts=(part,),
        state=record["state"],
        number=record["number"] or "",
        party=record["party"]["id"],
        consignee=part.consignee,
        customer_location=record["party"]["customer_location"],
        delivery_address=part.parties["shipment_address"],
        currency=record["currency"]["id"],
        author=record["create_uid"],
        total=Money.parse(record["total_amount"], currency),
        lines=tuple(
            _line(line, record["id"], currency) for line in record["lines"] if line["type"] == "line"
        ),
        shipments=tuple(shipment_from(shipment) for shipment in record["shipments"]),
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


def _part(record: Record) -> Part:
    address = record["shipment_address"]
    for_revision = _REVISION.fullmatch(record["description"] or "")
    return Part(
        id=record["id"],
        state=record["state"],
        revision=record["revision"],
        written_for=int(for_revision[1]) if for_revision else None,
        parties={
            "party": record["party"]["id"],
            "invoice_party": record["invoice_party"],
            "invoice_address": record["invoice_address"],
            "shipment_party": record["shipment_party"],
            "shipment_address": address and address["id"],
        },
        consignee=record["shipment_party"] or record["party"]["id"],
        shipping=told(address),
    )


def _line(record: Record, sale: int, currency: str) -> Line:
    noted = _LINE_NOTE.match(record["note"] or "")
    quantity, unit_price = Decimal(str(record["quantity"])), record["unit_price"]
    rates = tuple(tax["rate"] or Decimal(0) for tax in record["taxes"])
    handled = {*record["moves_ignored"], *record["moves_recreated"]}
    return Line(
        id=record["id"],
        sale=sale,
        line_id=LineId(noted[1]) if noted else stranger(record["id"]),
        noted=bool(noted),
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


def stranger(line: int) -> LineId:
    """Our id of a line that somebody added in Tryton."""
    return LineId(f"erp-{line}")


def with_taxes(net: Decimal, rates: Sequence[Decimal], currency: str) -> Money:
    """What Tryton makes of a line: amount and taxes rounded on their own, half to even."""
    cent = Money(minor=1, currency=currency).major
    tax = net * sum(rates, Decimal(0))
    rounded = (part.quantize(cent, ROUND_HALF_EVEN) for part in (net, tax))
    return Money.parse(sum(rounded, Decimal(0)), currency)


def shipment_from(record: Record) -> Shipment:
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
