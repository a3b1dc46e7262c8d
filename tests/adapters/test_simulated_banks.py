"""What banks and shoppers do at the simulated gateway after the checkout, and who hears of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.payments import Declined
from tests.adapters.hint_listener import Listener
from tests.adapters.simulated_scenes import Scene, systems
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
    directory = Path(tmp_path_factory.mktemp("banks"))
    with simulator(directory, pick_seconds="off", deliver_seconds="off", **options) as running:
        yield running


@pytest.fixture
def scene(world: Simulator) -> Scene:
    return Scene(world)


def does(scene: Scene, what: str, **facts: Any) -> Any:
    told = {"order_id": scene.order.order_id, **facts}
    return scene.world.call("POST", f"/world/payments/{what}", told)


def refused(scene: Scene, what: str, **facts: Any) -> tuple[int, str]:
    told = {"order_id": scene.order.order_id, **facts}
    response = httpx.post(f"{scene.world.url}/world/payments/{what}", json=told)
    return response.status_code, response.json()["code"]


def heard(listener: Listener, scene: Scene, *events: str) -> None:
    order = scene.order.order_id
    wait_until(
        lambda: listener.names(order) == list(events), SECONDS_MAX, lambda: f"heard {listener.names(order)}"
    )


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def test_a_hold_that_expires_is_told_and_gone(scene: Scene, listener: Listener) -> None:
    assert [hold["payment"] for hold in of(scene, "holds")] == [scene.payment]
    assert does(scene, "expire")["payments"] == [scene.payment]
    assert does(scene, "expire")["payments"] == []
    heard(listener, scene, "hold_expired")
    assert of(scene, "holds") == []
    (void,) = of(scene, "voids")
    assert void["key"] == "expired"
    to = systems(scene.world)
    async with to.client:
        assert await scene.capture(to) == Declined(reason="hold_is_gone")


async def test_a_dispute_is_told_at_its_beginning_and_at_its_end(scene: Scene, listener: Listener) -> None:
    to = systems(scene.world)
    async with to.client:
        assert refused(scene, "dispute") == (404, "unknown_payment")
        captured = await scene.capture(to)
    opened = does(scene, "dispute", amount=eur("10.00"))
    assert (opened["capture"], opened["state"]) == (captured.reference, "open")
    assert refused(scene, "dispute", amount=eur("1000.00")) == (409, "amount_too_large")
    assert does(scene, "dispute/decide", state="lost")["disputes"] == [opened["reference"]]
    assert does(scene, "dispute/decide", state="won")["disputes"] == []
    heard(listener, scene, "dispute_opened", "dispute_lost")
    (kept,) = of(scene, "disputes")
    assert (kept["state"], kept["amount"]) == ("lost", eur("10.00"))


async def test_what_was_refunded_is_not_disputed(scene: Scene) -> None:
    to = systems(scene.world)
    async with to.client:
        await scene.capture(to)
        await to.payments.refund(scene.payment, scene.order.total, key=scene.key("refund"))
    assert refused(scene, "dispute", amount=eur("0.01")) == (409, "amount_too_large")


async def test_a_link_is_paid_once_and_a_card_that_is_declined_may_try_again(
    scene: Scene, listener: Listener
) -> None:
    assert refused(scene, "follow-link") == (404, "unknown_link")
    to = systems(scene.world)
    async with to.client:
        link = await to.payments.pay_link(
            scene.order.order_id, scene.order.lines[0].total, key=scene.key("link")
        )
    assert does(scene, "follow-link", state="declined")["state"] == "declined"
    paid = does(scene, "follow-link", reference=link.reference)
    assert (paid["state"], paid["link"]) == ("authorised", link.reference)
    assert refused(scene, "follow-link") == (409, "already_paid")
    heard(listener, scene, "payment_declined", "payment_authorised")
    assert [k["payment"] for k in of(scene, "pay_links")] == [paid["reference"]]


def of(scene: Scene, kind: str) -> list[dict[str, Any]]:
    return [thing for thing in scene.world.books()[kind] if thing["order_id"] == scene.order.order_id]
