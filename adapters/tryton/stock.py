"""Reservations in Tryton: a sale's shipment picks from storage, and a picking move that is `assigned` keeps its units.

Stock and books are one system here: there is nothing to reserve for an order that the ERP does not hold yet. The
warehouse must have a storage and an output zone of their own, as Tryton sets it up, because a warehouse without
picking has no picking moves.
"""

from collections import Counter
from collections.abc import Iterable

from adapters.tryton import sales
from adapters.tryton.client import TrytonClient
from adapters.tryton.sales import MOVE, SHIPMENT, Move, Sale, Shipment
from domain.errors import Refused
from domain.ids import LineId, OrderId
from domain.keys import Key
from domain.reservations import Demand, Reservation, Reserved

_UNPICKED = ("draft", "waiting", "assigned")
_KEPT = ("assigned", "done")


class TrytonStock:
    def __init__(self, tryton: TrytonClient) -> None:
        self._tryton = tryton

    async def reserve(self, order: OrderId, demand: tuple[Demand, ...], *, key: Key) -> Reservation:  # noqa: ARG002  a target
        sale = await sales.sale_of(self._tryton, order)
        if sale is None or sale.cancelled:
            raise Refused(f"{order} has no open sale in Tryton")
        wanted = _wanted(sale, demand)
        await self._cancel_strays(sale)
        if kept(sale) != wanted:
            sale = await self._ensure(order, sale, wanted)
        held = kept(sale)
        return Reservation(
            lines=tuple(
                Reserved(
                    line_id=line.line_id, sku=line.sku, wanted=line.quantity, reserved=held[line.line_id]
                )
                for line in demand
            )
        )

    async def release(self, order: OrderId, *, key: Key) -> None:  # noqa: ARG002  a target
        """Back to waiting. What is picked already can only go back to storage by cancelling its shipment."""
        sale = await sales.sale_of(self._tryton, order)
        if sale is None:
            return
        await self._cancel_strays(sale)
        for shipment in _live(sale):
            if any(move.state in _KEPT for move in shipment.picking):
                button = "wait" if shipment.state in _UNPICKED else "cancel"
                await self._tryton.act(SHIPMENT, shipment.id, button)

    async def look_up_reservation(self, order: OrderId) -> Reservation | None:
        sale = await sales.sale_of(self._tryton, order)
        if sale is None or not _live(sale):
            return None
        planned, held = _units(sale, ("draft", *_KEPT)), kept(sale)
        return Reservation(
            lines=tuple(
                Reserved(
                    line_id=line.line_id,
                    sku=line.sku,
                    wanted=planned[line.line_id],
                    reserved=held[line.line_id],
                )
                for line in sale.lines
                if line.line_id and line.sku and planned[line.line_id]
            )
        )

    async def _cancel_strays(self, sale: Sale) -> None:
        """Their units are taken for nobody."""
        for shipment in sale.shipments:
            if shipment.stray and not (shipment.left or shipment.cancelled):
                await self._tryton.act(SHIPMENT, shipment.id, "cancel")

    async def _ensure(self, order: OrderId, sale: Sale, wanted: Counter[LineId]) -> Sale:
        open_ = [shipment for shipment in _live(sale) if shipment.state in _UNPICKED]
        if not open_:
            raise Refused(f"sale {sale.number} has no shipment left that could be reserved for")
        planned, held = _units(sale, ("draft", *_KEPT)), kept(sale)
        too_much = any(held[line] > wanted[line] for line in held)
        too_little = any(planned[line] < wanted[line] for line in wanted)
        if too_much or too_little:
            for shipment in open_:
                await self._tryton.act(SHIPMENT, shipment.id, "wait")  # plans the whole sale anew
            sale = await sales.sale_numbered(self._tryton, sale.id)
        await self._trim(sale, wanted)
        for shipment in open_:
            # Named before it takes units: cut off by an amendment, it could not be found otherwise.
            if not shipment.reference:
                await self._tryton.write(SHIPMENT, shipment.id, {"reference": order})
            await self._tryton.act(SHIPMENT, shipment.id, "assign_try")
        return await sales.sale_numbered(self._tryton, sale.id)

    async def _trim(self, sale: Sale, wanted: Counter[LineId]) -> None:
        """Take from the plan what is not wanted, so that Tryton does not assign it."""
        excess = _units(sale, ("draft", *_KEPT)) - wanted
        for line, move in _picking(sale, ("draft",)):
            cut = min(excess[line], move.quantity)
            if not cut:
                continue
            excess[line] -= cut
            if cut == move.quantity:
                await self._tryton.delete(MOVE, move.id)
            else:
                await self._tryton.write(MOVE, move.id, {"quantity": move.quantity - cut})


def kept(sale: Sale) -> Counter[LineId]:
    """Units per line that the sale's shipments keep: assigned in storage, or picked and not yet gone."""
    return _units(sale, _KEPT)


def _live(sale: Sale) -> list[Shipment]:
    return [
        shipment for shipment in sale.shipments if not (shipment.left or shipment.cancelled or shipment.stray)
    ]


def _units(sale: Sale, states: tuple[str, ...]) -> Counter[LineId]:
    units: Counter[LineId] = Counter()
    for line, move in _picking(sale, states):
        units[line] += move.quantity
    return units


def _picking(sale: Sale, states: tuple[str, ...]) -> Iterable[tuple[LineId, Move]]:
    for shipment in _live(sale):
        for move in shipment.picking:
            line = sale.line_of(shipment, move)
            if line and line.line_id and move.state in states:
                yield line.line_id, move


def _wanted(sale: Sale, demand: tuple[Demand, ...]) -> Counter[LineId]:
    held = {(line.line_id, line.sku) for line in sale.lines}
    for line in demand:
        if (line.line_id, line.sku) not in held:
            raise Refused(f"sale {sale.number} has no line {line.line_id} of {line.sku}")
    return Counter({line.line_id: line.quantity for line in demand})
