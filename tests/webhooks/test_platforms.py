"""Shopify, WooCommerce and Stripe at the door: orders come in, hints find their order, nothing else gets in."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import stripe
from sqlalchemy import text

from adapters.connector import signatures
from adapters.database.engine import writing
from adapters.database.schema import InboxKind, InboxState
from domain.ids import System
from domain.records import OrderState
from entrypoints.demo.documents import demo_documents
from tests.entrypoints.receiving import SHOP, document, forwarding, order, until
from tests.webhooks.senders import OWN, SECRETS, SHOPIFY, STRIPE, WOO, Senders, senders, signed, stripe_event


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Senders]:
    async with senders(tmp_path) as opened:
        yield opened


def placed(platform: str, number: int) -> bytes:
    (demo,) = demo_documents(1, platforms=[platform])
    return json.dumps(demo.document | {"id": str(number) if platform == OWN else number}).encode()


async def _settled(door: Senders, inbox_id: int) -> InboxState:
    async def settled() -> bool:
        return (await door.world.item(inbox_id)).state is not InboxState.WAITING

    async with forwarding(door.world.forwarder):
        await until(settled)
    return (await door.world.item(inbox_id)).state


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", [SHOPIFY, WOO, OWN])
async def test_an_order_enters_by_the_webhook_of_its_platform(door: Senders, platform: str) -> None:
    body = placed(platform, 4711)
    if platform == SHOPIFY:
        answer = await door.shopify("orders/create", body)
    elif platform == WOO:
        answer = await door.woo("order.created", body)
    else:
        answer = await door.own(OWN, body)
    assert answer.status_code == 202
    assert await _settled(door, answer.json()["inbox_id"]) is InboxState.FORWARDED
    assert (await door.world.registered("4711")).state is OrderState.STARTED
    assert list(door.world.temporal.started) == [order("4711")]
    assert door.world.temporal.told == []


async def test_a_changed_order_that_is_known_is_told_to_look_into_its_shop(door: Senders) -> None:
    await door.world.intake.accept(placed(WOO, 1), channel=SHOP, platform=WOO)
    answer = await door.woo("order.updated", placed(WOO, 1))
    assert await _settled(door, answer.json()["inbox_id"]) is InboxState.FORWARDED
    assert door.world.temporal.told == [(order("1"), System.STOREFRONT), (order("1"), System.PAYMENTS)]


async def test_what_cannot_be_read_is_acknowledged_parked_and_shown(door: Senders) -> None:
    """A platform ends a subscription that fails a few times: only who may write here, and how much, is told it."""
    answer = await door.shopify("orders/create", b'{"id": 5}')
    assert answer.status_code == 202
    assert await _settled(door, answer.json()["inbox_id"]) is InboxState.PARKED
    item = await door.world.item(answer.json()["inbox_id"])
    assert item.kind is InboxKind.DOCUMENT
    assert "line_items" in [problem.field for problem in item.problems]


# -- the same again ----------------------------------------------------------------------------------------------------


async def test_shopify_sends_an_event_again_and_two_events_may_carry_the_same_order(door: Senders) -> None:
    body = placed(SHOPIFY, 1)
    first = await door.shopify("orders/updated", body, event="e1")
    assert (await door.shopify("orders/updated", body, event="e1")).json() == first.json()
    other = await door.shopify("orders/updated", body, event="e2")
    assert (other.status_code, other.json() != first.json()) == (202, True)


async def test_nobody_can_spend_the_id_of_an_event_that_is_still_to_come(door: Senders) -> None:
    """Shopify signs the body alone: an old body with a new event's id must not stand in its way."""
    await door.shopify("orders/updated", placed(SHOPIFY, 1), event="e2")
    true = await door.shopify("orders/updated", placed(SHOPIFY, 2), event="e2")
    assert true.status_code == 202


async def test_woocommerce_is_told_apart_by_content_alone(door: Senders) -> None:
    first = await door.woo("order.updated", placed(WOO, 1))
    again = await door.woo("order.updated", placed(WOO, 1))
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await door.woo("order.updated", placed(WOO, 2))).status_code == 202


