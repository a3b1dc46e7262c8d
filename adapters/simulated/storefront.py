import json
from decimal import Decimal

from fastapi import APIRouter

from adapters.connector.protocol.articles import Articles
from adapters.connector.protocol.common import Address, Done, Edited, Money, OrderId
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge
from adapters.connector.protocol.returns import CreditNote
from adapters.connector.protocol.shipments import ShipmentReport
from adapters.connector.protocol.storefront import (
    AmendAnswer,
    Amended,
    AmendShopOrder,
    CancelShopOrder,
    ShopDocument,
    ShopNews,
    StorefrontLine,
    StorefrontOrder,
    StorefrontState,
)
from adapters.simulated.desk import effect, read
from adapters.simulated.edits import edited_since
from adapters.simulated.records import GivenForReturn, ShopAmendment, ShopArticle, ShopLine, ShopOrder, Told
from adapters.simulated.sums import decimal, summed
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/storefront")


@read(router)
def look_up_order(world: World, order_id: OrderId) -> StorefrontOrder | None:
    """The order as the shop shows it to its customer now."""
    order = world.state.load(ShopOrder, order_id)
    return _shown(order) if order else None


@read(router)
def orders_since(world: World, channel: str, since: str | None = None) -> ShopNews | None:
    """The next orders of this channel that were placed or changed since the cursor. Without one: only the cursor of now."""
    if since is None:
        return ShopNews(orders=(), cursor=world.state.cursor_now())
    news = world.changes(shop_of(channel), since)
    found = [world.state.load(ShopOrder, order_id) for order_id in news.orders]
    documents = tuple(
        ShopDocument(order_id=order.order_id, document=json.dumps(order.document)) for order in found if order
    )
    return ShopNews(orders=documents, cursor=news.cursor)


def shop_of(channel: str) -> str:
    """Under which name the shop of this channel counts what is new."""
    return f"storefront/{channel}"


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
    if more_captured(order.shipments, told):
        world.state.save(order, order.order_id)
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
def amend_order(world: World, told: AmendShopOrder, key: str) -> AmendAnswer:
    """Ensure the shop shows exactly these lines, quantities and totals, and this address.

    `edited`, and nothing is written, where people have edited it since the version `known`, or since this very request
    was done, and it does not show the target. Refused below what it shows as shipped.
    """
    order = _order(world, told.order_id)
    if order.state is StorefrontState.CANCELLED:
        raise Refusal("cancelled", "the order is cancelled in the shop")
    items: tuple[SalesLine | SalesSurcharge, ...] = (*told.lines, *told.surcharges)
    if summed(item.total for item in items) != decimal(told.total):
        raise Refusal("amounts_differ", "the lines do not add up to the total", field="total")
    lines = [shop_line(item) for item in items]
    same = _seen(order.lines, order.total, order.shipping) == _seen(lines, told.total, told.shipping)
    if not same and _edited_since(order, told.known, key):
        return Edited(version=str(order.edits))
    check_shipped(
        units_shipped(order.shipments), {line.line_id: line.quantity for line in told.lines if line.ships}
    )
    if not same:
        amendment = ShopAmendment(
            lines=lines, total=told.total, shipping=told.shipping, key=key, mark=world.state.mark()
        )
        order.amendments.append(amendment)
        order.edits += 1
    order.shipping = told.shipping
    show(world, order, lines, told.total)
    return Amended(order=_shown(order))


@effect(router)
def record_refund(world: World, told: CreditNote, key: str) -> Done:
    """Ensure the shop shows what came back and what was given back for it, once per return id. No money moves."""
    order = _order(world, told.order_id)
    if given_before(order.refunds, told) is None:
        check_returned(units_shipped(order.shipments), order.refunds, told)
        if told.amount.currency != order.total.currency:
            raise Refusal("wrong_currency", "the order is in another currency", field="amount.currency")
        order.refunds.append(GivenForReturn(note=told, key=key, mark=world.state.mark()))
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


def more_captured(shipments: list[Told], told: ShipmentReport) -> bool:
    """Whether it is a known shipment under another capture's reference: more money, which is noted with it."""
    for known in shipments:
        reports = (known.report, *known.later)
        if told.capture_reference in {report.capture_reference for report in reports}:
            continue
        money = {"captured": told.captured, "capture_reference": told.capture_reference}
        if known.report.model_copy(update=money) == told:
            known.later.append(told)
            return True
    return False


