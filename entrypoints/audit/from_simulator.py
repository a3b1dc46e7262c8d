"""The simulated systems' books, by `GET /books`. Every event bears a mark that counts over all of these systems."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from entrypoints.audit.books import (
    Books,
    Capture,
    Customer,
    Dispute,
    Edit,
    EditedLine,
    Invoice,
    Item,
    Line,
    Mail,
    Method,
    Moment,
    Parcel,
    PayLink,
    Payment,
    Refund,
    Reservation,
    Return,
    Sale,
    Shelf,
    Shipment,
    ShipmentState,
    ShopOrder,
    State,
)
from entrypoints.audit.sums import ZERO

_READ_SECONDS_MAX = 60
_NOT_OURS = ("checkout/", "by-hand/")  # the keys of what the shop took itself, or somebody at the gateway
_SYSTEMS = {"erp": "ERP", "crm": "CRM"}
_SHOP_STATES = {"open": State.OPEN, "fulfilled": State.DONE, "cancelled": State.CANCELLED}
_SALE_STATES = {"entered": State.OPEN, "invoiced": State.DONE, "cancelled": State.CANCELLED}
_MAIN = "main"  # the warehouse of who has one only
_MOVING = frozenset({"in_transit", "delivered", "lost"})

Thing = Mapping[str, Any]


async def read(url: str, token: str | None = None) -> Books:
    """httpx.HTTPError: it does not answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(timeout=_READ_SECONDS_MAX) as http:
        response = await http.get(f"{url.rstrip('/')}/books", headers=headers)
        response.raise_for_status()
    told = response.headers.get("Date")
    return books_of(response.json(parse_float=Decimal), parsedate_to_datetime(told) if told else None)


def books_of(book: Thing, as_of: datetime | None = None) -> Books:
    return Books(
        as_of=as_of,
        shop=tuple(_shop_order(order) for order in book["orders"]),
        payments=tuple(_payment(payment) for payment in book["payments"]),
        links=tuple(_link(link) for link in book.get("pay_links", ())),
        sales=tuple(_sale(sale) for sale in book["sales_orders"] if sale["order"]),
        invoices=tuple(_invoice(invoice) for invoice in book["invoices"]),
        customers=tuple(_customer(customer) for customer in book["customers"]),
        shelves=tuple(_shelf(shelf) for shelf in book.get("shelves", book["stock"])),
        reservations=tuple(_reservations(book["reservations"])),
        shipments=tuple(_shipment(pick) for pick in book["picks"] if pick["order_id"]),
        returns=tuple(_return(back, book["restocks"]) for back in book.get("returns", ())),
        parcels=tuple(_parcel(parcel) for parcel in book["parcels"]),
        mails=tuple(
            Mail(**{name: mail[name] for name in ("key", "to", "subject", "plain")}) for mail in book["mails"]
        ),
    )


def _moment(mark: Thing) -> Moment:
    at = datetime.fromisoformat(mark["at"])
    return Moment(book="simulator", seq=mark["seq"], earliest=at, latest=at)


def _amount(money: Thing) -> Decimal:
    return Decimal(money["amount"])


def _shop_order(order: Thing) -> ShopOrder:
    return ShopOrder(
        order_id=order["order_id"],
        platform=order["platform"],
        document=order["document"],
        state=_SHOP_STATES[order["state"]],
        lines=tuple(_line(line) for line in order["lines"] if line["sku"] is not None or line["ships"]),
        total=_amount(order["total"]),
        currency=order["total"]["currency"],
        paid=_told(order["shipments"]),
        placed_at=datetime.fromisoformat(order["placed"]["at"]),
        amended=bool(order.get("amendments")),
        given_back=_by_return(order.get("refunds", ())),
        by_hand=_by_hand(order),
        address=_address(order),
    )


def _by_hand(order: Thing) -> tuple[Edit, ...]:
    return tuple(
        Edit(
            moment=_moment(edit["mark"]),
            lines={name: _edited(line) for name, line in edit.get("lines", {}).items()},
            address=edit.get("address", False),
        )
        for edit in order.get("by_hand", ())
    )


def _edited(line: Thing | None) -> EditedLine | None:
    if line is None:
        return None
    return EditedLine(sku=line["sku"], quantity=line["quantity"], total=_amount(line["total"]))


def _address(order: Thing) -> str:
    return json.dumps(order["shipping"], sort_keys=True) if order.get("shipping") else ""


def _by_return(given: Iterable[Thing]) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for told in given:
        amounts[told["note"]["return_id"]] += _amount(told["note"]["amount"])
    return dict(amounts)


def _line(line: Thing) -> Line:
    return Line(line_id=line["line_id"], quantity=line["quantity"], total=_amount(line["total"]))


