"""The receiver as every platform's servers see it: documents and events signed as each of them signs."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from adapters.connector import signatures
from adapters.database.inbox import InboxItem
from adapters.documents import PARSERS
from entrypoints.webhooks.app import create_app
from entrypoints.webhooks.direct import Direct
from tests.entrypoints.receiving import PLAIN, SHOP, Receiver, parse_plain, receiver

SHOPIFY, WOO, STRIPE, OWN = "shopify", "woocommerce", "stripe", "ordersaga"
SECRETS = {(SHOP, system): f"secret of {system}" for system in (SHOPIFY, WOO, STRIPE, OWN, "erp", "payments")}


class Senders:
    """`world.intake` reads `shopify`, `woocommerce` and `ordersaga` documents by the platforms' own parsers."""

    def __init__(self, world: Receiver) -> None:
        self.world = world
        self.world.intake = world.intake_with(world.temporal.start, **PARSERS)
        self.world.forwarder = world.forwarder_with(world.temporal.look_again)
        direct = Direct(
            world.temporal.start, world.temporal.look_again, {**PARSERS, PLAIN: parse_plain}, world.clock
        )
        app = create_app(
            world.inbox, SECRETS, world.clock, stored=world.forwarder.wake, act_at_once=direct.act
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver")

    async def shopify(
        self, topic: str, body: bytes, event: str = "e1", secret: str = f"secret of {SHOPIFY}"
    ) -> httpx.Response:
        return await self.post(
            SHOPIFY,
            body,
            {
                "X-Shopify-Topic": topic,
                "X-Shopify-Event-Id": event,
                "X-Shopify-Hmac-Sha256": signed(secret, body),
            },
        )

    async def woo(self, topic: str, body: bytes, secret: str = f"secret of {WOO}") -> httpx.Response:
        headers = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signed(secret, body)}
        return await self.post(WOO, body, headers)

    async def stripe(self, body: bytes, secret: str = f"secret of {STRIPE}") -> httpx.Response:
        return await self.post(
            STRIPE, body, {"Stripe-Signature": signatures.sign(secret, body, self.world.clock())}
        )

    async def own(self, system: str, body: bytes) -> httpx.Response:
        signature = signatures.sign(SECRETS[SHOP, system], body, self.world.clock())
        return await self.post(system, body, {signatures.HEADER: signature})

    async def post(self, system: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.http.post(f"/webhooks/{SHOP}/{system}", content=body, headers=headers)

    async def items(self) -> tuple[InboxItem, ...]:
        return await self.world.inbox.list(limit=10_000)


@asynccontextmanager
async def senders(folder: Path) -> AsyncIterator[Senders]:
    async with receiver(folder) as world:
        opened = Senders(world)
        async with opened.http:
            yield opened


def signed(secret: str, body: bytes) -> str:
    """As Shopify and WooCommerce do."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def stripe_event(
    event_id: str = "evt_1",
    kind: str = "payment_intent.succeeded",
    *,
    payment: str = "pi_1",
    order: str | None = None,
) -> bytes:
    metadata = {"order_id": order} if order else {}
    if kind.startswith("payment_intent."):
        told: dict[str, Any] = {"object": "payment_intent", "id": payment, "metadata": metadata}
    else:
        told = {
            "object": kind.split(".", maxsplit=1)[0],
            "id": "x_1",
            "payment_intent": payment,
            "metadata": metadata,
        }
    return json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": told}}).encode()