def ensure_told(shipments: list[Told], told: ShipmentReport) -> bool:
    """Whether this shipment is known already; Refusal when it was told otherwise before."""
    for known in shipments:
        if known.report.shipment_id == told.shipment_id:
            if told not in (known.report, *known.later):
                raise Refusal("shipment_differs", "this shipment was reported with other content")
            return True
    return False


def units_shipped(shipments: list[Told]) -> dict[str, int]:
    units: dict[str, int] = {}
    for known in shipments:
        for line in known.report.lines:
            units[line.line_id] = units.get(line.line_id, 0) + line.quantity
    return units


def units_left(ordered: dict[str, int], shipments: list[Told]) -> dict[str, int]:
    shipped = units_shipped(shipments)
    return {line_id: quantity - shipped.get(line_id, 0) for line_id, quantity in ordered.items()}


def check_shipped(shipped: dict[str, int], ordered: dict[str, int]) -> None:
    """Refusal when fewer units are ordered from now on than have shipped."""
    for line_id, units in shipped.items():
        if units > ordered.get(line_id, 0):
            raise Refusal("below_shipped", f"{units} units of line {line_id} have shipped", field="lines")


def given_before(known: list[GivenForReturn], told: CreditNote) -> GivenForReturn | None:
    """What was told of this return before; Refusal when that was something else."""
    given = next((given for given in known if given.note.return_id == told.return_id), None)
    if given is not None and given.note != told:
        raise Refusal("return_differs", "this return was told with other content")
    return given


def check_returned(shipped: dict[str, int], known: list[GivenForReturn], told: CreditNote) -> None:
    """Refusal when more units come back than have shipped, or money is given that is none."""
    if Decimal(told.amount.amount) < 0:
        raise Refusal("invalid", "what is given back is not negative", field="amount")
    left = dict(shipped)
    for note in (*(given.note for given in known), told):
        for i, line in enumerate(note.lines):
            left[line.line_id] = left.get(line.line_id, 0) - line.quantity
            if left[line.line_id] < 0:
                raise Refusal("over_returned", "more than has shipped", field=f"lines[{i}].quantity")


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


def show(world: World, order: ShopOrder, lines: list[ShopLine], total: Money) -> None:
    """From now on the shop shows these."""
    order.lines, order.total = lines, total
    left = any(
        units_left({line.line_id: line.quantity for line in lines if line.ships}, order.shipments).values()
    )
    order.state = StorefrontState.OPEN if left or not order.shipments else StorefrontState.FULFILLED
    world.state.save(order, order.order_id)


def shop_line(item: SalesLine | SalesSurcharge) -> ShopLine:
    shown = ShopLine(
        line_id=item.line_id, name=item.name, quantity=1, total=item.total, ships=False, item=item
    )
    if isinstance(item, SalesLine):
        shown.sku, shown.quantity, shown.ships = item.sku, item.quantity, item.ships
    return shown


def _shown(order: ShopOrder) -> StorefrontOrder:
    lines = tuple(
        StorefrontLine(
            line_id=line.line_id, quantity=line.quantity, total=line.total, sku=line.sku, name=line.name
        )
        for line in order.lines
    )
    return StorefrontOrder(
        order_id=order.order_id,
        state=order.state,
        lines=lines,
        total=order.total,
        version=str(order.edits),
        shipping=order.shipping,
    )


def _seen(lines: list[ShopLine], total: Money, shipping: Address | None) -> object:
    return [line.shown for line in lines], total, shipping


def _edited_since(order: ShopOrder, known: str, key: str) -> bool:
    """Whether people have edited it since the version that is known, or since this very request was done."""
    done_before = bool(order.amendments) and order.amendments[-1].key == key
    repeated = done_before and any(one.version == order.edits for one in order.by_hand)
    return repeated or edited_since(order.by_hand, known)


def _order(world: World, order_id: str) -> ShopOrder:
    order = world.state.load(ShopOrder, order_id)
    if order is None:
        raise Refusal("unknown_order", "the shop has no such order", field="order_id")
    return order
