"""Policies are data of the order: resolved once at its start and recorded with it, never read from settings later."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.base import Value
from domain.ids import System


class OrderPolicies(Value):
    """What the merchant decided for the order's channel. Units are in the names.

    `adapters` names the adapter that serves each system; `task_queues` the queue of its worker, where one worker does
    not serve them all. `request_seconds_max` is the longest that any system still works on a request whose caller has
    gone; `late_payment_days` is how long a cancelled order still watches for a bank transfer, to send it back;
    `business_approval` lets new business accounts wait until the ERP approves them; `attention_seconds` is how long an effect is tried before the order says that it is blocked.
    """

    adapters: dict[System, str]
    task_queues: dict[System, str] = Field(default_factory=dict)
    payment_wait_hours_max: Annotated[float, Field(gt=0)] = 72
    payment_reminder_hours: Annotated[float, Field(gt=0)] = 24
    transfer_wait_days_max: Annotated[float, Field(gt=0)] = 14
    transfer_reminder_days: Annotated[float, Field(gt=0)] = 5
    late_payment_days: Annotated[float, Field(ge=0)] = 30
    business_approval: bool = False
    approval_wait_days_max: Annotated[float, Field(gt=0)] = 14
    approval_reminder_days: Annotated[float, Field(gt=0)] = 3
    credit_wait_days_max: Annotated[float, Field(gt=0)] = 14
    delivery_wait_days_max: Annotated[float, Field(ge=0)] = 30
    return_window_days: Annotated[float, Field(ge=0)] = 14
    look_again_minutes: Annotated[float, Field(gt=0)] = 240
    attention_seconds: Annotated[float, Field(gt=0)] = 900
    attempt_seconds: Annotated[float, Field(gt=0)] = 30
    request_seconds_max: Annotated[float, Field(gt=0)] = 20
    retry_seconds_min: Annotated[float, Field(gt=0)] = 1
    retry_seconds_max: Annotated[float, Field(gt=0)] = 300
    operators: str = ""

    @model_validator(mode="after")
    def _an_attempt_outlives_its_request(self) -> Self:
        if self.attempt_seconds < self.request_seconds_max:
            raise ValueError(
                "attempt_seconds: at least request_seconds_max, or a repeat could overtake its request"
            )
        return self
