"""Who moves units without being asked by us: people who count, receive and sell by the pallet. Under /world."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from adapters.connector.protocol.common import MAIN, LineId, Location, ReturnId, Sku, Units
from adapters.connector.protocol.returns import Condition, ReceivedLine
from adapters.connector.protocol.stock import Count
from adapters.simulated import stock
from adapters.simulated.goods import (
    ReturnEvent,
    ReturnRecord,
    ShelfGap,
    StockRecord,
    WholesaleLine,
    WholesaleRecord,
)
from adapters.simulated.world import Asked, Refusal, world_of

router = APIRouter(prefix="/world", tags=["world"])


class SetStock(Asked):
    on_hand: dict[Sku, Count]
    location: Location = MAIN


class Arrival(Asked):
    units: Annotated[dict[Sku, Units], Field(min_length=1)]
    location: Location = MAIN


class Gap(Asked):
    sku: Sku
    units: Count
    location: Location = MAIN


class Pallet(Asked):
    sku: Sku
    quantity: Units
    location: Location = MAIN


class Wholesale(Asked):
    lines: Annotated[list[Pallet], Field(min_length=1)]


class Found(Asked):
    line_id: LineId
    quantity: Units
    condition: Condition = Condition.GOOD


class Receive(Asked):
    return_id: ReturnId
    lines: list[Found] = Field(default_factory=list)
    complete: bool = False


@router.put("/stock")
async def set_stock(request: Request, asked: SetStock) -> dict[str, int]:
    """Count the shelves: articles become known, and this many are on hand. Not fewer than are reserved. No hint."""
    world = world_of(request)
    with world.transaction():
        for sku, on_hand in asked.on_hand.items():
            article = world.state.load(StockRecord, sku) or StockRecord(sku=sku)
            shelf = article.at(asked.location)
            if on_hand < shelf.reserved:
                raise Refusal("reserved", f"{shelf.reserved} of {sku} are reserved", status=409)
            shelf.on_hand = on_hand
            world.state.save(article, sku)
    return asked.on_hand


@router.post("/stock/arrive")
async def arrive(request: Request, asked: Arrival) -> Arrival:
    """So many more are on hand. Every order whose reservation is short of them is told, oldest placed first."""
    world = world_of(request)
    with world.transaction():
        for sku, units in asked.units.items():
            stock.put_on_shelf(world, sku, asked.location, units)
    return asked


@router.put("/stock/missing")
async def hide_stock(request: Request, asked: Gap) -> Gap:
    """The next picks there will find so many units fewer than the books have: a short pick."""
    world = world_of(request)
    with world.transaction():
        gap = ShelfGap(sku=asked.sku, location=asked.location, units=asked.units)
        world.state.save(gap, f"{asked.location}/{asked.sku}")
    return asked


@router.post("/returns/receive")
async def receive(request: Request, asked: Receive) -> ReturnRecord:
    """A box of the return is opened, and this was in it. With `complete` nothing more of it is expected."""
    world = world_of(request)
    with world.transaction():
        record = world.state.load(ReturnRecord, asked.return_id)
        if record is None:
            raise Refusal("unknown_return", "the warehouse does not expect it", status=404)
        if record.complete:
            raise Refusal("complete", "nothing more is expected of it", status=409)
        skus = {line.line_id: line.sku for line in record.lines}
        for line in asked.lines:
            if line.line_id not in skus:
                raise Refusal("unknown_line", "the return has no such line", field="lines")
        lines = [ReceivedLine(sku=skus[line.line_id], **line.model_dump()) for line in asked.lines]
        record.events.append(ReturnEvent(lines=lines, mark=world.state.mark()))
        record.complete = asked.complete
        world.state.save(record, asked.return_id)
        world.state.changed("warehouse", record.order_id)
        world.hint("warehouse", "return_received", record.order_id)
    return record


@router.post("/erp/wholesale")
async def sell_by_the_pallet(request: Request, asked: Wholesale) -> WholesaleRecord:
    """People enter an order of another business in the ERP: free units leave their shelves at once, all or none."""
    world = world_of(request)
    with world.transaction():
        mark = world.state.mark()
        for line in asked.lines:
            stock.take_free(world, line.sku, line.location, line.quantity)
        lines = [WholesaleLine(**line.model_dump()) for line in asked.lines]
        sold = WholesaleRecord(reference=f"WS{mark.seq:06}", lines=lines, mark=mark)
        world.state.save(sold, sold.reference)
    return sold
