"""The shopper of the embedded world: orders in the simulated shop, and holds the money for it at the gateway."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from adapters.connector.wire import plain
from adapters.documents import PARSERS, load
from adapters.stripe.amounts import to_stripe
from adapters.tls import trusted
from domain.ids import ChannelId, System
from domain.orders import OrderLine, PlacedOrder, Surcharge
from entrypoints.demo.documents import DemoDocument, with_payment_reference
from entrypoints.demo.shopper_stripe import card_hold
from entrypoints.demo.tenders import Tender, Tenders, by_card, wire
from workers.settings import ConnectorSettings, Settings, StripeSettings

_TIMEOUT_SECONDS = 30


async def checkout(settings: Settings, channel: ChannelId, content: bytes, pays: Tenders = by_card) -> bytes:
    """Place the order of this document; the answer is the document as the shop sends it, payment reference included.

    Stripe is paid by card, whatever `pays` says.
    UnusableDocument when the document cannot be read; httpx.HTTPStatusError when shop or gateway refuse.
    """
    platform = settings.channels[channel].platform
    placed = PARSERS[platform](load(content), channel=channel, skus={})
    document: dict[str, Any] = json.loads(content)
    gateway = settings.adapters[settings.channels[channel].policies.adapters[System.PAYMENTS]]
    tenders = pays(placed.total)
    if isinstance(gateway, StripeSettings):
        key = gateway.api_key.get_secret_value()
        reference = await card_hold(
            gateway.url, key, placed.order_id, to_stripe(placed.total), placed.currency
        )
        paid = DemoDocument(
            platform, channel, document, placed.order_id, str(placed.total.major), placed.currency
        )
        document, tenders = with_payment_reference(paid, reference).document, ()
    await _order(settings, placed, platform, document, *tenders)
    return json.dumps(document).encode()


async def _order(
    settings: Settings,
    placed: PlacedOrder,
    platform: str,
    document: Mapping[str, Any],
    *tenders: Tender,
) -> None:
    shop = settings.adapters[settings.channels[placed.channel].policies.adapters[System.STOREFRONT]]
    if not isinstance(shop, ConnectorSettings):
        raise TypeError("only the simulated shop can be ordered from")
    wanted = {
        "channel": placed.channel,
        "platform": platform,
        "order_id": placed.order_id,
        "document": document,
        "lines": [_line(item) for item in placed.priced],
        "total": wire(placed.total),
        "shipping": plain(placed.shipping),
        "payments": tenders,
    }
    async with httpx.AsyncClient(verify=trusted(), base_url=shop.url, timeout=_TIMEOUT_SECONDS) as client:
        (await client.post("/world/orders", json=wanted)).raise_for_status()


def _line(item: OrderLine | Surcharge) -> Mapping[str, Any]:
    """As the shop shows it, and how it is priced: so that people can edit it there."""
    return {
        "line_id": item.line_id,
        "sku": item.sku if isinstance(item, OrderLine) else None,
        "name": item.name,
        "quantity": item.quantity if isinstance(item, OrderLine) else 1,
        "ships": isinstance(item, OrderLine) and item.ships,
        "total": wire(item.total),
        "item": {**plain(item), "total": plain(item.total)},
    }
