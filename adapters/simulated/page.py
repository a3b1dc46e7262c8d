"""The books as a page for people."""

from collections.abc import Iterator
from typing import Any

from adapters.connector.protocol.common import MAIN


def of(book: dict[str, Any]) -> str:
    lines = [f"The books of the simulated world: {len(book['orders'])} orders"]
    for order in book["orders"]:
        lines += ["", *_order(order, book)]
    lines += ["", "Stock"]
    lines += [
        f"  {s['sku']}{_at(s)}: {s['on_hand']} on hand, {s['reserved']} reserved" for s in book["shelves"]
    ]
    lines += ["", "Mails"]
    lines += [f"  #{m['mark']['seq']} {m['subject']} ({m['key']})" for m in book["mails"]]
    lines += ["", "Requests"]
    lines += [
        f"  {r['system']}.{r['operation']} {r['key']}: {', '.join(f'{n} × {outcome}' for outcome, n in r['outcomes'].items())}"
        for r in book["requests"]
    ]
    return "\n".join(lines) + "\n"


def _order(order: dict[str, Any], book: dict[str, Any]) -> Iterator[str]:
    name = order["order_id"]

    def mine(kind: str) -> list[dict[str, Any]]:
        return [thing for thing in book[kind] if thing.get("order_id") == name]

    yield f"{name}  {_money(order['total'])}  shop: {order['state']}"
    for payment in mine("payments"):
        yield from _payment(payment)
    for sales in mine("sales_orders"):
        yield f"  ERP {sales['reference']}: {sales['state']}, {len(sales['shipments'])} shipments{_invoice(sales)}"
    for note in mine("credit_notes"):
        yield f"    credit note {note['reference']} {_money(note['total'])} of {note['return_id']}"
    yield from (line for credit in mine("credits") for line in _credit(credit))
    for part in (part for reservation in mine("reservations") for part in reservation["lines"]):
        yield f"  stock keeps {part['reserved']} of {part['wanted']} {part['sku']}{_at(part)}"
    for pick in mine("picks"):
        yield from _pick(pick, book["parcels"])
    for back in mine("returns"):
        received = [
            f"{r['quantity']} {r['sku']} {r['condition']}" for e in back["events"] for r in e["lines"]
        ]
        told = ", ".join(received) or "nothing yet"
        yield f"  return {back['return_id']}{_at(back)}: {told}{', complete' if back['complete'] else ''}"


def _credit(credit: dict[str, Any]) -> Iterator[str]:
    for event in credit["history"]:
        amount = _money(event["amount"])
        yield f"  credit of {credit['customer']}: #{event['mark']['seq']} {event['outcome']} {amount}"


def _payment(payment: dict[str, Any]) -> Iterator[str]:
    amount = _money(payment["authorised"])
    yield f"  payment {payment['reference']}: {payment['state']}, {payment['method']} of {amount}"
    for kind in ("increments", "captures", "refunds", "voids"):
        for moved in payment.get(kind, ()):
            state = f", {moved['state']}" if "state" in moved else ""
            seq, money = moved["mark"]["seq"], _money(moved["amount"])
            yield f"    #{seq} {kind} {money} {moved['reference']} ({moved['key']}){state}"
    for dispute in payment.get("disputes", ()):
        yield f"    dispute {dispute['reference']} {_money(dispute['amount'])}: {dispute['state']}"


def _pick(pick: dict[str, Any], parcels: list[dict[str, Any]]) -> Iterator[str]:
    story = " ".join(f"#{event['mark']['seq']} {event['state']}" for event in pick["history"])
    yield f"  pick {pick['shipment_id']}{_at(pick)}: {story}"
    for parcel in parcels:
        if parcel["shipment_id"] == pick["shipment_id"]:
            numbers = ", ".join(label["tracking_number"] for label in parcel["labels"])
            yield f"    parcel {parcel['state']}: {numbers}"


def _invoice(sales: dict[str, Any]) -> str:
    invoice = sales["invoice"]
    return f", invoice {invoice['reference']} {_money(invoice['total'])}" if invoice else ""


def _at(thing: dict[str, Any]) -> str:
    location = thing.get("location", MAIN)
    return "" if location == MAIN else f" at {location}"


def _money(money: dict[str, str]) -> str:
    return f"{money['amount']} {money['currency']}"
