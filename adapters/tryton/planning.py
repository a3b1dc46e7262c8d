"""Which units of a sale leave with which shipment, and which of them are picked (docs/adr/0013).

Tryton itself plans a sale in one warehouse. It counts every leaving move of a line though, wherever it leaves from, so
the units may be spread by hand: all leaving moves of all lines of a sale are changed in one request on it, in which nothing
is lost in between. Their picking moves follow when a shipment is put to `waiting`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.tryton import sales
from adapters.tryton.client import Record, TrytonClient, reference
from adapters.tryton.places import Place
from adapters.tryton.sale_records import MOVE, SHIPMENT, Line, Move, Sale, Shipment
from domain.errors import Refused
from domain.ids import LineId, OrderId

UNPICKED = ("draft", "waiting", "assigned")
KEPT = ("assigned", "done")
PLANNED = ("draft", *KEPT)

Units = Counter[LineId]
Wanted = Counter[tuple[LineId, int]]  # units of a line in a warehouse


@dataclass(frozen=True)
class Bin:
    """A shipment as it should be: the units that leave with it, and those of them that are to be kept in storage.

    `shipment` is its number in Tryton, or None for one that is still to be made.
    """

    shipment: int | None
    place: Place
    leaving: Units
    picking: Units


def open_shipments(sale: Sale) -> list[Shipment]:
    """Those whose goods are still there."""
    return [
        shipment for shipment in sale.shipments if not (shipment.left or shipment.cancelled or shipment.stray)
    ]


def free_shipments(sale: Sale) -> list[Shipment]:
    """Those that nobody is asked to pick and nobody has begun: what is planned in them may be planned otherwise."""
    return [
        shipment for shipment in open_shipments(sale) if shipment.state in UNPICKED and not shipment.asked_for
    ]


def leaving(sale: Sale, shipment: Shipment) -> Units:
    return _units(sale, shipment, shipment.leaving, PLANNED)


def picking(sale: Sale, shipment: Shipment, states: Sequence[str] = PLANNED) -> Units:
    return _units(sale, shipment, shipment.picking, states)


def kept(sale: Sale, shipment: Shipment) -> Units:
    """What it keeps: assigned in storage, or picked and not yet gone."""
    return picking(sale, shipment, KEPT)


def bins_of(sale: Sale, known: Sequence[Place], wanted: Wanted) -> list[Bin]:
    """The free shipments as they should be: one per warehouse, in which all is kept that nobody is picking already."""
    free: dict[int, list[Shipment]] = {place.id: [] for place in known}
    for shipment in free_shipments(sale):
        free.setdefault(shipment.warehouse, []).append(shipment)
    to_keep = _to_keep(sale, wanted)
    to_plan = _to_plan(sale, to_keep)
    bins = []
    for place in known:
        there = [shipment.id for shipment in free[place.id]]
        first = there[0] if there else None
        bins.append(Bin(first, place, _at(to_plan, place), _at(to_keep, place)))
        bins += [Bin(other, place, Counter(), Counter()) for other in there[1:]]
    return bins


def _to_keep(sale: Sale, wanted: Wanted) -> Wanted:
    """What is wanted less what is being picked, wherever that is: no line gets more than it wants in all."""
    busy = by_place(sale, leaving) - by_place(sale, leaving, free_shipments(sale))
    spare = per_line(wanted)
    spare.subtract(per_line(busy))
    if too_much := sorted(line for line, units in spare.items() if units < 0):
        raise Refused(
            f"sale {sale.number}: more of line {', '.join(too_much)} is being picked than is wanted"
        )
    to_keep: Wanted = Counter()
    for (line, place), units in wanted.items():
        to_keep[line, place] = min(max(units - busy[line, place], 0), spare[line])
        spare[line] -= to_keep[line, place]
    return to_keep


def _to_plan(sale: Sale, to_keep: Wanted) -> Wanted:
    """All that Tryton has outstanding, also what is not wanted now: that stays where it is, and is not picked."""
    planned = by_place(sale, leaving, free_shipments(sale))
    over = per_line(planned)
    over.subtract(per_line(to_keep))
    if short := sorted(line for line, units in over.items() if units < 0):
        raise Refused(f"sale {sale.number} has less of line {', '.join(short)} outstanding than is wanted")
    to_plan = to_keep.copy()
    for (line, place), units in planned.items():
        stays = min(max(units - to_keep[line, place], 0), over[line])
        to_plan[line, place] += stays
        over[line] -= stays
    return to_plan


def by_place(
    sale: Sale, units_of: Callable[[Sale, Shipment], Units], shipments: Sequence[Shipment] | None = None
) -> Wanted:
    """Of all open shipments, where none are named."""
    units: Wanted = Counter()
    for shipment in open_shipments(sale) if shipments is None else shipments:
        for line, quantity in units_of(sale, shipment).items():
            units[line, shipment.warehouse] += quantity
    return units


def per_line(wanted: Wanted) -> Units:
    units: Units = Counter()
    for (line, _), quantity in wanted.items():
        units[line] += quantity
    return units


def _at(wanted: Wanted, place: Place) -> Units:
    return Counter({line: units for (line, held), units in wanted.items() if held == place.id and units})


async def arrange(tryton: TrytonClient, sale: Sale, order: OrderId, bins: Sequence[Bin]) -> Sale:
    """Ensure these shipments. All bins together hold as many units per line as the shipments in them did before.

    A shipment that is left empty is cancelled. A repeat goes on from wherever an attempt was broken off.
    """
    begun = [await _begun(tryton, sale, order, one) for one in bins if one.shipment or one.leaving.total()]
    if changes := _changes(sale, begun):
        await sales.write_lines(tryton, changes)
        sale = await sales.again(tryton, sale)
    emptied_first = sorted(begun, key=lambda one: bool(one.leaving))
    touched = [await _fill(tryton, sale, order, one) for one in emptied_first]
    return await sales.again(tryton, sale) if any(touched) else sale


async def _begun(tryton: TrytonClient, sale: Sale, order: OrderId, one: Bin) -> Bin:
    if one.shipment is not None:
        return one
    values: Record = {
        "reference": order,
        "customer": sale.consignee,
        "delivery_address": sale.delivery_address,
        "warehouse": one.place.id,
        "warehouse_storage": one.place.storage,
        "warehouse_output": one.place.output,
    }
    made = await tryton.create(SHIPMENT, values, ["id"])
    return replace(one, shipment=made["id"])


def _changes(sale: Sale, bins: Sequence[Bin]) -> list[tuple[Line, Record]]:
    """What is to be written to the sale's lines so that each bin has its leaving units."""
    return [(line, {"moves": moves}) for line in sale.lines if (moves := _moves_of(sale, line, bins))]


