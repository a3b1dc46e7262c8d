"""The simulated gateway's people: shoppers who pay twice, customers who send too much, banks that take their time."""

import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.payments import Capture, Declined, Refund, RefundState
from tests.adapters.hint_listener import Listener
from tests.adapters.simulated_scenes import Scene, Systems, systems
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
    directory = Path(tmp_path_factory.mktemp("payments"))
    with simulator(directory, pick_seconds="off", deliver_seconds="off", **options) as running:
        yield running


class Till:
    """One order of 29.63 EUR and everybody who pays for it."""

    def __init__(self, world: Simulator, listener: Listener) -> None:
        self.world = world
        self.order = f"order:till:{next(_numbers)}"
        self._listener = listener

    def checkout(self, *tenders: dict[str, Any]) -> Any:
        return self.world.call(
            "POST",
            "/world/orders",
            {
                "channel": "till",
                "platform": "ordersaga",
                "order_id": self.order,
                "document": {},
                "lines": [],
                "total": eur("29.63"),
                "payments": list(tenders),
            },
        )

    def does(self, what: str, **facts: Any) -> Any:
        return self.world.call("POST", f"/world/payments/{what}", {"order_id": self.order, **facts})

    def refused(self, what: str, **facts: Any) -> tuple[int, str]:
        response = httpx.post(
            f"{self.world.url}/world/payments/{what}", json={"order_id": self.order, **facts}
        )
        return response.status_code, response.json()["code"]

    @property
    def payments(self) -> list[dict[str, Any]]:
        return [p for p in self.world.books()["payments"] if p["order_id"] == self.order]

    def heard(self, *events: str) -> None:
        wait_until(
            lambda: self._listener.names(self.order) == list(events),
            SECONDS_MAX,
            lambda: f"heard {self._listener.names(self.order)}",
        )


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


@pytest.fixture
def till(world: Simulator, listener: Listener) -> Till:
    return Till(world, listener)


# --- the checkout, and another try


def test_an_order_is_paid_with_several_tenders_in_their_order(till: Till) -> None:
    gift = {"amount": eur("20.00"), "method": "gift_card", "state": "captured"}
    placed = till.checkout(gift, {"amount": eur("9.63")})
    assert placed["payments"] == [payment["reference"] for payment in till.payments]
    assert placed["payment"] == placed["payments"][0]
    facts = [(p["method"], p["state"], p["authorised"]["amount"]) for p in till.payments]
    assert facts == [("gift_card", "captured", "20.00"), ("card", "authorised", "9.63")]
    (taken,) = till.payments[0]["captures"]
    assert taken["key"].startswith("checkout/")
    assert till.payments[0]["capture_before"] is None
    assert till.payments[1]["capture_before"] is not None
    assert till.checkout(gift)["payments"] == placed["payments"], "the same order again pays nothing"


def test_one_tender_or_several_and_no_transfer_that_is_there_at_once(till: Till) -> None:
    there = {"amount": eur("1.00"), "method": "bank_transfer", "state": "captured"}
    response = httpx.post(f"{till.world.url}/world/payments/pay", json={"order_id": till.order, **there})
    assert response.status_code == 422
    both = {"payment": {"amount": eur("1.00")}, "payments": [{"amount": eur("1.00")}]}
    order = {"channel": "till", "platform": "ordersaga", "order_id": till.order, "document": {}, "lines": []}
    response = httpx.post(f"{till.world.url}/world/orders", json={**order, "total": eur("1.00"), **both})
    assert response.status_code == 422
    assert till.payments == []


def test_after_a_decline_the_shopper_pays_with_another_card(till: Till) -> None:
    till.checkout({"amount": eur("29.63"), "state": "pending"})
    till.does("decline")
    till.does("pay", amount=eur("29.63"), state="declined")
    till.does("pay", amount=eur("29.63"))
    assert [p["state"] for p in till.payments] == ["declined", "declined", "authorised"]
    till.heard("payment_declined", "payment_declined", "payment_authorised")


def test_a_pending_try_is_confirmed_by_the_bank_and_only_once(till: Till) -> None:
    till.checkout({"amount": eur("29.63"), "state": "declined"})
    till.does("pay", amount=eur("29.63"), state="pending")
    assert till.does("authorise")["state"] == "authorised"
    assert till.refused("authorise") == (409, "not_pending")
    assert [p["state"] for p in till.payments] == ["declined", "authorised"]
    till.heard("payment_pending", "payment_authorised")


def test_nobody_pays_for_an_order_that_the_shop_does_not_know(till: Till) -> None:
    assert till.refused("pay", amount=eur("1.00")) == (404, "unknown_order")
    assert till.refused("authorise") == (404, "unknown_payment")