def _payment(payment: Thing) -> Payment:
    authorised = _amount(payment["authorised"])
    captured = sum((_amount(capture["amount"]) for capture in payment["captures"]), ZERO)
    stands = payment["state"] == "authorised"
    method = Method(payment.get("method", Method.CARD))
    return Payment(
        reference=payment["reference"],
        order_id=payment["order_id"],
        currency=payment["authorised"]["currency"],
        method=method,
        pending=payment["state"] == "pending",
        authorised=authorised,
        capturable=_amount(payment["over_capture"]) if payment["over_capture"] else authorised,
        held=max(ZERO, authorised - captured) if stands else ZERO,
        captures=tuple(
            Capture(
                reference=capture["reference"],
                amount=_amount(capture["amount"]),
                moment=_moment(capture["mark"]),
                ours=method is not Method.BANK_TRANSFER and not capture["key"].startswith(_NOT_OURS),
            )
            for capture in payment["captures"]
        ),
        refunds=tuple(
            Refund(
                reference=refund["reference"],
                amount=_amount(refund["amount"]),
                failed=refund.get("state") == "failed",
                moment=_moment(refund["mark"]),
            )
            for refund in payment["refunds"]
        ),
        disputes=tuple(
            Dispute(
                reference=dispute["reference"],
                amount=_amount(dispute["amount"]),
                won=dispute["state"] == "won",
                opened=_moment(dispute["opened"]),
                decided=_moment(dispute["decided"]) if dispute["decided"] else None,
            )
            for dispute in payment.get("disputes", ())
        ),
    )


def _link(link: Thing) -> PayLink:
    return PayLink(
        reference=link["reference"],
        order_id=link["order_id"],
        amount=_amount(link["amount"]),
        open=not link["closed"] and link["payment"] is None,
        paid_by=link["payment"],
    )


def _sale(sale: Thing) -> Sale:
    order = sale["order"]
    return Sale(
        reference=sale["reference"],
        order_id=sale["order_id"],
        state=_SALE_STATES[sale["state"]],
        customer=order["customer"],
        lines=tuple(_line(line) for line in order["lines"]),
        total=_amount(order["total"]),
        currency=order["total"]["currency"],
        received=_told(sale["shipments"]),
        credited=_by_return(sale.get("credit_notes", ())),
        items=tuple(_items(order)),
        by_hand=_by_hand(sale),
        address=_address(order),
    )


def _items(order: Thing) -> Iterator[Item]:
    for item in (*order["lines"], *order.get("surcharges", ())):
        if "taxes" in item:
            yield Item(
                line_id=item["line_id"],
                sku=item.get("sku"),
                kind=item.get("kind", ""),
                quantity=item.get("quantity", 1),
                unit_price=item["unit_price"] if "unit_price" in item else _amount(item["amount"]),
                discount=_amount(item["discount"]),
                order_discount=_amount(item["order_discount"]),
                rates=tuple(tax["rate"] for tax in item["taxes"]),
                taxes_included=item["taxes_included"],
                total=_amount(item["total"]),
            )


def _told(shipments: Iterable[Thing]) -> Decimal:
    """What was captured, as the system was told with each shipment and later."""
    reports = (report for told in shipments for report in (told["report"], *told.get("later", ())))
    return sum((_amount(report["captured"]) for report in reports), ZERO)


def _invoice(invoice: Thing) -> Invoice:
    return Invoice(
        reference=invoice["reference"], order_id=invoice["order_id"], total=_amount(invoice["total"])
    )


def _shelf(shelf: Thing) -> Shelf:
    return Shelf(
        sku=shelf["sku"],
        location=shelf.get("location", _MAIN),
        on_hand=shelf["on_hand"],
        reserved=shelf["reserved"],
    )


def _customer(record: Thing) -> Customer:
    customer = record["customer"]
    identities = (
        ("account number", customer["account_number"].strip()),
        ("VAT id", "".join(customer["vat_id"].split()).upper()),
        ("e-mail address", customer["email"].strip().casefold()),
    )
    return Customer(
        system=_SYSTEMS[record["system"]],
        reference=record["reference"],
        identities=tuple(identity for identity in identities if identity[1]),
    )


def _reservations(reservations: Iterable[Thing]) -> Iterator[Reservation]:
    for reservation in reservations:
        for line in reservation["lines"]:
            yield Reservation(
                order_id=reservation["order_id"],
                line_id=line["line_id"],
                sku=line["sku"],
                location=line.get("location", _MAIN),
                units=line["reserved"],
            )


def _shipment(pick: Thing) -> Shipment:
    left = next((event["mark"] for event in pick["history"] if event["state"] == "shipped"), None)
    packed = [line for package in pick["packages"] for line in package["lines"]]
    state = ShipmentState.CANCELLED if pick["state"] == "cancelled" else ShipmentState.OPEN
    return Shipment(
        reference=pick["shipment_id"],
        order_id=pick["order_id"],
        state=ShipmentState.LEFT if left else state,
        units=_by_line(packed or pick["lines"]),
        left=_moment(left) if left else None,
    )


def _return(back: Thing, restocks: Iterable[Thing]) -> Return:
    received = [line for event in back["events"] for line in event["lines"]]
    shelved = [
        line for restock in restocks if restock["return_id"] == back["return_id"] for line in restock["lines"]
    ]
    return Return(
        reference=back["return_id"],
        order_id=back["order_id"],
        asked=_by_line(back["lines"]),
        units=_by_line(received),
        good=_by_line(line for line in received if line["condition"] == "good"),
        restocked=_by_line(shelved),
        complete=back["complete"],
        last=_moment(back["events"][-1]["mark"]) if back["events"] else None,
    )


def _by_line(lines: Iterable[Thing]) -> dict[str, Decimal]:
    units: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        units[line["line_id"]] += line["quantity"]
    return dict(units)


def _parcel(parcel: Thing) -> Parcel:
    return Parcel(
        order_id=parcel["shipment_id"].rpartition("/s")[0],
        shipment=parcel["shipment_id"],
        moving=parcel["state"] in _MOVING,
        lost=parcel["state"] == "lost",
    )
