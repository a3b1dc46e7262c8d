"""The world's own doings, no part of the protocol: shoppers, pickers, drivers. Served under /world."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, model_validator

from adapters.connector.protocol.common import MAIN, Address, Location, Money, OrderId, ShipmentId
from adapters.connector.protocol.shipments import ShipmentLine
from adapters.connector.protocol.storefront import StorefrontState
from adapters.connector.protocol.warehouse import PickState
from adapters.simulated import carrier, warehouse
from adapters.simulated.goods import DoomedParcel, ParcelRecord, PickRecord
from adapters.simulated.ledger import PaymentRecord
from adapters.simulated.payers import CheckoutPayment, pay
from adapters.simulated.records import MailRecord, ShopLine, ShopOrder
from adapters.simulated.storefront import shop_of
from adapters.simulated.world import Asked, Refusal, World, world_of

router = APIRouter(prefix="/world", tags=["world"])


class PlaceOrder(Asked):
    """A shopper ordered. `document` is the platform's own, kept as it is; `lines` are what the shop shows of it.

    Where it is paid by several tenders, a gift card and a card say, they are `payments`; `payment` is one alone.
    """

    channel: str
    platform: str
    order_id: OrderId
    document: dict[str, Any]
    lines: list[ShopLine]
    total: Money
    shipping: Address | None = None
    payment: CheckoutPayment | None = None
    payments: tuple[CheckoutPayment, ...] = ()

    @property
    def tenders(self) -> tuple[CheckoutPayment, ...]:
        return (self.payment,) if self.payment else self.payments

    @model_validator(mode="after")
    def _of_its_channel(self) -> "PlaceOrder":
        if self.order_id.split(":")[1] != self.channel:
            raise ValueError("order_id: order:{channel}:{the platform's id}")
        if self.payment and self.payments:
            raise ValueError("payments: one alone, or several")
        return self


class Placed(BaseModel):
    """The gateway's references, oldest first; `payment` is the first of them."""

    order_id: str
    payment: str | None
    payments: list[str]


class Ordered(Asked):
    order_id: OrderId


class Shipments(Asked):
    """None: all of them."""

    shipment_id: ShipmentId | None = None


class OneShipment(Asked):
    shipment_id: ShipmentId


class ByHand(Asked):
    order_id: OrderId
    lines: Annotated[list[ShipmentLine], Field(min_length=1)]
    location: Location = MAIN
    state: Literal["packed", "shipped"] = "packed"


class Wait(Asked):
    order_id: OrderId
    wait: bool = True


class Moved(BaseModel):
    shipments: list[str]


@router.post("/orders")
async def place_order(request: Request, asked: PlaceOrder) -> Placed:
    """Once per order id: the same again changes nothing."""
    world = world_of(request)
    with world.transaction():
        known = world.state.load(ShopOrder, asked.order_id)
        if known is None:
            order = ShopOrder(**asked.model_dump(exclude={"payment", "payments"}), placed=world.state.mark())
            world.state.save(order, order.order_id)
            world.state.changed(shop_of(order.channel), order.order_id)
            for tender in asked.tenders:
                pay(world, asked.order_id, tender)
        elif known.document != asked.document:
            raise Refusal("order_differs", "the shop has another order under this id", status=409)
        made = [payment.reference for payment in world.state.of_order(PaymentRecord, asked.order_id)]
    return Placed(order_id=asked.order_id, payment=made[0] if made else None, payments=made)


@router.post("/orders/cancel")
async def cancel_in_shop(request: Request, asked: Ordered) -> Ordered:
    """The customer cancels in the shop, where nothing is shown as shipped yet. Cancelled already: nothing changes."""
    world = world_of(request)
    with world.transaction():
        order = world.state.load(ShopOrder, asked.order_id)
        if order is None:
            raise Refusal("unknown_order", "the shop has no such order", status=404)
        if order.shipments:
            raise Refusal("fulfilled", "the shop shows a shipment of this order", status=409)
        if order.state is StorefrontState.OPEN:
            order.state, order.cancelled = StorefrontState.CANCELLED, world.state.mark()
            world.state.save(order, order.order_id)
            world.state.changed(shop_of(order.channel), order.order_id)
            world.hint("storefront", "order_cancelled", order.order_id)
    return asked


