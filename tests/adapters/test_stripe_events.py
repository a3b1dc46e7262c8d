"""What Stripe's list of events tells a sweep: the orders, or the payments of those that it cannot name."""

import json
from typing import Any

import httpx

from adapters.stripe.payments import StripePayments
from domain.erp import Changes
from tests.adapters.stripe_wire import Script, answer
from tests.adapters.stripe_wire import listed as list_of
from tests.webhooks.senders import stripe_event

EVENTS = "/v1/events"


def event(number: int, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(stripe_event(f"evt_{number}", **more))
    return told | {"created": 1_780_000_000 + number}


def listed(*events: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return list_of(*events, has_more=has_more) | {"url": EVENTS}


async def _changes(script: Script, since: str | None) -> Changes:
    async with httpx.AsyncClient(transport=httpx.MockTransport(script)) as client:
        return await StripePayments(client, api_key="sk_test_1").changes(since)


async def test_the_first_look_tells_only_where_to_go_on() -> None:
    script = Script().on("GET", EVENTS, answer(listed(event(7, order="order:shop:1"))))
    assert await _changes(script, None) == Changes(orders=(), cursor="1780000007")


async def test_orders_are_named_by_metadata_and_the_others_by_their_payment() -> None:
    pages = (
        answer(
            listed(
                event(9, order="order:shop:2", payment="pi_2"),
                event(8, kind="refund.failed", payment="pi_3"),
                has_more=True,
            )
        ),
        answer(
            listed(event(7, order="order:shop:2"), event(6, kind="charge.dispute.closed", payment="pi_3"))
        ),
    )
    script = Script().on("GET", EVENTS, *pages)
    changes = await _changes(script, "1780000005")
    assert changes == Changes(orders=("order:shop:2",), payments=("pi_3",), cursor="1780000009")
    first, second = script.asked
    assert first.url.params["created[gte]"] == str(1_780_000_005 - 300)
    assert second.url.params["starting_after"] == "evt_8"


async def test_without_news_the_cursor_stays() -> None:
    script = Script().on("GET", EVENTS, answer(listed()))
    assert await _changes(script, "1780000005") == Changes(orders=(), cursor="1780000005")
