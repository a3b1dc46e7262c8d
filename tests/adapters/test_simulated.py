"""The simulated world by itself: its people, its hints, its books, and what a kill leaves of them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.simulated.faults_cli import app as fault_cli
from adapters.simulated.openapi import document
from domain.shipments import PickState, TrackingState
from tests.adapters.hint_listener import Listener
from tests.adapters.simulated_scenes import Scene, systems
from tests.contracts.simulator_process import SECRET, Simulator, simulator, wait_until

SECONDS_MAX = 20
OPENAPI = Path(__file__).parents[2] / "docs" / "connector-openapi.json"


@pytest.fixture(scope="module")
def still_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(
        Path(tmp_path_factory.mktemp("still")), pick_seconds="off", deliver_seconds="off"
    ) as world:
        yield world


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture(scope="module")
def lively_world(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Simulator]:
    options = {"webhook_url": listener.url, "webhook_secret": SECRET}
    directory = Path(tmp_path_factory.mktemp("lively"))
    with simulator(directory, pick_seconds=0, deliver_seconds=0, **options) as world:
        yield world


@pytest.fixture
def lively(lively_world: Simulator) -> Iterator[Simulator]:
    """A world that works at once and tells of it."""
    yield lively_world
    lively_world.clear_faults()


STORY = [
    "pick_picking",
    "pick_picked",
    "pick_packed",
    "pick_shipped",
    "parcel_in_transit",
    "parcel_delivered",
]


async def let_it_go(scene: Scene) -> None:
    """Ask for the pick, label what is packed, and leave the rest to the world's people."""
    to = systems(scene.world)
    async with to.client:
        await scene.reserve(to)
        await scene.request_pick(to)
        wait_until(lambda: _pick(scene)["state"] == PickState.PACKED, SECONDS_MAX)
        await scene.hand_over(to)
    wait_until(lambda: _parcel(scene)["state"] == TrackingState.DELIVERED, SECONDS_MAX)


def _pick(scene: Scene) -> dict[str, Any]:
    (pick,) = [p for p in scene.world.books()["picks"] if p["shipment_id"] == scene.shipment]
    found: dict[str, Any] = pick
    return found


def _parcel(scene: Scene) -> dict[str, Any]:
    (parcel,) = [p for p in scene.world.books()["parcels"] if p["shipment_id"] == scene.shipment]
    found: dict[str, Any] = parcel
    return found


# -- people and hints


async def test_people_carry_a_pick_to_the_door_and_every_step_is_told_in_order(
    lively: Simulator, listener: Listener
) -> None:
    scene = Scene(lively)
    await let_it_go(scene)
    order = scene.order.order_id
    wait_until(lambda: len(listener.names(order)) == len(STORY), SECONDS_MAX)
    assert listener.names(order) == STORY
    assert {"/webhooks/contract/warehouse", "/webhooks/contract/carrier"} <= set(listener.paths)
    assert len({event.event_id for event in listener.heard if event.order_id == order}) == len(STORY)


async def test_a_hint_that_is_not_taken_is_repeated_and_later_ones_wait(
    lively: Simulator, listener: Listener
) -> None:
    listener.deaf = 2
    scene = Scene(lively)
    await let_it_go(scene)
    order = scene.order.order_id
    wait_until(lambda: len(listener.names(order)) == len(STORY), SECONDS_MAX)
    assert listener.names(order) == STORY
    first = next(event for event in listener.heard if event.order_id == order)
    assert [event.event_id for event in listener.refused] == [first.event_id] * 2


async def test_doubled_hints_carry_the_same_id(lively: Simulator, listener: Listener) -> None:
    lively.fault("warehouse", "duplicate_webhooks")
    scene = Scene(lively)
    await let_it_go(scene)
    order = scene.order.order_id
    wait_until(lambda: len(listener.names(order)) == len(STORY) + 4, SECONDS_MAX)
    ids = Counter(e.event_id for e in listener.heard if (e.order_id, e.system) == (order, "warehouse"))
    assert set(ids.values()) == {2}


async def test_reordered_hints_are_overtaken(lively: Simulator, listener: Listener) -> None:
    lively.fault("warehouse", "reorder_webhooks", "pick_picking", times=1, seconds=1)
    scene = Scene(lively)
    await let_it_go(scene)
    order = scene.order.order_id
    wait_until(lambda: len(listener.names(order)) == len(STORY), SECONDS_MAX)
    assert listener.names(order) != STORY
    assert sorted(listener.names(order)) == sorted(STORY)


async def test_pickers_wait_with_an_order_and_with_no_other(lively: Simulator) -> None:
    waits, other = Scene(lively), Scene(lively)
    to = systems(lively)
    lively.call("PUT", "/world/warehouse/wait", {"order_id": waits.order.order_id})
    async with to.client:
        for scene in (waits, other):
            await scene.reserve(to)
            await scene.request_pick(to)
        wait_until(lambda: _pick(other)["state"] == PickState.PACKED, SECONDS_MAX)
        assert _pick(waits)["state"] == PickState.REQUESTED
        lively.call("PUT", "/world/warehouse/wait", {"order_id": waits.order.order_id, "wait": False})
        wait_until(lambda: _pick(waits)["state"] == PickState.PACKED, SECONDS_MAX)


