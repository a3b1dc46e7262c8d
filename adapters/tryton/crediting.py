"""Credit notes: an invoice of negative quantities under our return id, each line with the invoice line that it takes back.

REST runs no wizards, so this is what Tryton's own "credit" makes of an invoice, for the units that came back only. What
was given back beside them, as freight, or less a fee, is a line of its own with the taxes of the goods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from adapters.tryton.client import Record, TrytonClient, reference, referenced
from adapters.tryton.pricing import PRICE_DIGITS, ROUNDING_SKU, SURCHARGE_SKUS, products
from adapters.tryton.sale_records import INVOICE, Sale
from domain.erp import Invoice
from domain.errors import Refused
from domain.ids import LineId, ReturnId, Sku
from domain.money import Money
from domain.orders import SurchargeKind
from domain.returns import CreditNote

INVOICE_LINE = "account.invoice.line"

_POSTED = ("posted", "paid")
_FURTHEST = ("paid", "posted", "validated", "draft")
_FIELDS = ["state", "number", "total_amount", "currency.code"]
_COPIED = ("invoice_address", "currency", "journal", "account", "payment_term")
_VALUES = ("product", "unit", "unit_price", "account", "currency", "description")
_ROUNDING_MINOR_PER_LINE_MAX = 2  # of its value and of its tax


@dataclass(frozen=True)
class Invoiced:
    """A line of the sale as it stands in a posted invoice."""

    id: int
    line_id: LineId | None
    values: Record
    taxes: tuple[int, ...]
    rate: Decimal  # of all its taxes


async def post_credit_note(tryton: TrytonClient, sale: Sale, note: CreditNote) -> Invoice:
    """Refused: nothing is invoiced yet, or another amount is credited under this return id."""
    invoiced = await _invoiced(tryton, sale)
    made = await _only(tryton, note.return_id) or await _create(tryton, sale, note, invoiced)
    if made["state"] == "draft":
        made = await _adjusted(tryton, note, invoiced, made)
    if (credited := _credited(made)) != note.amount:
        raise Refused(f"{note.return_id} is credited over {credited}, given back were {note.amount}")
    if made["state"] == "draft":
        await tryton.act(INVOICE, made["id"], "validate_invoice")
    if made["state"] not in _POSTED:
        await tryton.act(INVOICE, made["id"], "post")
    posted = await _only(tryton, note.return_id)
    if posted is None or posted["state"] not in _POSTED:
        raise Refused(f"Tryton has not posted the credit note of {note.return_id}")
    return Invoice(reference=posted["number"], total=_credited(posted))


def _credited(made: Record) -> Money:
    return -Money.parse(made["total_amount"], made["currency"]["code"])


async def _only(tryton: TrytonClient, returned: ReturnId) -> Record | None:
    """The credit note under our id. A twin that a request made too late is still a draft, and is cancelled."""
    domain = [["reference", "=", returned], ["type", "=", "out"], ["state", "!=", "cancelled"]]
    found = await tryton.search(INVOICE, domain, _FIELDS)
    found.sort(key=lambda record: (_FURTHEST.index(record["state"]), record["id"]))
    for twin in found[1:]:
        if twin["state"] == "draft":
            await tryton.act(INVOICE, twin["id"], "cancel")
    return found[0] if found else None


async def _invoiced(tryton: TrytonClient, sale: Sale) -> list[Invoiced]:
    """What the sale's posted invoices say, dearest line first."""
    posted = [invoice.id for invoice in sale.invoices if invoice.state in _POSTED]
    domain = [["invoice", "in", posted], ["type", "=", "line"], ["product", "!=", None]]
    fields = ["origin", *_VALUES, "amount", "taxes.rate"]
    found = await tryton.search(INVOICE_LINE, domain, fields)
    if not found:
        raise Refused(f"sale {sale.number} has no posted invoice that could be credited")
    ours = {line.id: line.line_id for line in sale.lines}
    return [
        Invoiced(
            id=record["id"],
            line_id=ours.get(referenced(record["origin"]) or 0),
            values={field: record[field] for field in _VALUES},
            taxes=tuple(tax["id"] for tax in record["taxes"]),
            rate=sum((tax["rate"] for tax in record["taxes"]), Decimal(0)),
        )
        for record in sorted(found, key=lambda record: -record["amount"])
    ]


async def _create(tryton: TrytonClient, sale: Sale, note: CreditNote, invoiced: Sequence[Invoiced]) -> Record:
    posted = [invoice.id for invoice in sale.invoices if invoice.state in _POSTED]
    (first,) = await tryton.search(INVOICE, [["id", "in", posted]], _COPIED, limit=1)
    lines = []
    for returned in note.lines:
        line = next((line for line in invoiced if line.line_id == returned.line_id), None)
        if line is None:
            raise Refused(f"line {returned.line_id} of sale {sale.number} is not invoiced")
        origin = {"origin": reference(INVOICE_LINE, line.id)}
        lines.append(line.values | origin | _quantity(line, -returned.quantity))
    values = {field: first[field] for field in _COPIED} | {
        "type": "out",
        "party": sale.party,
        "reference": note.return_id,
        "description": note.reference or None,
        "lines": [["create", lines]],
    }
    return await tryton.create(INVOICE, values, _FIELDS)


def _quantity(line: Invoiced, quantity: int) -> Record:
    return {"type": "line", "quantity": quantity, "taxes": [["add", list(line.taxes)]]}


async def _adjusted(
    tryton: TrytonClient, note: CreditNote, invoiced: Sequence[Invoiced], made: Record
) -> Record:
    """What is given back beside the goods, and the cents that Tryton's own rounding of taxes is apart."""
    came_back = {line.line_id for line in note.lines}
    like = next((line for line in invoiced if line.line_id in came_back), invoiced[0])
    missing = note.amount - _credited(made)
    if abs(missing.minor) > _ROUNDING_MINOR_PER_LINE_MAX * len(note.lines):
        kind = SurchargeKind.FREIGHT if note.lines and missing.minor > 0 else SurchargeKind.FEE
        net = (abs(missing.major) / (1 + like.rate)).quantize(PRICE_DIGITS, ROUND_HALF_UP)
        beside = _quantity(like, -1 if missing.minor > 0 else 1) | {"unit_price": net}
        made = await _with_line(tryton, made, SURCHARGE_SKUS[kind], like, beside)
        missing = note.amount - _credited(made)
    if missing:
        rounding = {"type": "line", "quantity": -1, "unit_price": missing.major}
        made = await _with_line(tryton, made, ROUNDING_SKU, like, rounding)
    return made


async def _with_line(tryton: TrytonClient, made: Record, sku: Sku, like: Invoiced, values: Record) -> Record:
    product = (await products(tryton, {sku}))[sku]
    line = {
        "product": product["id"],
        "unit": product["sale_uom"],
        "account": like.values["account"],
        "currency": like.values["currency"],
        **values,
    }
    return await tryton.write(INVOICE, made["id"], {"lines": [["create", [line]]]}, _FIELDS)