async def test_a_stripe_event_is_the_same_whatever_else_stripe_writes_into_it(door: Senders) -> None:
    event = json.loads(stripe_event())
    first = await door.stripe(json.dumps(event | {"pending_webhooks": 2}).encode())
    again = await door.stripe(json.dumps(event | {"pending_webhooks": 1}).encode())
    assert (again.status_code, again.json()) == (200, first.json())


# -- hints -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "body", "system"),
    [
        ("refunds/create", {"order_id": 1}, System.PAYMENTS),
        ("order_transactions/create", {"order_id": 1}, System.PAYMENTS),
        ("fulfillments/update", {"order_id": 1}, System.STOREFRONT),
        ("orders/edited", {"order_edit": {"order_id": 1}}, System.STOREFRONT),
        ("orders/delete", {"id": 1}, System.STOREFRONT),
        ("disputes/create", {"order_id": 1}, System.PAYMENTS),
    ],
)
async def test_shopify_names_the_order_that_is_to_look_again(
    door: Senders, topic: str, body: dict[str, object], system: System
) -> None:
    await door.world.accept(document("1"))
    answer = await door.shopify(topic, json.dumps(body).encode())
    assert await _settled(door, answer.json()["inbox_id"]) is InboxState.FORWARDED
    assert door.world.temporal.told == [(order("1"), system)]


@pytest.mark.parametrize(
    "event",
    [
        stripe_event(order="order:shop-de:1"),
        stripe_event(order="1"),
        stripe_event(kind="charge.refunded", order="order:shop-de:1"),
        stripe_event(kind="charge.dispute.created", payment="pi_of_1"),
        stripe_event(kind="refund.failed", payment="pi_of_1"),
        stripe_event(kind="payment_intent.canceled", payment="pi_of_1"),
    ],
)
async def test_stripe_is_about_an_order_by_its_metadata_or_by_its_payment(
    door: Senders, event: bytes
) -> None:
    own = json.loads(placed(OWN, 1))
    own["payment"] |= {"reference": "pi_of_1"}
    await door.world.intake.accept(json.dumps(own).encode(), channel=SHOP, platform=OWN)
    answer = await door.stripe(event)
    assert await _settled(door, answer.json()["inbox_id"]) is InboxState.FORWARDED
    assert door.world.temporal.told == [(order("1"), System.PAYMENTS)]


async def test_a_payment_of_nobody_is_parked_with_its_name(door: Senders) -> None:
    answer = await door.stripe(stripe_event(payment="pi_9"))
    assert await _settled(door, answer.json()["inbox_id"]) is InboxState.PARKED
    assert "pi_9" in (await door.world.item(answer.json()["inbox_id"])).reason


async def test_a_payment_that_was_told_before_its_order_came_is_told_once_it_has_come(door: Senders) -> None:
    early = await door.stripe(stripe_event(order="order:shop-de:7"))
    assert await _settled(door, early.json()["inbox_id"]) is InboxState.PARKED
    await door.woo("order.created", placed(WOO, 7))
    async with forwarding(door.world.forwarder):

        async def told() -> bool:
            return door.world.temporal.told == [(order("7"), System.PAYMENTS)]

        await until(told)


@pytest.mark.parametrize("kind", ["customer.created", "payout.paid", ""])
async def test_what_is_about_no_order_is_acknowledged_and_parked(door: Senders, kind: str) -> None:
    answer = await door.stripe(stripe_event(kind=kind))
    assert answer.status_code == 200
    assert (await door.world.item(answer.json()["inbox_id"])).problems[0].field == "type"
    topicless = await door.shopify("products/update", b"{}")
    assert topicless.status_code == 200
    assert (await door.world.item(topicless.json()["inbox_id"])).state is InboxState.PARKED


# -- who may write -----------------------------------------------------------------------------------------------------


