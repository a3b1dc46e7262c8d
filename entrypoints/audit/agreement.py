"""Promises 7 and 8: all systems hold the same order, and hold it once."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from entrypoints.audit.amended import committed
from entrypoints.audit.books import Books, Line, ShipmentState, State
from entrypoints.audit.findings import Finding, NotChecked, Violation
from entrypoints.audit.orders import Order, money, units_of
from entrypoints.audit.sums import ZERO, OrderWorth, minor_unit

# --- 7: lines, quantities, totals


def document_adds_up(order: Order) -> Iterator[Finding]:
    changed = order.edits or committed(order.document)
    worth = order.placed_worth if changed else order.worth
    if worth and not worth.added_up.has(worth.total):
        yield Violation(f"the storefront's document says {worth.total}, its lines add up to {worth.added_up}")


def storefront_agrees(order: Order) -> Iterator[Finding]:
    if order.worth is None:
        return
    for shop in order.shop:
        yield from _same("the storefront", order.worth, shop.lines, shop.total, shop.currency)
        wanted = State.CANCELLED if order.cancelled else State.DONE
        if shop.state is not wanted and (order.cancelled or order.worth.shipping):
            yield Violation(f"the order is {order.phase}, the storefront shows it as {shop.state}")


def erp_agrees(order: Order) -> Iterator[Finding]:
    if order.worth is None or order.cancelled:
        return
    for sale in order.live_sales:
        whose = f"sale {sale.reference} in the ERP"
        yield from _same(whose, order.worth, sale.lines, sale.total, sale.currency)


def erp_cancelled_too(order: Order) -> Iterator[Finding]:
    if order.cancelled:
        for sale in order.live_sales:
            yield Violation(f"the order is cancelled, sale {sale.reference} in the ERP is {sale.state}")


def money_is_booked(order: Order) -> Iterator[Finding]:
    """Once goods shipped, ERP and storefront know of every cent that was paid for them, and of no other."""
    if order.worth is None or not order.left:
        return
    for sale in order.live_sales:
        if sale.received != order.earned:
            yield Violation(
                f"sale {sale.reference} in the ERP has {sale.received} received, paid were {order.earned}"
            )
    for shop in order.shop:
        if shop.paid != order.earned:
            yield Violation(f"the storefront shows {shop.paid} paid of {order.earned}")


def invoice_is_the_total(order: Order) -> Iterator[Finding]:
    """What was invoiced is what was sold, and nothing of a cancelled order."""
    if order.worth is None:
        return
    wanted = ZERO if order.cancelled else order.worth.total
    if order.invoiced != wanted:
        numbers = ", ".join(invoice.reference for invoice in order.invoices) or "no invoice"
        yield Violation(f"{order.invoiced} invoiced ({numbers}) of {wanted} {order.currency}")


def changes_hold(order: Order) -> Iterator[Finding]:
    """What people changed, wherever they did, is what is ordered now, to the line and the cent."""
    for complaint in order.complaints:
        yield Violation(complaint)
    if order.not_recomputed:
        yield NotChecked(order.not_recomputed)


def goes_to_one_address(order: Order) -> Iterator[Finding]:
    """Where somebody changed the address, ERP and storefront send it to the same one."""
    changed = any(edit.address for edit in order.edits) or any(
        change["kind"] == "set_address"
        for record in committed(order.document)
        for change in record["amendment"]["changes"]
    )
    held = {shop.address for shop in order.shop} | {sale.address for sale in order.live_sales}
    if changed and len(held - {""}) > 1:
        yield Violation("the address was changed, and storefront and ERP hold different ones")


def ordersaga_agrees(order: Order) -> Iterator[Finding]:
    told = order.document.get("order")
    if order.worth is None or not told:
        return
    lines = tuple(
        Line(line_id=line["line_id"], quantity=line["quantity"], total=_line_total(line))
        for line in told["lines"]
    )
    yield from _same("OrderSaga", order.worth, lines, money(told["total"]), told["total"]["currency"])


def _line_total(line: Mapping[str, Any]) -> Decimal:
    unit = minor_unit(line["discount"]["currency"])
    value: Decimal = (Decimal(line["unit_price"]) * line["quantity"]).quantize(unit, ROUND_HALF_UP)
    value -= money(line["discount"]) + money(line["order_discount"])
    if line["taxes_included"]:
        return value
    return sum((money(tax["amount"]) for tax in line["taxes"]), value)


def _same(
    whose: str, worth: OrderWorth, lines: tuple[Line, ...], total: Decimal, currency: str
) -> Iterator[Violation]:
    if currency != worth.currency:
        yield Violation(f"{whose} is in {currency}, the order in {worth.currency}")
    if total != worth.total:
        yield Violation(f"{whose} says {total}, the order is worth {worth.total} {worth.currency}")
    held = {line.line_id: line for line in lines}
    if len(held) != len(lines):
        yield Violation(f"{whose} holds a line twice")
    wanted = {line.line_id: line for line in worth.lines}
    for name in sorted(held.keys() - wanted.keys()):
        yield Violation(f"{whose} holds a line {name} that the order has not")
    for name, line in wanted.items():
        if name not in held:
            yield Violation(f"{whose} lacks line {name}")
        elif held[name].quantity != line.quantity:
            yield Violation(
                f"line {name}: {whose} says {held[name].quantity} units, ordered are {line.quantity}"
            )
        elif not line.worth.has(held[name].total, held[name].precision):
            yield Violation(f"line {name}: {whose} says {held[name].total}, it is worth {line.worth}")


# --- 8: everything once


def one_workflow(order: Order) -> Iterator[Finding]:
    started = sum(workflow.starts for workflow in order.workflows)
    if started > 1:
        yield Violation(f"its workflow was started {started} times")
    if len(order.shop) > 1:
        yield Violation(f"it stands {len(order.shop)} times in the storefront's books")
    if order.workflows and not order.shop:
        yield Violation("a workflow runs for it, and the storefront has no such order")


def one_sale(order: Order) -> Iterator[Finding]:
    sales = [sale.reference for sale in order.live_sales]
    if len(sales) > 1:
        yield Violation(f"the ERP holds it {len(sales)} times: {', '.join(sales)}")


def sold_once(order: Order) -> Iterator[Finding]:
    """At rest: there is a sale, and it is of a customer that the ERP knows."""
    if not order.cancelled and not order.live_sales:
        yield Violation("the ERP holds no sale of it")


def one_set_of_shipments(order: Order) -> Iterator[Finding]:
    """Whatever is on its way through the warehouse, and what left, is together at most what was ordered."""
    if order.worth is None:
        return
    live = [shipment for shipment in order.shipments if shipment.state is not ShipmentState.CANCELLED]
    for line, units in units_of(live).items():
        ordered = order.worth.shipping.get(line, 0)
        if units > ordered:
            yield Violation(f"line {line}: shipments of {units} units, ordered are {ordered}")
    for shipment, count in Counter(shipment.reference for shipment in live).items():
        if count > 1:
            yield Violation(f"shipment {shipment} stands {count} times in the warehouse's books")


def one_customer(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    known: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for customer in books.customers:
        for kind, value in customer.identities:
            known[customer.system, kind, value].append(customer.reference)
    for (system, kind, _), references in known.items():
        if len(references) > 1:
            yield Violation(f"{system}: customers {', '.join(sorted(references))} share one {kind}")


def customers_are_known(books: Books, orders: list[Order]) -> Iterator[Finding]:
    known = {customer.reference for customer in books.customers if customer.system == "ERP"}
    for order in orders:
        for sale in order.live_sales:
            if sale.customer not in known:
                yield Violation(
                    f"sale {sale.reference} is of customer {sale.customer}, whom the ERP does not know",
                    order.order_id,
                )
