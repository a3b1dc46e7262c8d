"""People who change or cancel orders in the ERP's and the shop's own screens. Served under /world."""

from collections.abc import Iterable
from decimal import Decimal

from fastapi import APIRouter, Request

from adapters.connector.protocol.erp import ErpOrderState, SalesOrder
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge
from adapters.connector.protocol.storefront import StorefrontState
from adapters.simulated import credit, erp, storefront
from adapters.simulated.edits import CancelByHand, EditOrder, Sold, applied
from adapters.simulated.goods import StockRecord
from adapters.simulated.records import ByHand, EditedLine, SalesOrderRecord, ShopLine, ShopOrder
from adapters.simulated.sums import decimal, money
from adapters.simulated.world import Refusal, World, world_of

router = APIRouter(prefix="/world", tags=["world"])

Item = SalesLine | SalesSurcharge


@router.post("/erp/edit")
async def edit_in_erp(request: Request, asked: EditOrder) -> SalesOrderRecord:
    """The ERP computes taxes and totals. An added line gets an `erp_line` of the ERP's, and no line id from outside."""
    world = world_of(request)
    with world.transaction():
        record, order = _sale(world, asked.order_id)
        for new in asked.add:
            if world.state.load(StockRecord, new.sku) is None:
                raise Refusal("unknown_sku", f"there is no article {new.sku}", status=404)

        def new_id() -> str:
            number = erp.next_number(record)
            record.numbers[f"erp-{number}"] = number
            record.strangers.append(f"erp-{number}")
            return f"erp-{number}"

        sold = applied(
            world, Sold(order.lines, order.surcharges), asked, erp.left_the_house(world, record), new_id
        )
        edited = order.model_copy(
            update={
                "lines": sold.lines,
                "surcharges": sold.surcharges,
                "shipping": asked.shipping or order.shipping,
                "total": sold.total,
            }
        )
        if edited != order:
            record.order = edited
            record.edits += 1
            touched = _touched((*order.lines, *order.surcharges), sold.items)
            moved = edited.shipping != order.shipping
            record.by_hand.append(_by_hand(world, asked.actor, record.edits, touched, address=moved))
            _tell(world, record, "order_edited")
    return record


@router.post("/erp/cancel")
async def cancel_in_erp(request: Request, asked: CancelByHand) -> SalesOrderRecord:
    """Refused once some of it has shipped. Its credit is free again."""
    world = world_of(request)
    with world.transaction():
        record, _ = _sale(world, asked.order_id)
        if erp.left_the_house(world, record):
            raise Refusal("shipped", "some of the order has shipped", status=409)
        record.state, record.cancelled = ErpOrderState.CANCELLED, world.state.mark()
        record.edits += 1
        record.by_hand.append(_by_hand(world, asked.actor, record.edits, {}))
        _tell(world, record, "order_cancelled")
        credit.free(world, asked.order_id, "")
    return record


@router.post("/shop/edit")
async def edit_in_shop(request: Request, asked: EditOrder) -> ShopOrder:
    """The shop computes taxes and totals. An added line gets a line id of the shop's."""
    world = world_of(request)
    with world.transaction():
        order = world.state.load(ShopOrder, asked.order_id)
        if order is None:
            raise Refusal("unknown_order", "the shop has no such order", status=404)
        if order.state is StorefrontState.CANCELLED:
            raise Refusal("cancelled", "the order is cancelled in the shop", status=409)
        before = _sold(order.lines)
        sold = applied(
            world,
            before,
            asked,
            storefront.units_shipped(order.shipments),
            lambda: f"shop-{world.state.mark().seq}",
        )
        lines = [storefront.shop_line(item) for item in sold.items]
        shipping = asked.shipping or order.shipping
        if ([line.shown for line in order.lines], order.shipping) != (
            [line.shown for line in lines],
            shipping,
        ):
            order.edits += 1
            touched, moved = _touched(before.items, sold.items), shipping != order.shipping
            order.by_hand.append(_by_hand(world, asked.actor, order.edits, touched, address=moved))
            order.shipping = shipping
            storefront.show(world, order, lines, sold.total)
            world.hint("storefront", "order_edited", order.order_id)
    return order


def _sale(world: World, order_id: str) -> tuple[SalesOrderRecord, SalesOrder]:
    record = world.state.load(SalesOrderRecord, order_id)
    if record is None or record.order is None:
        raise Refusal("unknown_order", "the ERP has no such order", status=404)
    if record.state is not ErpOrderState.ENTERED:
        raise Refusal(record.state, f"the order is {record.state}", status=409)
    return record, record.order


def _tell(world: World, record: SalesOrderRecord, event: str) -> None:
    erp.save(world, record)
    world.hint("erp", event, record.order_id)


def _by_hand(
    world: World, actor: str, version: int, touched: dict[str, EditedLine | None], *, address: bool = False
) -> ByHand:
    return ByHand(actor=actor, version=version, mark=world.state.mark(), lines=touched, address=address)


def _touched(before: Iterable[Item], after: Iterable[Item]) -> dict[str, EditedLine | None]:
    was, becomes = ({item.line_id: _shown(item) for item in items} for items in (before, after))
    names = dict.fromkeys([*was, *becomes])
    return {name: becomes.get(name) for name in names if was.get(name) != becomes.get(name)}


def _shown(item: Item) -> EditedLine:
    if isinstance(item, SalesLine):
        return EditedLine(sku=item.sku, quantity=item.quantity, total=item.total)
    return EditedLine(sku=None, quantity=1, total=item.total)


def _sold(lines: list[ShopLine]) -> Sold:
    items = [line.item or _guessed(line) for line in lines]
    return Sold(
        tuple(item for item in items if isinstance(item, SalesLine)),
        tuple(item for item in items if isinstance(item, SalesSurcharge)),
    )


def _guessed(line: ShopLine) -> SalesLine | SalesSurcharge:
    """How a line is priced that the shop knows the total of: its taxes, whatever they are, in its price."""
    none = money(Decimal(0), line.total)
    told = {"line_id": line.line_id, "name": line.name, "discount": none, "order_discount": none, "taxes": ()}
    if line.sku is None:
        return SalesSurcharge.model_validate(
            {**told, "kind": "freight", "taxes_included": True, "amount": line.total, "total": line.total}
        )
    price = round(decimal(line.total) / line.quantity, 10)
    return SalesLine.model_validate(
        {
            **told,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit_price": f"{price:f}",
            "taxes_included": True,
            "ships": line.ships,
            "total": line.total,
        }
    )
