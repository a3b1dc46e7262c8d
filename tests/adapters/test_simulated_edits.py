"""People at the simulated ERP and shop: they compute by their own rules, are told of, and can refuse us."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import Refused
from domain.keys import effect_key
from domain.orders import PlacedOrder
from tests.adapters.hint_listener import Listener
from tests.adapters.simulated_scenes import Systems, systems
from tests.contracts.connector_hands import ClerkHands, ErpHands, StorefrontHands
from tests.contracts.erp import cancel, enter
from tests.contracts.placing import place, unique
from tests.contracts.simulator_process import SECRET, Simulator, simulator, wait_until

SECONDS_MAX = 20


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Simulator]:
    options: dict[str, Any] = {"webhook_url": listener.url, "webhook_secret": SECRET}
    directory = Path(tmp_path_factory.mktemp("edits"))
    with simulator(directory, pick_seconds="off", deliver_seconds="off", **options) as running:
        yield running


@pytest.fixture
async def to(world: Simulator) -> AsyncIterator[Systems]:
    them = systems(world)
    async with them.client:
        yield them


@pytest.fixture
async def order(request: pytest.FixtureRequest, world: Simulator, to: Systems) -> PlacedOrder:
    """Three of one article and one of another, in the shop and in the ERP."""
    hands = StorefrontHands(world)
    goods = [(await hands.stocked(100), 3, "19.99"), (await hands.stocked(100), 1, "5.00")]
    order = place(unique(request.node.nodeid), goods)
    await hands.placed(order)
    await enter(to.erp, order)
    return order


def edited(world: Simulator, where: str, order: PlacedOrder, **changes: Any) -> dict[str, Any]:
    told = {"order_id": order.order_id, "actor": "Clara", **changes}
    answer: dict[str, Any] = world.call("POST", f"/world/{where}/edit", told)
    return answer


def problem(world: Simulator, where: str, order: PlacedOrder, **changes: Any) -> str:
    told = {"order_id": order.order_id, "actor": "Clara", **changes}
    response = httpx.post(f"{world.url}/world/{where}/edit", json=told)
    assert response.is_client_error
    return str(response.json()["code"])


def test_the_erp_computes_discount_taxes_and_total(world: Simulator, order: PlacedOrder) -> None:
    change = {"line_id": "1", "quantity": 2, "unit_price": "10", "discount": "1.50"}
    sale = edited(world, "erp", order, set=[change], freight="10.00")["order"]
    (first, second), (freight,) = sale["lines"], sale["surcharges"]
    assert (first["discount"]["amount"], first["taxes"][0]["amount"]["amount"]) == ("1.50", "3.52")
    assert [item["total"]["amount"] for item in (first, second, freight)] == ["22.02", "5.95", "11.90"]
    assert sale["total"]["amount"] == "39.87"


async def test_a_discount_follows_the_quantity(world: Simulator, order: PlacedOrder) -> None:
    edited(world, "shop", order, set=[{"line_id": "1", "discount": "3.00"}])
    line = edited(world, "shop", order, set=[{"line_id": "1", "quantity": 1}])["lines"][0]
    assert line["item"]["discount"]["amount"] == "1.00"
    assert line["total"]["amount"] == "22.60"  # 18.99 and 3.61 of taxes


async def test_what_is_added_has_the_price_of_the_list(
    world: Simulator, order: PlacedOrder, to: Systems
) -> None:
    sku = await ClerkHands(world).priced("12.50")
    edited(world, "erp", order, add=[{"sku": sku, "quantity": 2}])
    held = await to.erp.look_up_order(order.order_id)
    assert held is not None
    (added,) = (line for line in held.lines if line.line_id is None)
    assert (added.sku, added.name, str(added.total)) == (sku, "Mug", "29.75 EUR")
    nameless = await ClerkHands(world).stocked(1)
    assert problem(world, "erp", order, add=[{"sku": nameless, "quantity": 1}]) == "no_price"


def test_a_shop_that_was_told_no_taxes_changes_its_prices_in_proportion(world: Simulator) -> None:
    ten = {"amount": "10.00", "currency": "EUR"}
    world.place_order("order:plain:1", [{"line_id": "1", "sku": "MUG", "quantity": 3, "total": ten}], ten)
    told = {"order_id": "order:plain:1", "actor": "Clara", "set": [{"line_id": "1", "quantity": 2}]}
    assert world.call("POST", "/world/shop/edit", told)["total"]["amount"] == "6.67"


def test_who_edited_is_in_the_books_and_told(
    world: Simulator, listener: Listener, order: PlacedOrder
) -> None:
    edited(world, "erp", order, set=[{"line_id": "1", "quantity": 2}])
    edited(world, "shop", order, remove=["2"])
    edited(world, "shop", order, remove=[])
    books = world.books()
    (sale,) = (sale for sale in books["sales_orders"] if sale["order_id"] == order.order_id)
    (shown,) = (shown for shown in books["orders"] if shown["order_id"] == order.order_id)
    assert [(one["actor"], one["version"]) for one in sale["by_hand"]] == [("Clara", 2)]
    assert [(one["actor"], one["version"]) for one in shown["by_hand"]] == [("Clara", 2)]
    wait_until(lambda: listener.names(order.order_id) == ["order_edited"] * 2, seconds_max=SECONDS_MAX)


@pytest.mark.parametrize("where", ["erp", "shop"])
def test_an_edit_that_cannot_be_changes_nothing(world: Simulator, where: str, order: PlacedOrder) -> None:
    assert problem(world, where, order, remove=["1", "2"]) == "nothing_left"
    assert problem(world, where, order, remove=["7"]) == "unknown_line"
    assert problem(world, where, order, set=[{"line_id": "2", "discount": "6.00"}]) == "discount_too_large"
    both = {"set": [{"line_id": "1", "quantity": 9}], "remove": ["7"]}
    assert problem(world, where, order, **both) == "unknown_line"
    books = world.books()
    found = next(
        one
        for one in books["sales_orders" if where == "erp" else "orders"]
        if one["order_id"] == order.order_id
    )
    assert (found["edits"], found["by_hand"]) == (1, [])


async def test_nothing_goes_below_what_shipped(world: Simulator, order: PlacedOrder) -> None:
    await ErpHands(world).ship_part(order, 1, {order.lines[0].line_id: 2})
    assert problem(world, "erp", order, set=[{"line_id": "1", "quantity": 1}]) == "below_shipped"
    assert problem(world, "erp", order, remove=["1"]) == "below_shipped"
    edited(world, "erp", order, set=[{"line_id": "1", "quantity": 2}], remove=["2"])


async def test_a_cancelled_order_is_not_edited(world: Simulator, order: PlacedOrder, to: Systems) -> None:
    await cancel(to.erp, order)
    assert problem(world, "erp", order, remove=["1"]) == "cancelled"


async def test_an_order_cancelled_by_hand_is_told(
    world: Simulator, listener: Listener, order: PlacedOrder
) -> None:
    await ClerkHands(world).cancel_by_hand(order.order_id)
    wait_until(lambda: listener.names(order.order_id) == ["order_cancelled"], seconds_max=SECONDS_MAX)


async def test_numbers_of_lines_stay_and_are_never_given_twice(
    world: Simulator, order: PlacedOrder, to: Systems
) -> None:
    sku = await StorefrontHands(world).stocked(10)
    for _ in range(2):
        edited(world, "erp", order, add=[{"sku": sku, "quantity": 1, "unit_price": "1"}])
    edited(world, "erp", order, remove=["erp-4", "1"])
    edited(world, "erp", order, add=[{"sku": sku, "quantity": 1, "unit_price": "2"}])
    held = await to.erp.look_up_order(order.order_id)
    assert held is not None
    assert [(line.erp_line, line.line_id) for line in held.lines] == [
        ("2", "2"),
        ("5", None),
        ("6", None),
        ("3", "freight"),
    ]


async def test_a_system_refuses_by_script(world: Simulator, order: PlacedOrder, to: Systems) -> None:
    for _ in range(2):
        world.call(
            "PUT",
            "/faults/storefront",
            {"kind": "refuse", "operation": "cancel_order", "code": "closed", "times": 1},
        )
        with pytest.raises(Refused, match="closed"):
            await to.storefront.cancel_order(order.order_id, "late", key=effect_key(order.order_id, "cancel"))
    shown = await to.storefront.look_up_order(order.order_id)
    assert shown is not None
    assert shown.state == "open"
