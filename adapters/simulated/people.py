"""The world's own doings, no part of the protocol: shoppers, banks, pickers, drivers. Served under /world."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from adapters.connector.protocol import Money, OrderId, PaymentState, PickState, ShipmentId, Sku
from adapters.simulated import carrier, warehouse
from adapters.simulated.records import (
    MailRecord,
    Movement,
    ParcelRecord,
    PaymentRecord,
    PickRecord,
    ShelfGap,
    ShopLine,
    ShopOrder,
    StockRecord,
)
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/world", tags=["world"])

HOLD_DAYS = 7


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CheckoutPayment(Asked):
    """What the shopper did at the checkout. `captured` is a prepaid order. `reference` None: the gateway makes one."""

    amount: Money
    state: PaymentState = PaymentState.AUTHORISED
    reference: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    multicapture: bool = False
    over_capture: Money | None = None
    capture_before: AwareDatetime | None = None


class PlaceOrder(Asked):
    """A shopper ordered. `document` is the platform's own, kept as it is; `lines` are what the shop shows of it."""

    channel: str
    platform: str
    order_id: OrderId
    document: dict[str, Any]
    lines: list[ShopLine]
    total: Money
    payment: CheckoutPayment | None = None

    @model_validator(mode="after")
    def _of_its_channel(self) -> "PlaceOrder":
        if self.order_id.split(":")[1] != self.channel:
            raise ValueError("order_id: order:{channel}:{the platform's id}")
        return self


class Placed(BaseModel):
    order_id: str
    payment: str | None


class SetStock(Asked):
    on_hand: dict[Sku, Annotated[int, Field(ge=0)]]


class Order(Asked):
    order_id: OrderId


class Shipments(Asked):
    """None: all of them."""

    shipment_id: ShipmentId | None = None


class Unit(Asked):
    sku: Sku
    units: Annotated[int, Field(ge=0)]


class Moved(BaseModel):
    shipments: list[str]


def _world(request: Request) -> World:
    world: World = request.app.state.desk.world
    return world


@router.post("/orders")
async def place_order(request: Request, asked: PlaceOrder) -> Placed:
    """Once per order id: the same again changes nothing."""
    world = _world(request)
    with world.transaction():
        known = world.state.load(ShopOrder, asked.order_id)
        if known is None:
            order = ShopOrder(**asked.model_dump(exclude={"payment"}), placed=world.state.mark())
            world.state.save(order, order.order_id)
            if asked.payment is not None:
                _pay(world, asked.order_id, asked.payment)
        elif known.document != asked.document:
            raise Refusal("order_differs", "the shop has another order under this id", status=409)
        return Placed(order_id=asked.order_id, payment=world.state.linked("payment", asked.order_id))


@router.put("/stock")
async def set_stock(request: Request, asked: SetStock) -> dict[str, int]:
    """Count the shelves: articles become known, and this many are on hand. Not fewer than are reserved."""
    world = _world(request)
    with world.transaction():
        for sku, on_hand in asked.on_hand.items():
            article = world.state.load(StockRecord, sku) or StockRecord(sku=sku, on_hand=on_hand)
            if on_hand < article.reserved:
                raise Refusal("reserved", f"{article.reserved} of {sku} are reserved", status=409)
            article.on_hand = on_hand
            world.state.save(article, sku)
    return asked.on_hand


@router.put("/stock/missing")
async def hide_stock(request: Request, asked: Unit) -> Unit:
    """The next picks will find so many units fewer than the books have: a short pick."""
    world = _world(request)
    with world.transaction():
        world.state.save(ShelfGap(sku=asked.sku, units=asked.units), asked.sku)
    return asked


@router.post("/payments/authorise")
async def authorise_payment(request: Request, asked: Order) -> Order:
    """The pending payment is confirmed by the shopper's bank."""
    return _decide(_world(request), asked, PaymentState.AUTHORISED)


