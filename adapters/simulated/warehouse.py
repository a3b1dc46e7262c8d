from collections.abc import Sequence

from fastapi import APIRouter

from adapters.connector.protocol.common import Changes, Done, OrderId, ReturnId, ShipmentId
from adapters.connector.protocol.returns import Receipt, ReturnNotice
from adapters.connector.protocol.shipments import Package, ShipmentLine, ShipmentTold
from adapters.connector.protocol.warehouse import (
    Adopt,
    CancelPickAnswer,
    HandOver,
    Pick,
    PickCancelled,
    PickRequest,
    PickState,
    TooLate,
    Unasked,
    UnaskedShipments,
)
from adapters.simulated.carrier import bear, collect, label_by_hand
from adapters.simulated.desk import effect, read
from adapters.simulated.goods import (
    PickersWait,
    PickEvent,
    PickRecord,
    ReturnRecord,
    ShelfGap,
    StockRecord,
)
from adapters.simulated.stock import take_from_shelf
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/warehouse")

GRAMS_PER_UNIT = 250
_NEXT = {
    PickState.REQUESTED: PickState.PICKING,
    PickState.PICKING: PickState.PICKED,
    PickState.PICKED: PickState.PACKED,
}
_BEFORE = {
    PickState.PICKED: (PickState.REQUESTED, PickState.PICKING),
    PickState.PACKED: (PickState.REQUESTED, PickState.PICKING, PickState.PICKED),
}


@effect(router)
def request_pick(world: World, told: PickRequest, key: str) -> Done:  # noqa: ARG001  the shipment id is the key
    """Ensure the pick is on the warehouse's list. Refused when it was cancelled, or asked for with other lines."""
    pick = world.state.load(PickRecord, told.shipment_id)
    if pick is not None:
        if pick.state is PickState.CANCELLED:
            raise Refusal("cancelled", "this pick was cancelled")
        if (tuple(pick.lines), pick.location) != (told.lines, told.location):
            raise Refusal("pick_differs", "this pick was requested with other lines, or elsewhere")
        return Done()
    pick = PickRecord(
        shipment_id=told.shipment_id,
        order_id=told.order_id,
        lines=list(told.lines),
        location=told.location,
        ship_to=told.ship_to,
        state=PickState.REQUESTED,
    )
    _enter(world, pick, PickState.REQUESTED)
    world.waits("pick", pick.shipment_id)
    return Done()


@read(router)
def look_up_pick(world: World, shipment_id: ShipmentId) -> Pick | None:
    """The pick as the warehouse sees it now."""
    pick = world.state.load(PickRecord, shipment_id)
    if pick is None or not pick.order_id:
        return None
    return Pick(shipment_id=shipment_id, state=pick.state, packages=tuple(pick.packages))


@read(router)
def look_up_unasked(world: World, order_id: OrderId) -> UnaskedShipments | None:
    """Shipments of the order that people began by hand and that bear no shipment id yet, oldest first."""
    picks = world.state.of_order(PickRecord, order_id)
    return UnaskedShipments(
        shipments=tuple(
            Unasked(
                reference=pick.shipment_id, state=pick.state, location=pick.location, lines=tuple(pick.lines)
            )
            for pick in picks
            if pick.unasked and pick.state is not PickState.CANCELLED
        )
    )


@effect(router)
def adopt(world: World, told: Adopt, key: str) -> Done:  # noqa: ARG001  the reference is the key
    """Ensure the shipment begun by hand bears this id from now on. Refused when it bears another, or another has it."""
    borne = world.state.linked("by_hand", told.reference)
    if borne == told.shipment_id:
        return Done()
    if borne is not None:
        raise Refusal("adopted_already", "it bears another shipment id", field="reference")
    pick = world.state.load(PickRecord, told.reference)
    if pick is None or not pick.unasked:
        raise Refusal("unknown_pick", "nothing was begun by hand under this reference", field="reference")
    if not told.shipment_id.startswith(f"{pick.order_id}/"):
        raise Refusal("wrong_order", "it is a shipment of another order", field="shipment_id")
    if world.state.load(PickRecord, told.shipment_id) is not None:
        raise Refusal("shipment_known", "there is another pick under this id", field="shipment_id")
    world.state.rename(PickRecord, told.reference, told.shipment_id)
    world.state.link("by_hand", told.reference, told.shipment_id)
    bear(world, told.reference, told.shipment_id)
    pick.shipment_id = told.shipment_id
    world.state.save(pick, pick.shipment_id)
    return Done()


