"""Hints back to OrderSaga."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.connector.protocol.common import Model, OrderId


class WebhookEvent(Model):
    """Only a hint to look: the order reads the state again. `event_id` stays the same over all attempts."""

    event_id: Annotated[str, Field(min_length=1, max_length=128)]
    event: Annotated[str, Field(min_length=1, max_length=64, examples=["pick_packed"])]
    system: Literal["storefront", "payments", "erp", "stock", "warehouse", "carrier", "crm", "notifications"]
    order_id: OrderId
    occurred_at: AwareDatetime
