from decimal import Decimal

from fastapi import APIRouter

from adapters.connector.protocol.articles import Articles
from adapters.connector.protocol.common import Done, OrderId
from adapters.connector.protocol.shipments import ShipmentReport
from adapters.connector.protocol.storefront import (
    CancelShopOrder,
    StorefrontLine,
    StorefrontOrder,
    StorefrontState,
)
from adapters.simulated.desk import effect, read
from adapters.simulated.records import ShopArticle, ShopOrder, Told
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/storefront")


@read(router)
def look_up_order(world: World, order_id: OrderId) -> StorefrontOrder | None:
    """The order as the shop shows it to its customer now."""
    order = world.state.load(ShopOrder, order_id)
    if order is None:
        return None
    lines = tuple(
        StorefrontLine(line_id=line.line_id, quantity=line.quantity, total=line.total) for line in order.lines
    )
    return StorefrontOrder(order_id=order_id, state=order.state, lines=lines, total=order.total)


@read(router)
def articles(world: World, after: str | None = None) -> Articles | None:
    """All articles that the shop sells, in pages, in an order that stays: `after` is the former page's `next_after`."""
    found, more = world.state.page([ShopArticle], "", after)
    return Articles(items=tuple(record.article for record in found), next_after=more)


@effect(router)
def report_shipment(world: World, told: ShipmentReport, key: str) -> Done:
    """Ensure the shop shows the shipment with its tracking numbers, and the captured money as paid."""
    order = _order(world, told.order_id)
    if order.state is StorefrontState.CANCELLED:
        raise Refusal("cancelled", "the order is cancelled in the shop")
    if ensure_told(order.shipments, told):
        return Done()
    left = units_left({line.line_id: line.quantity for line in order.lines if line.ships}, order.shipments)
    take_units(left, told)
    order.shipments.append(Told(report=told, key=key, mark=world.state.mark()))
    if not any(left.values()):
        order.state = StorefrontState.FULFILLED
    world.state.save(order, order.order_id)
    return Done()


@effect(router)
def cancel_order(world: World, told: CancelShopOrder, key: str) -> Done:  # noqa: ARG001  a target needs no key
    """Ensure the shop shows the order as cancelled. Refused once any of it is shown as fulfilled."""
    order = _order(world, told.order_id)
    if order.shipments:
        raise Refusal("fulfilled", "the shop shows a shipment of this order")
    if order.state is StorefrontState.OPEN:
        order.state = StorefrontState.CANCELLED
        order.cancelled = world.state.mark()
        world.state.save(order, order.order_id)
    return Done()


def ensure_told(shipments: list[Told], told: ShipmentReport) -> bool:
    """Whether this shipment is known already; Refusal when it was told otherwise before."""
    for known in shipments:
        if known.report.shipment_id == told.shipment_id:
            if known.report != told:
                raise Refusal("shipment_differs", "this shipment was reported with other content")
            return True
    return False


def units_left(ordered: dict[str, int], shipments: list[Told]) -> dict[str, int]:
    left = dict(ordered)
    for known in shipments:
        for line in known.report.lines:
            left[line.line_id] -= line.quantity
    return left


def take_units(left: dict[str, int], told: ShipmentReport) -> None:
    """Refusal when the shipment has lines or units that the order has not."""
    if Decimal(told.captured.amount) < 0:
        raise Refusal("invalid", "captured money is not negative", field="captured")
    for i, line in enumerate(told.lines):
        if line.line_id not in left:
            raise Refusal(
                "unknown_line", "the order has no such line that ships", field=f"lines[{i}].line_id"
            )
        left[line.line_id] -= line.quantity
        if left[line.line_id] < 0:
            raise Refusal("over_shipped", "more than was ordered", field=f"lines[{i}].quantity")


def _order(world: World, order_id: str) -> ShopOrder:
    order = world.state.load(ShopOrder, order_id)
    if order is None:
        raise Refusal("unknown_order", "the shop has no such order", field="order_id")
    return order
