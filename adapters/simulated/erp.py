from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query

from adapters.connector.protocol.articles import Article, Articles
from adapters.connector.protocol.common import Changes, Done, Edited, OrderId, OrderTold, Sku
from adapters.connector.protocol.customers import CustomerRegistered, Customers, RegisterCustomer
from adapters.connector.protocol.erp import (
    ApproveCredit,
    CreditAnswer,
    CustomerAccount,
    EnterAnswer,
    Entered,
    ErpLine,
    ErpOrder,
    ErpOrderState,
    Invoice,
    PricedArticle,
    SalesOrder,
)
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge
from adapters.connector.protocol.returns import CreditNote
from adapters.connector.protocol.shipments import ShipmentReport
from adapters.connector.protocol.warehouse import PickState
from adapters.simulated import credit
from adapters.simulated import customers as registry
from adapters.simulated.desk import effect, read
from adapters.simulated.edits import edited_since
from adapters.simulated.goods import PickRecord, StockRecord
from adapters.simulated.records import (
    ErpArticle,
    GivenForReturn,
    InvoiceRecord,
    PriceRecord,
    SalesOrderRecord,
    Told,
)
from adapters.simulated.storefront import (
    check_returned,
    check_shipped,
    ensure_told,
    given_before,
    more_captured,
    take_units,
    units_left,
    units_shipped,
)
from adapters.simulated.sums import decimal, money, rounded, summed
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/erp")

Quantity = Annotated[int, Query(ge=1)]

_ARTICLES: tuple[type[ErpArticle | StockRecord], ...] = (ErpArticle, StockRecord)


@effect(router)
def register_customer(world: World, told: RegisterCustomer, key: str) -> CustomerRegistered:
    """Find the customer by account number, VAT id, e-mail, in that order; create one otherwise. Never a second."""
    if not (told.customer.name.strip() or told.customer.company.strip()):
        raise Refusal("unnamed_customer", "a customer needs a name", field="customer.name")
    return registry.register(world, "erp", told.customer, key)


@read(router)
def look_up_account(world: World, customer: str) -> CustomerAccount | None:
    """What the merchant decided about a business customer. One that needs no approval is approved."""
    return registry.account(world, customer)


@effect(router)
def approve_credit(world: World, told: ApproveCredit, key: str) -> CreditAnswer:
    """Ensure that so much of the customer's credit is set aside for this order; `refused` beyond the limit.

    Orders of one customer at once never get more than the limit together. The order's cancel gives it free again, and
    remembers: credit that is asked for later is a problem, `cancelled`.
    """
    return credit.approve(world, told, key)


@read(router)
def customers(world: World, after: str | None = None) -> Customers | None:
    """All customer records, in pages, in an order that stays: `after` is the former page's `next_after`."""
    return registry.page(world, "erp", after)


@read(router)
def articles(world: World, after: str | None = None) -> Articles | None:
    """All articles that can be sold, in pages, in an order that stays: `after` is the former page's `next_after`."""
    found, more = world.state.page(_ARTICLES, "", after)
    return Articles(items=tuple(_article(record) for record in found), next_after=more)


@effect(router)
def enter_order(world: World, told: SalesOrder, key: str) -> EnterAnswer:
    """Ensure the sales order exists with exactly these lines and this address, found by `order_id` first.

    `edited`, and nothing is written, where people have edited it since the version `known`, or since this very request
    was done, and it does not hold the target. A line that a person added is known as `erp-{erp_line}` from outside.

    Refused: a SKU or customer unknown, amounts that do not add up, an older revision than the one held, an order that
    was cancelled (also before it was ever entered) or invoiced. Once some of it has shipped: anything but a later
    revision, in which no quantity is below what shipped.
    """
    record = world.state.load(SalesOrderRecord, told.order_id)
    if record is not None and record.order == told and record.state is ErpOrderState.ENTERED:
        return Entered(order=_shown(record))
    _check(world, told)
    if record is None:
        mark = world.state.mark()
        record = SalesOrderRecord(
            order_id=told.order_id,
            reference=f"SO{mark.seq:06}",
            state=ErpOrderState.ENTERED,
            order=told,
            entered=mark,
        )
    else:
        _check_open(record, told)
        if _edited_since(record, told, key) and not _holds(record, told):
            return Edited(version=str(record.edits))
        _check_shipped(world, record, told)
        _write(record, told)
    record.written = key
    save(world, record)
    return Entered(order=_shown(record))


@read(router)
def price_article(world: World, sku: Sku, quantity: Quantity, currency: str) -> PricedArticle | None:  # noqa: ARG001  one price for any number
    """What one unit costs when so many are sold, by the price list, and how it is taxed."""
    listed = world.state.load(PriceRecord, f"{currency}/{sku}")
    return PricedArticle.model_validate(listed.model_dump(exclude={"currency"})) if listed else None


@read(router)
def look_up_order(world: World, order_id: OrderId) -> ErpOrder | None:
    """The sales order as the ERP holds it now."""
    record = world.state.load(SalesOrderRecord, order_id)
    return _shown(record) if record and record.order else None


