"""The warehouse in Tryton: a clerk works off the shipments that carry our shipment id as their reference.

A cancel stops a shipment in every state before `shipped`, also picked and packed: Tryton then books the goods back to
storage. From `shipped` on it would still let a user cancel, but the goods are on the road: that is too late.
"""

from collections import Counter

from adapters.tryton import sales
from adapters.tryton.changes import changed
from adapters.tryton.client import TrytonClient
from adapters.tryton.sales import MOVE, SHIPMENT, Sale, Shipment
from domain.erp import Changes
from domain.errors import Refused
from domain.ids import LineId, ShipmentId, order_of
from domain.keys import Key
from domain.shipments import (
    Labels,
    Package,
    Pick,
    PickCancelled,
    PickRequest,
    PickState,
    ShipmentLine,
    TooLate,
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
_PACKED = (PickState.PACKED, PickState.SHIPPED)
_UNBOXED = "unboxed"  # the one package of a shipment that was packed without boxes


class TrytonWarehouse:
    def __init__(self, tryton: TrytonClient) -> None:
        self._tryton = tryton

    async def request_pick(self, pick: PickRequest, *, key: Key) -> None:  # noqa: ARG002  found by its shipment id
        """Refused when it was cancelled, or when what Tryton keeps for the order is not what is to be picked."""
        sale = await sales.sale_of(self._tryton, pick.order_id)
        shipment = sales.shipment_called(sale, pick.shipment_id)
        if shipment is not None and not (shipment.cancelled or shipment.stray):
            return
        if sale is None or shipment is not None:
            raise Refused(f"{pick.shipment_id} is not to be picked in Tryton any more")
        unasked = _unasked(sale, pick)
        await self._leave_out_what_is_short(unasked)
        await self._tryton.write(SHIPMENT, unasked.id, {"reference": pick.shipment_id})

    async def look_up_pick(self, shipment: ShipmentId) -> Pick | None:
        sale, held = await self._find(shipment)
        if sale is None or held is None:
            return None
        state = _PICK_STATES[held.state]
        packages = _packages(sale, held) if state in _PACKED else ()
        return Pick(shipment_id=shipment, state=state, packages=packages)

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
        return await changed(self._tryton, SHIPMENT, since)

    async def _find(self, shipment: ShipmentId) -> tuple[Sale | None, Shipment | None]:
        sale = await sales.sale_of(self._tryton, order_of(shipment))
        return sale, sales.shipment_called(sale, shipment)

    async def _leave_out_what_is_short(self, shipment: Shipment) -> None:
        """A pick of what is there: without the moves that found no stock Tryton calls it assigned, and it can be picked.

        Once it has left, Tryton plans a shipment of the rest by itself.
        """
        if shipment.state == "assigned":
            return
        for move in shipment.picking:
            if move.state == "draft":
                await self._tryton.delete(MOVE, move.id)
        await self._tryton.act(SHIPMENT, shipment.id, "assign_try")


def _unasked(sale: Sale, pick: PickRequest) -> Shipment:
    """The shipment of the sale that keeps exactly these units and is nobody's pick yet."""
    wanted = Counter({line.line_id: line.quantity for line in pick.lines})
    for shipment in sale.shipments:
        free = shipment.reference in (None, pick.order_id) and shipment.state in ("waiting", "assigned")
        if free and _assigned(sale, shipment) == wanted:
            return shipment
    raise Refused(f"sale {sale.number} has no shipment that keeps just what {pick.shipment_id} asks for")


def _assigned(sale: Sale, shipment: Shipment) -> Counter[LineId]:
    units: Counter[LineId] = Counter()
    for move in shipment.picking:
        line = sale.line_of(shipment, move)
        if line and line.line_id and move.state == "assigned":
            units[line.line_id] += move.quantity
    return units


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
