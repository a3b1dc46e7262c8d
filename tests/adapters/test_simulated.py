"""The simulated world by itself: its people, its hints, its refusals, its books, and what a kill leaves of them."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from adapters.connector.protocol import WebhookEvent
from adapters.connector.signatures import HEADER, verify
from adapters.simulated.faults_cli import app as fault_cli
from adapters.simulated.openapi import document
from domain.errors import OrderError, Refused
from domain.ids import PaymentRef
from domain.payments import Declined, PaymentState
from domain.shipments import PickState, TrackingState
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


class Listener:
    """Where hints arrive. `deaf` of them are answered 500 first."""

    def __init__(self) -> None:
        self.heard: list[WebhookEvent] = []
        self.refused: list[WebhookEvent] = []
        self.paths: list[str] = []
        self.deaf = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = WebhookEvent.model_validate_json(body)
                good = verify(SECRET, body, self.headers[HEADER], _now())
                listener.paths.append(self.path)
                if listener.deaf:
                    listener.deaf -= 1
                    good = False
                (listener.heard if good else listener.refused).append(event)
                self.send_response(204 if good else 500)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/{{channel}}/{{system}}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def names(self, order: str) -> list[str]:
        return [event.event for event in self.heard if event.order_id == order]

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the other side signs with real time


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


def test_a_shopper_confirms_a_pending_payment(lively: Simulator, listener: Listener) -> None:
    amount = {"amount": "10.00", "currency": "EUR"}
    order = "order:shop:pending"
    lively.place_order(order, [], amount, payment={"amount": amount, "state": "pending"})
    lively.call("POST", "/world/payments/authorise", {"order_id": order})
    (payment,) = [p for p in lively.books()["payments"] if p["order_id"] == order]
    assert payment["state"] == PaymentState.AUTHORISED
    wait_until(lambda: listener.names(order) == ["payment_authorised"], SECONDS_MAX)


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


# -- refusals


def post(world: Simulator, path: str, body: Any, key: str | None = "k") -> dict[str, Any]:
    """The problem, with its status."""
    headers = {} if key is None else {"Idempotency-Key": key}
    response = httpx.post(f"{world.url}{path}", json=body, headers=headers)
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    return problem


async def test_the_same_key_with_other_parameters_is_an_error(still_world: Simulator) -> None:
    scene = Scene(still_world)
    to = systems(still_world)
    async with to.client:
        await scene.capture(to)
        with pytest.raises(Refused, match="idempotency_key_reused"):
            await to.payments.refund(scene.payment, scene.order.total, key=scene.key("capture"))
        with pytest.raises(Refused, match="idempotency_key_reused"):
            await to.payments.capture(
                scene.payment, scene.order.lines[0].total, key=scene.key("capture"), final=True
            )
    assert len([c for c in still_world.books()["captures"] if c["payment"] == scene.payment]) == 1


@pytest.mark.parametrize("key", [None, "", "x" * 65])
def test_a_key_of_the_right_length_is_needed(still_world: Simulator, key: str | None) -> None:
    problem = post(still_world, "/stock/release", {"order_id": "order:shop:1"}, key)
    assert (problem["status"], problem["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/stock/release", {"order_id": "1001"}, "order_id"),
        ("/stock/release", {"order_id": "order:shop:1", "more": 1}, "more"),
        (
            "/payments/capture",
            {"payment": "p", "final": True, "amount": {"amount": 19.99, "currency": "EUR"}},
            "amount.amount",
        ),
        (
            "/payments/capture",
            {"payment": "p", "final": True, "amount": {"amount": "1e3", "currency": "EUR"}},
            "amount.amount",
        ),
        (
            "/stock/reserve",
            {"order_id": "order:shop:1", "demand": [{"line_id": "1", "sku": "A", "quantity": 0}]},
            "demand.0.quantity",
        ),
    ],
)
def test_what_is_not_of_the_protocol_is_refused_by_field_and_without_its_value(
    still_world: Simulator, path: str, body: dict[str, Any], field: str
) -> None:
    problem = post(still_world, path, body)
    assert (problem["status"], problem["code"], problem["field"]) == (422, "invalid", field)
    assert "1001" not in str(problem)


def test_an_unknown_operation_is_no_not_found_of_the_protocol(still_world: Simulator) -> None:
    """Callers take it for a wrong address, not for an answer about an order."""
    response = httpx.get(f"{still_world.url}/stock/abolish")
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/json")


def test_a_token_is_asked_for_where_there_is_one(tmp_path: Path) -> None:
    with simulator(tmp_path, token="the-token") as world:
        path, query = f"{world.url}/stock/look_up_reservation", {"order_id": "order:shop:1"}
        for header in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic dDp0"}):
            assert httpx.get(path, params=query, headers=header).status_code == 401
        allowed = httpx.get(path, params=query, headers={"Authorization": "Bearer the-token"})
        assert allowed.json()["code"] == "not_found"


async def test_a_hold_that_was_not_taken_in_time_is_gone(still_world: Simulator) -> None:
    amount = {"amount": "10.00", "currency": "EUR"}
    payment = {"amount": amount, "capture_before": (_now() - timedelta(seconds=1)).isoformat()}
    scene = Scene(still_world)
    order = f"{scene.order.order_id}x"
    reference = still_world.place_order(order, [], amount, payment=payment)
    assert reference is not None
    scene.payment = PaymentRef(reference)
    to = systems(still_world)
    async with to.client:
        assert await scene.capture(to) == Declined(reason="hold_is_gone")
    (kept,) = [p for p in still_world.books()["payments"] if p["order_id"] == order]
    assert (kept["state"], kept["voids"][0]["amount"]) == (PaymentState.VOIDED, amount)


async def test_the_erp_takes_no_order_that_does_not_add_up(still_world: Simulator) -> None:
    scene = Scene(still_world)
    to = systems(still_world)
    async with to.client:
        customer = await scene.customer(to)
    line = {
        "line_id": "1",
        "sku": scene.order.lines[0].sku,
        "name": "Goods",
        "quantity": 3,
        "unit_price": "3.335",
        "discount": {"amount": "0.00", "currency": "EUR"},
        "order_discount": {"amount": "0.00", "currency": "EUR"},
        "taxes": [],
        "taxes_included": True,
        "ships": True,
        "total": {"amount": "10.00", "currency": "EUR"},
    }
    order = {
        "order_id": scene.order.order_id,
        "revision": 1,
        "number": "1",
        "placed_at": "2026-11-22T09:00:00Z",
        "customer": customer,
        "lines": [line],
        "total": {"amount": "10.01", "currency": "EUR"},
    }
    assert post(still_world, "/erp/enter_order", order, "a")["field"] == "lines[0].total"
    line["total"] = {"amount": "10.01", "currency": "EUR"}
    assert (
        post(still_world, "/erp/enter_order", {**order, "customer": "C1"}, "b")["code"] == "unknown_customer"
    )
    wrong = {**order, "total": {"amount": "10.00", "currency": "EUR"}}
    assert post(still_world, "/erp/enter_order", wrong, "c")["field"] == "total"
    async with systems(still_world).client as client:
        entered = await client.post("/erp/enter_order", json=order, headers={"Idempotency-Key": "d"})
    assert entered.json()["total"] == {"amount": "10.01", "currency": "EUR"}


async def test_what_left_or_is_being_loaded_is_not_called_back(still_world: Simulator) -> None:
    scene = Scene(still_world)
    to = systems(still_world)
    async with to.client:
        await scene.recorded(to)
        attempts = [
            to.erp.cancel_order(scene.order.order_id, key=scene.key("a")),
            to.carrier.void_labels(scene.shipment, key=scene.key("b")),
        ]
        for attempt in attempts:
            with pytest.raises(OrderError):
                await attempt


def test_fewer_units_than_are_reserved_are_not_counted(still_world: Simulator) -> None:
    still_world.call("PUT", "/world/stock", {"on_hand": {"COUNTED": 5}})
    demand = [{"line_id": "1", "sku": "COUNTED", "quantity": 3}]
    body = {"order_id": "order:shop:counted", "demand": demand}
    httpx.post(f"{still_world.url}/stock/reserve", json=body, headers={"Idempotency-Key": "count"})
    response = httpx.put(f"{still_world.url}/world/stock", json={"on_hand": {"COUNTED": 2}})
    assert (response.status_code, response.json()["code"]) == (409, "reserved")


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
