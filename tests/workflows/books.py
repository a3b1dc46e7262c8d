"""What the outside says of one order, in a form that can be compared: no references, no times."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from domain.orders import PlacedOrder
from domain.records import OrderState

ON_HAND = 10
Counted = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Books:
    """Each system's records of the order, one entry per record, so that a second one shows. Money in major units.

    `mails` by occasion; `operators` likewise, for mails to them; `told`: how signalled amendments ended; `movements` are
    those in our own database.
    """

    shop: Counted
    shop_told: int
    payment: Counted
    captured: Counted = ()
    voided: Counted = ()
    refunded: Counted = ()
    erp: Counted = ()
    erp_told: int = 0
    invoiced: Counted = ()
    on_hand: int
    reserved: int = 0
    picks: Counted = ()
    parcels: Counted = ()
    labels: int = 0
    labels_voided: int = 0
    credit: Counted = ()
    customers: Counted = ()
    notes: Counted = ()
    mails: Counted = ()
    operators: Counted = ()
    told: Counted = ()
    movements: Counted = ()
    record: str


def books_of(placed: PlacedOrder, books: dict[str, Any], *, movements: Iterable[str], record: str) -> Books:
    order_id, sku = placed.order_id, placed.lines[0].sku

    def of_order(kind: str) -> list[dict[str, Any]]:
        return [
            kept
            for kept in books[kind]
            if kept.get("order_id") == order_id or kept.get("shipment_id", "").startswith(f"{order_id}/s")
        ]

    keys = [mail["key"].removeprefix(f"{order_id}/") for mail in books["mails"] if order_id in mail["key"]]
    articles = [article for article in books["stock"] if article["sku"] == sku]
    return Books(
        shop=_counted(order["state"] for order in of_order("orders")),
        shop_told=sum(len(order["shipments"]) for order in of_order("orders")),
        payment=_counted(payment["state"] for payment in of_order("payments")),
        captured=_amounts(of_order("captures")),
        voided=_amounts(of_order("voids")),
        refunded=_amounts(of_order("refunds")),
        erp=_counted(order["state"] for order in of_order("sales_orders")),
        erp_told=sum(len(order["shipments"]) for order in of_order("sales_orders")),
        invoiced=_counted(invoice["total"]["amount"] for invoice in of_order("invoices")),
        on_hand=sum(article["on_hand"] for article in articles),
        reserved=sum(article["reserved"] for article in articles),
        picks=_counted(pick["state"] for pick in of_order("picks")),
        parcels=_counted(parcel["state"] for parcel in of_order("parcels") if parcel["labels"]),
        labels=sum(len(parcel["labels"]) for parcel in of_order("parcels")),
        labels_voided=sum(len(parcel["voided"]) for parcel in of_order("parcels")),
        credit=_counted(
            kept["set_aside"]["amount"]
            for kept in of_order("credits")
            if kept["set_aside"] and not kept["paid"]
        ),
        customers=_counted(
            known["system"]
            for known in books["customers"]
            if known["customer"]["email"] == placed.customer.email
        ),
        notes=_counted(note["text"].rpartition(": ")[2] for note in of_order("notes")),
        mails=_counted(key.removeprefix("mail/") for key in keys if key.startswith("mail/")),
        operators=_counted(
            key.removeprefix("operators/").rpartition("-")[0] for key in keys if key.startswith("operators/")
        ),
        told=_counted(told["state"] for told in of_order("amendments_told")),
        movements=_counted(movements),
        record=record,
    )


def settled(placed: PlacedOrder, **other: Any) -> Books:
    """One of everything, and the money is the total to the cent."""
    total = f"{placed.total.major:f}"
    facts: dict[str, Any] = {
        "shop": ("fulfilled",),
        "shop_told": 1,
        "payment": ("captured",),
        "captured": (total,),
        "erp": ("invoiced",),
        "erp_told": 1,
        "invoiced": (total,),
        "on_hand": ON_HAND - placed.lines[0].quantity,
        "picks": ("shipped",),
        "parcels": ("delivered",),
        "labels": 1,
        "customers": ("crm", "erp"),
        "notes": ("confirmed", "shipped"),
        "mails": ("confirmed", "delivered", "shipped"),
        "movements": (f"captured {placed.total}",),
        "record": OrderState.COMPLETED,
    }
    return Books(**(facts | other))


def undone(placed: PlacedOrder, **other: Any) -> Books:
    """Nothing reserved, nothing open, nothing held; everybody knows. As of a cancel before the ERP was told."""
    facts: dict[str, Any] = {
        "shop": ("cancelled",),
        "shop_told": 0,
        "payment": ("voided",),
        "voided": (f"{placed.total.major:f}",),
        "on_hand": ON_HAND,
        "customers": ("crm", "erp"),
        "notes": ("cancelled",),
        "mails": ("cancelled",),
        "movements": (f"voided {placed.total}",),
        "record": OrderState.CANCELLED,
    }
    return Books(**(facts | other))


def _counted(found: Iterable[str]) -> Counted:
    return tuple(sorted(found))


def _amounts(movements: list[dict[str, Any]]) -> Counted:
    return _counted(movement["amount"]["amount"] for movement in movements)
