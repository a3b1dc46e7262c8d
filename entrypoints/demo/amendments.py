"""Orders that are changed on the way: by customer service, in the ERP alone, in the shop alone."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from domain.amendments import (
    AddLine,
    AmendmentState,
    Origin,
    RemoveLine,
    SetAddress,
    SetQuantity,
    SetUnitPrice,
)
from domain.document import OrderDocument
from domain.ids import Location, Sku
from domain.money import Money
from domain.orders import Address
from entrypoints.demo.cart import Cart
from entrypoints.demo.scene import Scene

_EACH = 3  # units of each of the two articles
_MAIN = Location("main")
_ELSEWHERE = Address(
    name="Roald Weiss", street="Hafenweg 3", postal_code="20457", city="Hamburg", country="DE"
)


def of_desk_and_chair(content: Cart) -> Cart:
    """Nobody else orders these, and none is there before the customer has called."""
    first = replace(content.lines[0], quantity=_EACH)
    desk = replace(first, sku=f"DESK-{content.number}", name="Desk, made to order")
    chair = replace(first, sku=f"CHAIR-{content.number}", name="Chair for it", unit=2 * first.unit + 1)
    return replace(content, lines=(desk, chair))


# -- before the order is placed ----------------------------------------------------------------------------------------


async def is_not_there_yet(scene: Scene) -> None:
    await scene.world.lies(_MAIN, dict.fromkeys((*_skus(scene), _lamp(scene)), 0))


# -- after it was placed -----------------------------------------------------------------------------------------------


async def wants_more_by_phone(scene: Scene) -> None:
    await _waits_for_its_goods(scene)
    await scene.is_amended(_units(scene, 5))
    await _comes(scene, "5 of the desks", {_skus(scene)[0]: 5})


async def wants_less_by_phone(scene: Scene) -> None:
    """One desk less, and no chair."""
    await _waits_for_its_goods(scene)
    await scene.is_amended(_units(scene, 2), RemoveLine(line_id=scene.placed.lines[1].line_id))
    await _comes(scene, "2 desks and no chair", {_skus(scene)[0]: 2, _skus(scene)[1]: 0})


async def wants_several_things_by_phone(scene: Scene) -> None:
    """Another article at the ERP's price, a better price for the first, and all of it elsewhere: together."""
    await _waits_for_its_goods(scene)
    lamp, desk = _lamp(scene), scene.placed.lines[0]
    listed = Money.rounded(desk.unit_price, scene.placed.currency)
    await scene.world.sells(lamp, "Lamp for it", listed, "0.19")
    await scene.is_amended(
        AddLine(sku=Sku(lamp), quantity=2),
        SetUnitPrice(line_id=desk.line_id, unit_price=desk.unit_price * Decimal("0.9")),
        SetAddress(shipping=_ELSEWHERE),
    )
    await _comes(scene, "with lamps, to Hamburg", {lamp: 2}, _goes_to_hamburg)


async def is_edited_in_the_erp(scene: Scene) -> None:
    await _waits_for_its_goods(scene)
    first, second = scene.placed.lines
    more = [{"line_id": first.line_id, "quantity": 4}]
    await scene.world.edits_in_erp(scene.order, set=more, remove=[second.line_id])
    record = await scene.amendment_is(AmendmentState.COMMITTED)
    await _comes(
        scene,
        "as the ERP has it",
        {first.sku: 4, second.sku: 0},
        lambda document: document.amendments == [record] and record.amendment.origin is Origin.ERP,
    )


async def is_edited_in_the_shop(scene: Scene) -> None:
    await _waits_for_its_goods(scene)
    less = [{"line_id": scene.placed.lines[1].line_id, "quantity": 1}]
    await scene.world.edits_in_shop(scene.order, set=less)
    record = await scene.amendment_is(AmendmentState.COMMITTED)
    await _comes(
        scene,
        "as the shop has it",
        {_skus(scene)[1]: 1},
        lambda document: document.amendments == [record] and record.amendment.origin is Origin.STOREFRONT,
    )


async def wants_more_and_is_declined(scene: Scene) -> None:
    """The bank gives no more: the order stays as it was, everywhere."""
    await _waits_for_its_goods(scene)
    await scene.world.declines_holds(scene.order)
    await scene.is_amended(_units(scene, 5), becomes=AmendmentState.UNDONE)
    await _comes(
        scene, "as it was", dict.fromkeys(_skus(scene), _EACH), lambda document: document.revision == 1
    )


# -- small words -------------------------------------------------------------------------------------------------------


def _skus(scene: Scene) -> tuple[str, ...]:
    return tuple(line.sku for line in scene.placed.lines)


def _lamp(scene: Scene) -> str:
    return f"{_skus(scene)[0]}-LAMP"


def _units(scene: Scene, units: int) -> SetQuantity:
    return SetQuantity(line_id=scene.placed.lines[0].line_id, quantity=units)


async def _waits_for_its_goods(scene: Scene) -> None:
    await scene.says("stock: ")


def _goes_to_hamburg(document: OrderDocument) -> bool:
    return document.order.shipping == _ELSEWHERE


async def _comes(
    scene: Scene,
    what: str,
    units: dict[str, int],
    also: Callable[[OrderDocument], bool] = lambda _: True,
) -> None:
    """The goods come in, and what leaves and is paid is the order as it is now."""
    for sku in (*_skus(scene), _lamp(scene)):
        await scene.world.arrives(sku, 2 * _EACH)

    def as_changed(document: OrderDocument) -> bool:
        ordered = {str(line.sku): line.quantity for line in document.order.lines}
        held = all(ordered.get(sku, 0) == count for sku, count in units.items())
        return held and also(document) and document.all_left and document.kept == document.order.total

    await scene.completes(as_changed, what)
