"""From our order to a sale in processing, to the cent, from wherever a former attempt left it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from adapters.tryton import amending, customers, sales
from adapters.tryton.client import Record, TrytonClient
from adapters.tryton.places import places
from adapters.tryton.pricing import (
    ROUNDING_LINE,
    ROUNDING_SKU,
    net_unit_price,
    products,
    quantity_of,
    rounding_minor_max,
    sku_of,
)
from adapters.tryton.sale_records import SALE, Sale, line_note, revision_name
from domain.erp import Edited, SalesOrder
from domain.errors import Refused
from domain.orders import OrderLine, PlacedOrder, Surcharge

_PROCESSED = ("processing", "done")
_NEXT = {"draft": "quote", "quotation": "confirm", "confirmed": "process"}


async def enter(tryton: TrytonClient, target: SalesOrder) -> Sale | Edited:
    """The processed sale. Refused: unknown SKU or tax rate, cancelled there, or another total than ours.

    A sale that is processed already is amended, unless people edited it since what is known.
    """
    order = target.order
    sale = await _only(tryton, order)
    if sale is None:
        await create(tryton, target)
        sale = await _only(tryton, order)
    if sale is None or sale.cancelled:
        raise Refused(f"{order.order_id} is cancelled in Tryton")
    if sale.state == "draft":
        sale = await _rounded(tryton, sale, order)
    elif sale.state in _PROCESSED and (apart := amending.difference(sale, order)):
        if edited := await amending.edited(tryton, sale, target, apart):
            return edited
        amending.check(sale, apart)
        if apart.added:
            sale = await _add(tryton, sale, target, apart.added)
            apart = amending.difference(sale, order)
        if apart:
            sale = await amending.amend(tryton, sale, target, apart)
    _check_total(sale, order)
    sale = await _processed(tryton, sale)
    return await amending.adopt(tryton, sale, order)


async def advance(tryton: TrytonClient, sale: int, state: str, button: str) -> str:
    """Press a button unless the sale has moved on meanwhile: Tryton refuses a transition that is made already."""
    try:
        await tryton.act(SALE, sale, button)
    except Refused:
        if await sales.state_of(tryton, sale) == state:
            raise
    return await sales.state_of(tryton, sale)


async def cancel_twins(tryton: TrytonClient, found: list[Sale]) -> Sale | None:
    """The one sale to go on with. What a request made that was answered too late is cancelled: it is a draft of ours.

    A sale that a person entered under the same reference has another author and is left alone, and so is one that adds
    lines for a later revision.
    """
    keeper = sales.keeper(found)
    for twin in found:
        ours = keeper is not None and twin is not keeper and twin.author == keeper.author
        if ours and twin.state == "draft" and not twin.written_for:
            await advance(tryton, twin.id, twin.state, "cancel")
    return sales.whole(found)


async def cancel_begun(tryton: TrytonClient, found: list[Sale]) -> None:
    """What an attempt to add lines left that was broken off: no part of the order yet."""
    for begun in found:
        if begun.written_for and begun.state in ("draft", "quotation"):
            await advance(tryton, begun.id, begun.state, "cancel")


async def _only(tryton: TrytonClient, order: PlacedOrder) -> Sale | None:
    return await cancel_twins(tryton, await sales.sales_of(tryton, order.order_id))


async def _processed(tryton: TrytonClient, sale: Sale) -> Sale:
    """`confirm` answers before the processing that it causes, and a crash between them leaves a confirmed sale."""
    state = sale.state
    while button := _NEXT.get(state):
        state = await advance(tryton, sale.id, state, button)
    return sale if state == sale.state else await sales.again(tryton, sale)


async def _add(
    tryton: TrytonClient, sale: Sale, target: SalesOrder, added: Sequence[OrderLine | Surcharge]
) -> Sale:
    """A processed sale takes no line: these get a sale of their own, which is looked for first by the revision's name."""
    order = target.order.order_id
    found = await _added_for(tryton, target)
    if found is None:
        values = {"description": revision_name(order, target.revision)}
        await create(tryton, target, added, **values)
        found = await _added_for(tryton, target)
    if found is None:
        raise Refused(f"what {order} revision {target.revision} adds to sale {sale.number} is cancelled")
    await _processed(tryton, found)
    return await _only(tryton, target.order) or sale


async def _added_for(tryton: TrytonClient, target: SalesOrder) -> Sale | None:
    """What adds lines for this revision. A twin of it that a late request made is a draft, and is cancelled."""
    every = await sales.sales_of(tryton, target.order.order_id)
    found = [one for one in every if one.written_for == target.revision and one.state != "cancelled"]
    found.sort(key=lambda one: (one.state == "draft", one.id))
    for twin in found[1:]:
        if twin.state == "draft":
            await advance(tryton, twin.id, twin.state, "cancel")
    return found[0] if found else None


