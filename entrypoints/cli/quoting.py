"""What is shown before an order is amended: the order as it stands, as it would be, and what that means."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.database.orders import RegisteredOrder
from domain.amendments import AddLine, Change, ChangeRefused, Changes, Quote
from domain.document import OrderDocument
from domain.errors import OrderError, Refused, Unavailable
from domain.ids import Sku, System
from domain.orders import PlacedOrder
from domain.policies import OrderPolicies
from domain.quoting import gone, repricing_of
from entrypoints.doors import Doors
from workers.settings import Settings
from workers.wiring import systems

# Between two reads of an order it may be amended by somebody else; the next read is of one revision again.
_READS_MAX = 5
_PRICE_SECONDS_MAX = 10.0


@dataclass(frozen=True)
class Shelved:
    """Units of an article that the order needs and that have not left, and what stock has of them for it."""

    sku: Sku
    needed: int
    there: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.there)


@dataclass(frozen=True)
class Preview:
    """`after` is None where it is not known: the changes cannot be, or a price is told only when they are made.

    `shelves` is None where stock was not asked; `notes` say what could not be told, and why.
    """

    order: RegisteredOrder
    document: OrderDocument
    changes: tuple[Change, ...]
    quote: Quote
    after: PlacedOrder | None
    shelves: tuple[Shelved, ...] | None = None
    notes: tuple[str, ...] = ()


async def preview(
    doors: Doors, settings: Settings, name: str, changes: Sequence[Change], *, check_stock: bool = False
) -> Preview:
    """Refused: there is no such order, or it has ended, or the ERP does not sell what is to be added."""
    order = await doors.find(name)
    if order.closed:
        raise Refused(f"the order is {order.state} already")
    policies = settings.channels[order.placed.channel].policies
    document = await doors.read(order)
    priced, notes = await _priced(settings, policies, document.order, changes)
    asked = Changes(changes=priced)
    told = await doors.quote(order, asked)
    for _ in range(_READS_MAX):
        if document.revision == told.revision:
            break
        document, told = await doors.read(order), await doors.quote(order, asked)
    after = _after(document, priced, policies, told)
    seen = Preview(order, document, priced, told, after, notes=notes)
    return await _with_stock(settings, policies, seen) if check_stock else seen


async def _priced(
    settings: Settings, policies: OrderPolicies, order: PlacedOrder, changes: Sequence[Change]
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """What is added, at the ERP's price and with its taxes. While it does not answer, it is asked when it is done."""
    if not any(isinstance(change, AddLine) for change in changes):
        return tuple(changes), ()
    included = order.lines[0].taxes_included
    priced: list[Change] = []
    try:
        async with asyncio.timeout(_PRICE_SECONDS_MAX), systems(settings) as found:
            erp = found.erps[policies.adapters[System.ERP]]
            for change in changes:
                if not isinstance(change, AddLine):
                    priced.append(change)
                    continue
                article = await erp.price_article(change.sku, change.quantity, order.currency)
                if article is None:
                    raise Refused(f"the ERP does not sell {change.sku}")
                priced.append(article.priced(change, taxes_included=included))
    except (TimeoutError, Unavailable) as error:
        why = str(error) or "it took too long"
        return tuple(changes), (f"the ERP does not tell its prices now: {why}",)
    except ValueError as error:
        raise Refused(str(error)) from error
    return tuple(priced), ()


def _after(
    document: OrderDocument, changes: Sequence[Change], policies: OrderPolicies, told: Quote
) -> PlacedOrder | None:
    """By the rules that carry it out. The order's own policies may differ from the present ones: then nothing is shown."""
    if told.total_after is None:
        return None
    try:
        order = repricing_of(document, policies).apply(changes)
    except ChangeRefused:
        return None
    return order if order.total == told.total_after else None


async def _with_stock(settings: Settings, policies: OrderPolicies, seen: Preview) -> Preview:
    if seen.after is None:
        return seen
    left = gone(seen.document)
    needed: Counter[Sku] = Counter()
    for line in seen.after.shippable:
        needed[line.sku] += max(0, line.quantity - left[line.line_id])
    skus = tuple(sku for sku, units in needed.items() if units)
    try:
        async with systems(settings) as found:
            stock = found.stocks[policies.adapters[System.STOCK]]
            shelves = await stock.look_up_shelves(seen.order.order_id, skus) if skus else ()
    except OrderError as error:
        return replace(seen, notes=(*seen.notes, f"stock does not answer: {error}"))
    there: Counter[Sku] = Counter()
    for shelf in shelves:
        there[shelf.sku] += shelf.units
    return replace(seen, shelves=tuple(Shelved(sku, needed[sku], there[sku]) for sku in skus))
