"""GET /books: everything the simulated systems know, for auditors and for people."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from adapters.simulated.faults import ANSWERED_BADLY
from adapters.simulated.goods import ParcelRecord, PickRecord, ReservationRecord, StockRecord, WholesaleRecord
from adapters.simulated.ledger import PaymentRecord
from adapters.simulated.records import (
    CreditRecord,
    CustomerRecord,
    ErpArticle,
    MailRecord,
    MerchantRecord,
    NoteRecord,
    Record,
    SalesOrderRecord,
    ShopArticle,
    ShopOrder,
)
from adapters.simulated.state import State
from adapters.simulated.world import World

router = APIRouter(tags=["books"])

_KINDS: tuple[type[Record], ...] = (
    ShopOrder,
    PaymentRecord,
    CustomerRecord,
    MerchantRecord,
    SalesOrderRecord,
    CreditRecord,
    ShopArticle,
    ErpArticle,
    StockRecord,
    ReservationRecord,
    WholesaleRecord,
    PickRecord,
    ParcelRecord,
    NoteRecord,
    MailRecord,
)


@router.get("/books", response_model=None)
async def books(request: Request, format: Literal["json", "text"] = "json") -> Response:  # noqa: A002  the query's name
    world: World = request.app.state.desk.world
    if format == "text":
        return PlainTextResponse(_page(world.state))
    return JSONResponse(whole(world.state))


def whole(state: State) -> dict[str, Any]:
    """Every record as it is kept, the movements of money and the invoices also as lists of their own."""
    book: dict[str, Any] = {kind.kind: state.plain(kind.kind) for kind in _KINDS}
    for movements in ("captures", "refunds", "voids"):
        book[movements] = [
            {"payment": payment["reference"], "order_id": payment["order_id"], **movement}
            for payment in book["payments"]
            for movement in payment[movements]
        ]
    book["invoices"] = [
        {"order_id": order["order_id"], **order["invoice"]}
        for order in book["sales_orders"]
        if order["invoice"]
    ]
    book["credit_notes"] = [
        {
            "order_id": order["order_id"],
            "return_id": given["note"]["return_id"],
            "reference": given["reference"],
            "total": given["note"]["amount"],
            "lines": given["note"]["lines"],
            "refund": given["note"]["reference"],
            "key": given["key"],
            "mark": given["mark"],
        }
        for order in book["sales_orders"]
        for given in order.get("credit_notes", ())
    ]
    book["shelves"] = [
        {"sku": article["sku"], "location": location, **shelf}
        for article in book["stock"]
        for location, shelf in article.get("shelves", {}).items()
    ]
    book["requests"] = _requests(state)
    book["webhooks"] = dict(state.db.execute("SELECT name, n FROM counts").fetchall())
    (book["webhooks"]["waiting"],) = state.db.execute("SELECT count(*) FROM outbox").fetchone()
    return book


def _requests(state: State) -> list[dict[str, Any]]:
    """Per system, operation and key: how often it was asked, what came of it, and what faults it met on the way."""
    asked: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in state.db.execute("SELECT * FROM requests ORDER BY first_at, last_at"):
        system, operation, key = name = (row["system"], row["operation"], row["key"])
        new = {"system": system, "operation": operation, "key": key, "attempts": 0, "outcomes": {}}
        request = asked.setdefault(name, new)
        request["outcomes"][row["outcome"]] = row["n"]
        if row["outcome"] not in ANSWERED_BADLY:  # those are counted by what the rule made of them
            request["attempts"] += row["n"]
    return list(asked.values())


def _page(state: State) -> str:
    book = whole(state)
    lines = [f"The books of the simulated world: {len(book['orders'])} orders"]
    for order in book["orders"]:
        lines += ["", *_order(order, book)]
    lines += ["", "Stock"]
    lines += [
        f"  {s['sku']} at {s['location']}: {s['on_hand']} on hand, {s['reserved']} reserved"
        for s in book["shelves"]
    ]
    lines += ["", "Mails"]
    lines += [f"  #{m['mark']['seq']} {m['subject']} ({m['key']})" for m in book["mails"]]
    lines += ["", "Requests"]
    lines += [
        f"  {r['system']}.{r['operation']} {r['key']}: {', '.join(f'{n} × {outcome}' for outcome, n in r['outcomes'].items())}"
        for r in book["requests"]
    ]
    return "\n".join(lines) + "\n"


def _order(order: dict[str, Any], book: dict[str, Any]) -> list[str]:
    name = order["order_id"]

    def mine(kind: str) -> list[dict[str, Any]]:
        return [thing for thing in book[kind] if thing.get("order_id") == name]

    lines = [f"{name}  {_money(order['total'])}  shop: {order['state']}"]
    for payment in mine("payments"):
        lines.append(
            f"  payment {payment['reference']}: {payment['state']}, {payment['method']}"
            f" of {_money(payment['authorised'])}"
        )
        lines += [
            f"    #{m['mark']['seq']} {kind} {_money(m['amount'])} {m['reference']} ({m['key']})"
            f"{', ' + m['state'] if 'state' in m else ''}"
            for kind in ("captures", "refunds", "voids")
            for m in payment[kind]
        ]
    for sales in mine("sales_orders"):
        invoice = sales["invoice"]
        posted = f", invoice {invoice['reference']} {_money(invoice['total'])}" if invoice else ""
        lines.append(
            f"  ERP {sales['reference']}: {sales['state']}, {len(sales['shipments'])} shipments{posted}"
        )
    for credit in mine("credits"):
        lines += [
            f"  credit of {credit['customer']}: #{event['mark']['seq']} {event['outcome']} {_money(event['amount'])}"
            for event in credit["history"]
        ]
    for reservation in mine("reservations"):
        lines += [
            f"  stock keeps {part['reserved']} of {part['wanted']} {part['sku']} at {part['location']}"
            for part in reservation["lines"]
        ]
    for pick in mine("picks"):
        story = " ".join(f"#{event['mark']['seq']} {event['state']}" for event in pick["history"])
        lines.append(f"  pick {pick['shipment_id']}: {story}")
        lines += [
            f"    parcel {parcel['state']}: {', '.join(label['tracking_number'] for label in parcel['labels'])}"
            for parcel in book["parcels"]
            if parcel["shipment_id"] == pick["shipment_id"]
        ]
    return lines


def _money(money: dict[str, str]) -> str:
    return f"{money['amount']} {money['currency']}"
