"""The demo's shops tell of a new order as their platforms do: signed, to the webhook door, until it has been taken."""

import asyncio
import base64
import hashlib
import hmac
import itertools

import httpx

from adapters.connector import signatures
from adapters.tls import trusted
from domain.ids import ChannelId
from entrypoints.demo.watching import DemoFailed
from workers.clock import now
from workers.settings import Settings

_SECONDS_MAX = 60.0
_AGAIN_SECONDS = 0.5

_events = itertools.count(1)


async def tell_of_order(settings: Settings, channel: ChannelId, document: bytes) -> None:
    """DemoFailed when the door is shut to it, or does not open within a minute."""
    platform = settings.channels[channel].platform
    secret = settings.webhook_secret.get_secret_value()
    event = f"{channel}-{next(_events)}"  # the same over all attempts
    async with httpx.AsyncClient(verify=trusted(), base_url=settings.webhooks_url, timeout=5) as client:
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                while not await _taken(  # noqa: ASYNC110  the door is another process
                    client, channel, platform, document, _headers(platform, secret, document, event)
                ):
                    await asyncio.sleep(_AGAIN_SECONDS)
        except TimeoutError:
            raise DemoFailed(f"the webhook door took no order within {_SECONDS_MAX:g} s") from None


async def _taken(
    client: httpx.AsyncClient, channel: ChannelId, platform: str, document: bytes, headers: dict[str, str]
) -> bool:
    try:
        answer = await client.post(f"/webhooks/{channel}/{platform}", content=document, headers=headers)
    except httpx.TransportError:
        return False
    if answer.is_client_error:
        raise DemoFailed(f"the webhook door refuses an order of {channel}: {answer.text}")
    return answer.is_success


def _headers(platform: str, secret: str, body: bytes, event: str) -> dict[str, str]:
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    match platform:
        case "shopify":
            return {
                "X-Shopify-Topic": "orders/create",
                "X-Shopify-Event-Id": event,
                "X-Shopify-Hmac-Sha256": signature,
            }
        case "woocommerce":
            return {"X-WC-Webhook-Topic": "order.created", "X-WC-Webhook-Signature": signature}
        case _:
            return {signatures.HEADER: signatures.sign(secret, body, now())}
