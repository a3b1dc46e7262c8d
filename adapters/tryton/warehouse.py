"""The warehouse in Tryton: a clerk works off the shipments that carry our shipment id as their reference.

A cancel stops a shipment in every state before `shipped`, also picked and packed: Tryton then books the goods back to
storage. From `shipped` on it would still let a user cancel, but the goods are on the road: that is too late.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from adapters.tryton import returning, sales
from adapters.tryton.changes import changed
from adapters.tryton.client import TrytonClient
from adapters.tryton.places import Place, place_called, places
from adapters.tryton.planning import Bin, Units, arrange, free_shipments, kept, leaving, picking
from adapters.tryton.sale_records import SHIPMENT, Sale, Shipment
from domain.erp import Changes
from domain.errors import Refused
from domain.ids import LineId, OrderId, ReturnId, ShipmentId, order_of
from domain.keys import Key
from domain.returns import Receipt, ReturnNotice
from domain.shipments import (
    Labels,
    Package,
    Pick,
    PickCancelled,
    PickRequest,
    PickState,
    ShipmentLine,
    TooLate,
    Unasked,
)

_PICK_STATES = {
    "draft": PickState.REQUESTED,
    "waiting": PickState.REQUESTED,
    "assigned": PickState.REQUESTED,
    "picked": PickState.PICKED,
    "packed": PickState.PACKED,
    "shipped": PickState.SHIPPED,
    "done": PickState.SHIPPED,
    "cancelled": PickState.CANCELLED,
}
_BEGUN = ("picked", "packed", "shipped", "done")
_PACKED = (PickState.PACKED, PickState.SHIPPED)
_UNBOXED = "unboxed"  # the one package of a shipment that was packed without boxes


class TrytonWarehouse:
    def __init__(self, tryton: TrytonClient) -> None:
        self._tryton = tryton

    async def request_pick(self, pick: PickRequest, *, key: Key) -> None:  # noqa: ARG002  found by its shipment id
        """The units that are kept for the order there become a shipment of their own; all else goes on waiting.

        Refused when it was cancelled, or when Tryton does not keep these units for the order.
        """
        sale = await sales.sale_of(self._tryton, pick.order_id)
        shipment = sales.shipment_called(sale, pick.shipment_id)
        if shipment is not None and not (shipment.cancelled or shipment.stray):
            return
        if sale is None or shipment is not None:
            raise Refused(f"{pick.shipment_id} is not to be picked in Tryton any more")
        place = place_called(await places(self._tryton), pick.location)
        wanted = Counter({line.line_id: line.quantity for line in pick.lines})
        first, *others = _shipments_to_pick_from(sale, place, wanted, pick.shipment_id)
        sale = await arrange(self._tryton, sale, pick.order_id, _parted(sale, place, first, others, wanted))
        parted = next(one for one in sale.shipments if one.id == first.id)
        if parted.state != "assigned" or kept(sale, parted) != wanted:
            raise Refused(f"sale {sale.number} does not keep what {pick.shipment_id} asks for")
        await self._tryton.write(SHIPMENT, parted.id, {"reference": pick.shipment_id})

    async def look_up_pick(self, shipment: ShipmentId) -> Pick | None:
        sale, held = await self._find(shipment)
        if sale is None or held is None:
            return None
        # A stray has lost its goods to another shipment: of this one nothing will come.
        state = PickState.CANCELLED if held.stray and not held.left else _PICK_STATES[held.state]
        packages = _packages(sale, held) if state in _PACKED else ()
        return Pick(shipment_id=shipment, state=state, packages=packages)

    async def look_up_unasked(self, order: OrderId) -> tuple[Unasked, ...]:
        """Tryton's number of a shipment is the reference. A shipment counts as begun when its goods are picked."""
        sale = await sales.sale_of(self._tryton, order)
        return tuple(
            Unasked(
                reference=shipment.number,
                state=_PICK_STATES[shipment.state],
                location=shipment.location,
                lines=lines,
            )
            for shipment in (sale.shipments if sale else ())
            if shipment.state in _BEGUN and not shipment.asked_for
            if sale and (lines := _lines(sale, shipment, None))
        )

    async def adopt(self, reference: str, shipment: ShipmentId, *, key: Key) -> None:  # noqa: ARG002  a target
        sale, held = await self._find(shipment)
        found = [one for one in (sale.shipments if sale else ()) if one.number == reference]
        if not found:
            raise Refused(f"{order_of(shipment)} has no shipment {reference} in Tryton")
        (begun,) = found
        if begun.reference == shipment:
            return
        if begun.asked_for or held is not None:
            raise Refused(f"shipment {reference} or {shipment} is another one in Tryton")
        await self._tryton.write(SHIPMENT, begun.id, {"reference": shipment})

    async def expect_return(self, notice: ReturnNotice, *, key: Key) -> None:  # noqa: ARG002  found by its return id
        await returning.expect(self._tryton, notice)

    async def look_up_return(self, returned: ReturnId) -> Receipt | None:
        return await returning.receipt_of(self._tryton, returned)

    async def cancel_pick(self, shipment: ShipmentId, *, key: Key) -> PickCancelled | TooLate:
        _, held = await self._find(shipment)
        if held is None or held.cancelled:
            return PickCancelled()
        if held.left:
            return TooLate(why=f"the shipment is {held.state}")
        try:
            await self._tryton.act(SHIPMENT, held.id, "cancel")
        except Refused:
            _, moved = await self._find(shipment)
            if moved is None or moved.state == held.state:
                raise
            return await self.cancel_pick(shipment, key=key)
        return PickCancelled()

    async def hand_over(self, shipment: ShipmentId, labels: Labels, *, key: Key) -> None:  # noqa: ARG002  a target
        """A carrier that Tryton does not know stays empty there: its boxes carry the tracking numbers all the same."""
        _, held = await self._find(shipment)
        if held is None or held.cancelled:
            raise Refused(f"{shipment} is not to leave Tryton's warehouse")
        if _PICK_STATES[held.state] not in _PACKED:
            raise Refused(f"{shipment} is not packed yet")
        carriers = await self._tryton.search(
            "carrier", [["party.name", "=", labels.carrier]], ["id"], limit=1
        )
        if carriers and held.carrier != carriers[0]["id"]:
            await self._tryton.write(SHIPMENT, held.id, {"carrier": carriers[0]["id"]})
        boxes = {box.number: box for box in held.boxes}
        for label in labels.labels:
            tracking = {"shipping_reference": label.tracking_number}
            box = boxes.get(label.package_id)
            if label.package_id == _UNBOXED:
                await self._tryton.write(SHIPMENT, held.id, tracking)
            elif box is None:
                raise Refused(f"{shipment} has no box {label.package_id}")
            elif box.tracking_number != label.tracking_number:
                await self._tryton.write("stock.package", box.id, tracking)

    async def changes(self, since: str | None) -> Changes:
        picks = await changed(self._tryton, SHIPMENT, since)
        returns = await changed(self._tryton, returning.RETURN, since)
        orders = dict.fromkeys((*picks.orders, *returns.orders))
        return Changes(orders=tuple(orders), cursor=max(picks.cursor, returns.cursor))

    async def _find(self, shipment: ShipmentId) -> tuple[Sale | None, Shipment | None]:
        sale = await sales.sale_of(self._tryton, order_of(shipment))
        return sale, sales.shipment_called(sale, shipment)


