"""The simulated systems are strict: what is wrong is refused, by code and field, and without its value."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.errors import Refused
from domain.ids import PaymentRef
from domain.payments import Declined, PaymentState
from tests.adapters.simulated_scenes import Scene, systems
from tests.contracts.simulator_process import Simulator, simulator

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def still_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(
        Path(tmp_path_factory.mktemp("still")), pick_seconds="off", deliver_seconds="off"
    ) as world:
        yield world


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
    payment = {"amount": amount, "capture_before": LONG_AGO.isoformat()}
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
    assert entered.json()["order"]["total"] == {"amount": "10.01", "currency": "EUR"}


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
            with pytest.raises(Refused):
                await attempt


def test_fewer_units_than_are_reserved_are_not_counted(still_world: Simulator) -> None:
    still_world.call("PUT", "/world/stock", {"on_hand": {"COUNTED": 5}})
    demand = [{"line_id": "1", "sku": "COUNTED", "quantity": 3}]
    body = {"order_id": "order:shop:counted", "demand": demand}
    httpx.post(f"{still_world.url}/stock/reserve", json=body, headers={"Idempotency-Key": "count"})
    response = httpx.put(f"{still_world.url}/world/stock", json={"on_hand": {"COUNTED": 2}})
    assert (response.status_code, response.json()["code"]) == (409, "reserved")
