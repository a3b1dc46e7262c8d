"""A processed sale brought to a later revision of its order: by `sale.amendment`, and by a further sale for new lines.

What is written for one revision bears its name, so that a repeat goes on from wherever an attempt was broken off, and
knows a person's edit from our own. The sale that the order was entered as comes last (docs/adr/0016).

An amendment plans anew whatever is not packed yet, in the sale's own warehouse. So it waits until no pick is under way:
one that is would lose its goods and stay on the clerk's list, empty (docs/adr/0003). What was kept in storage for the
rest of the order is given free for it and taken again afterwards.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.tryton import customers, sales
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
from adapters.tryton.pricing import (
    ROUNDING_LINE,
    ROUNDING_SKU,
    net_unit_price,
    products,
    quantity_of,
    rounding_minor_max,
    sku_of,
)
from adapters.tryton.sale_records import SHIPMENT, Line, Part, Sale, line_note, revision_name, with_taxes
from domain.erp import Edited, SalesOrder
from domain.errors import Refused, Unavailable
from domain.ids import LineId, OrderId, Sku
from domain.money import total
from domain.orders import OrderLine, PlacedOrder, Surcharge

AMENDMENT = "sale.amendment"

_PACKED_ON = ("packed", "shipped", "done")

Terms = tuple[Decimal, Decimal, Sku | None]  # quantity, net unit price, article
Item = OrderLine | Surcharge


@dataclass(frozen=True)
class Difference:
    """What has to be written so that the sale is as the order has it. `added` are items that no line stands for."""

    added: tuple[Item, ...]
    changed: tuple[tuple[Line, Terms], ...]
    readdressed: tuple[Part, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.readdressed)

    def of(self, part: Part) -> bool:
        return part in self.readdressed or any(line.sale == part.id for line, _ in self.changed)


def difference(sale: Sale, order: PlacedOrder) -> Difference:
    wanted = {item.line_id: item for item in order.priced}
    held = {line.line_id for line in sale.lines}
    terms = {line.id: _terms(line, wanted) for line in sale.lines}
    added = tuple(item for item in order.priced if item.line_id not in held)
    rounding = next((line for line in sale.lines if line.line_id == ROUNDING_LINE), None)
    same = sale.total == order.total and all(terms[line.id] == _held(line) for line in sale.lines)
    if rounding and not added and not same:
        terms[rounding.id] = _rounding(sale, order, terms)
    address = order.shipping or order.billing
    there = customers.as_told(address) if address else None
    return Difference(
        added=added,
        changed=tuple((line, terms[line.id]) for line in sale.lines if terms[line.id] != _held(line)),
        readdressed=tuple(part for part in sale.parts if there and part.shipping != there),
    )


async def edited(tryton: TrytonClient, sale: Sale, target: SalesOrder, apart: Difference) -> Edited | None:
    """Whether people edited it since what is known, or since this very revision was written. Refused: a later one was."""
    written = await _written(tryton, sale, target.order.order_id)
    if max(written, default=1) > target.revision:
        raise Refused(f"sale {sale.number} holds a later revision of {target.order.order_id}")
    done = written.get(target.revision, set())
    repeated = target.revision == 1 or any(part.id in done and apart.of(part) for part in sale.parts)
    unknown = bool(target.known) and not _only_ours_since(target.known, sale, written)
    return Edited(version=sale.version) if repeated or unknown else None


def _only_ours_since(known: str, sale: Sale, written: Mapping[int, Collection[int]]) -> bool:
    """Whether it is what is known but for what we wrote ourselves, whole or broken off. Our address hides a person's."""
    if sale.version == known:
        return True
    counts, _, address = known.rpartition(" ")
    ours: Counter[int] = Counter()
    for revision in sorted(written, reverse=True):
        ours.update(written[revision])
        if sale.counts(revision, ours) == counts and (ours[sale.id] or sale.version.endswith(address)):
            return True
    return False


async def amend(tryton: TrytonClient, sale: Sale, target: SalesOrder, apart: Difference) -> Sale:
    """The sale as the order has it; all that was to be added is there already. It is checked before."""
    check(sale, apart)
    freed = await _freed(tryton, sale)
    for part in reversed(sale.parts):
        if apart.of(part):
            await _amend(tryton, part, target, apart)
    return await _kept_again(tryton, await sales.again(tryton, sale), target, freed)


def check(sale: Sale, apart: Difference) -> None:
    """Refused: less than left. Unavailable: a pick is under way that an amendment would cut off."""
    if apart.changed or apart.readdressed:
        _check_left(sale, apart.changed)
        _nothing_under_way(sale)


