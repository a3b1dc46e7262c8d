"""What the goods of the demo's orders do: they ship in parts, are missing, begun by hand, lost, sent back, disputed."""

from dataclasses import replace
from decimal import Decimal

from domain.attention import Action, Reason
from domain.document import OrderDocument
from domain.ids import Location, OrderId, return_id, shipment_id
from domain.ledger import Cause, EntryKind
from domain.orders import OrderLine
from domain.payments import DisputeState
from domain.phases import Phase
from domain.returns import ReturnState
from entrypoints.demo.cart import Cart
from entrypoints.demo.scene import Scene

_EACH = 3  # units of each of the two articles
_REST = 2  # of the first one, which come later or never
_MAIN, _NORTH, _SOUTH = Location("main"), Location("north"), Location("south")


def of_two_articles(content: Cart) -> Cart:
    """That nobody else orders: what lies where is this order's own story."""
    first = replace(content.lines[0], quantity=_EACH)
    lamp = replace(first, sku=f"LAMP-{content.number}", name="Lamp, made to order")
    shade = replace(first, sku=f"SHADE-{content.number}", name="Shade for it", rate=Decimal("0.07"))
    return replace(content, lines=(lamp, replace(shade, unit=2 * shade.unit + 1)))


# -- before the order is placed ----------------------------------------------------------------------------------------


async def lies_in_two_warehouses(scene: Scene) -> None:
    lamp, shade = scene.placed.lines
    await scene.world.lies(_NORTH, {lamp.sku: _EACH})
    await scene.world.lies(_SOUTH, {shade.sku: _EACH})


async def lies_in_one_and_a_few_elsewhere(scene: Scene) -> None:
    """One of them is not where the books say."""
    lamp, shade = scene.placed.lines
    await scene.world.lies(_NORTH, {lamp.sku: _EACH, shade.sku: _EACH})
    await scene.world.lies(_SOUTH, {lamp.sku: 1})
    await scene.world.hides(_NORTH, lamp.sku, 1)


async def is_not_all_found(scene: Scene) -> None:
    await lies_there(scene)
    await scene.world.hides(_MAIN, _lamp(scene).sku, 1)


async def lies_there(scene: Scene) -> None:
    await scene.world.lies(_MAIN, {line.sku: _EACH for line in scene.placed.lines})


async def lies_there_in_part(scene: Scene) -> None:
    lamp, shade = scene.placed.lines
    await scene.world.lies(_MAIN, {lamp.sku: _EACH - _REST, shade.sku: _EACH})


async def will_be_lost(scene: Scene) -> None:
    await lies_there(scene)
    await scene.world.will_be_lost(shipment_id(OrderId(scene.order), 1))


# -- after it was placed -----------------------------------------------------------------------------------------------


async def ships_from_both(scene: Scene) -> None:
    await scene.completes(
        lambda document: {one.location for one in document.shipments if one.left} == {_NORTH, _SOUTH},
        "shipped from both warehouses",
    )


async def ships_in_two_parts(scene: Scene) -> None:
    await scene.completes(
        lambda document: [one.left for one in document.shipments] == [True, True], "shipped in two parts"
    )


async def has_the_rest_later(scene: Scene) -> None:
    await _ships_what_is_there(scene)
    await scene.world.arrives(_lamp(scene).sku, _REST)
    await ships_in_two_parts(scene)


async def has_the_rest_begun_by_hand(scene: Scene) -> None:
    """Somebody sends them off without being asked, while the order is held: by itself it might ask for them first."""
    await _ships_what_is_there(scene)
    await scene.is_stopped()
    await scene.is_seen_held()
    await scene.world.lies(_MAIN, {_lamp(scene).sku: _REST})
    await scene.world.begins_by_hand(scene.order, _lamp(scene), _REST)
    await scene.is_released()
    await ships_in_two_parts(scene)


async def has_the_missing_cancelled(scene: Scene) -> None:
    await scene.completes(_is_smaller, "without what is missing")