@router.post("/warehouse/pick")
async def pick(request: Request, asked: Shipments) -> Moved:
    """Pick at once, whatever the pace."""
    return _work(world_of(request), asked, PickState.PICKED)


@router.post("/warehouse/pack")
async def pack(request: Request, asked: Shipments) -> Moved:
    """Pick what is not picked yet, and pack, at once."""
    return _work(world_of(request), asked, PickState.PACKED)


@router.put("/warehouse/wait")
async def wait(request: Request, asked: Wait) -> Wait:
    """Nobody goes on with this order's picks by themselves, until the pickers need not `wait` any more."""
    world = world_of(request)
    with world.transaction():
        warehouse.pickers_wait(world, asked.order_id, wait=asked.wait)
    return asked


@router.post("/warehouse/by-hand")
async def begin_by_hand(request: Request, asked: ByHand) -> PickRecord:
    """People in the warehouse pack units of an order that nobody asked them for, or send them off at once."""
    world = world_of(request)
    with world.transaction():
        return warehouse.begin_by_hand(
            world, asked.order_id, asked.lines, asked.location, PickState(asked.state)
        )


@router.post("/warehouse/ship")
async def ship(request: Request, asked: Shipments) -> Moved:
    """Load what is packed and carries labels."""
    world = world_of(request)
    with world.transaction():
        found = [p.shipment_id for p in _picks(world, asked) if p.state is PickState.PACKED and p.labels]
        for shipment_id in found:
            warehouse.advance(world, shipment_id)
    return Moved(shipments=found)


@router.post("/warehouse/lock")
async def lock(request: Request, asked: Shipments) -> Moved:
    """From now on these picks cannot be stopped any more: a cancel comes too late."""
    world = world_of(request)
    with world.transaction():
        found = [p for p in _picks(world, asked) if p.state not in (PickState.SHIPPED, PickState.CANCELLED)]
        for record in found:
            record.unstoppable = True
            world.state.save(record, record.shipment_id)
    return Moved(shipments=[record.shipment_id for record in found])


@router.post("/carrier/collect")
async def collect(request: Request, asked: Shipments) -> Moved:
    """The driver came by at a warehouse that is not simulated, and took what has labels."""
    world = world_of(request)
    with world.transaction():
        return Moved(shipments=[s for s in _parcels(world, asked) if carrier.collect(world, s)])


@router.post("/carrier/deliver")
async def deliver(request: Request, asked: Shipments) -> Moved:
    world = world_of(request)
    with world.transaction():
        return Moved(shipments=[s for s in _parcels(world, asked) if carrier.deliver(world, s)])


@router.post("/carrier/lose")
async def lose(request: Request, asked: Shipments) -> Moved:
    world = world_of(request)
    with world.transaction():
        return Moved(shipments=[s for s in _parcels(world, asked) if carrier.lose(world, s)])


@router.put("/carrier/loses")
async def will_be_lost(request: Request, asked: OneShipment) -> OneShipment:
    """The carrier will lose this parcel: instead of its delivery, some time after it has left."""
    world = world_of(request)
    with world.transaction():
        world.state.save(DoomedParcel(shipment_id=asked.shipment_id), asked.shipment_id)
    return asked


@router.get("/mails")
async def mails(request: Request) -> list[MailRecord]:
    return world_of(request).state.all(MailRecord)


def _work(world: World, asked: Shipments, wanted: PickState) -> Moved:
    with world.transaction():
        names = [record.shipment_id for record in _picks(world, asked)]
        return Moved(shipments=[name for name in names if warehouse.work_until(world, name, wanted)])


def _picks(world: World, asked: Shipments) -> list[PickRecord]:
    if asked.shipment_id is None:
        return world.state.all(PickRecord)
    record = world.state.load(PickRecord, asked.shipment_id)
    if record is None:
        raise Refusal("unknown_pick", "the warehouse has no such pick", status=404)
    return [record]


def _parcels(world: World, asked: Shipments) -> list[str]:
    if asked.shipment_id is None:
        return [parcel.shipment_id for parcel in world.state.all(ParcelRecord)]
    return [asked.shipment_id]