async def test_a_wrong_secret_or_none_is_refused_at_every_door(door: Senders) -> None:
    body = placed(SHOPIFY, 1)
    answers = [
        await door.shopify("orders/create", body, secret="guessed"),
        await door.woo("order.created", body, secret="guessed"),
        await door.stripe(body, secret="guessed"),
        await door.post(SHOPIFY, body, {"X-Shopify-Topic": "orders/create"}),
        await door.post(WOO, body, {"X-WC-Webhook-Signature": ""}),
        await door.post(STRIPE, body, {"Stripe-Signature": "t=1,v1="}),
        await door.post(SHOPIFY, body, {"X-Shopify-Hmac-Sha256": signed("", body)}),
        await door.http.post("/webhooks/shop-de/moon", content=body),
    ]
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert await door.items() == ()


async def test_stripes_own_library_and_ours_sign_alike(door: Senders) -> None:
    """Also with several signatures while a secret is being changed, and only for 300 s."""
    body, now = stripe_event(), int(door.world.clock().timestamp())
    secret = SECRETS[SHOP, STRIPE]
    theirs = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, now)
    rotated = f"{theirs},v1={'0' * 64}"
    old = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, now - 301)
    codes = [
        (await door.post(STRIPE, body, {"Stripe-Signature": header})).status_code
        for header in (theirs, rotated, old)
    ]
    assert codes == [202, 200, 401]
    ours = signatures.sign(secret, body, door.world.clock())
    assert stripe.WebhookSignature.verify_header(body, ours, secret, tolerance=None)


async def test_woocommerce_tries_a_new_address_with_a_ping_that_is_not_signed(door: Senders) -> None:
    ping = await door.post(WOO, b"webhook_id=17", {"Content-Type": "application/x-www-form-urlencoded"})
    assert ping.status_code == 200
    assert (await door.post(SHOPIFY, b"webhook_id=17", {})).status_code == 401
    assert (await door.post(WOO, b"webhook_id=17&order=1", {})).status_code == 401
    assert await door.items() == ()


async def test_an_order_may_be_larger_than_a_hint_and_has_its_limit_too(door: Senders) -> None:
    large = json.dumps({"id": 1, "note": "x" * 3_000_000}).encode()
    assert (await door.shopify("orders/create", large)).status_code == 202
    assert (await door.shopify("orders/create", b" " * (4 * 1024 * 1024 + 1))).status_code == 413
    assert (await door.stripe(b" " * (256 * 1024 + 1))).status_code == 413


async def test_only_the_topic_and_the_content_type_are_kept_of_the_headers(door: Senders) -> None:
    answer = await door.shopify("orders/create", placed(SHOPIFY, 1))
    headers = (await door.world.item(answer.json()["inbox_id"])).headers
    assert set(headers) <= {"x-shopify-topic", "user-agent", "content-type"}


# -- without our database ----------------------------------------------------------------------------------------------


async def test_without_the_database_a_new_order_starts_and_a_hint_is_told_at_once(door: Senders) -> None:
    await _lose_the_inbox(door)
    (demo,) = demo_documents(1, platforms=[OWN])
    fresh = demo.document | {"id": "1", "placed_at": door.world.clock.time.isoformat()}
    assert (await door.own(OWN, json.dumps(fresh).encode())).status_code == 202
    assert list(door.world.temporal.started) == [order("1")]
    event = stripe_event(order="order:shop-de:1")
    assert (await door.stripe(event)).status_code == 202
    assert door.world.temporal.told == [(order("1"), System.PAYMENTS)]
    stale = fresh | {"placed_at": (door.world.clock.time - timedelta(days=2)).isoformat()}
    for refused in (
        await door.own(OWN, json.dumps(stale | {"id": "2"}).encode()),
        await door.stripe(stripe_event(order="order:shop-de:2")),
        await door.stripe(stripe_event()),
        await door.shopify("refunds/create", b"no json"),
    ):
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert list(door.world.temporal.started) == [order("1")]


async def test_without_database_and_temporal_the_sender_is_asked_to_come_again(door: Senders) -> None:
    await _lose_the_inbox(door)
    door.world.temporal.away = True
    answer = await door.stripe(stripe_event(order="order:shop-de:1"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def _lose_the_inbox(door: Senders) -> None:
    async with writing(door.world.engine) as connection:
        await connection.execute(text("DROP TABLE inbox"))
