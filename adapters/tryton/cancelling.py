"""Leave no open sale. Tryton 8.2 refuses to cancel a processed sale: what follows from it is cancelled instead.

As a clerk does it: cancel the shipments and the draft invoices, then tell the sale to ignore both ("handle exception"
in the client, whose wizard REST cannot run but whose writes it can make). The sale is then `done` with nothing in it;
`Sale.cancelled` knows that by content.
"""

from adapters.tryton import sales
from adapters.tryton.client import TrytonClient
from adapters.tryton.entering import advance
from adapters.tryton.sale_records import INVOICE, SALE, SHIPMENT, Sale
from domain.errors import Refused

_PROCESSED = ("processing", "done")
_BOOKED = ("posted", "paid")


async def cancel(tryton: TrytonClient, sale: Sale) -> None:
    """Refused when something shipped or is invoiced: that takes a return and a credit note."""
    if any(part.state in _PROCESSED for part in sale.parts):
        await _empty(tryton, sale)
    for part in sale.parts:
        state = part.state
        if state == "confirmed":
            state = await advance(tryton, part.id, state, "draft")
        if state in ("draft", "quotation"):
            await advance(tryton, part.id, state, "cancel")


async def _empty(tryton: TrytonClient, sale: Sale) -> None:
    if any(shipment.left for shipment in sale.shipments):
        raise Refused(f"sale {sale.number} has shipped")
    if any(invoice.state in _BOOKED for invoice in sale.invoices):
        raise Refused(f"the invoice of sale {sale.number} is posted")
    for shipment in sale.shipments:
        if not shipment.cancelled:
            await tryton.act(SHIPMENT, shipment.id, "cancel")
    for invoice in sale.invoices:
        if invoice.state != "cancelled":
            await tryton.act(INVOICE, invoice.id, "cancel")
    for part in await sales.singly(tryton, sale):
        if part.state in _PROCESSED:
            await _ignore_cancelled(tryton, part)


async def _ignore_cancelled(tryton: TrytonClient, sale: Sale) -> None:
    moves = [
        ["write", [line.id], {"moves_ignored": [["add", list(line.unhandled)]]}]
        for line in sale.lines
        if line.unhandled
    ]
    invoices = [
        invoice.id
        for invoice in sale.invoices
        if invoice.state == "cancelled" and invoice.id not in sale.invoices_ignored
    ]
    if moves or invoices:
        await tryton.write(SALE, sale.id, {"lines": moves, "invoices_ignored": [["add", invoices]]})
    if sale.state != "done" or moves or invoices:
        await tryton.act(SALE, sale.id, "process")
