"""The sales that hold an order, found by our order id and read as one.

A processed sale takes no further line, so there may be several: the one that the order was entered as, and those that
added something to it later, ours or a person's (docs/adr/0016).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from adapters.tryton.client import Domain, Record, TrytonClient
from adapters.tryton.sale_records import (
    FIELDS,
    SALE,
    SHIPMENT,
    SHIPMENT_FIELDS,
    Line,
    Sale,
    Shipment,
    sale_from,
    shipment_from,
    stranger,
)
from domain.ids import OrderId, ShipmentId
from domain.money import total

_SOLD = ("confirmed", "processing", "done")
_FURTHEST = ("done", "processing", "confirmed", "quotation", "draft", "cancelled")


async def sales_of(tryton: TrytonClient, order: OrderId) -> list[Sale]:
    """All sales that carry our order id, cancelled ones too, oldest first. There may be twins.

    The one to keep also shows the shipments that an amendment cut off from it.
    """
    found = await _sales(tryton, [["reference", "=", order]])
    if not found:
        return []
    linked = {shipment.id for sale in found for shipment in sale.shipments}
    domain = [["reference", "like", f"{order}%"]]
    strays = tuple(
        shipment_from(record)
        for record in await tryton.search(SHIPMENT, domain, SHIPMENT_FIELDS)
        if record["reference"].partition("/")[0] == order and record["id"] not in linked
    )
    kept = keeper(found)
    return [replace(sale, shipments=(*sale.shipments, *strays)) if sale is kept else sale for sale in found]


async def sale_of(tryton: TrytonClient, order: OrderId) -> Sale | None:
    """The sale of an order with all that was added to it. None when nobody entered it."""
    return whole(await sales_of(tryton, order))


def whole(found: Sequence[Sale]) -> Sale | None:
    """All sales that hold the order, as one."""
    kept = keeper(found)
    if kept is None:
        return None
    held = [kept, *added_to(kept, found)]
    return replace(
        kept,
        parts=tuple(part for sale in held for part in sale.parts),
        total=total((sale.total for sale in held), kept.total.currency),
        lines=tuple(line for sale in held for line in _lines(kept, sale)),
        shipments=tuple({one.id: one for sale in held for one in sale.shipments}.values()),
        invoices=tuple({one.id: one for sale in held for one in sale.invoices}.values()),
        invoices_ignored=tuple(one for sale in held for one in sale.invoices_ignored),
    )


def _lines(kept: Sale, sale: Sale) -> Iterable[Line]:
    """A person's copy of our sale has our notes, and they mean nothing there."""
    for line in sale.lines:
        ours = sale.author == kept.author or line.line_id == stranger(line.id)
        yield line if ours else replace(line, line_id=stranger(line.id), noted=False)


def added_to(kept: Sale, found: Sequence[Sale]) -> list[Sale]:
    """What we added for a later revision, and what people entered under our reference; nothing that is still a draft."""
    return [
        other
        for other in found
        if other.state in _SOLD and not other.cancelled and other is not kept
        if other.written_for or other.author != kept.author
    ]


async def state_of(tryton: TrytonClient, sale: int) -> str:
    (found,) = await tryton.search(SALE, [["id", "=", sale]], ["state"])
    return str(found["state"])


async def again(tryton: TrytonClient, sale: Sale) -> Sale:
    """As it is now, with all its parts."""
    return whole(await singly(tryton, sale)) or sale


async def singly(tryton: TrytonClient, sale: Sale) -> list[Sale]:
    """Each of its parts as a sale of its own, the first one first."""
    return await _sales(tryton, [["id", "in", [part.id for part in sale.parts]]])


async def write_lines(tryton: TrytonClient, changes: Iterable[tuple[Line, Record]]) -> None:
    """In one request per sale, in which nothing of its plan is lost."""
    by_sale = sorted(changes, key=lambda change: change[0].sale)
    for sale, of_sale in groupby(by_sale, key=lambda change: change[0].sale):
        lines = [["write", [line.id], values] for line, values in of_sale]
        await tryton.write(SALE, sale, {"lines": lines})


def keeper(sales: Sequence[Sale]) -> Sale | None:
    """What the order was entered as: of twins the furthest, and of those the oldest. Who entered the first one is us."""
    entered = [sale for sale in sales if sale.author == sales[0].author and not sale.written_for]
    return min(entered, key=lambda sale: (_FURTHEST.index(sale.state), sale.id), default=None)


def shipment_called(sale: Sale | None, shipment: ShipmentId) -> Shipment | None:
    """The shipment under our id: a live one before a cancelled one. A stray that is cancelled is nobody's any more."""
    named = [
        candidate
        for candidate in (sale.shipments if sale else ())
        if candidate.reference == shipment and not (candidate.stray and candidate.cancelled)
    ]
    return min(named, key=lambda candidate: (candidate.cancelled, candidate.id), default=None)


async def _sales(tryton: TrytonClient, domain: Domain) -> list[Sale]:
    return [sale_from(record) for record in await tryton.search(SALE, domain, FIELDS)]
