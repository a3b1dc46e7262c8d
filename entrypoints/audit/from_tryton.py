"""Tryton's books over REST, where it keeps ERP, stock and warehouse: sales by our order id as their reference.

A sale line's note names the shop's line. Tryton keeps net unit prices of four digits and adds a line of its own for
the cents that these miss, so a line may be off by them while the sale's total is exact. It tells when a shipment was
packed and when it was last written; it left between the two. Credit notes and returns bear our return id; what came
back is known when it is put away, and Tryton has then put the good units on the shelf itself.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import httpx

from entrypoints.audit.books import (
    Books,
    Customer,
    Invoice,
    Line,
    Moment,
    Reservation,
    Return,
    Sale,
    Shelf,
    Shipment,
    ShipmentState,
    State,
)
from entrypoints.audit.sources import TrytonBooks
from entrypoints.audit.sums import ZERO, minor_unit

_PAGE = 200
_READ_SECONDS_MAX = 60
_PRICE_ROUNDING = Decimal("0.00005")
_NO_GOODS = frozenset({"FREIGHT", "FEE", "TIP", "DUTY", "ROUNDING"})
_NOTE = re.compile(r"Shop line (\S+)\s*(?:\n|$)")
_LEFT = frozenset({"shipped", "done"})
_POSTED = frozenset({"posted", "paid"})

_SALE_FIELDS = (
    *("reference", "number", "state", "total_amount", "party", "currency.code"),
    *(f"lines.{name}" for name in ("type", "note", "quantity", "unit_price", "product.code", "taxes.rate")),
    *(f"shipments.{name}" for name in ("state", "number", "reference", "create_date", "write_date")),
    *(f"shipments.outgoing_moves.{name}" for name in ("state", "quantity", "origin")),
    *(f"shipments.inventory_moves.{name}" for name in ("state", "quantity", "origin")),
    "shipments.packages.create_date",
    *(f"invoices.{name}" for name in ("state", "number", "total_amount")),
)
_RETURN_FIELDS = (
    *("reference", "state", "create_date", "write_date"),
    *(f"incoming_moves.{name}" for name in ("quantity", "origin", "product")),
    *(f"inventory_moves.{name}" for name in ("quantity", "product", "to_location.type")),
)
_OUR_RETURNS = ["reference", "like", "order:%/r%"]
_PARTY_FIELDS = ("code", "identifiers.code_compact", "contact_mechanisms.type", "contact_mechanisms.value")

Thing = Mapping[str, Any]


async def read(source: TrytonBooks) -> Books:
    """httpx.HTTPError: it does not answer, or not as it should."""
    tryton = _Tryton(source)
    async with tryton.http:
        payments = await tryton.all(
            "account.payment", [["state", "not in", ["draft", "failed"]]], ("amount", "origin")
        )
        sales = await tryton.all("sale.sale", [["reference", "like", "order:%"]], _SALE_FIELDS)
        parties = await tryton.all("party.party", [], _PARTY_FIELDS)
        noted = ["type", "=", "out"], ["state", "in", [*_POSTED]]
        notes = await tryton.all("account.invoice", [_OUR_RETURNS, *noted], ("reference", "total_amount"))
        returned = await tryton.all(
            "stock.shipment.out.return", [_OUR_RETURNS, ["state", "!=", "cancelled"]], _RETURN_FIELDS
        )
        stocks = [stock async for stock in _stocks(tryton)]
    received: dict[int, Decimal] = defaultdict(Decimal)
    for payment in payments:
        received[_number(payment["origin"])] += payment["amount"]
    lines = {move: place for sale in sales for move, place in _places(sale)}
    left = {move: line for sale in sales for move, line in _left(sale)}
    credited: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for note in notes:
        credited[_order_of(note)][note["reference"]] = -note["total_amount"]
    return Books(
        sales=_with_additions(
            [_sale(sale, received[sale["id"]], credited[sale["reference"]]) for sale in sales]
        ),
        invoices=tuple(invoice for sale in sales for invoice in _invoices(sale)),
        shipments=tuple(_shipment(sale, shipment) for sale in sales for shipment in sale["shipments"]),
        customers=tuple(_customer(party) for party in parties),
        reservations=tuple(
            _reservation(move, lines, stock.name) for stock in stocks for move in stock.assigned
        ),
        shelves=tuple(shelf for stock in stocks for shelf in _shelves(stock)),
        returns=tuple(_return(back, left) for back in returned),
    )


@dataclass(frozen=True)
class _Stock:
    """One warehouse: what lies where orders are picked from, and what of it is assigned."""

    name: str
    products: list[dict[str, Any]]
    assigned: list[dict[str, Any]]


async def _stocks(tryton: "_Tryton") -> AsyncIterator[_Stock]:
    fields = ("code", "name", "storage_location", "picking_location")
    for place in await tryton.all("stock.location", [["type", "=", "warehouse"]], fields):
        storage = place["picking_location"] or place["storage_location"]
        here = ["from_location", "child_of", [storage], "parent"]
        yield _Stock(
            name=f"{place['code'] or place['name']} (Tryton)",
            products=await tryton.all(
                "product.product", [["type", "=", "goods"]], ("code", "quantity"), locations=[storage]
            ),
            assigned=await tryton.all(
                "stock.move", [["state", "=", "assigned"], here], ("product.code", "quantity")
            ),
        )


class _Tryton:
    def __init__(self, source: TrytonBooks) -> None:
        self._company = source.company
        self.http = httpx.AsyncClient(
            base_url=f"{source.url.rstrip('/')}/{source.database}/rest/model",
            headers={"Authorization": f"Bearer {source.api_key}"},
            timeout=_READ_SECONDS_MAX,
        )

    async def all(
        self, model: str, domain: list[Any], fields: tuple[str, ...], **context: Any
    ) -> list[dict[str, Any]]:
        """Every record, page after page, oldest first."""
        headers = {"X-Tryton-Context": _encoded({"company": self._company, **context})}
        params: dict[str, Any] = {"d": _encoded(domain), "o": _encoded([["id", "ASC"]]), "f": [*fields]}
        found: list[dict[str, Any]] = []
        page: list[dict[str, Any]] | None = None
        while page is None or len(page) == _PAGE:
            params |= {"s": _PAGE, "p": len(found)}
            response = await self.http.get(f"/{model}", params=params, headers=headers)
            response.raise_for_status()
            page = json.loads(response.content, object_hook=_value)
            found += page
        return found


def _encoded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


def _value(thing: dict[str, Any]) -> Any:
    match thing.get("__class__"):
        case "Decimal":
            return Decimal(thing["decimal"])
        case "datetime":
            parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return datetime(*(thing[part] for part in parts), tzinfo=UTC)  # type: ignore[misc]
        case _:
            return thing


def _number(reference: str | int | Thing | None) -> int:
    """Of the record that a reference field names: 12 of "sale.line,12". 0 for none."""
    if reference is None:
        return 0
    if isinstance(reference, int):
        return reference
    return int(reference.rpartition(",")[2]) if isinstance(reference, str) else int(reference["id"])


def _line_id(line: Thing) -> str:
    noted = _NOTE.match(line["note"] or "")
    return noted[1] if noted else f"{line['id']} of Tryton's own"


def _sale(sale: Thing, received: Decimal, credited: Mapping[str, Decimal]) -> Sale:
    currency = sale["currency"]["code"]
    goods = [
        line
        for line in sale["lines"]
        if line["type"] == "line"
        and line["quantity"]  # what was dropped from a processed sale stays in it, with none of it
        and not (line["product"] and line["product"]["code"] in _NO_GOODS)
    ]
    return Sale(
        reference=sale["number"] or str(sale["id"]),
        order_id=sale["reference"],
        state=_state(sale),
        customer=str(sale["party"]),
        lines=tuple(_line(line, currency) for line in goods),
        total=sale["total_amount"],
        currency=currency,
        received=received,
        credited=credited,
    )


def _with_additions(sales: Iterable[Sale]) -> tuple[Sale, ...]:
    """A processed sale takes no further line: a sale of other lines under the same reference adds them to the first.

    One that repeats a line is no addition, but the order a second time.
    """
    found: list[Sale] = []
    for sale in sales:
        first = next((one for one in found if one.order_id == sale.order_id and _adds(sale, one)), None)
        if first is None:
            found.append(sale)
        else:
            both = {
                "lines": (*first.lines, *sale.lines),
                "total": first.total + sale.total,
                "received": first.received + sale.received,
            }
            found[found.index(first)] = first.model_copy(update=both)
    return tuple(found)


def _adds(sale: Sale, first: Sale) -> bool:
    mine, theirs = ({line.line_id for line in one.lines} for one in (sale, first))
    live = State.CANCELLED not in (sale.state, first.state)
    return live and bool(mine) and mine.isdisjoint(theirs) and sale.customer == first.customer


def _state(sale: Thing) -> State:
    """Tryton cancels no processed sale: with all its shipments and invoices cancelled nothing is left of it."""
    followed = {document["state"] for document in (*sale["shipments"], *sale["invoices"])}
    if sale["state"] == "cancelled" or followed == {"cancelled"}:
        return State.CANCELLED
    posted = [invoice for invoice in sale["invoices"] if invoice["state"] in _POSTED]
    return State.DONE if posted else State.OPEN


def _line(line: Thing, currency: str) -> Line:
    unit = minor_unit(currency)
    quantity = Decimal(str(line["quantity"]))
    net = quantity * line["unit_price"]
    rates = [tax["rate"] or ZERO for tax in line["taxes"]]
    total = sum(
        (part.quantize(unit, ROUND_HALF_EVEN) for part in (net, *(net * rate for rate in rates))), ZERO
    )
    return Line(
        line_id=_line_id(line),
        quantity=quantity,
        total=total,
        precision=quantity * _PRICE_ROUNDING * (1 + sum(rates, ZERO)) + unit * (1 + len(rates)),
    )


def _invoices(sale: Thing) -> Iterator[Invoice]:
    for invoice in sale["invoices"]:
        if invoice["state"] in _POSTED:
            yield Invoice(
                reference=invoice["number"], order_id=sale["reference"], total=invoice["total_amount"]
            )


def _shipment(sale: Thing, shipment: Thing) -> Shipment:
    lines = {line["id"]: _line_id(line) for line in sale["lines"]}
    units: dict[str, Decimal] = defaultdict(Decimal)
    for move in shipment["outgoing_moves"]:
        if move["state"] != "cancelled":
            units[lines.get(_number(move["origin"]), "unknown")] += Decimal(str(move["quantity"]))
    left = shipment["state"] in _LEFT
    named = "/s" in (shipment["reference"] or "")  # ours; what Tryton plans itself bears the sale's reference
    state = ShipmentState.CANCELLED if shipment["state"] == "cancelled" else ShipmentState.OPEN
    packed = [package["create_date"] for package in shipment["packages"]]
    return Shipment(
        reference=shipment["reference"] if named else shipment["number"],
        order_id=sale["reference"],
        state=ShipmentState.LEFT if left else state,
        units=dict(units),
        left=Moment(
            book="tryton",
            earliest=max(packed, default=shipment["create_date"]),
            latest=shipment["write_date"],
        )
        if left
        else None,
    )


def _places(sale: Thing) -> Iterator[tuple[int, tuple[str, str]]]:
    """The picking moves of a sale, each with order and line: it names the leaving move that names the sale's line."""
    lines = {line["id"]: _line_id(line) for line in sale["lines"]}
    for shipment in sale["shipments"]:
        leaving = {move["id"]: _number(move["origin"]) for move in shipment["outgoing_moves"]}
        for move in (*shipment["inventory_moves"], *shipment["outgoing_moves"]):
            origin = _number(move["origin"])
            line = lines.get(leaving.get(origin, 0)) or lines.get(origin, "unknown")
            yield move["id"], (sale["reference"], line)