@effect(router)
def cancel_order(world: World, told: OrderTold, key: str) -> Done:
    """Ensure no open sales order is left, nor comes later. Fine when there never was one. Refused when it shipped.

    Its credit is free again.
    """
    mark = world.state.mark()
    record = world.state.load(SalesOrderRecord, told.order_id) or SalesOrderRecord(
        order_id=told.order_id, reference="", state=ErpOrderState.ENTERED, entered=mark
    )
    if record.shipments or world.state.linked("shipped", told.order_id):  # the warehouse is in the same house
        raise Refusal("shipped", "some of the order has shipped")
    if record.state is ErpOrderState.INVOICED:
        raise Refusal("invoiced", "the order is invoiced")
    if record.state is ErpOrderState.ENTERED:
        record.state, record.cancelled = ErpOrderState.CANCELLED, mark
        save(world, record)
    credit.free(world, told.order_id, key)
    return Done()


@effect(router)
def record_shipment(world: World, told: ShipmentReport, key: str) -> Done:
    """Ensure the ERP knows that this shipment left and what was captured for it."""
    record, order = _open_order(world, told.order_id)
    if more_captured(record.shipments, told):
        save(world, record)
    if ensure_told(record.shipments, told):
        return Done()
    if record.state is not ErpOrderState.ENTERED:
        raise Refusal(record.state, f"the order is {record.state}")
    take_units(
        units_left({line.line_id: line.quantity for line in order.lines if line.ships}, record.shipments),
        told,
    )
    record.shipments.append(Told(report=told, key=key, mark=world.state.mark()))
    save(world, record)
    return Done()


@effect(router)
def post_invoice(world: World, told: OrderTold, key: str) -> Invoice:
    """Ensure the invoice of what shipped is posted. Refused when nothing shipped of what should."""
    record, order = _open_order(world, told.order_id)
    if record.invoice is None:
        if record.state is ErpOrderState.CANCELLED:
            raise Refusal("cancelled", "the order is cancelled")
        if not record.shipments and any(line.ships for line in order.lines):
            raise Refusal("nothing_shipped", "there is nothing to invoice")
        mark = world.state.mark()
        record.invoice = InvoiceRecord(
            reference=f"INV{mark.seq:06}",
            total=money(_value_shipped(record, order), order.total),
            key=key,
            mark=mark,
        )
        record.state = ErpOrderState.INVOICED
        save(world, record)
    return Invoice(reference=record.invoice.reference, total=record.invoice.total)


@effect(router)
def post_credit_note(world: World, told: CreditNote, key: str) -> Invoice:
    """Ensure the credit note of this return is posted, found by its return id first.

    Refused: a return that was told with other content, more units than have shipped, more money than was invoiced (or
    has shipped, where there is no invoice yet).
    """
    record, order = _open_order(world, told.order_id)
    known = given_before(record.credit_notes, told)
    if known is None:
        if record.state is ErpOrderState.CANCELLED:
            raise Refusal("cancelled", "the order is cancelled")
        check_returned(units_shipped(record.shipments), record.credit_notes, told)
        if told.amount.currency != order.total.currency:
            raise Refusal("wrong_currency", "the order is in another currency", field="amount.currency")
        worth = decimal(record.invoice.total) if record.invoice else _value_shipped(record, order)
        if summed((told.amount, *(given.note.amount for given in record.credit_notes))) > worth:
            raise Refusal("exceeds_invoice", "more than the order is worth", field="amount")
        mark = world.state.mark()
        known = GivenForReturn(reference=f"CN{mark.seq:06}", note=told, key=key, mark=mark)
        record.credit_notes.append(known)
        save(world, record)
        credit.give_back(world, told.order_id)
    return Invoice(reference=known.reference, total=told.amount)


@read(router)
def changes(world: World, since: str | None = None) -> Changes | None:
    """Orders edited or moved on in the ERP since the cursor; from the beginning without one."""
    return world.changes("erp", since)


def _article(record: ErpArticle | StockRecord) -> Article:
    return record.article if isinstance(record, ErpArticle) else Article(reference=record.sku, sku=record.sku)


def save(world: World, record: SalesOrderRecord) -> None:
    _number(record)
    world.state.save(record, record.order_id)
    world.state.changed("erp", record.order_id)


def _open_order(world: World, order_id: str) -> tuple[SalesOrderRecord, SalesOrder]:
    record = world.state.load(SalesOrderRecord, order_id)
    if record is None or record.order is None:
        raise Refusal("unknown_order", "the ERP has no such order", field="order_id")
    return record, record.order


def _check_open(record: SalesOrderRecord, told: SalesOrder) -> None:
    if record.state is not ErpOrderState.ENTERED:
        raise Refusal(record.state, f"the order is {record.state}")
    if record.order and told.revision < record.order.revision:
        raise Refusal("older_revision", "the ERP holds a later revision", field="revision")


def _edited_since(record: SalesOrderRecord, told: SalesOrder, key: str) -> bool:
    """Whether people have edited it since the version that is known, or since this very request was done."""
    repeated = record.written == key and any(one.version == record.edits for one in record.by_hand)
    return repeated or edited_since(record.by_hand, told.known)


