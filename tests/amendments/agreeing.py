"""What the systems' own books say of an order, against what the order says of itself."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from domain.document import OrderDocument
from domain.orders import OrderLine, PaymentTerm, PlacedOrder
from domain.phases import Phase

Records = dict[str, list[dict[str, Any]]]
Lines = Counter[tuple[str, int, str]]
_UNPAID = {Phase.RECEIVED, Phase.CUSTOMER_CHECK, Phase.AWAITING_PAYMENT}
_CLOSED = {"shipped", "cancelled"}


def disagreements(document: OrderDocument, records: Records, *, over: Decimal = Decimal(0)) -> list[str]:
    """A sentence per difference. `over`: what the gateway lets be captured beyond its holds."""
    return [
        *_of_shop(document.order, records),
        *_of_erp(document, records),
        *_of_stock(document, records),
        *_of_warehouse(document, records),
        *_of_gateway(document, records, over),
    ]


def unsettled(document: OrderDocument, records: Records) -> list[str]:
    """What is not as it is to be at the end: everything captured to the cent, or owed by an invoice, and nothing kept."""
    whole = document.order.total.major
    found = []
    if document.order.payment.term is PaymentTerm.ON_ACCOUNT:
        taken = sum((_euros(one["set_aside"]) for one in records["credits"]), Decimal(0))
    else:
        taken = _taken(records)
    if taken != whole:
        found.append(f"{taken} were taken of {whole}")
    if held := _held(records):
        found.append(f"{held} are still held")
    if any(shelf["reserved"] for article in records["stock"] for shelf in article["shelves"].values()):
        found.append("units are still reserved")
    invoices = [_euros(one["invoice"]["total"]) for one in records["sales_orders"] if one["invoice"]]
    if invoices != [whole]:
        found.append(f"the ERP invoiced {invoices}")
    return found


def lines_in(kept: dict[str, Any]) -> Lines:
    """Of an order as ERP or shop keep it: (SKU, units, total), surcharges with an empty SKU."""
    items = [*kept["lines"], *kept.get("surcharges", ())]
    return Counter((one.get("sku") or "", one.get("quantity", 1), one["total"]["amount"]) for one in items)


def lines_of(order: PlacedOrder) -> Lines:
    return Counter(
        (item.sku, item.quantity, f"{item.total.major:f}")
        if isinstance(item, OrderLine)
        else ("", 1, f"{item.total.major:f}")
        for item in order.priced
    )


def _of_shop(order: PlacedOrder, records: Records) -> Iterator[str]:
    (shop,) = records["orders"]
    yield from _same("shop", order, shop)


def _of_erp(document: OrderDocument, records: Records) -> Iterator[str]:
    if document.erp_order is None:
        if any(one["order"] for one in records["sales_orders"]):
            yield "the ERP has the order, and we do not know it"
        return
    (sale,) = records["sales_orders"]
    yield from _same("ERP", document.order, sale["order"])


def _same(system: str, order: PlacedOrder, kept: dict[str, Any]) -> Iterator[str]:
    ours, theirs = lines_of(order), lines_in(kept)
    if ours != theirs:
        yield f"{system}: holds {sorted(theirs - ours)}, the order {sorted(ours - theirs)}"
    if _euros(kept["total"]) != order.total.major:
        yield f"{system}: {kept['total']['amount']} in all, the order {order.total}"
    address = order.shipping.street if order.shipping else None
    if kept["shipping"]["street"] != address:
        yield f"{system}: another address"


def _to_ship(document: OrderDocument) -> Counter[str]:
    """Units per article that have not left."""
    wanted: Counter[str] = Counter()
    for line in document.order.shippable:
        wanted[line.sku] += line.quantity
    for shipment in document.shipments:
        if shipment.left:
            for gone in shipment.lines:
                wanted[gone.sku] -= gone.quantity
    return wanted


def _of_stock(document: OrderDocument, records: Records) -> Iterator[str]:
    if document.reservation is None:
        return
    wanted = _to_ship(document)
    for article in records["stock"]:
        shelf = article["shelves"]["main"]
        due = min(wanted[article["sku"]], shelf["on_hand"])
        if shelf["reserved"] != due:
            yield f"stock: {shelf['reserved']} × {article['sku']} reserved, {due} are wanted"


def _of_warehouse(document: OrderDocument, records: Records) -> Iterator[str]:
    picked: Counter[str] = Counter()
    street = document.order.shipping.street if document.order.shipping else None
    for pick in records["picks"]:
        if pick["state"] not in _CLOSED:
            for line in pick["lines"]:
                picked[line["sku"]] += line["quantity"]
            if pick["ship_to"]["street"] != street:
                yield f"warehouse: {pick['shipment_id']} goes elsewhere"
    if beyond := picked - _to_ship(document):
        yield f"warehouse: picks {dict(beyond)} too many"


def _of_gateway(document: OrderDocument, records: Records, over: Decimal) -> Iterator[str]:
    whole = document.order.total.major
    if document.phase in _UNPAID:
        return
    if document.order.payment.term is PaymentTerm.ON_ACCOUNT:
        aside = [_euros(one["set_aside"]) for one in records["credits"]]
        if aside != [whole]:
            yield f"ERP: {aside} of the customer's credit set aside, not {whole}"
        return
    taken, held = _taken(records), _held(records)
    if taken + held + (over if held else 0) < whole:
        yield f"gateway: {taken} taken and {held} held, of {whole}"
    if taken > whole:
        yield f"gateway: {taken} taken, more than {whole}"


def _taken(records: Records) -> Decimal:
    return sum(
        (
            _sum(payment["captures"])
            - _sum([back for back in payment["refunds"] if back["state"] != "failed"])
            for payment in records["payments"]
        ),
        Decimal(0),
    )


def _held(records: Records) -> Decimal:
    standing = (one for one in records["payments"] if one["state"] == "authorised")
    return sum((_euros(one["authorised"]) - _sum(one["captures"]) for one in standing), Decimal(0))


def _sum(movements: list[dict[str, Any]]) -> Decimal:
    return sum((_euros(one["amount"]) for one in movements), Decimal(0))


def _euros(told: dict[str, str]) -> Decimal:
    return Decimal(told["amount"])