async def create(
    tryton: TrytonClient,
    target: SalesOrder,
    items: Sequence[OrderLine | Surcharge] | None = None,
    **more: str,
) -> None:
    """A draft of the whole order, or of these items; in one request: it is there with all its lines, or not at all."""
    order, party = target.order, int(target.customer)
    shown = [address for address in (order.billing, order.shipping) if address]
    if not shown:
        raise Refused(f"{order.order_id} has no address, and Tryton wants one")
    rounding, *lines = await _lines(tryton, items or order.priced)
    if items is None:
        lines.append(rounding)
    billing = await customers.address(tryton, party, shown[0])
    shipping = await customers.address(tryton, party, shown[-1])
    values: Record = {
        "reference": order.order_id,
        "description": order.number,
        "party": party,
        "invoice_address": billing,
        "shipment_address": shipping,
        "warehouse": (await places(tryton))[0].id,
        "currency": await currency_called(tryton, order.currency),
        "invoice_method": "order",
        "shipment_method": "order",
        "lines": [["create", lines]],
        **more,
    }
    await tryton.create(SALE, values, ["id"])


async def _lines(tryton: TrytonClient, items: Sequence[OrderLine | Surcharge]) -> list[Record]:
    """A line for each of them, after the one for cents of rounding."""
    skus = {item.line_id: sku_of(item) for item in items}
    sold = await products(tryton, {*skus.values(), ROUNDING_SKU})
    rates = await _taxes(tryton)
    lines = [
        {
            "product": sold[skus[item.line_id]]["id"],
            "unit": sold[skus[item.line_id]]["sale_uom"],
            "quantity": quantity_of(item),
            "unit_price": net_unit_price(item),
            "note": line_note(item.line_id),
            "description": item.name,
            "taxes": [["add", _taxes_of(item, rates)]],
        }
        for item in items
    ]
    rounding: Record = {
        "product": sold[ROUNDING_SKU]["id"],
        "unit": sold[ROUNDING_SKU]["sale_uom"],
        "quantity": 0,  # a processed sale takes no new line: it must be there for an amendment that needs it
        "unit_price": Decimal(0),
        "note": line_note(ROUNDING_LINE),
        "description": "Rounding",
    }
    return [rounding, *lines]


async def _taxes(tryton: TrytonClient) -> dict[Decimal, list[int]]:
    on_sales = [["OR", ["group", "=", None], ["group.kind", "in", ["sale", "both"]]]]
    domain = [["type", "=", "percentage"], ["parent", "=", None], *on_sales]
    by_rate: dict[Decimal, list[int]] = defaultdict(list)
    for tax in await tryton.search("account.tax", domain, ["rate"]):
        by_rate[tax["rate"]].append(tax["id"])
    return by_rate


def _taxes_of(item: OrderLine | Surcharge, rates: Mapping[Decimal, list[int]]) -> list[int]:
    """One Tryton tax per tax of the line, by its rate; two of one rate need two in Tryton."""
    used: list[int] = []
    for tax in item.taxes:
        if tax.rate == 0:
            continue
        free = [candidate for candidate in rates.get(tax.rate, []) if candidate not in used]
        if not free:
            raise Refused(f"line {item.line_id}: Tryton has no sales tax of {tax.rate.normalize():f}")
        used.append(free[0])
    return used


async def currency_called(tryton: TrytonClient, code: str) -> int:
    found = await tryton.search("currency.currency", [["code", "=", code]], ["id"], limit=1)
    if not found:
        raise Refused(f"Tryton has no currency {code}")
    return int(found[0]["id"])


async def _rounded(tryton: TrytonClient, sale: Sale, order: PlacedOrder) -> Sale:
    """Four digits of a net price and Tryton's own rounding of taxes may miss our total by cents: one line says so."""
    missing = order.total - sale.total
    line = next((line for line in sale.lines if line.line_id == ROUNDING_LINE), None)
    if not missing or line is None or line.quantity or abs(missing.minor) > rounding_minor_max(order):
        return sale
    values = {"quantity": 1, "unit_price": missing.major}
    await sales.write_lines(tryton, [(line, values)])
    return await sales.again(tryton, sale)


def _check_total(sale: Sale, order: PlacedOrder) -> None:
    if sale.total != order.total:
        raise Refused(f"{order.order_id}: Tryton's total is {sale.total}, the order's is {order.total}")