def _holds(record: SalesOrderRecord, told: SalesOrder) -> bool:
    """Whether everybody who looks sees the target already."""

    def seen(order: SalesOrder) -> object:
        items = {
            item.line_id: (getattr(item, "sku", None), getattr(item, "quantity", 1), item.total)
            for item in _items(order)
        }
        return items, order.total, order.shipping

    return record.order is not None and seen(record.order) == seen(told)


def _write(record: SalesOrderRecord, told: SalesOrder) -> None:
    """A target that is there already, under another revision, is no edit."""
    same = {"revision": told.revision, "known": told.known, "secured": told.secured}
    if record.order is None or record.order.model_copy(update=same) != told or record.strangers:
        record.edits += 1
    record.order, record.strangers = told, []


def _check_shipped(world: World, record: SalesOrderRecord, told: SalesOrder) -> None:
    shipped = left_the_house(world, record)
    if shipped and record.order and told.revision == record.order.revision:
        raise Refusal("shipped", "some of the order has shipped: this takes a later revision")
    check_shipped(shipped, {line.line_id: line.quantity for line in told.lines if line.ships})


def left_the_house(world: World, record: SalesOrderRecord) -> dict[str, int]:
    """Units that shipped, also those that nobody told the ERP yet: the warehouse is in the same house."""
    units = units_shipped(record.shipments)
    told = {known.report.shipment_id for known in record.shipments}
    for pick in world.state.of_order(PickRecord, record.order_id):
        if pick.state is PickState.SHIPPED and pick.shipment_id not in told:
            for line in (line for package in pick.packages for line in package.lines):
                units[line.line_id] = units.get(line.line_id, 0) + line.quantity
    return units


def _check(world: World, told: SalesOrder) -> None:
    if not registry.kept(world, "erp", told.customer):
        raise Refusal("unknown_customer", "the ERP has no such customer", field="customer")
    for i, line in enumerate(told.lines):
        if world.state.load(StockRecord, line.sku) is None:
            raise Refusal("unknown_sku", f"there is no article {line.sku}", field=f"lines[{i}].sku")
        if _worth(line, Decimal(line.unit_price) * line.quantity) != decimal(line.total):
            raise Refusal(
                "amounts_differ", "the line does not add up to its total", field=f"lines[{i}].total"
            )
    for i, surcharge in enumerate(told.surcharges):
        if _worth(surcharge, decimal(surcharge.amount)) != decimal(surcharge.total):
            raise Refusal("amounts_differ", "it does not add up to its total", field=f"surcharges[{i}].total")
    if summed(item.total for item in _items(told)) != decimal(told.total):
        raise Refusal("amounts_differ", "the lines do not add up to the total", field="total")


def _items(order: SalesOrder) -> tuple[SalesLine | SalesSurcharge, ...]:
    return (*order.lines, *order.surcharges)


def _worth(item: SalesLine | SalesSurcharge, value: Decimal) -> Decimal:
    tax = Decimal(0) if item.taxes_included else summed(tax.amount for tax in item.taxes)
    return rounded(value, item.total) - decimal(item.discount) - decimal(item.order_discount) + tax


def _value_shipped(record: SalesOrderRecord, order: SalesOrder) -> Decimal:
    """What shipped or never ships, and the surcharges, to the digits of the order's currency."""
    ordered = {line.line_id: line.quantity for line in order.lines}
    left = units_left(ordered, record.shipments)
    goods = (
        rounded(decimal(line.total) * (line.quantity - left[line.line_id]) / line.quantity, line.total)
        if line.ships
        else decimal(line.total)
        for line in order.lines
    )
    return sum(goods, Decimal(0)) + summed(item.total for item in order.surcharges)


def _number(record: SalesOrderRecord) -> None:
    """Give numbers to the lines that have none yet."""
    for item in _items(record.order) if record.order else ():
        record.numbers.setdefault(item.line_id, next_number(record))


def next_number(record: SalesOrderRecord) -> int:
    return max(record.numbers.values(), default=0) + 1


def _shown(record: SalesOrderRecord) -> ErpOrder:
    order = record.order
    if order is None:
        raise Refusal("cancelled", "the order was cancelled before it was entered")
    _number(record)
    lines = [_line(record, item) for item in _items(order)]
    return ErpOrder(
        order_id=record.order_id,
        reference=record.reference,
        state=record.state,
        lines=tuple(lines),
        total=order.total,
        version=str(record.edits),
        shipping=order.shipping,
    )


def _line(record: SalesOrderRecord, item: SalesLine | SalesSurcharge) -> ErpLine:
    quantity = item.quantity if isinstance(item, SalesLine) else 1
    net = decimal(item.total) - summed(tax.amount for tax in item.taxes)
    return ErpLine(
        erp_line=str(record.numbers[item.line_id]),
        line_id=None if item.line_id in record.strangers else item.line_id,
        sku=item.sku if isinstance(item, SalesLine) else None,
        name=item.name,
        quantity=str(quantity),
        unit_price=f"{(net / quantity).quantize(Decimal('0.0001')):f}",
        total=item.total,
    )