def _left(sale: Thing) -> Iterator[tuple[int, str]]:
    """The moves that brought goods out of the house, each with its line."""
    lines = {line["id"]: _line_id(line) for line in sale["lines"]}
    for shipment in sale["shipments"]:
        for move in shipment["outgoing_moves"]:
            yield move["id"], lines.get(_number(move["origin"]), "unknown")


def _reservation(move: Thing, places: Mapping[int, tuple[str, str]], location: str) -> Reservation:
    """Moves of sales that are not ours reserve as well; they belong to no order."""
    order, line = places.get(move["id"], ("", ""))
    return Reservation(
        order_id=order,
        line_id=line,
        sku=move["product"]["code"],
        location=location,
        units=Decimal(str(move["quantity"])),
    )


def _shelves(stock: _Stock) -> Iterator[Shelf]:
    reserved: dict[str, Decimal] = defaultdict(Decimal)
    for move in stock.assigned:
        reserved[move["product"]["code"]] += Decimal(str(move["quantity"]))
    for product in stock.products:
        if product["code"]:
            yield Shelf(
                sku=product["code"],
                location=stock.name,
                on_hand=Decimal(str(product["quantity"])),
                reserved=reserved[product["code"]],
            )


def _order_of(thing: Thing) -> str:
    return str(thing["reference"]).rpartition("/r")[0]


