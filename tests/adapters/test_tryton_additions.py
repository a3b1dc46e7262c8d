"""Lines that are added to a processed sale in Tryton: a sale of their own, read, shipped and invoiced with the first one."""

from collections.abc import Sequence

import pytest

from adapters.tryton import entering
from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.sale_records import revision_name
from adapters.tryton.sales import sales_of
from adapters.tryton.stock import TrytonStock
from domain.erp import ErpOrder, ErpOrderState, SalesOrder
from domain.ids import LineId
from domain.keys import effect_key
from domain.orders import PlacedOrder
from tests.contracts.erp import enter
from tests.contracts.erp_edits import ELSEWHERE, the_added, with_added
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, place, unique
from tests.contracts.tryton_world import REGULAR, Hands, clerk, hands, reserve, server, shelves, tryton

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]  # TestTrytonEdited holds the adapter to the like


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def erp(tryton: TrytonClient) -> TrytonErp:
    return TrytonErp(tryton)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique(request.node.nodeid)


@pytest.fixture
async def order(name: str, hands: Hands) -> PlacedOrder:
    return place(name, [(await hands.stocked(10), 3, "19.99")], buyer=REGULAR)


@pytest.fixture
async def more(name: str, hands: Hands, order: PlacedOrder) -> PlacedOrder:
    """Two of another article as well, and one less of the first."""
    wanted = [(order.lines[0].sku, 2, "19.99"), (await hands.stocked(10), 2, "3.3333")]
    return place(name, wanted, buyer=REGULAR)


async def revise(erp: TrytonErp, order: PlacedOrder, revision: int) -> ErpOrder:
    customer = await erp.register_customer(order.customer, key=effect_key(order.order_id, "customer"))
    target = SalesOrder(order=order, customer=customer, revision=revision)
    entered = await erp.enter_order(target, key=effect_key(order.order_id, "enter-order", f"r{revision}"))
    assert isinstance(entered, ErpOrder)
    return entered


def lines(held: ErpOrder) -> list[tuple[LineId | None, int]]:
    return [(line.line_id, int(line.quantity)) for line in held.lines if line.line_id != "freight"]


async def states(tryton: TrytonClient, order: PlacedOrder) -> Sequence[str]:
    return [sale.state for sale in await sales_of(tryton, order.order_id)]


async def test_they_are_added_once_though_every_reply_is_lost(
    erp: TrytonErp, tryton: TrytonClient, network: Lossy, order: PlacedOrder, more: PlacedOrder
) -> None:
    await enter(erp, order)
    network.fault = Fault.REPLY_LOST
    held = await insist(lambda: revise(erp, more, 2))
    assert (lines(held), held.total) == ([("1", 2), ("2", 2)], more.total)
    assert await states(tryton, order) == ["processing", "processing"]


async def test_what_was_added_is_reserved_shipped_and_invoiced_with_the_rest(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, more: PlacedOrder
) -> None:
    await enter(erp, order)
    await reserve(TrytonStock(tryton), order)
    await revise(erp, more, 2)
    assert not (await reserve(TrytonStock(tryton), more)).short
    assert [await hands.reserved(line.sku) for line in more.lines] == [2, 2]
    await hands.ship_order(more)
    assert [await hands.on_hand(line.sku) for line in more.lines] == [8, 8]
    invoice = await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
    assert invoice.total == more.total
    assert (await erp.look_up_order(order.order_id)) == (await revise(erp, more, 2))


async def test_what_a_clerk_added_is_reserved_shipped_and_invoiced_with_the_rest(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, name: str, order: PlacedOrder
) -> None:
    known = await enter(erp, order)
    await reserve(TrytonStock(tryton), order)
    sku = await hands.stocked(10)
    await hands.add_line(order.order_id, sku, 2, "10.00")
    held = await erp.look_up_order(order.order_id)
    assert held is not None
    assert held.version != known.version
    wanted = with_added(order, place(name, [(sku, 2, "10.00")]), the_added(held))
    assert (await revise(erp, wanted, 2)).total == wanted.total == held.total
    assert not (await reserve(TrytonStock(tryton), wanted)).short
    await hands.ship_order(wanted)
    assert [await hands.on_hand(line.sku) for line in wanted.lines] == [7, 8]
    invoice = await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
    assert invoice.total == wanted.total


async def test_what_was_added_goes_again_and_comes_back(
    erp: TrytonErp, tryton: TrytonClient, order: PlacedOrder, more: PlacedOrder
) -> None:
    await enter(erp, order)
    await revise(erp, more, 2)
    undone = await revise(erp, order, 3)
    assert (lines(undone), undone.total) == ([("1", 3)], order.total)
    again = await revise(erp, more, 4)
    assert (lines(again), again.total) == ([("1", 2), ("2", 2)], more.total)
    assert len(await states(tryton, order)) == 2


async def test_a_cancel_takes_what_was_added_along(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, more: PlacedOrder
) -> None:
    await enter(erp, order)
    await revise(erp, more, 2)
    await reserve(TrytonStock(tryton), more)
    for _ in range(2):
        await erp.cancel_order(order.order_id, key=effect_key(order.order_id, "cancel-order"))
    held = await erp.look_up_order(order.order_id)
    assert held is not None
    assert held.state is ErpOrderState.CANCELLED
    assert [await hands.reserved(line.sku) for line in more.lines] == [0, 0]
    assert await hands.open_orders(order.order_id) == 0


async def test_a_cancel_takes_along_what_was_only_begun_to_be_added(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, more: PlacedOrder
) -> None:
    await enter(erp, order)
    customer = await erp.register_customer(order.customer, key=effect_key(order.order_id, "customer"))
    target = SalesOrder(order=more, customer=customer, revision=2)
    begun = revision_name(order.order_id, 2)
    await entering.create(tryton, target, more.lines[1:], description=begun)
    assert await states(tryton, order) == ["processing", "draft"]
    await erp.cancel_order(order.order_id, key=effect_key(order.order_id, "cancel-order"))
    assert await hands.open_orders(order.order_id) == 0


async def test_what_has_not_left_goes_to_the_new_address(
    erp: TrytonErp, tryton: TrytonClient, hands: Hands, order: PlacedOrder, more: PlacedOrder
) -> None:
    await enter(erp, order)
    await revise(erp, more, 2)
    await reserve(TrytonStock(tryton), more)
    moved = more.model_copy(update={"shipping": ELSEWHERE})
    assert (await revise(erp, moved, 3)).shipping == ELSEWHERE
    await reserve(TrytonStock(tryton), moved)
    fields = ["delivery_address.city", "state"]
    found = await tryton.search("stock.shipment.out", [["reference", "=", order.order_id]], fields)
    there = {one["delivery_address"]["city"] for one in found if one["state"] != "cancelled"}
    assert there == {ELSEWHERE.city}
    assert [await hands.reserved(line.sku) for line in more.lines] == [2, 2]
