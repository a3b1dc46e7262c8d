"""What happens to goods without being asked by us: they arrive, are sold elsewhere, ship by hand, come back, get lost."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.simulated.goods import StockRecord
from domain.shipments import TrackingState
from tests.adapters.hint_listener import Listener
from tests.adapters.simulated_scenes import Scene, systems
from tests.contracts.simulator_process import SECRET, Simulator, simulator, wait_until

SECONDS_MAX = 20
_numbers = count(1)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Simulator]:
    options: dict[str, Any] = {"webhook_url": listener.url, "webhook_secret": SECRET}
    directory = Path(tmp_path_factory.mktemp("goods"))
    with simulator(directory, pick_seconds="off", deliver_seconds="off", **options) as running:
        yield running


class Yard:
    """One article, the orders that want it, and whoever else does."""

    def __init__(self, world: Simulator, listener: Listener) -> None:
        self.world = world
        self.sku = f"YARD-{next(_numbers)}"
        self._listener = listener

    def counts(self, on_hand: int, location: str = "main") -> None:
        self.world.call("PUT", "/world/stock", {"on_hand": {self.sku: on_hand}, "location": location})

    def arrives(self, units: int, location: str = "main") -> None:
        self.world.call("POST", "/world/stock/arrive", {"units": {self.sku: units}, "location": location})

    def places(self, name: str) -> str:
        """In the shop, which knows nothing of stock."""
        order = f"order:yard:{self.sku}-{name}"
        self.world.place_order(order, [], {"amount": "5.00", "currency": "EUR"})
        return order

    def wants(self, order: str, *places: tuple[int, str]) -> list[int]:
        """So many units of one line from each of these warehouses; what each keeps of them."""
        demand = [
            {"line_id": "1", "sku": self.sku, "quantity": units, "location": location}
            for units, location in places
        ]
        answer = self.asks("/stock/reserve", {"order_id": order, "demand": demand})
        return [line["reserved"] for line in answer["lines"]]

    def asks(self, path: str, body: dict[str, Any]) -> Any:
        response = httpx.post(
            f"{self.world.url}{path}", json=body, headers={"Idempotency-Key": f"{self.sku}/{next(_numbers)}"}
        )
        assert response.is_success, response.text
        return response.json()

    def refused(self, path: str, body: dict[str, Any]) -> str:
        response = httpx.post(f"{self.world.url}{path}", json=body, headers={"Idempotency-Key": self.sku})
        assert response.is_client_error, response.text
        return str(response.json()["code"])

    def shelf(self, location: str = "main") -> tuple[int, int]:
        """On hand and reserved."""
        (found,) = [
            shelf
            for shelf in self.world.books()["shelves"]
            if (shelf["sku"], shelf["location"]) == (self.sku, location)
        ]
        return found["on_hand"], found["reserved"]

    def heard(self, order: str, *events: str) -> None:
        wait_until(
            lambda: self._listener.names(order) == list(events),
            SECONDS_MAX,
            lambda: f"heard {self._listener.names(order)}",
        )

    def heard_together(self, *orders: str) -> list[str]:
        """Who heard first that stock arrived."""
        names = [e.order_id for e in self._listener.heard if e.event == "stock_arrived"]
        return [name for name in names if name in orders]


@pytest.fixture
def yard(world: Simulator, listener: Listener) -> Yard:
    return Yard(world, listener)


def test_who_waits_hears_of_an_arrival_in_the_order_of_placing(yard: Yard) -> None:
    yard.counts(1)
    older, younger, content = (yard.places(name) for name in ("older", "younger", "content"))
    assert yard.wants(content, (1, "main")) == [1]
    assert yard.wants(younger, (2, "main")) == [0]
    assert yard.wants(older, (2, "north")) == [0]
    yard.arrives(5)
    yard.heard(older, "stock_arrived")
    yard.heard(younger, "stock_arrived")
    assert yard.heard_together(older, younger, content) == [older, younger]
    assert yard.shelf() == (6, 1)


def test_who_has_what_it_wanted_waits_no_longer(yard: Yard) -> None:
    yard.counts(0)
    order = yard.places("served")
    assert yard.wants(order, (2, "main")) == [0]
    yard.arrives(2)
    yard.heard(order, "stock_arrived")
    assert yard.wants(order, (2, "main")) == [2]
    yard.arrives(2)
    other = yard.places("other")
    assert yard.wants(other, (5, "main")) == [2]
    yard.arrives(3)
    yard.heard(other, "stock_arrived")
    yard.heard(order, "stock_arrived")


def test_what_another_order_gives_back_is_an_arrival_as_well(yard: Yard) -> None:
    yard.counts(3)
    first, second = yard.places("first"), yard.places("second")
    assert yard.wants(first, (3, "main")) == [3]
    assert yard.wants(second, (2, "main")) == [0]
    assert yard.wants(first, (2, "main")) == [2]
    yard.heard(second, "stock_arrived")
    yard.asks("/stock/release", {"order_id": first})
    yard.heard(second, "stock_arrived", "stock_arrived")
    yard.heard(first)
    assert yard.wants(second, (2, "main")) == [2]


def test_counting_the_shelves_is_told_to_nobody(yard: Yard) -> None:
    yard.counts(0)
    order = yard.places("patient")
    yard.wants(order, (1, "main"))
    yard.counts(5)
    assert yard.wants(order, (1, "main")) == [1]
    other = yard.places("later")
    yard.wants(other, (9, "main"))
    yard.arrives(1)
    yard.heard(other, "stock_arrived")
    yard.heard(order)


def test_wholesale_takes_what_is_free_and_no_more(yard: Yard) -> None:
    yard.counts(5)
    yard.wants(yard.places("mine"), (2, "main"))
    pallet = {"lines": [{"sku": yard.sku, "quantity": 3}]}
    assert yard.asks("/world/erp/wholesale", pallet)["reference"].startswith("WS")
    assert yard.shelf() == (2, 2)
    one = {"lines": [{"sku": yard.sku, "quantity": 1}]}
    assert yard.refused("/world/erp/wholesale", one) == "not_enough"
    assert yard.shelf() == (2, 2)
    sold = [w for w in yard.world.books()["wholesale"] if w["lines"][0]["sku"] == yard.sku]
    assert [line["quantity"] for order in sold for line in order["lines"]] == [3]


def test_a_line_is_wanted_once_per_warehouse(yard: Yard) -> None:
    yard.counts(5)
    line = {"line_id": "1", "sku": yard.sku, "quantity": 1}
    body = {"order_id": "order:yard:twice", "demand": [line, line]}
    assert yard.refused("/stock/reserve", body) == "line_named_twice"


def test_what_leaves_by_hand_breaks_the_youngest_promise(yard: Yard) -> None:
    """The unit is gone: no warehouse ever keeps more than it has."""
    yard.counts(4)
    oldest, youngest, stranger = (yard.places(name) for name in ("oldest", "youngest", "stranger"))
    assert yard.wants(youngest, (2, "main")) == [2]
    assert yard.wants(oldest, (2, "main")) == [2]

    def by_hand(units: int) -> dict[str, Any]:
        line = {"line_id": "1", "sku": yard.sku, "quantity": units}
        return {"order_id": stranger, "lines": [line], "state": "shipped"}

    yard.asks("/world/warehouse/by-hand", by_hand(1))
    assert yard.shelf() == (3, 3)
    yard.heard(stranger, "shipment_by_hand", "parcel_in_transit")
    yard.heard(youngest, "reservation_broken")
    yard.heard(oldest)
    assert yard.wants(youngest, (2, "main")) == [1]
    assert yard.refused("/world/warehouse/by-hand", by_hand(9)) == "not_enough"


async def test_a_pick_takes_from_the_shelf_of_its_own_warehouse(world: Simulator) -> None:
    """And finds no more than there is: also a picker in the north may look in vain."""
    scene = Scene(world)
    (line,) = scene.order.lines
    world.call("PUT", "/world/stock", {"on_hand": {line.sku: 2}, "location": "north"})
    world.call("PUT", "/world/stock/missing", {"sku": line.sku, "units": 1, "location": "north"})
    to = systems(world)
    async with to.client:
        pick = {
            "shipment_id": scene.shipment,
            "order_id": scene.order.order_id,
            "order_number": "1",
            "lines": [{"line_id": "1", "sku": line.sku, "quantity": 2}],
            "location": "north",
            "ship_to": None,
        }
        asked = await to.client.post(
            "/warehouse/request_pick", json=pick, headers={"Idempotency-Key": scene.key("north")}
        )
        assert asked.is_success
        world.pack(scene.shipment)
        packed = await to.warehouse.look_up_pick(scene.shipment)
        assert packed is not None
        assert [line.quantity for package in packed.packages for line in package.lines] == [1]
        await scene.hand_over(to)
        world.ship(scene.shipment)
    on_hand = {
        shelf["location"]: shelf["on_hand"] for shelf in world.books()["shelves"] if shelf["sku"] == line.sku
    }
    assert on_hand == {"main": 100, "north": 1}


async def test_every_box_of_a_return_is_told_and_after_the_last_none_is_taken(
    world: Simulator, listener: Listener
) -> None:
    scene = Scene(world)
    to = systems(world)
    async with to.client:
        await scene.shipped(to)
        await scene.expected(to)
        box = {"return_id": scene.returned, "lines": [{"line_id": "1", "quantity": 1}]}
        world.call("POST", "/world/returns/receive", box)
        world.call("POST", "/world/returns/receive", {"return_id": scene.returned, "complete": True})
        late = await to.client.post("/world/returns/receive", json=box)
    assert (late.status_code, late.json()["code"]) == (409, "complete")
    names = ["pick_picking", "pick_picked", "pick_packed", "pick_shipped", "parcel_in_transit"]
    wait_until(
        lambda: listener.names(scene.order.order_id) == [*names, "return_received", "return_received"],
        SECONDS_MAX,
        lambda: f"heard {listener.names(scene.order.order_id)}",
    )


async def test_a_parcel_is_lost_on_its_way(world: Simulator, listener: Listener) -> None:
    scene = Scene(world)
    to = systems(world)
    async with to.client:
        await scene.shipped(to)
        world.call("POST", "/world/carrier/lose", {"shipment_id": scene.shipment})
        tracking = await to.carrier.track(scene.shipment)
    assert tracking is not None
    assert tracking.state is TrackingState.LOST
    (parcel,) = [p for p in world.books()["parcels"] if p["shipment_id"] == scene.shipment]
    assert parcel["lost"]
    wait_until(lambda: "parcel_lost" in listener.names(scene.order.order_id), SECONDS_MAX)


async def test_a_parcel_that_is_to_get_lost_never_arrives(world: Simulator) -> None:
    """Said before there is such a parcel."""
    scene = Scene(world)
    world.call("PUT", "/world/carrier/loses", {"shipment_id": scene.shipment})
    to = systems(world)
    async with to.client:
        await scene.shipped(to)
        world.call("POST", "/world/carrier/deliver", {"shipment_id": scene.shipment})
        tracking = await to.carrier.track(scene.shipment)
    assert tracking is not None
    assert tracking.state is TrackingState.LOST


def test_a_state_of_one_warehouse_is_read_as_the_main_one() -> None:
    kept = StockRecord.model_validate_json('{"sku": "OLD", "on_hand": 5, "reserved": 2}')
    assert (kept.at("main").on_hand, kept.at("main").reserved) == (5, 2)
    assert StockRecord.model_validate_json(kept.model_dump_json()) == kept
