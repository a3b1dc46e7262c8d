"""The merchant's books in Tryton 8.2: parties, sales, payments, invoices.

Tryton knows no idempotency keys. Nothing is done twice because every step looks first: customers by what identifies
them, sales by our order id, payments by the capture's reference, all else by the state it is in.
"""

from adapters.tryton import (
    articles,
    booking,
    cancelling,
    credit,
    crediting,
    customers,
    entering,
    registering,
    sales,
)
from adapters.tryton.board import Board
from adapters.tryton.changes import changed
from adapters.tryton.claims import Claims
from adapters.tryton.client import TrytonClient
from adapters.tryton.sale_records import SALE, Sale
from domain.amendments import PricedArticle
from domain.customers import Article, CustomerAccount, CustomerRecord, Page
from domain.erp import (
    Changes,
    CreditApproved,
    CreditRefused,
    Edited,
    ErpLine,
    ErpOrder,
    ErpOrderState,
    Invoice,
    SalesOrder,
)
from domain.errors import Refused
from domain.ids import CustomerRef, OrderId, Sku
from domain.keys import Key
from domain.money import Currency, Money
from domain.orders import Customer
from domain.returns import CreditNote
from domain.shipments import ShipmentReport


class TrytonErp:
    def __init__(self, tryton: TrytonClient) -> None:
        self._tryton = tryton
        self._board = Board(tryton)
        self._claims = Claims(self._board, tryton.settled_after)

    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef:
        return CustomerRef(str(await registering.register(self._tryton, self._claims, customer, key)))

    async def look_up_account(self, customer: CustomerRef) -> CustomerAccount | None:
        if (party := _party(customer)) is None:
            return None
        approval = await customers.approval(self._tryton, party)
        return CustomerAccount(customer=customer, approval=approval) if approval else None

    async def approve_credit(
        self, order: OrderId, customer: CustomerRef, amount: Money, *, key: Key
    ) -> CreditApproved | CreditRefused:
        if (party := _party(customer)) is None:
            raise Refused("Tryton has no such party")
        if await credit.account_of(self._tryton, party) is None:
            return CreditApproved()
        async with self._claims.alone([f"credit {party}"], key):
            return await credit.approve(self._tryton, self._board, order, party, amount)

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        return await customers.listed(self._tryton, after)

    async def articles(self, after: str | None) -> Page[Article]:
        return await articles.listed(self._tryton, after)

    async def enter_order(self, order: SalesOrder, *, key: Key) -> ErpOrder | Edited:  # noqa: ARG002  found by its order id
        entered = await entering.enter(self._tryton, order)
        return entered if isinstance(entered, Edited) else _told(order.order.order_id, entered)

    async def price_article(self, sku: Sku, quantity: int, currency: Currency) -> PricedArticle | None:
        in_currency = await entering.currency_called(self._tryton, currency)
        return await articles.priced(self._tryton, sku, quantity, in_currency)

    async def look_up_order(self, order: OrderId) -> ErpOrder | None:
        sale = await sales.sale_of(self._tryton, order)
        return _told(order, sale) if sale else None

    async def cancel_order(self, order: OrderId, *, key: Key) -> None:  # noqa: ARG002  a state, reached once
        found = await sales.sales_of(self._tryton, order)
        await entering.cancel_begun(self._tryton, found)
        if sale := await entering.cancel_twins(self._tryton, found):
            await cancelling.cancel(self._tryton, sale)
        await credit.free(self._board, order)

    async def record_shipment(self, report: ShipmentReport, *, key: Key) -> None:  # noqa: ARG002  found by the capture
        """The warehouse is Tryton's own, so the shipment is there already: this verifies it and books the money."""
        sale = await self._sale(report.order_id)
        shipment = sales.shipment_called(sale, report.shipment_id)
        if shipment is None or not shipment.left:
            raise Refused(f"{report.shipment_id} has not left in Tryton")
        if report.captured:
            await booking.record_payment(self._tryton, sale, report.captured, report.capture_reference)

    async def post_invoice(self, order: OrderId, *, key: Key) -> Invoice:  # noqa: ARG002  a state, reached once
        return await booking.post_invoices(self._tryton, await self._sale(order))

    async def post_credit_note(self, note: CreditNote, *, key: Key) -> Invoice:  # noqa: ARG002  found by its return id
        return await crediting.post_credit_note(self._tryton, await self._sale(note.order_id), note)

    async def changes(self, since: str | None) -> Changes:
        return await changed(self._tryton, SALE, since, followers=("lines",))

    async def _sale(self, order: OrderId) -> Sale:
        sale = await sales.sale_of(self._tryton, order)
        if sale is None:
            raise Refused(f"{order} is not in Tryton")
        return sale


def _party(customer: CustomerRef) -> int | None:
    """None: no party of Tryton's has such a number."""
    return int(customer) if customer.isascii() and customer.isdigit() else None


def _told(order: OrderId, sale: Sale) -> ErpOrder:
    """A processed sale loses no line: one of quantity 0 is one that was removed, or cents of rounding that are not needed."""
    return ErpOrder(
        order_id=order,
        reference=sale.number,
        state=_state(sale),
        lines=tuple(
            ErpLine(
                erp_line=str(line.id),
                line_id=line.line_id if line.noted else None,
                sku=line.sku,
                name=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                total=line.total,
            )
            for line in sale.lines
            if line.quantity
        ),
        total=sale.total,
        version=sale.version,
        shipping=sale.shipping,
    )


def _state(sale: Sale) -> ErpOrderState:
    if sale.cancelled:
        return ErpOrderState.CANCELLED
    return ErpOrderState.INVOICED if booking.invoiced(sale) else ErpOrderState.ENTERED