def _moves_of(sale: Sale, line: Line, bins: Sequence[Bin]) -> list[Any]:
    moves: list[Any] = []
    for one in bins:
        held = _leaving_moves(sale, line, one)
        have, want = sum(move.quantity for move in held), one.leaving[line.line_id]
        if have < want and held:
            grown = held[0].quantity + want - have
            moves.append(["write", [held[0].id], {"quantity": grown}])
        elif have < want:
            moves.append(["create", [_move(sale, line, one, want)]])
        for move in held if have > want else ():
            cut = min(have - want, move.quantity)
            have -= cut
            if cut == move.quantity:
                moves.append(["delete", [move.id]])
            elif cut:
                moves.append(["write", [move.id], {"quantity": move.quantity - cut}])
    return moves


def _leaving_moves(sale: Sale, line: Line, one: Bin) -> list[Move]:
    shipment = _shipment(sale, one)
    return [move for move in shipment.leaving if move.origin == line.id] if shipment else []


def _move(sale: Sale, line: Line, one: Bin, quantity: int) -> Record:
    return {
        "shipment": reference(SHIPMENT, one.shipment or 0),
        "product": line.product,
        "unit": line.unit,
        "quantity": quantity,
        "from_location": one.place.output,
        "to_location": sale.customer_location,
        "unit_price": line.unit_price,
        "currency": sale.currency,
    }


async def _fill(tryton: TrytonClient, sale: Sale, order: OrderId, one: Bin) -> bool:
    """Its picking moves, and as many of its units assigned as there are. False: nothing was to be done."""
    shipment = _shipment(sale, one)
    if shipment is None or shipment.stray:
        await tryton.act(SHIPMENT, one.shipment or 0, "cancel")
        return True
    if one.picking.total() and not shipment.reference:
        # Named before it takes units: cut off by an amendment, it could not be found otherwise.
        await tryton.write(SHIPMENT, shipment.id, {"reference": order})
    if _is_full(sale, shipment, one.picking):
        return False
    if _must_be_planned_anew(sale, shipment, one.picking):
        await tryton.act(SHIPMENT, shipment.id, "wait")
        if one.picking != leaving(sale, shipment):
            again = _shipment(await sales.again(tryton, sale), one)
            await _trim(tryton, sale, again or shipment, one.picking)
    else:
        await _trim(tryton, sale, shipment, one.picking)
    if one.picking.total():
        await tryton.act(SHIPMENT, shipment.id, "assign_try")
    return True


def _is_full(sale: Sale, shipment: Shipment, wanted: Units) -> bool:
    told = shipment.state == "assigned" or (shipment.state == "waiting" and not wanted.total())
    return told and kept(sale, shipment) == picking(sale, shipment) == wanted


def _must_be_planned_anew(sale: Sale, shipment: Shipment, wanted: Units) -> bool:
    """`draft` is only what was never filled: a repeat knows by it what an attempt was about.

    What is picked for a leaving move that is gone would never all be assigned.
    """
    there = {leaving.id for leaving in shipment.leaving}
    lost = shipment.state == "draft" or any(
        move.state != "cancelled" and move.origin not in there for move in shipment.picking
    )
    return lost or not (kept(sale, shipment) <= wanted <= picking(sale, shipment))


async def _trim(tryton: TrytonClient, sale: Sale, shipment: Shipment, wanted: Units) -> None:
    """Take from the plan what is not wanted, so that Tryton does not assign it."""
    excess = picking(sale, shipment) - wanted
    for line, move in _moves_by_line(sale, shipment, shipment.picking, ("draft",)):
        cut = min(excess[line], move.quantity)
        if not cut:
            continue
        excess[line] -= cut
        if cut == move.quantity:
            await tryton.delete(MOVE, move.id)
        else:
            await tryton.write(MOVE, move.id, {"quantity": move.quantity - cut})


def _shipment(sale: Sale, one: Bin) -> Shipment | None:
    return next((shipment for shipment in sale.shipments if shipment.id == one.shipment), None)


def _units(sale: Sale, shipment: Shipment, moves: Sequence[Move], states: Sequence[str]) -> Units:
    units: Units = Counter()
    for line, move in _moves_by_line(sale, shipment, moves, states):
        units[line] += move.quantity
    return units


def _moves_by_line(
    sale: Sale, shipment: Shipment, moves: Sequence[Move], states: Sequence[str]
) -> Iterable[tuple[LineId, Move]]:
    for move in moves:
        line = sale.line_of(shipment, move)
        if line and move.state in states:
            yield line.line_id, move
