"""A processed sale brought to a later revision of its order by Tryton's `sale.amendment`, written once per revision.

An amendment plans anew whatever is not packed yet, in the sale's own warehouse. So it waits until no pick is under way:
one that is would lose its goods and stay on the clerk's list, empty (docs/adr/0003). What was kept in storage for the
rest of the order is given free for it and taken again afterwards.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from adapters.tryton import sales
from adapters.tryton.client import Record, TrytonClient
from adapters.tryton.places import places
from adapters.tryton.planning import (
    UNPICKED,
    Wanted,
    arrange,
    bins_of,
    by_place,
    free_shipments,
    kept,
    leaving,
    open_shipments,
    per_line,
)
from adapters.tryton.pricing import ROUNDING_LINE, net_unit_price, quantity_of, rounding_minor_max, sku_of
from adapters.tryton.sales import SHIPMENT, Line, Sale, with_taxes
from domain.erp import SalesOrder
from domain.errors import Refused, Unavailable
from domain.ids import LineId
from domain.money import total
from domain.orders import OrderLine, PlacedOrder, Surcharge

AMENDMENT = "sale.amendment"

_PACKED_ON = ("packed", "shipped", "done")

Terms = tuple[Decimal, Decimal]  # quantity and net unit price


async def amend(tryton: TrytonClient, sale: Sale, target: SalesOrder) -> Sale:
    """The sale as the order has it. Refused: a new line, less than left, or edited by somebody since we amended it so.

    Unavailable: a pick is under way.
    """
    if not (changed := _changed(sale, target.order)):
        return sale
    name = f"{target.order.order_id} revision {target.revision}"
    await _only_once(tryton, sale, name)
    _nothing_under_way(sale)
    freed = await _freed(tryton, sale)
    values: Record = {
        "sale": sale.id,
        "description": name,
        "lines": [["create", [_change(line, terms) for line, terms in changed]]],
    }
    made = await tryton.create(AMENDMENT, values, ["id"])
    await tryton.act(AMENDMENT, made["id"], "validate_amendment")
    return await _kept_again(tryton, await sales.sale_numbered(tryton, sale.id), target, freed)


def _changed(sale: Sale, order: PlacedOrder) -> list[tuple[Line, Terms]]:
    wanted = {item.line_id: item for item in order.priced}
    if added := sorted(wanted.keys() - {line.line_id for line in sale.lines}):
        raise Refused(f"Tryton adds no line to sale {sale.number}, which is processed: {', '.join(added)}")
    terms = {line.id: _terms(sale, line, wanted) for line in sale.lines}
    rounding = next((line for line in sale.lines if line.line_id == ROUNDING_LINE), None)
    if rounding:
        terms[rounding.id] = _rounding(sale, order, terms)
    changed = [(line, terms[line.id]) for line in sale.lines if terms[line.id] != _held(line)]
    out = per_line(by_place(sale, leaving, [one for one in sale.shipments if one.state in _PACKED_ON]))
    for line, (quantity, _) in changed:
        if line.line_id and quantity < out[line.line_id]:
            raise Refused(f"{out[line.line_id]} of line {line.line_id} have left, {quantity} are wanted")
    return changed


def _terms(sale: Sale, line: Line, wanted: Mapping[LineId, OrderLine | Surcharge]) -> Terms:
    """A line that somebody added in Tryton stays as it is; one of ours that the order has no more is amended to nought."""
    if line.line_id is None:
        return _held(line)
    item = wanted.get(line.line_id)
    if item is None:
        return Decimal(0), line.unit_price
    if sku_of(item) != line.sku:
        raise Refused(f"line {line.line_id} of sale {sale.number} is {line.sku}, not {sku_of(item)}")
    return Decimal(quantity_of(item)), net_unit_price(item)


def _held(line: Line) -> Terms:
    return line.quantity, line.unit_price


def _rounding(sale: Sale, order: PlacedOrder, terms: Mapping[int, Terms]) -> Terms:
    """The cents by which the other lines will miss the total, as Tryton rounds them line by line."""
    currency = order.currency
    others = (
        with_taxes(quantity * price, line.rates, currency)
        for line in sale.lines
        for quantity, price in [terms[line.id]]
        if line.line_id != ROUNDING_LINE
    )
    missing = order.total - total(others, currency)
    if not missing or abs(missing.minor) > rounding_minor_max(order):
        return Decimal(0), Decimal(0)
    return Decimal(1), missing.major


async def _only_once(tryton: TrytonClient, sale: Sale, name: str) -> None:
    """A draft is of an attempt that was broken off; a validated one was our target, and the sale is another's by now."""
    ours = [["sale", "=", sale.id], ["description", "=", name]]
    for made in await tryton.search(AMENDMENT, ours, ["state"]):
        if made["state"] != "draft":
            raise Refused(f"sale {sale.number} was edited in Tryton after it was amended to {name}")
        await tryton.delete(AMENDMENT, made["id"])


def _nothing_under_way(sale: Sale) -> None:
    for shipment in open_shipments(sale):
        if shipment.state == "picked" or (shipment.asked_for and shipment.state in UNPICKED):
            raise Unavailable(f"{shipment.reference or shipment.number} is being picked in Tryton")


async def _freed(tryton: TrytonClient, sale: Sale) -> Wanted:
    """Tryton refuses an amendment while a shipment keeps some of its units only, and forgets one that keeps them all."""
    freed = by_place(sale, kept, free_shipments(sale))
    for shipment in free_shipments(sale):
        if kept(sale, shipment):
            await tryton.act(SHIPMENT, shipment.id, "wait")
    return freed


async def _kept_again(tryton: TrytonClient, sale: Sale, target: SalesOrder, freed: Wanted) -> Sale:
    outstanding = per_line(by_place(sale, leaving, free_shipments(sale)))
    wanted: Wanted = Counter()
    for (line, place), units in freed.items():
        wanted[line, place] = min(units, outstanding[line])
        outstanding[line] -= wanted[line, place]
    busy = by_place(sale, leaving) - by_place(sale, leaving, free_shipments(sale))
    bins = bins_of(sale, await places(tryton), wanted + busy)
    return await arrange(tryton, sale, target.order.order_id, bins)


def _change(line: Line, terms: Terms) -> Record:
    quantity, price = terms
    return {
        "action": "line",
        "line": line.id,
        "product": line.product,
        "unit": line.unit,
        "description": line.description,
        "quantity": int(quantity),
        "unit_price": price,
    }