@effect(router)
def cancel_pick(world: World, told: ShipmentTold, key: str) -> CancelPickAnswer:  # noqa: ARG001  a target needs no key
    """Ensure it does not ship, nor is picked by a request that comes later. Too late once labels are on it."""
    pick = world.state.load(PickRecord, told.shipment_id)
    if pick is None:
        pick = PickRecord(shipment_id=told.shipment_id, order_id="", state=PickState.REQUESTED)
    if pick.state is PickState.SHIPPED:
        return TooLate(why="it has left the house")
    if pick.labels is not None or pick.unstoppable:
        return TooLate(why="it is being loaded")
    if pick.state is not PickState.CANCELLED:
        _enter(world, pick, PickState.CANCELLED)
        world.rests("pick", pick.shipment_id)
    return PickCancelled()


@effect(router)
def hand_over(world: World, told: HandOver, key: str) -> Done:  # noqa: ARG001  the shipment id is the key
    """Ensure the packed shipment carries these labels, one per package, so that it can leave."""
    pick = world.state.load(PickRecord, told.shipment_id)
    if pick is None or not pick.order_id:
        raise Refusal("unknown_pick", "the warehouse has no such pick", field="shipment_id")
    if pick.state is PickState.CANCELLED:
        raise Refusal("cancelled", "this pick was cancelled")
    if pick.labels == told.labels:
        return Done()
    if pick.labels is not None:
        raise Refusal("labels_differ", "it carries other labels")
    if pick.state is not PickState.PACKED:
        raise Refusal("not_packed", f"it is {pick.state}")
    if [p.package_id for p in pick.packages] != [label.package_id for label in told.labels.labels]:
        raise Refusal("packages_differ", "one label per package, in their order", field="labels.labels")
    pick.labels = told.labels
    world.state.save(pick, pick.shipment_id)
    world.waits("pick", pick.shipment_id)
    return Done()


@effect(router)
def expect_return(world: World, told: ReturnNotice, key: str) -> Done:  # noqa: ARG001  the return id is the key
    """Ensure the warehouse expects these goods, under the return's id. Refused when it expects others."""
    record = world.state.load(ReturnRecord, told.return_id)
    if record is None:
        record = ReturnRecord(
            **told.model_dump(exclude={"lines"}), lines=list(told.lines), expected=world.state.mark()
        )
        world.state.save(record, told.return_id)
    elif (tuple(record.lines), record.location) != (told.lines, told.location):
        raise Refusal("return_differs", "this return was announced with other lines, or elsewhere")
    return Done()


@read(router)
def look_up_return(world: World, return_id: ReturnId) -> Receipt | None:
    """What has come of this return so far."""
    record = world.state.load(ReturnRecord, return_id)
    if record is None:
        return None
    return Receipt(return_id=return_id, lines=tuple(record.received), complete=record.complete)


@read(router)
def changes(world: World, since: str | None = None) -> Changes | None:
    """Orders whose picks moved on since the cursor; from the beginning without one."""
    return world.changes("warehouse", since)


def begin_by_hand(
    world: World, order_id: str, lines: Sequence[ShipmentLine], location: str, state: PickState
) -> PickRecord:
    """People pack what nobody asked for, and perhaps send it off. Refusal: there is not as much on the shelf."""
    reference = f"HAND{world.state.mark().seq:06}"
    for line in lines:
        article = world.state.load(StockRecord, line.sku)
        if article and article.at(location).on_hand < line.quantity:
            raise Refusal("not_enough", f"not as many of {line.sku} at {location}", status=409)
    pick = PickRecord(
        shipment_id=reference,
        order_id=order_id,
        lines=list(lines),
        location=location,
        state=PickState.PACKED,
        packages=_packed(reference, lines, world.settings.units_per_package),
        by_hand=reference,
        history=[PickEvent(state=PickState.PACKED, mark=world.state.mark())],
    )
    if state is PickState.SHIPPED:
        label_by_hand(world, order_id, reference, pick.packages)
        _ship(world, pick)
    else:
        _save(world, pick)
    return pick


