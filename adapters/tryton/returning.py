"""Goods that come back: Tryton's customer return shipment under our return id, worked off by a clerk.

Received, the goods stand in the input zone; done, they are put away: into storage, or what is damaged into a location
for losses. So what came and how is told when it is done, and Tryton has then booked it itself. For goods that come in
several boxes people add more return shipments under the same reference; all is there when all of them are done.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.tryton import sales
from adapters.tryton.client import Record, TrytonClient, reference, referenced
from adapters.tryton.places import Place, named, place_called, places
from adapters.tryton.sale_records import MOVE, Line, Move, Sale
from domain.errors import Refused
from domain.ids import LineId, Location, ReturnId, Sku, order_of_return
from domain.returns import Condition, Receipt, ReceivedLine, ReturnLine, ReturnNotice

RETURN = "stock.shipment.out.return"

_FIELDS = [
    "state",
    "create_uid",
    "warehouse.code",
    "warehouse.name",
    *(f"incoming_moves.{name}" for name in ("quantity", "origin", "product")),
    *(f"inventory_moves.{name}" for name in ("quantity", "origin", "product", "to_location.type")),
]
_FURTHEST = ("done", "received", "draft", "cancelled")
_LOSSES = "lost_found"


@dataclass(frozen=True)
class Returned:
    """`came` are units by the move that brought them out and by product; `lost` those that were not put into storage."""

    state: str
    location: Location
    came: Counter[tuple[int | None, int]]
    lost: Counter[int]


async def expect(tryton: TrytonClient, notice: ReturnNotice) -> None:
    """Refused: more than left, or the warehouse has cancelled this return."""
    if found := await _under(tryton, notice.return_id):
        if all(one.state == "cancelled" for one in found):
            raise Refused(f"{notice.return_id} is cancelled in Tryton")
        return
    sale = await sales.sale_of(tryton, notice.order_id)
    if sale is None:
        raise Refused(f"{notice.order_id} is not in Tryton")
    place = place_called(await places(tryton), notice.location)
    values: Record = {
        "reference": notice.return_id,
        "customer": sale.consignee,
        "warehouse": place.id,
        "warehouse_input": place.input,
        "warehouse_storage": place.shelf,
        "incoming_moves": [["create", [move for line in notice.lines for move in _moves(sale, place, line)]]],
    }
    await tryton.create(RETURN, values, ["id"])


async def receipt_of(tryton: TrytonClient, returned: ReturnId) -> Receipt | None:
    boxes = await _boxes(tryton, returned)
    if not boxes:
        return None
    sale = await sales.sale_of(tryton, order_of_return(returned))
    put_away = [box for box in boxes if box.state == "done"]
    return Receipt(
        return_id=returned,
        lines=_received(sale, put_away) if sale and put_away else (),
        complete=len(put_away) == len(boxes),
    )


async def verify_restocked(tryton: TrytonClient, receipt: Receipt, location: Location) -> None:
    """Refused when Tryton has put away other good units than these, or in another warehouse."""
    booked = await receipt_of(tryton, receipt.return_id)
    if booked is None or not booked.complete:
        raise Refused(f"Tryton has not put away {receipt.return_id}")
    if _good(booked) != _good(receipt):
        raise Refused(f"Tryton has put away other goods of {receipt.return_id} than were received")
    wanted = place_called(await places(tryton), location).name
    for box in await _boxes(tryton, receipt.return_id):
        if box.location != wanted:
            raise Refused(f"Tryton has put away {receipt.return_id} in {box.location}, not in {wanted}")


def _good(receipt: Receipt) -> Counter[LineId]:
    units: Counter[LineId] = Counter()
    for line in receipt.lines:
        units[line.line_id] += line.quantity if line.condition is Condition.GOOD else 0
    return +units


def _moves(sale: Sale, place: Place, line: ReturnLine) -> list[Record]:
    """One per move that brought units out, as its origin: a sale line as origin would count as units to be shipped."""
    moves, missing = [], line.quantity
    for sold, out in _shipped(sale):
        quantity = min(missing, out.quantity) if sold.line_id == line.line_id else 0
        if quantity:
            missing -= quantity
            moves.append(_move(sale, place, sold, out, quantity))
    if missing:
        raise Refused(f"sale {sale.number}: {missing} more of line {line.line_id} would come back than left")
    return moves


def _move(sale: Sale, place: Place, sold: Line, out: Move, quantity: int) -> Record:
    return {
        "product": sold.product,
        "unit": sold.unit,
        "quantity": quantity,
        "from_location": sale.customer_location,
        "to_location": place.input,
        "unit_price": sold.unit_price,
        "currency": sale.currency,
        "origin": reference(MOVE, out.id),
    }


def _shipped(sale: Sale) -> list[tuple[Line, Move]]:
    return [
        (line, move)
        for shipment in sale.shipments
        if shipment.left
        for move in shipment.leaving
        if (line := sale.line_of(shipment, move))
    ]


def _received(sale: Sale, boxes: Sequence[Returned]) -> tuple[ReceivedLine, ...]:
    """By the line that the goods left for; without an origin by their product. What belongs to no line is not told."""
    units: Counter[tuple[LineId, Sku, Condition]] = Counter()
    by_move = {move.id: line for line, move in _shipped(sale)}
    by_product = {line.product: line for line, _ in _shipped(sale)}
    for box in boxes:
        lost = box.lost.copy()
        for (origin, product), came in box.came.items():
            line = by_move.get(origin or 0) or by_product.get(product)
            if line is None or not line.line_id or not line.sku:
                continue
            damaged = min(came, lost[product])
            lost[product] -= damaged
            units[line.line_id, line.sku, Condition.GOOD] += came - damaged
            units[line.line_id, line.sku, Condition.DAMAGED] += damaged
    return tuple(
        ReceivedLine(line_id=line, sku=sku, quantity=quantity, condition=condition)
        for (line, sku, condition), quantity in units.items()
        if quantity
    )


async def _boxes(tryton: TrytonClient, returned: ReturnId) -> list[Returned]:
    return [one for one in await _under(tryton, returned) if one.state != "cancelled"]


async def _under(tryton: TrytonClient, returned: ReturnId) -> list[Returned]:
    """All under our id, but for a twin that a request of ours made too late: that one is cancelled."""
    found = await tryton.search(RETURN, [["reference", "=", returned]], _FIELDS)
    ours = [record for record in found if record["create_uid"] == found[0]["create_uid"]]
    keeper = min(ours, key=lambda record: (_FURTHEST.index(record["state"]), record["id"]), default=None)
    twins = [record for record in ours if record is not keeper and record["state"] == "draft"]
    for twin in twins:
        await tryton.act(RETURN, twin["id"], "cancel")
    return [_returned(record) for record in found if record not in twins]


def _returned(record: Record) -> Returned:
    came: Counter[tuple[int | None, int]] = Counter()
    for move in record["incoming_moves"]:
        came[referenced(move["origin"]), move["product"]] += int(move["quantity"])
    lost: Counter[int] = Counter()
    for move in record["inventory_moves"]:
        if move["to_location"]["type"] == _LOSSES:
            lost[move["product"]] += int(move["quantity"])
    return Returned(state=record["state"], location=named(record["warehouse"]), came=came, lost=lost)
