"""Who may read orders in the Web UI: whom the API lets in as a person, and each the orders of their channels."""

import ipaddress
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from domain.ids import ChannelId
from entrypoints.api.authentication import Authentication
from entrypoints.api.roles import May, Principal
from workers.settings import Settings

Readable = Callable[[str], bool]  # whether one may read what is of this order; "" is of none
Authorised = Callable[
    [str], Awaitable[Readable | None]
]  # of the bearer of a token, "" being none; None: a stranger


def by_tokens(authentication: Authentication) -> Authorised:
    """A history tells all of an order. It is for those who look after orders, and not for the machines that place them."""

    async def authorised(token: str) -> Readable | None:
        bearer = await authentication.bearer(f"Bearer {token}")
        if bearer is None or not bearer.principal.may(May.SEE_ATTENTION):
            return None
        return partial(_may_read, bearer.principal)

    return authorised


async def anybody(_token: str) -> Readable | None:
    return lambda _order: True


def is_private(settings: Settings, host: str) -> bool:
    """Whether only this machine reaches the endpoint, and its settings do not ask for more than to be on it."""
    ours = urlsplit(settings.codec_url).hostname or ""
    return not settings.codec_sign_in and _loopback(host) and _loopback(ours)


def _may_read(principal: Principal, order: str) -> bool:
    """What is of no order may be of any."""
    channel = order.split(":")[1] if order.count(":") > 1 else ""
    return principal.channels is None or principal.sees(ChannelId(channel))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