def test_a_reference_belongs_to_one_payment(till: Till) -> None:
    reference = f"pay-{till.order}"
    till.checkout({"amount": eur("29.63"), "reference": reference})
    assert till.refused("pay", amount=eur("1.00"), reference=reference) == (409, "payment_differs")


# --- bank transfers


@pytest.fixture
def awaited(till: Till) -> Till:
    """A transfer of 29.63 is waited for."""
    till.checkout({"amount": eur("29.63"), "method": "bank_transfer"})
    (payment,) = till.payments
    assert (payment["state"], payment["capture_before"], payment["captures"]) == ("pending", None, [])
    return till


@pytest.mark.parametrize(
    ("amounts", "states"),
    [
        (("29.63",), ("captured",)),
        (("29.62", "0.01"), ("pending", "captured")),
        (("30.00",), ("captured",)),
        (("29.63", "29.63"), ("captured", "captured")),
    ],
)
def test_a_transfer_is_complete_with_at_least_what_was_asked_for(
    awaited: Till, amounts: tuple[str, ...], states: tuple[str, ...]
) -> None:
    found = [
        awaited.does("transfer", amount=eur(amount), bank_reference=f"{awaited.order}/{number}")["state"]
        for number, amount in enumerate(amounts)
    ]
    assert tuple(found) == states
    (payment,) = awaited.payments
    assert payment["authorised"] == eur("29.63")
    booked = [(c["key"], c["reference"], c["amount"]["amount"]) for c in payment["captures"]]
    names = [f"{awaited.order}/{number}" for number in range(len(amounts))]
    assert booked == list(zip(names, names, amounts, strict=True))
    awaited.heard(*["transfer_arrived"] * len(amounts))


def test_a_transfer_told_twice_is_booked_once_and_hinted_twice(awaited: Till) -> None:
    name = f"{awaited.order}/a"
    for _ in range(2):
        awaited.does("transfer", amount=eur("29.63"), bank_reference=name)
    assert [c["reference"] for c in awaited.payments[0]["captures"]] == [name]
    awaited.heard("transfer_arrived", "transfer_arrived")
    assert awaited.refused("transfer", amount=eur("1.00"), bank_reference=name) == (409, "transfer_differs")


def test_a_bank_reference_is_booked_for_one_order_only(awaited: Till, listener: Listener) -> None:
    awaited.does("transfer", amount=eur("29.63"), bank_reference=f"{awaited.order}/a")
    other = Till(awaited.world, listener)
    other.checkout({"amount": eur("29.63"), "method": "bank_transfer"})
    told = {"amount": eur("29.63"), "bank_reference": f"{awaited.order}/a"}
    assert other.refused("transfer", **told) == (409, "transfer_differs")
    assert other.payments[0]["captures"] == []


def test_money_that_is_no_transfer_is_not_booked(awaited: Till, listener: Listener) -> None:
    usd = {"amount": "29.63", "currency": "USD"}
    assert awaited.refused("transfer", amount=usd, bank_reference="u") == (422, "wrong_currency")
    assert awaited.refused("transfer", amount=eur("0.00"), bank_reference="z") == (422, "invalid_amount")
    assert awaited.refused("authorise") == (404, "unknown_payment")
    by_card = Till(awaited.world, listener)
    by_card.checkout({"amount": eur("29.63")})
    assert by_card.refused("transfer", amount=eur("1.00"), bank_reference="c") == (404, "unknown_payment")
    assert awaited.payments[0]["captures"] == []


def test_a_bank_cannot_refuse_what_arrives_after_a_void(awaited: Till) -> None:
    (payment,) = awaited.payments
    response = httpx.post(
        f"{awaited.world.url}/payments/void",
        json={"payment": payment["reference"]},
        headers={"Idempotency-Key": f"{awaited.order}/void"},
    )
    assert response.is_success
    assert awaited.payments[0]["state"] == "voided"
    awaited.does("transfer", amount=eur("10.00"), bank_reference=f"{awaited.order}/late")
    (late,) = awaited.payments
    assert (late["state"], [c["amount"]["amount"] for c in late["captures"]]) == ("captured", ["10.00"])


# --- people at the gateway


@pytest.fixture
def scene(world: Simulator) -> Scene:
    return Scene(world)


def of(scene: Scene, **facts: Any) -> dict[str, Any]:
    return {"order_id": scene.order.order_id, **facts}


def record(scene: Scene) -> dict[str, Any]:
    (payment,) = [p for p in scene.world.books()["payments"] if p["reference"] == scene.payment]
    found: dict[str, Any] = payment
    return found