@router.post("/payments/decline")
async def decline_payment(request: Request, asked: Order) -> Order:
    return _decide(_world(request), asked, PaymentState.DECLINED)


@router.post("/warehouse/pick")
async def pick(request: Request, asked: Shipments) -> Moved:
    """Pick at once, whatever the pace."""
    return _work(_world(request), asked, PickState.PICKED)


@router.post("/warehouse/pack")
async def pack(request: Request, asked: Shipments) -> Moved:
    """Pick what is not picked yet, and pack, at once."""
    return _work(_world(request), asked, PickState.PACKED)


@router.post("/warehouse/ship")
async def ship(request: Request, asked: Shipments) -> Moved:
    """Load what is packed and carries labels."""
    world = _world(request)
    with world.transaction():
        found = [p.shipment_id for p in _picks(world, asked) if p.state is PickState.PACKED and p.labels]
        for shipment_id in found:
            warehouse.advance(world, shipment_id)
    return Moved(shipments=found)


@router.post("/warehouse/lock")
async def lock(request: Request, asked: Shipments) -> Moved:
    """From now on these picks cannot be stopped any more: a cancel comes too late."""
    world = _world(request)
    with world.transaction():
        found = [p for p in _picks(world, asked) if p.state not in (PickState.SHIPPED, PickState.CANCELLED)]
        for record in found:
            record.unstoppable = True
            world.state.save(record, record.shipment_id)
    return Moved(shipments=[record.shipment_id for record in found])


@router.post("/carrier/collect")
async def collect(request: Request, asked: Shipments) -> Moved:
    """The driver came by at a warehouse that is not simulated, and took what has labels."""
    world = _world(request)
    with world.transaction():
        return Moved(shipments=[s for s in _parcels(world, asked) if carrier.collect(world, s)])


@router.post("/carrier/deliver")
async def deliver(request: Request, asked: Shipments) -> Moved:
    world = _world(request)
    with world.transaction():
        return Moved(shipments=[s for s in _parcels(world, asked) if carrier.deliver(world, s)])


@router.post("/carrier/lose")
async def lose(request: Request, asked: Shipments) -> Moved:
    world = _world(request)
    with world.transaction():
        return Moved(shipments=[s for s in _parcels(world, asked) if carrier.lose(world, s)])


@router.get("/mails")
async def mails(request: Request) -> list[MailRecord]:
    return _world(request).state.all(MailRecord)


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


def _pay(world: World, order_id: str, asked: CheckoutPayment) -> None:
    mark = world.state.mark()
    reference = asked.reference or f"pay_{mark.seq}"
    if world.state.load(PaymentRecord, reference):
        raise Refusal("payment_differs", "there is another payment under this reference", status=409)
    taken = Movement(key="checkout", reference=f"cap_{mark.seq}", amount=asked.amount, mark=mark)
    record = PaymentRecord(
        reference=reference,
        order_id=order_id,
        state=asked.state,
        authorised=asked.amount,
        multicapture=asked.multicapture,
        over_capture=asked.over_capture,
        capture_before=asked.capture_before or mark.at + timedelta(days=HOLD_DAYS),
        captures=[taken] if asked.state is PaymentState.CAPTURED else [],
        opened=mark,
    )
    world.state.save(record, reference)
    world.state.link("payment", order_id, reference)


def _decide(world: World, asked: Order, state: PaymentState) -> Order:
    with world.transaction():
        reference = world.state.linked("payment", asked.order_id)
        payment = world.state.load(PaymentRecord, reference) if reference else None
        if payment is None:
            raise Refusal("unknown_payment", "there is no such payment", status=404)
        if payment.state is not PaymentState.PENDING:
            raise Refusal("not_pending", f"the payment is {payment.state}", status=409)
        payment.state = state
        world.state.save(payment, payment.reference)
        world.hint("payments", f"payment_{state}", asked.order_id)
    return asked
