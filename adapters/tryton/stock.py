"""Reservations in Tryton: a sale's shipment picks from storage, and a picking move that is `assigned` keeps its units.

Stock and books are one system here: there is nothing to reserve for an order that the ERP does not hold yet. Every
warehouse must have a storage and an output zone of its own, as Tryton sets it up, because a warehouse without picking
has no picking moves.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from adapters.tryton import returning, sales
from adapters.tryton.client import TrytonClient
from adapters.tryton.places import Place, place_called, places
from adapters.tryton.planning import (
    KEPT,
    UNPICKED,
    Wanted,
    arrange,
    bins_of,
    by_place,
    kept,
    leaving,
    open_shipments,
    per_line,
    picking,
)
from adapters.tryton.sale_records import SALE, SHIPMENT, Sale
from domain.errors import Refused
from domain.ids import Location, OrderId, Sku
from domain.keys import Key
from domain.reservations import Demand, Reservation, Reserved, Shelf
from domain.returns import Receipt

_SKUS_AT_ONCE = 100


class TrytonStock:
    def __init__(self, tryton: TrytonClient) -> None:
        self._tryton = tryton

    async def look_up_shelves(self, order: OrderId, skus: tuple[Sku, ...]) -> tuple[Shelf, ...]:
        """Every known SKU in every warehouse. Free are the units on hand that no picking move is assigned."""
        sale = await sales.sale_of(self._tryton, order)
        kept_already = _kept_by_sku(sale) if sale else Counter()
        shelves = []
        for place in await places(self._tryton):
            free = await self._free(place, skus)
            for sku in dict.fromkeys(skus):
                if sku in free:
                    units = max(free[sku], 0) + kept_already[sku, place.id]
                    shelves.append(Shelf(location=place.name, sku=sku, units=units))
        return tuple(shelves)

    async def reserve(self, order: OrderId, demand: tuple[Demand, ...], *, key: Key) -> Reservation:  # noqa: ARG002  a target
        """Refused for more than the sale has outstanding, and for less than is being picked: that is cancelled first."""
        sale = await sales.sale_of(self._tryton, order)
        if sale is None or sale.cancelled:
            raise Refused(f"{order} has no open sale in Tryton")
        known = await places(self._tryton)
        asked = [(line, place_called(known, line.location).id) for line in demand]
        wanted = _wanted(sale, asked)
        gone = _gone_meanwhile(sale, wanted)
        wanted -= gone
        await self._cancel_strays(sale)
        sale = await self._planned_anew(sale, wanted)
        sale = await arrange(self._tryton, sale, order, bins_of(sale, known, wanted))
        return _answer(sale, asked, gone)

    async def release(self, order: OrderId, *, key: Key) -> None:  # noqa: ARG002  a target
        """Back to waiting. What is picked already can only go back to storage by cancelling its shipment."""
        sale = await sales.sale_of(self._tryton, order)
        if sale is None:
            return
        await self._cancel_strays(sale)
        for shipment in open_shipments(sale):
            if any(move.state in KEPT for move in shipment.picking):
                button = "wait" if shipment.state in UNPICKED else "cancel"
                await self._tryton.act(SHIPMENT, shipment.id, button)

    async def look_up_reservation(self, order: OrderId) -> Reservation | None:
        sale = await sales.sale_of(self._tryton, order)
        if sale is None or not open_shipments(sale):
            return None
        planned, held = by_place(sale, picking), by_place(sale, kept)
        names = {shipment.warehouse: shipment.location for shipment in sale.shipments}
        return Reservation(
            lines=tuple(
                Reserved(
                    line_id=line.line_id,
                    sku=line.sku,
                    location=location,
                    wanted=planned[line.line_id, place],
                    reserved=held[line.line_id, place],
                )
                for line in sale.lines
                for place, location in sorted(names.items())
                if line.line_id and line.sku and planned[line.line_id, place]
            )
        )

    async def restock(self, receipt: Receipt, location: Location, *, key: Key) -> None:  # noqa: ARG002  a state, verified
        await returning.verify_restocked(self._tryton, receipt, location)

    async def _free(self, place: Place, skus: Sequence[Sku]) -> Counter[Sku]:
        free: Counter[Sku] = Counter()
        every = sorted(set(skus))
        for start in range(0, len(every), _SKUS_AT_ONCE):  # they stand in the address of the request
            found = await self._tryton.search(
                "product.product",
                [["code", "in", every[start : start + _SKUS_AT_ONCE]]],
                ["code", "quantity"],
                locations=[place.storage],
                stock_assign=True,
            )
            free.update({Sku(product["code"]): int(product["quantity"] or 0) for product in found})
        return free

    async def _cancel_strays(self, sale: Sale) -> None:
        """Their units are taken for nobody."""
        for shipment in sale.shipments:
            if shipment.stray and not (shipment.left or shipment.cancelled):
                await self._tryton.act(SHIPMENT, shipment.id, "cancel")

    async def _planned_anew(self, sale: Sale, wanted: Wanted) -> Sale:
        """What a cancelled shipment had, or was picked short, is no part of any plan until the sale is processed again."""
        missing = per_line(wanted) - per_line(by_place(sale, leaving))
        if not missing:
            return sale
        moves = [
            (line, {"moves_recreated": [["add", list(line.unhandled)]]})
            for line in sale.lines
            if missing[line.line_id] and line.unhandled
        ]
        await sales.write_lines(self._tryton, moves)
        for part in sorted({line.sale for line in sale.lines if missing[line.line_id]}):
            await self._tryton.act(SALE, part, "process")
        return await sales.again(self._tryton, sale)


def _gone_meanwhile(sale: Sale, wanted: Wanted) -> Wanted:
    """What left after it was counted in: who asks did not know of it yet, and takes it for kept."""
    ordered = Counter({line.line_id: int(line.quantity) for line in sale.lines if line.line_id})
    left = by_place(sale, leaving, [shipment for shipment in sale.shipments if shipment.left])
    beyond = per_line(wanted) + per_line(left) - ordered
    gone: Wanted = Counter()
    for (line, place), units in (wanted & left).items():
        gone[line, place] = min(units, beyond[line])
        beyond[line] -= gone[line, place]
    return +gone


def _answer(sale: Sale, asked: Sequence[tuple[Demand, int]], gone: Wanted) -> Reservation:
    left = by_place(sale, kept) + gone
    lines = []
    for line, place in asked:
        reserved = min(left[line.line_id, place], line.quantity)
        left[line.line_id, place] -= reserved
        lines.append(
            Reserved(
                line_id=line.line_id,
                sku=line.sku,
                location=line.location,
                wanted=line.quantity,
                reserved=reserved,
            )
        )
    return Reservation(lines=tuple(lines))


def _wanted(sale: Sale, asked: Iterable[tuple[Demand, int]]) -> Wanted:
    held = {(line.line_id, line.sku) for line in sale.lines}
    wanted: Wanted = Counter()
    for line, place in asked:
        if (line.line_id, line.sku) not in held:
            raise Refused(f"sale {sale.number} has no line {line.line_id} of {line.sku}")
        wanted[line.line_id, place] += line.quantity
    return wanted


def _kept_by_sku(sale: Sale) -> Counter[tuple[Sku, int]]:
    skus = {line.line_id: line.sku for line in sale.lines}
    units: Counter[tuple[Sku, int]] = Counter()
    for (line, place), quantity in by_place(sale, kept).items():
        if sku := skus[line]:
            units[sku, place] += quantity
    return units
