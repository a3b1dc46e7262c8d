from fastapi import APIRouter

from adapters.connector.protocol.common import Done, OrderId, OrderTold
from adapters.connector.protocol.stock import Reservation, Reserve, Reserved
from adapters.simulated.desk import effect, read
from adapters.simulated.records import ReservationRecord, StockRecord
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/stock")


@effect(router)
def reserve(world: World, told: Reserve, key: str) -> Reservation:  # noqa: ARG001  the order id is the key
    """Ensure exactly this is reserved for the order, as far as there is stock; the answer tells what is short."""
    for i, demand in enumerate(told.demand):
        if world.state.load(StockRecord, demand.sku) is None:
            raise Refusal("unknown_sku", f"there is no article {demand.sku}", field=f"demand[{i}].sku")
    before = world.state.load(ReservationRecord, told.order_id)
    _give_back(world, told.order_id)
    lines = []
    for demand in told.demand:
        article = _article(world, demand.sku)
        kept = max(0, min(demand.quantity, article.on_hand - article.reserved))
        article.reserved += kept
        world.state.save(article, article.sku)
        lines.append(Reserved(line_id=demand.line_id, sku=demand.sku, wanted=demand.quantity, reserved=kept))
    if before is None or before.lines != lines:
        before = ReservationRecord(order_id=told.order_id, lines=lines, mark=world.state.mark())
    world.state.save(before, told.order_id)
    return Reservation(lines=tuple(lines))


@effect(router)
def release(world: World, told: OrderTold, key: str) -> Done:  # noqa: ARG001  a target needs no key
    """Ensure nothing is reserved for the order. What shipped is not reserved any more and does not come back."""
    _give_back(world, told.order_id)
    return Done()


@read(router)
def look_up_reservation(world: World, order_id: OrderId) -> Reservation | None:
    """What is kept for the order now."""
    record = world.state.load(ReservationRecord, order_id)
    return Reservation(lines=tuple(record.lines)) if record and record.lines else None


def take_from_shelf(world: World, order_id: str, sku: str, line_id: str, quantity: int) -> None:
    """Units leave the house: from what is on hand, and from what was reserved for this line."""
    article = world.state.load(StockRecord, sku)
    if article is None:
        return  # the merchant keeps this article's stock in another system
    article.on_hand -= quantity
    record = world.state.load(ReservationRecord, order_id)
    if record is not None:
        lines = []
        for line in record.lines:
            gone = quantity if line.line_id == line_id else 0
            article.reserved -= min(gone, line.reserved)
            if line.wanted > gone:
                kept = max(0, line.reserved - gone)
                lines.append(line.model_copy(update={"wanted": line.wanted - gone, "reserved": kept}))
        record.lines = lines
        world.state.save(record, order_id)
    world.state.save(article, sku)


def _give_back(world: World, order_id: str) -> None:
    record = world.state.load(ReservationRecord, order_id)
    if record is None or not record.lines:
        return
    for line in record.lines:
        article = _article(world, line.sku)
        article.reserved -= line.reserved
        world.state.save(article, article.sku)
    record.lines = []
    record.mark = world.state.mark()
    world.state.save(record, order_id)


def _article(world: World, sku: str) -> StockRecord:
    article = world.state.load(StockRecord, sku)
    if article is None:
        raise Refusal("unknown_sku", f"there is no article {sku}", field="sku")
    return article