def _return(back: Thing, left: Mapping[int, str]) -> Return:
    """Units by the move that had brought them out. What is not put into storage is damaged."""
    lost: dict[int, Decimal] = defaultdict(Decimal)
    for move in back["inventory_moves"]:
        if move["to_location"]["type"] == "lost_found":
            lost[_number(move["product"])] += Decimal(str(move["quantity"]))
    came: dict[str, Decimal] = defaultdict(Decimal)
    good: dict[str, Decimal] = defaultdict(Decimal)
    for move in back["incoming_moves"]:
        line, product = left.get(_number(move["origin"]), "unknown"), _number(move["product"])
        units = Decimal(str(move["quantity"]))
        damaged = min(units, lost[product])
        lost[product] -= damaged
        came[line] += units
        good[line] += units - damaged
    done = back["state"] == "done"
    return Return(
        reference=back["reference"],
        order_id=_order_of(back),
        asked=dict(came),
        units=dict(came) if done else {},
        good=dict(good) if done else {},
        restocked=dict(good) if done else {},
        complete=done,
        last=Moment(book="tryton", earliest=back["create_date"], latest=back["write_date"]) if done else None,
    )


def _customer(party: Thing) -> Customer:
    contacts = [contact for contact in party["contact_mechanisms"] if contact["type"] == "email"]
    identities = {
        *(("account number", party["code"]),),
        *(("VAT id", identifier["code_compact"]) for identifier in party["identifiers"]),
        *(("e-mail address", (contact["value"] or "").strip().casefold()) for contact in contacts),
    }
    return Customer(
        system="ERP",
        reference=str(party["id"]),
        identities=tuple(sorted(identity for identity in identities if identity[1])),
    )
