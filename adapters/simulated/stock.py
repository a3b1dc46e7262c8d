from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query

from adapters.connector.protocol.common import Done, OrderId, OrderTold, Sku
from adapters.connector.protocol.returns import Condition, ReceivedLine
from adapters.connector.protocol.stock import (
    SKUS_MAX,
    Demand,
    Reservation,
    Reserve,
    Reserved,
    Restock,
    Shelf,
    Shelves,
)
from adapters.simulated.desk import effect, read
from adapters.simulated.goods import ReservationRecord, RestockRecord, ReturnRecord, StockRecord
from adapters.simulated.records import ShopOrder
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/stock")

Skus = Annotated[list[Sku], Query(min_length=1, max_length=SKUS_MAX)]


@read(router)
def look_up_shelves(world: World, order_id: OrderId, sku: Skus) -> Shelves | None:
    """What each warehouse could give this order now: free units, and those it keeps for it already."""
    reservation = world.state.load(ReservationRecord, order_id)
    shelves = []
    for name in dict.fromkeys(sku):
        article = world.state.load(StockRecord, name)
        for location, shelf in sorted(article.shelves.items()) if article else ():
            kept = sum(
                line.reserved
                for line in (reservation.lines if reservation else ())
                if (line.sku, line.location) == (name, location)
            )
            shelves.append(Shelf(location=location, sku=name, units=shelf.free + kept))
    return Shelves(shelves=tuple(shelves))


@effect(router)
def reserve(world: World, told: Reserve, key: str) -> Reservation:  # noqa: ARG001  the order id is the key
    """Ensure exactly this is reserved for the order, as far as there is stock; the answer tells what is short."""
    _check(world, told.demand)
    before = world.state.load(ReservationRecord, told.order_id)
    kept = before.lines if before else []
    _unreserve(world, kept)
    lines = [_reserved(world, demand) for demand in told.demand]
    if before is None or before.lines != lines:
        before = ReservationRecord(order_id=told.order_id, lines=lines, mark=world.state.mark())
    _save(world, before)
    tell_waiting(world, _freed(kept, lines), but=told.order_id)
    return Reservation(lines=tuple(lines))


@effect(router)
def release(world: World, told: OrderTold, key: str) -> Done:  # noqa: ARG001  a target needs no key
    """Ensure nothing is reserved for the order. What shipped is not reserved any more and does not come back."""
    record = world.state.load(ReservationRecord, told.order_id)
    if record is not None and record.lines:
        kept = record.lines
        _unreserve(world, kept)
        record.lines, record.mark = [], world.state.mark()
        _save(world, record)
        tell_waiting(world, _freed(kept, []), but=told.order_id)
    return Done()


@read(router)
def look_up_reservation(world: World, order_id: OrderId) -> Reservation | None:
    """What is kept for the order now. What shipped is no part of it any more."""
    record = world.state.load(ReservationRecord, order_id)
    return Reservation(lines=tuple(record.lines)) if record and record.lines else None


@effect(router)
def restock(world: World, told: Restock, key: str) -> Done:  # noqa: ARG001  the return id is the key
    """Ensure the good units of this return are on hand again, once per return id; damaged ones are not.

    Refused: other content than before, units that the warehouse did not receive.
    """
    receipt = told.receipt
    good = [line for line in receipt.lines if line.condition is Condition.GOOD]
    known = world.state.load(RestockRecord, receipt.return_id)
    if known is not None:
        if (known.lines, known.location) != (good, told.location):
            raise Refusal("return_differs", "this return was restocked with other units, or elsewhere")
        return Done()
    _check_received(world, receipt.return_id, good)
    for line in good:
        _article(world, line.sku)
        put_on_shelf(world, line.sku, told.location, line.quantity)
    record = RestockRecord(
        return_id=receipt.return_id, location=told.location, lines=good, mark=world.state.mark()
    )
    world.state.save(record, receipt.return_id)
    return Done()


def put_on_shelf(world: World, sku: str, location: str, units: int) -> None:
    """Units come in. Orders that wait for them hear of it."""
    article = world.state.load(StockRecord, sku) or StockRecord(sku=sku)
    article.at(location).on_hand += units
    world.state.save(article, sku)
    tell_waiting(world, [sku])


def take_from_shelf(  # noqa: PLR0917  each is a fact of the units that leave
    world: World, order_id: str, sku: str, line_id: str, quantity: int, location: str
) -> None:
    """Units leave the house: from what is on hand there, and from what was reserved there for this line."""
    article = world.state.load(StockRecord, sku)
    if article is None:
        return  # the merchant keeps this article's stock in another system
    shelf = article.at(location)
    shelf.on_hand -= quantity
    record = world.state.load(ReservationRecord, order_id)
    if record is not None:
        lines = []
        for line in record.lines:
            gone = quantity if (line.line_id, line.location) == (line_id, location) else 0
            shelf.reserved -= min(gone, line.reserved)
            if line.wanted > gone:
                kept = max(0, line.reserved - gone)
                lines.append(line.model_copy(update={"wanted": line.wanted - gone, "reserved": kept}))
        record.lines = lines
        _save(world, record)
    _break_promises(world, article, location)
    world.state.save(article, sku)