async def has_the_rest_cancelled(scene: Scene) -> None:
    await _ships_what_is_there(scene)
    await scene.is_cancelled()
    await scene.completes(_is_smaller, "without the rest")


async def is_returned_in_part(scene: Scene) -> None:
    await _sends_back(scene, 1)
    await scene.world.comes_back(_return(scene), _lamp(scene), good=1)
    await scene.completes(_one_is_paid_back, "one unit is paid back")


async def is_returned_damaged(scene: Scene) -> None:
    """Of two that come back one is broken; a person pays for the other one alone."""
    await _sends_back(scene, 2)
    await scene.world.comes_back(_return(scene), _lamp(scene), good=1, damaged=1)
    await scene.is_resolved(Reason.RETURN_DAMAGED, Action.REJECT)
    await scene.completes(_one_is_paid_back, "one unit is paid back")


async def is_paid_back_for_its_loss(scene: Scene) -> None:
    await scene.is_resolved(Reason.PARCEL_LOST, Action.APPROVE)
    await scene.completes(
        lambda document: document.payments.refunded == document.order.total, "all of it is paid back"
    )


async def is_disputed_in_vain(scene: Scene) -> None:
    await _lies_with_the_customer(scene)
    await scene.world.disputes(scene.order)
    await scene.asks(Reason.DISPUTED)
    await scene.world.dispute_ends(scene.order, DisputeState.WON)
    await scene.is_resolved(Reason.DISPUTED, Action.RETRY)
    await scene.completes(_dispute_is_booked_both_ways, "the money is back")


async def is_disputed_after_it_closed(scene: Scene) -> None:
    """The webhook of the bank's opens the closed order again; this time the customer is right."""
    await scene.closes()
    await scene.world.disputes(scene.order)
    await scene.asks(Reason.DISPUTED)
    await scene.world.dispute_ends(scene.order, DisputeState.LOST)
    await scene.is_resolved(Reason.DISPUTED, Action.RETRY)
    await scene.closes()
    await scene.completes(_is_lost, "the money is booked as gone")


# -- small words -------------------------------------------------------------------------------------------------------


def _lamp(scene: Scene) -> OrderLine:
    return scene.placed.lines[0]


def _return(scene: Scene) -> str:
    return return_id(OrderId(scene.order), 1)


async def _ships_what_is_there(scene: Scene) -> None:
    """And the order waits for the rest."""
    await scene.reaches(Phase.FULFILLING)
    await scene.says("stock: ")
    await scene.until(lambda document: document.shipments[0].told, "shipped in part")


async def _lies_with_the_customer(scene: Scene) -> None:
    await scene.reaches(Phase.AFTER_SALES)
    await scene.says("the return window to end")


async def _sends_back(scene: Scene, units: int) -> None:
    await _lies_with_the_customer(scene)
    await scene.is_sent_back(_lamp(scene), units)
    await scene.says("the goods of return r1")


def _is_smaller(document: OrderDocument) -> bool:
    return sum(one.quantity for one in document.dropped) == _REST and document.all_left


def _one_is_paid_back(document: OrderDocument) -> bool:
    """To the cent: what the ledger credits for this one unit, and the gateway gave back."""
    (back,) = document.returns
    (credit,) = [entry for entry in document.ledger.entries if entry.return_id == back.return_id]
    units = sum(share.quantity for share in credit.shares)
    return (back.state, units, back.credited) == (ReturnState.CLOSED, 1, document.payments.refunded)


def _is_lost(document: OrderDocument) -> bool:
    booked = [entry.kind for entry in document.ledger.entries if entry.cause is Cause.DISPUTE]
    states = [dispute.state for dispute in document.payments.disputes]
    return (booked, states, document.kept.minor) == ([EntryKind.CREDIT], [DisputeState.LOST], 0)


def _dispute_is_booked_both_ways(document: OrderDocument) -> bool:
    booked = [entry.kind for entry in document.ledger.entries if entry.cause is Cause.DISPUTE]
    return booked == [EntryKind.CREDIT, EntryKind.CHARGE] and document.kept == document.order.total