async def test_hints_to_nobody_are_given_up(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/"
    with simulator(
        tmp_path,
        pick_seconds=0,
        deliver_seconds=0,
        webhook_url=nobody,
        webhook_secret=SECRET,
        webhook_attempts_max=1,
    ) as world:
        await let_it_go(Scene(world))
        wait_until(lambda: world.books()["webhooks"]["waiting"] == 0, SECONDS_MAX)
        assert world.books()["webhooks"]["webhooks_given_up"] == len(STORY)


# -- kill and restart


async def test_a_killed_world_goes_on_where_it_stood(tmp_path: Path, listener: Listener) -> None:
    options = {"webhook_url": listener.url, "webhook_secret": SECRET}
    with simulator(tmp_path, pick_seconds=1.5, deliver_seconds=0, **options) as world:
        scene = Scene(world)
        to = systems(world)
        async with to.client:
            await scene.reserve(to)
            await scene.request_pick(to)
            captured = await scene.capture(to)
            wait_until(lambda: _pick(scene)["state"] == PickState.PICKING, SECONDS_MAX)
            world.kill()
            world.start()
            assert await scene.capture(to) == captured
            assert len(world.books()["captures"]) == 1
            wait_until(lambda: _pick(scene)["state"] == PickState.PACKED, SECONDS_MAX)
            await scene.hand_over(to)
        wait_until(lambda: _parcel(scene)["state"] == TrackingState.DELIVERED, SECONDS_MAX)
        assert [event["state"] for event in _pick(scene)["history"]] == [
            "requested",
            "picking",
            "picked",
            "packed",
            "shipped",
        ]
        wait_until(lambda: len(listener.names(scene.order.order_id)) >= len(STORY), SECONDS_MAX)


# -- books, the protocol's document, faults by hand


async def test_the_books_tell_what_came_before_what(still_world: Simulator) -> None:
    scene = Scene(still_world)
    to = systems(still_world)
    async with to.client:
        await scene.recorded(to)
    books = still_world.books()
    (captured,) = [c for c in books["captures"] if c["payment"] == scene.payment]
    shipped = _pick(scene)["history"][-1]
    assert shipped["state"] == PickState.SHIPPED
    assert shipped["mark"]["seq"] < captured["mark"]["seq"]
    assert captured["key"] == scene.key("capture")
    asked = [r for r in books["requests"] if r["operation"] == "create_labels" and scene.name in r["key"]]
    assert [(r["attempts"], r["outcomes"]) for r in asked] == [(2, {"done": 2})]


async def test_the_books_are_a_page_for_people_too(still_world: Simulator) -> None:
    scene = Scene(still_world)
    to = systems(still_world)
    async with to.client:
        await scene.recorded(to)
        page = (await to.client.get("/books", params={"format": "text"})).text
    assert f"{scene.order.order_id}  {scene.order.total}" in page
    assert f"payment {scene.payment}: captured" in page


async def test_the_books_of_one_order_name_no_other(still_world: Simulator) -> None:
    scenes = Scene(still_world), Scene(still_world)
    to = systems(still_world)
    async with to.client:
        for scene in scenes:
            await scene.recorded(to)
    one = scenes[0].order.order_id
    books, all_books = still_world.books(one), still_world.books()
    for kind in ("orders", "payments", "captures", "sales_orders", "reservations", "picks"):
        assert books[kind] == [kept for kept in all_books[kind] if kept["order_id"] == one] != []
    assert books["requests"] == [asked for asked in all_books["requests"] if one in asked["key"]] != []


def test_the_documented_protocol_is_the_one_that_is_served() -> None:
    assert OPENAPI.read_text() == document(), (
        "python -m adapters.simulated.openapi > docs/connector-openapi.json"
    )


def test_faults_are_set_listed_and_cleared_by_hand(still_world: Simulator) -> None:
    def said(*arguments: str) -> str:
        result = CliRunner().invoke(fault_cli, [*arguments, "--url", still_world.url])
        assert result.exit_code == 0, result.output
        return result.output

    said("set", "erp", "down", "--operation", "post_invoice", "--times", "2")
    assert said("list") == "erp.post_invoice: down, 2 ×\n"
    assert "All is well" in said("clear", "erp")
    nobody = CliRunner().invoke(fault_cli, ["list", "--url", "http://127.0.0.1:9"])
    assert nobody.exit_code == 1


def test_a_customer_cancels_in_the_shop_as_long_as_nothing_shipped(
    lively: Simulator, listener: Listener
) -> None:
    order = "order:shop:cancelled-there"
    lines = [{"line_id": "1", "sku": "A", "quantity": 1, "total": {"amount": "5.00", "currency": "EUR"}}]
    lively.place_order(order, lines, {"amount": "5.00", "currency": "EUR"})
    for _ in range(2):
        lively.call("POST", "/world/orders/cancel", {"order_id": order})
    (shown,) = [known for known in lively.books()["orders"] if known["order_id"] == order]
    assert shown["state"] == "cancelled"
    wait_until(lambda: listener.names(order) == ["order_cancelled"], SECONDS_MAX)
