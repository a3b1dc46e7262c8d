"""The SDK's way out, over an httpx client of ours: here alone it is known whether a request was sent at all."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

import httpx
import stripe

from domain.errors import OutcomeUnknown, Unavailable

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)

# The SDK would keep a random id in a file of the home directory and send it, with the platform, in every request.
stripe.enable_telemetry = False


class Http(stripe.HTTPClient):
    """Unavailable: nothing was sent, or it was a read. OutcomeUnknown: a change was sent and its reply is missing."""

    name = "httpx"

    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        super().__init__()
        self._httpx = client
        self._settled_after = settled_after

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            response = await self._httpx.request(method, url, headers=headers, content=post_data)
        except httpx.TransportError as error:
            self._failed(method, error)
        return response.content, response.status_code, response.headers

    def _failed(self, method: str, error: httpx.TransportError) -> NoReturn:
        what = f"Stripe: {type(error).__name__}"
        if method.upper() == "GET" or isinstance(error, _NEVER_SENT):
            raise Unavailable(what) from error
        raise OutcomeUnknown(what, settled_after=self._settled_after) from error