async def adopt(tryton: TrytonClient, sale: Sale, order: PlacedOrder) -> Sale:
    """Note our ids at the lines that people added and that the order has now."""
    wanted = {item.line_id for item in order.priced}
    unknown = [line for line in sale.lines if line.line_id in wanted and not line.noted]
    if not unknown:
        return sale
    await sales.write_lines(tryton, [(line, {"note": line_note(line.line_id)}) for line in unknown])
    return await sales.again(tryton, sale)


def _terms(line: Line, wanted: Mapping[LineId, Item]) -> Terms:
    """What the order does not have, or has no more, is amended to nought: a processed sale loses no line."""
    item = wanted.get(line.line_id)
    if item is None:
        return _held(line) if line.line_id == ROUNDING_LINE else (Decimal(0), line.unit_price, line.sku)
    return Decimal(quantity_of(item)), net_unit_price(item), sku_of(item)


def _held(line: Line) -> Terms:
    return line.quantity, line.unit_price, line.sku


def _rounding(sale: Sale, order: PlacedOrder, terms: Mapping[int, Terms]) -> Terms:
    """The cents by which the other lines will miss the total, as Tryton rounds them line by line."""
    currency = order.currency
    others = (
        with_taxes(quantity * price, line.rates, currency)
        for line in sale.lines
        for quantity, price, _ in [terms[line.id]]
        if line.line_id != ROUNDING_LINE
    )
    missing = order.total - total(others, currency)
    if not missing or abs(missing.minor) > rounding_minor_max(order):
        return Decimal(0), Decimal(0), ROUNDING_SKU
    return Decimal(1), missing.major, ROUNDING_SKU


async def _written(tryton: TrytonClient, sale: Sale, order: OrderId) -> dict[int, set[int]]:
    """By revision of ours the parts that were amended for it, or made."""
    written: dict[int, set[int]] = {}
    for part in sale.parts:
        if part.written_for:
            written.setdefault(part.written_for, set())
    parts = [["sale", "in", [part.id for part in sale.parts]], ["state", "=", "validated"]]
    begins = revision_name(order, 0)[:-1]
    for made in await tryton.search(
        AMENDMENT, [*parts, ["description", "like", f"{begins}%"]], ["sale", "description"]
    ):
        revision = made["description"].removeprefix(begins)
        if revision.isdecimal():
            written.setdefault(int(revision), set()).add(made["sale"])
    return written


async def _amend(tryton: TrytonClient, part: Part, target: SalesOrder, apart: Difference) -> None:
    name = revision_name(target.order.order_id, target.revision)
    for draft in await tryton.search(
        AMENDMENT, [["sale", "=", part.id], ["description", "=", name], ["state", "=", "draft"]], ["id"]
    ):
        await tryton.delete(AMENDMENT, draft["id"])  # of an attempt that was broken off
    lines = [await _change(tryton, line, terms) for line, terms in apart.changed if line.sale == part.id]
    if part in apart.readdressed:
        lines.append(await _readdressed(tryton, part, target.order))
    values: Record = {"sale": part.id, "description": name, "lines": [["create", lines]]}
    made = await tryton.create(AMENDMENT, values, ["id"])
    await tryton.act(AMENDMENT, made["id"], "validate_amendment")


async def _readdressed(tryton: TrytonClient, part: Part, order: PlacedOrder) -> Record:
    """An amendment of the parties writes all of them."""
    wanted = order.shipping or order.billing
    there = await customers.address(tryton, part.consignee, wanted) if wanted else None
    return {"action": "party", **part.parties, "shipment_address": there}


def _check_left(sale: Sale, changed: Collection[tuple[Line, Terms]]) -> None:
    out = per_line(by_place(sale, leaving, [one for one in sale.shipments if one.state in _PACKED_ON]))
    for line, (quantity, _, _) in changed:
        if quantity < out[line.line_id]:
            raise Refused(f"{out[line.line_id]} of line {line.line_id} have left, {quantity} are wanted")


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


async def _change(tryton: TrytonClient, line: Line, terms: Terms) -> Record:
    """An amendment of a line writes all of it. A person may have made it another article."""
    quantity, price, sku = terms
    product = line.product
    if sku and sku != line.sku:
        product = (await products(tryton, {sku}))[sku]["id"]
    return {
        "action": "line",
        "line": line.id,
        "product": product,
        "unit": line.unit,
        "description": line.description,
        "quantity": int(quantity),
        "unit_price": price,
    }
