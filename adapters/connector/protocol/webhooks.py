"""Hints back to OrderSaga, and what OrderSaga tells by itself."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.connector.protocol.common import Model, Money, OrderId, Text


class WebhookEvent(Model):
    """Only a hint to look: the order reads the state again. `event_id` stays the same over all attempts."""

    event_id: Annotated[str, Field(min_length=1, max_length=128)]
    event: Annotated[str, Field(min_length=1, max_length=64, examples=["pick_packed"])]
    system: Literal["storefront", "payments", "erp", "stock", "warehouse", "carrier", "crm", "notifications"]
    order_id: OrderId
    occurred_at: AwareDatetime


class AmendmentEnded(Model):
    """To whoever only signalled an amendment. `event_id` stays the same over all attempts; `total` is the order's now."""

    event_id: Annotated[str, Field(min_length=1, max_length=128)]
    event: Literal["amendment_ended"] = "amendment_ended"
    order_id: OrderId
    amendment_id: Annotated[str, Field(min_length=1, max_length=64)]
    state: Literal["committed", "undone", "refused"]
    revision: Annotated[int, Field(ge=1)]
    total: Money
    why: Text
    occurred_at: AwareDatetime