def _shipments_to_pick_from(
    sale: Sale, place: Place, wanted: Units, asked: ShipmentId
) -> tuple[Shipment, ...]:
    """The shipment there that keeps all that is wanted, and after it the others there. Best one that has just that.

    What has just that and keeps nothing was parted by an attempt that was broken off.
    """
    there = [shipment for shipment in free_shipments(sale) if shipment.warehouse == place.id]
    fitting = [
        shipment for shipment in there if wanted <= kept(sale, shipment) or wanted == leaving(sale, shipment)
    ]
    if not fitting:
        raise Refused(f"sale {sale.number} does not keep what {asked} asks for")
    first = min(fitting, key=lambda shipment: (leaving(sale, shipment).total(), shipment.id))
    return (first, *(shipment for shipment in there if shipment is not first))


def _parted(
    sale: Sale, place: Place, first: Shipment, others: Sequence[Shipment], wanted: Units
) -> list[Bin]:
    """Only what is wanted stays in it. The rest goes to another shipment there, where as much of it is kept as before."""
    rest, to_keep = leaving(sale, first) - wanted, picking(sale, first) - wanted
    bins = [Bin(other.id, place, leaving(sale, other), _planned(sale, other)) for other in others]
    if rest and bins:
        bins[0] = replace(bins[0], leaving=bins[0].leaving + rest, picking=bins[0].picking + to_keep)
    elif rest:
        bins = [Bin(None, place, rest, to_keep)]
    return [Bin(first.id, place, wanted, wanted), *bins]


def _planned(sale: Sale, shipment: Shipment) -> Units:
    """What it is to keep. A draft is what a broken attempt of ours parted and did not fill."""
    return leaving(sale, shipment) if shipment.state == "draft" else picking(sale, shipment)


def _packages(sale: Sale, shipment: Shipment) -> tuple[Package, ...]:
    if not shipment.boxes:
        return (Package(package_id=_UNBOXED, lines=_lines(sale, shipment, None)),)
    return tuple(
        Package(package_id=box.number, lines=_lines(sale, shipment, box.moves)) for box in shipment.boxes
    )


def _lines(sale: Sale, shipment: Shipment, moves: tuple[int, ...] | None) -> tuple[ShipmentLine, ...]:
    """What lies in a box. Goods that someone added in Tryton belong to no line of ours and are not told."""
    units: Counter[LineId] = Counter()
    skus = {}
    for move in shipment.leaving:
        line = sale.line_of(shipment, move)
        if line and line.line_id and (moves is None or move.id in moves):
            units[line.line_id] += move.quantity
            skus[line.line_id] = move.sku
    return tuple(
        ShipmentLine(line_id=line, sku=skus[line], quantity=quantity)
        for line, quantity in units.items()
        if quantity
    )
