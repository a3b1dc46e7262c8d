"""GET /books: everything the simulated systems know, for auditors and for people."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from adapters.connector.protocol.payments import PaymentState
from adapters.simulated import page
from adapters.simulated.faults import ANSWERED_BADLY
from adapters.simulated.goods import (
    ParcelRecord,
    PickRecord,
    ReservationRecord,
    RestockRecord,
    ReturnParcelRecord,
    ReturnRecord,
    StockRecord,
    WholesaleRecord,
)
from adapters.simulated.ledger import PayLinkRecord, PaymentRecord
from adapters.simulated.payments import held
from adapters.simulated.records import (
    AmendmentTold,
    CreditRecord,
    CustomerRecord,
    ErpArticle,
    MailRecord,
    MerchantRecord,
    NoteRecord,
    PriceRecord,
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
    PayLinkRecord,
    CustomerRecord,
    MerchantRecord,
    SalesOrderRecord,
    CreditRecord,
    ShopArticle,
    ErpArticle,
    PriceRecord,
    StockRecord,
    ReservationRecord,
    WholesaleRecord,
    PickRecord,
    ParcelRecord,
    ReturnRecord,
    ReturnParcelRecord,
    RestockRecord,
    NoteRecord,
    MailRecord,
    AmendmentTold,
)


@router.get("/books", response_model=None)
async def books(
    request: Request,
    format: Literal["json", "text"] = "json",  # noqa: A002  the query's name
    about: Annotated[tuple[str, ...], Query()] = (),
) -> Response:
    """Only the records that mention one of the texts that they are to be `about`: an order's id, an article's number."""
    world: World = request.app.state.desk.world
    book = whole(world.state, about)
    return PlainTextResponse(page.of(book)) if format == "text" else JSONResponse(book)


def whole(state: State, about: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every record as it is kept; what auditors look for, also as lists of its own."""
    book: dict[str, Any] = {kind.kind: state.plain(kind.kind, about) for kind in _KINDS}
    for movements in ("captures", "refunds", "voids", "increments", "disputes"):
        book[movements] = [
            {"payment": payment["reference"], "order_id": payment["order_id"], **movement}
            for payment in book["payments"]
            for movement in payment.get(movements, ())
        ]
    book["holds"] = _holds(book["payments"])
    book["invoices"] = [
        {"order_id": order["order_id"], **order["invoice"]}
        for order in book["sales_orders"]
        if order["invoice"]
    ]
    book["credit_notes"] = _credit_notes(book["sales_orders"])
    book["shelves"] = [
        {"sku": article.sku, "location": location, **shelf.model_dump()}
        for article in map(StockRecord.model_validate, book[StockRecord.kind])
        for location, shelf in article.shelves.items()
    ]
    book["requests"] = _requests(state, about)
    book["webhooks"] = dict(state.db.execute("SELECT name, n FROM counts").fetchall())
    (book["webhooks"]["waiting"],) = state.db.execute("SELECT count(*) FROM outbox").fetchone()
    return book


def _holds(payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What may still be captured, hold by hold."""
    standing = (p for p in payments if p["state"] == PaymentState.AUTHORISED)
    return [
        {
            "payment": payment.reference,
            "order_id": payment.order_id,
            "authorised": payment.authorised.model_dump(),
            "held": held(payment).model_dump(),
            "capture_before": payment.capture_before.isoformat() if payment.capture_before else None,
        }
        for payment in map(PaymentRecord.model_validate, standing)
    ]


def _credit_notes(sales: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
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
        for order in sales
        for given in order.get("credit_notes", ())
    ]


def _requests(state: State, about: tuple[str, ...]) -> list[dict[str, Any]]:
    """Per system, operation and key: how often it was asked, what came of it, and what faults it met on the way."""
    asked: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in state.requests(about):
        system, operation, key = name = (row["system"], row["operation"], row["key"])
        new = {"system": system, "operation": operation, "key": key, "attempts": 0, "outcomes": {}}
        request = asked.setdefault(name, new)
        request["outcomes"][row["outcome"]] = row["n"]
        if row["outcome"] not in ANSWERED_BADLY:  # those are counted by what the rule made of them
            request["attempts"] += row["n"]
    return list(asked.values())
