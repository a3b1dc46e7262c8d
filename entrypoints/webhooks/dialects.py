"""Who writes to `/webhooks/{channel}/{system}` in which way, and which secret each of them signs with."""

from collections.abc import Mapping

from adapters.connector import webhooks as connector
from adapters.shopify import webhooks as shopify
from adapters.stripe import webhooks as stripe
from adapters.webhooks import Dialect
from adapters.woocommerce import webhooks as woocommerce
from domain.ids import ChannelId, System
from workers.settings import GATEWAY_DOORS, Settings

Secrets = Mapping[tuple[ChannelId, str], str]  # by channel and the address's system

DIALECTS: Mapping[str, Dialect] = {
    **{system.value: connector.HINTS for system in System},
    "ordersaga": connector.ORDERS,
    "shopify": shopify.DIALECT,
    "woocommerce": woocommerce.DIALECT,
    "stripe": stripe.DIALECT,
}


def secrets_of(settings: Settings) -> Secrets:
    """Of each door of the settings. A channel takes orders of its own platform alone; without a secret a door is shut."""
    usual = settings.webhook_secret.get_secret_value()
    secrets = {}
    for name, channel in settings.channels.items():
        own = settings.webhook_secrets.get(name, {})
        for door in (*(system.value for system in System), channel.platform, *GATEWAY_DOORS):
            if secret := own[door].get_secret_value() if door in own else usual:
                secrets[name, door] = secret
    return secrets
