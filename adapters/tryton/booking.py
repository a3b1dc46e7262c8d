"""The customer's money and the invoice. Payments carry the capture's reference, and are looked for under it first."""

from adapters.tryton import sales
from adapters.tryton.client import Record, TrytonClient, reference
from adapters.tryton.sale_records import INVOICE, SALE, Sale, SaleInvoice
from domain.erp import Invoice
from domain.errors import Refused
from domain.money import Money, total

PAYMENT = "account.payment"

_FIELDS = ["state", "amount"]
_POSTED = ("posted", "paid")


async def record_payment(tryton: TrytonClient, sale: Sale, captured: Money, capture: str) -> None:
    """Ensure one submitted payment of the sale under the capture's reference. Refused: another amount is booked there.

    Submitted is as far as a REST key gets: "Process" is a wizard, and Tryton lets nobody make its groups of payments
    otherwise. The merchant's payment run takes it from there; submitted or succeeded, it is booked once.
    """
    payment = await _payment(tryton, sale, capture) or await _create(tryton, sale, captured, capture)
    if payment["amount"] != captured.major:
        raise Refused(f"payment {capture} is booked over {payment['amount']}, captured were {captured}")
    if payment["state"] == "draft":
        await tryton.act(PAYMENT, payment["id"], "submit")


async def post_invoices(tryton: TrytonClient, sale: Sale) -> Invoice:
    """Post what the sale made. Refused when it made none, or when their total is not the sale's."""
    for invoice in _live(sale):
        if invoice.state == "draft":
            await tryton.act(INVOICE, invoice.id, "validate_invoice")
        if invoice.state not in _POSTED:
            await tryton.act(INVOICE, invoice.id, "post")
    posted = [invoice for invoice in _live(await sales.again(tryton, sale)) if invoice.state in _POSTED]
    if not posted:
        raise Refused(f"sale {sale.number} has no invoice")
    amount = total((invoice.total for invoice in posted), sale.total.currency)
    if amount != sale.total:
        raise Refused(f"sale {sale.number} is invoiced over {amount}, its total is {sale.total}")
    return Invoice(reference=", ".join(str(invoice.number) for invoice in posted), total=amount)


def invoiced(sale: Sale) -> bool:
    live = _live(sale)
    return bool(live) and all(invoice.state in _POSTED for invoice in live)


def _live(sale: Sale) -> list[SaleInvoice]:
    return [invoice for invoice in sale.invoices if invoice.state != "cancelled"]


async def _payment(tryton: TrytonClient, sale: Sale, capture: str) -> Record | None:
    domain = [
        ["origin", "=", reference(SALE, sale.id)],
        ["reference", "=", capture],
        ["state", "!=", "failed"],
    ]
    found = await tryton.search(PAYMENT, domain, _FIELDS, limit=1)
    return found[0] if found else None


async def _create(tryton: TrytonClient, sale: Sale, captured: Money, capture: str) -> Record:
    (journal,) = await tryton.search(
        "account.payment.journal", [["process_method", "=", "manual"]], ["id"], limit=1
    )
    values: Record = {
        "journal": journal["id"],
        "kind": "receivable",
        "party": sale.party,
        "amount": captured.major,
        "origin": reference(SALE, sale.id),
        "reference": capture,
    }
    return await tryton.create(PAYMENT, values, _FIELDS)
