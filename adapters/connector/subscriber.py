from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from adapters.connector.client import NEVER_SENT, failure
from adapters.connector.protocol.common import KEY_HEADER
from adapters.connector.protocol.webhooks import AmendmentEnded
from adapters.connector.signatures import HEADER, sign
from adapters.connector.wire import money
from domain.amendments import Amended
from domain.errors import OutcomeUnknown, Unavailable
from domain.ids import OrderId
from domain.keys import Key

_WHAT = "webhook amendment_ended"


class WebhookSubscriber:
    """Signed as the webhooks to us are, at every attempt anew: the receiver refuses what is older than 300 s."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        secret: str,
        clock: Callable[[], datetime],
        settled_after: timedelta,
    ) -> None:
        self._client = client
        self._url = url
        self._secret = secret
        self._clock = clock
        self._settled_after = settled_after

    async def tell(self, order: OrderId, amended: Amended, at: datetime, *, key: Key) -> None:
        body = _event(order, amended, at, key).model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            KEY_HEADER: key,
            HEADER: sign(self._secret, body, self._clock()),
        }
        try:
            response = await self._client.post(self._url, content=body, headers=headers)
        except NEVER_SENT as error:
            raise Unavailable(f"{_WHAT}: cannot be reached ({type(error).__name__})") from error
        except httpx.RequestError as error:
            raise self._lost(f"{_WHAT}: no answer ({type(error).__name__})") from error
        if not response.is_success:
            raise failure(_WHAT, response, self._lost)

    def _lost(self, message: str) -> OutcomeUnknown:
        return OutcomeUnknown(message, settled_after=self._settled_after)


def _event(order: OrderId, amended: Amended, at: datetime, key: Key) -> AmendmentEnded:
    told = amended.model_dump(include={"amendment_id", "state", "revision", "why"})
    return AmendmentEnded.model_validate(
        {"event_id": key, "order_id": order, "total": money(amended.total), "occurred_at": at, **told}
    )