def take_free(world: World, sku: str, location: str, units: int) -> None:
    """Units that are kept for nobody leave the shelf. Refusal: there are not as many."""
    article = world.state.load(StockRecord, sku)
    free = article.at(location).free if article else 0
    if article is None or free < units:
        raise Refusal("not_enough", f"{free} of {sku} are free at {location}", status=409)
    article.at(location).on_hand -= units
    world.state.save(article, sku)


def tell_waiting(world: World, skus: Iterable[str], but: str = "") -> None:
    """Every order that is short of one of these articles hears that there is more, oldest placed first."""
    for order_id in world.state.waiting_for(set(skus)):
        if order_id != but:
            world.hint("stock", "stock_arrived", order_id)


def _check(world: World, wanted: Iterable[Demand]) -> None:
    known: set[tuple[str, str]] = set()
    for i, demand in enumerate(wanted):
        if world.state.load(StockRecord, demand.sku) is None:
            raise Refusal("unknown_sku", f"there is no article {demand.sku}", field=f"demand[{i}].sku")
        if (demand.line_id, demand.location) in known:
            raise Refusal("line_named_twice", "a line is wanted once per warehouse", field=f"demand[{i}]")
        known.add((demand.line_id, demand.location))


def _check_received(world: World, return_id: str, good: Iterable[ReceivedLine]) -> None:
    """Refusal when the warehouse in the same house did not find as many good units in the box."""
    expected = world.state.load(ReturnRecord, return_id)
    if expected is None:
        return  # the merchant's warehouse is another system
    found = {(line.line_id, line.condition): line.quantity for line in expected.received}
    for line in good:
        if line.quantity > found.get((line.line_id, line.condition), 0):
            raise Refusal("not_received", "not as many came back in good condition", field="receipt.lines")


def _reserved(world: World, demand: Demand) -> Reserved:
    article = _article(world, demand.sku)
    kept = 0
    if shelf := article.shelves.get(demand.location):
        kept = min(demand.quantity, max(0, shelf.free))
        shelf.reserved += kept
        world.state.save(article, article.sku)
    return Reserved(
        line_id=demand.line_id,
        sku=demand.sku,
        location=demand.location,
        wanted=demand.quantity,
        reserved=kept,
    )


def _unreserve(world: World, lines: Iterable[Reserved]) -> None:
    for line in lines:
        if line.reserved:
            article = _article(world, line.sku)
            article.at(line.location).reserved -= line.reserved
            world.state.save(article, article.sku)


def _freed(before: Iterable[Reserved], after: Iterable[Reserved]) -> set[str]:
    """The articles of which something is free that was kept."""
    less: dict[tuple[str, str], int] = {}
    for sign, lines in ((1, before), (-1, after)):
        for line in lines:
            place = (line.sku, line.location)
            less[place] = less.get(place, 0) + sign * line.reserved
    return {sku for (sku, _), units in less.items() if units > 0}


def _break_promises(world: World, article: StockRecord, location: str) -> None:
    """Somebody took units that were kept for others: the youngest promises go first, and their orders hear of it."""
    shelf = article.at(location)
    if shelf.reserved <= shelf.on_hand:
        return
    youngest = sorted(world.state.all(ReservationRecord), key=lambda r: -_age(world, r))
    for record in youngest:
        for i, line in enumerate(record.lines):
            lost = min(line.reserved, shelf.reserved - shelf.on_hand)
            if (line.sku, line.location) == (article.sku, location) and lost > 0:
                record.lines[i] = line.model_copy(update={"reserved": line.reserved - lost})
                shelf.reserved -= lost
                _save(world, record)
                world.hint("stock", "reservation_broken", record.order_id)


def _save(world: World, record: ReservationRecord) -> None:
    short = {line.sku for line in record.lines if line.wanted > line.reserved}
    world.state.save(record, record.order_id)
    world.state.waits_for(record.order_id, short, since=_age(world, record) if short else 0)


def _age(world: World, record: ReservationRecord) -> int:
    """When the order was placed; where the shop is another one, when it last asked for stock."""
    order = world.state.load(ShopOrder, record.order_id)
    return order.placed.seq if order else record.mark.seq


def _article(world: World, sku: str) -> StockRecord:
    article = world.state.load(StockRecord, sku)
    if article is None:
        raise Refusal("unknown_sku", f"there is no article {sku}", field="sku")
    return article