async def test_somebody_captures_at_the_gateway_and_our_capture_comes_too_late(
    scene: Scene, listener: Listener
) -> None:
    scene.world.call("POST", "/world/payments/capture", of(scene, amount=eur("10.00")))
    (taken,) = record(scene)["captures"]
    assert taken["key"].startswith("by-hand/")
    assert (record(scene)["state"], taken["amount"]) == ("captured", eur("10.00"))
    to = systems(scene.world)
    async with to.client:
        assert await scene.capture(to) == Declined(reason="already_captured")
    wait_until(lambda: listener.names(scene.order.order_id) == ["payment_captured"], SECONDS_MAX)


def test_by_hand_the_whole_hold_is_taken_and_never_more(scene: Scene) -> None:
    url = f"{scene.world.url}/world/payments/capture"
    more = httpx.post(url, json=of(scene, amount=eur("99999.00")))
    assert (more.status_code, more.json()["code"]) == (409, "amount_too_large")
    scene.world.call("POST", "/world/payments/capture", of(scene))
    assert record(scene)["captures"][0]["amount"] == record(scene)["authorised"]
    assert httpx.post(url, json=of(scene)).status_code == 404, "there is no hold left"


async def test_captures_are_declined_by_script_until_it_ends(scene: Scene) -> None:
    to = systems(scene.world)
    async with to.client:
        scene.world.call("PUT", "/world/payments/script", of(scene, decline_captures="card_expired"))
        for _ in range(2):
            assert await scene.capture(to) == Declined(reason="card_expired")
        assert (record(scene)["state"], record(scene)["captures"]) == ("authorised", [])
        scene.world.call("PUT", "/world/payments/script", of(scene))
        assert isinstance(await scene.capture(to), Capture)


async def refunded(scene: Scene, to: Systems, number: int) -> Refund:
    """Of the whole order."""
    given = await to.payments.refund(scene.payment, scene.order.total, key=scene.key(f"refund-{number}"))
    assert isinstance(given, Refund)
    return given


async def test_pending_refunds_are_decided_together_and_a_succeeded_one_may_fail_after_all(
    scene: Scene, listener: Listener
) -> None:
    order = scene.order.order_id
    to = systems(scene.world)
    async with to.client:
        await scene.capture(to)
        scene.world.call("PUT", "/world/payments/script", of(scene, refunds="pending"))
        given = await refunded(scene, to, 1)
        assert given.state is RefundState.PENDING
        assert await refunded(scene, to, 1) == given, "a repeat is answered as the first time"
    decide = "/world/payments/refunds"
    assert scene.world.call("POST", decide, of(scene, state="succeeded"))["refunds"] == [given.reference]
    assert scene.world.call("POST", decide, of(scene, state="failed"))["refunds"] == []
    named = of(scene, state="failed", reference=given.reference)
    assert scene.world.call("POST", decide, named)["refunds"] == [given.reference]
    assert scene.world.call("POST", decide, {**named, "state": "succeeded"})["refunds"] == []
    (kept,) = record(scene)["refunds"]
    assert (kept["state"], kept["decided"] is None) == ("failed", False)
    wait_until(lambda: listener.names(order) == ["refund_succeeded", "refund_failed"], SECONDS_MAX)


async def test_a_refund_may_fail_at_once_and_its_money_is_still_there(scene: Scene) -> None:
    to = systems(scene.world)
    async with to.client:
        await scene.capture(to)
        scene.world.call("PUT", "/world/payments/script", of(scene, refunds="failed"))
        assert (await refunded(scene, to, 1)).state is RefundState.FAILED
        scene.world.call("PUT", "/world/payments/script", of(scene))
        assert (await refunded(scene, to, 2)).state is RefundState.SUCCEEDED
        page = (await to.client.get("/books", params={"format": "text"})).text
    assert f"({scene.key('refund-1')}), failed" in page
    assert f"({scene.key('refund-2')}), succeeded" in page
    shown = [r for r in scene.world.books()["refunds"] if r["order_id"] == scene.order.order_id]
    assert [r["state"] for r in shown] == ["failed", "succeeded"]


def test_the_payments_of_an_order_are_found_by_an_index(tmp_path: Path) -> None:
    with simulator(tmp_path):
        pass
    database = sqlite3.connect(tmp_path / "simulated.sqlite")
    plan = database.execute(
        "EXPLAIN QUERY PLAN SELECT body FROM documents"
        " WHERE kind = ? AND json_extract(body, '$.order_id') = ? ORDER BY rowid",
        ("payments", "order:till:1"),
    ).fetchall()
    database.close()
    assert "documents_of_order" in str(plan)