def advance(world: World, shipment_id: str) -> bool:
    """The warehouse people's next step with this pick; False when they wait for labels, or are done."""
    pick = world.state.load(PickRecord, shipment_id)
    world.rests("pick", shipment_id)
    if pick is None:
        return False
    if pick.state is PickState.PACKED and pick.labels is not None:
        _ship(world, pick)
        return True
    following = _NEXT.get(pick.state)
    if following is None:
        return False
    if following is PickState.PACKED:
        found = [_found(world, line, pick.location) for line in pick.lines]
        pick.packages = _packed(
            shipment_id, [line for line in found if line], world.settings.units_per_package
        )
    _enter(world, pick, following)
    if following is not PickState.PACKED:
        world.waits("pick", shipment_id)
    return True


def go_on(world: World, shipment_id: str) -> None:
    """That step, when its time has come: but not with an order that the pickers were told to wait with."""
    pick = world.state.load(PickRecord, shipment_id)
    told = world.state.load(PickersWait, pick.order_id) if pick else None
    if told and told.wait:
        world.rests("pick", shipment_id)
    else:
        advance(world, shipment_id)


def pickers_wait(world: World, order_id: str, *, wait: bool) -> None:
    """With whatever is to be picked of it, now or later."""
    world.state.save(PickersWait(order_id=order_id, wait=wait), order_id)
    for pick in world.state.of_order(PickRecord, order_id):
        if not wait:
            world.waits("pick", pick.shipment_id)


def work_until(world: World, shipment_id: str, wanted: PickState) -> bool:
    """Go on to `picked` or `packed` at once, whatever the pace; False when it is there or beyond."""
    moved = False
    while (pick := world.state.load(PickRecord, shipment_id)) and pick.state in _BEFORE[wanted]:
        moved = advance(world, shipment_id)
    return moved


def _ship(world: World, pick: PickRecord) -> None:
    for package in pick.packages:
        for line in package.lines:
            take_from_shelf(world, pick.order_id, line.sku, line.line_id, line.quantity, pick.location)
    _enter(world, pick, PickState.SHIPPED)
    world.state.link("shipped", pick.order_id, pick.shipment_id)
    collect(world, pick.shipment_id)


def _enter(world: World, pick: PickRecord, state: PickState) -> None:
    pick.state = state
    pick.history.append(PickEvent(state=state, mark=world.state.mark()))
    _save(world, pick)


def _save(world: World, pick: PickRecord) -> None:
    """Keep it, and tell of it: all but what the caller did itself."""
    world.state.save(pick, pick.shipment_id)
    if pick.order_id:
        world.state.changed("warehouse", pick.order_id)
        if pick.unasked:
            world.hint("warehouse", "shipment_by_hand", pick.order_id)
        elif pick.state not in (PickState.REQUESTED, PickState.CANCELLED):
            world.hint("warehouse", f"pick_{pick.state}", pick.order_id)


def _found(world: World, line: ShipmentLine, location: str) -> ShipmentLine | None:
    """What the picker finds of it on the shelf."""
    gap = world.state.load(ShelfGap, f"{location}/{line.sku}")
    missing = min(gap.units, line.quantity) if gap else 0
    if gap and missing:
        gap.units -= missing
        world.state.save(gap, f"{location}/{line.sku}")
    article = world.state.load(StockRecord, line.sku)  # none: its stock is kept in another system
    most = article.at(location).on_hand if article else line.quantity
    found = min(line.quantity - missing, most)
    return line.model_copy(update={"quantity": found}) if found > 0 else None


def _packed(shipment_id: str, lines: Sequence[ShipmentLine], units_max: int) -> list[Package]:
    """Boxes filled one after the other."""
    boxes: list[list[ShipmentLine]] = [[]]
    room = units_max
    for line in lines:
        left = line.quantity
        while left:
            if not room:
                boxes.append([])
                room = units_max
            taken = min(left, room)
            boxes[-1].append(line.model_copy(update={"quantity": taken}))
            left, room = left - taken, room - taken
    return [
        Package(
            package_id=f"{shipment_id}/p{number}",
            lines=tuple(box),
            weight_grams=GRAMS_PER_UNIT * sum(line.quantity for line in box),
        )
        for number, box in enumerate(boxes, 1)
        if box
    ]
