"""Policies are data of the order: resolved once at its start and recorded with it, never read from settings later."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.base import Value
from domain.ids import Location, System


class ShortagePolicy(StrEnum):
    """What becomes of an order that stock cannot serve at once."""

    SHIP_AVAILABLE = "ship_available"  # what is there ships, the rest when it comes
    WAIT_FOR_ALL = "wait_for_all"  # what is there is kept, and all ships together
    CANCEL_MISSING = "cancel_missing"  # what is there ships, the rest is cancelled


class FreightRule(StrEnum):
    """With which shipment freight and other surcharges are charged."""

    FIRST_SHIPMENT = "first_shipment"
    PRO_RATA = "pro_rata"  # by the value of the goods that ship


class FreightReturn(StrEnum):
    """What of the freight goes back with returned goods."""

    NEVER = "never"
    WHEN_ALL_RETURNED = "when_all_returned"
    PRO_RATA = "pro_rata"


class Owned(StrEnum):
    """What one system owns: where two were edited at once, its edit holds. The ERP, unless the merchant says otherwise.

    Orders: lines and quantities, and prices where a quantity changed with them. Prices: where both edits leave the units as
    they are. Addresses. Stock and customers are never edited in two systems: units are counted by the stock system alone,
    and a customer is found or made in ERP and CRM, and not written to afterwards. Naming their owner changes nothing.
    """

    ORDERS = "orders"
    PRICES = "prices"
    STOCK = "stock"
    CUSTOMERS = "customers"
    ADDRESSES = "addresses"


class OrderPolicies(Value):
    """What the merchant decided for the order's channel. Units are in the names.

    `adapters` names the adapter that serves each system; `task_queues` the queue of its worker, where one worker does
    not serve them all. `request_seconds_max` is the longest that any system still works on a request whose caller has
    gone; `late_payment_days` is how long a cancelled order still watches for a bank transfer, to send it back;
    `business_approval` lets new business accounts wait until the ERP approves them; `attention_seconds` is how long an effect is tried before the order says that it is blocked.
    `warehouses` are asked in this order, then the others by name; `hold_renewal_hours` is how long before it expires a
    hold is renewed; with `return_approval` a person says yes to every return. `amendment_payment_hours`: how long an
    amendment waits for the customer to pay more; `amendment_increase_max`: the most that customer service may add to a
    total by one, in major units; `amendments_told_to`: the webhook that hears how an amendment ended which was only
    signalled; none, where it is empty.
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
    shortage: ShortagePolicy = ShortagePolicy.SHIP_AVAILABLE
    warehouses: tuple[Location, ...] = ()
    freight: FreightRule = FreightRule.FIRST_SHIPMENT
    freight_return: FreightReturn = FreightReturn.WHEN_ALL_RETURNED
    amendment_payment_hours: Annotated[float, Field(gt=0)] = 24
    amendment_increase_max: Annotated[Decimal, Field(gt=0)] | None = None
    amendments_told_to: str = ""
    ownership: dict[Owned, System] = Field(default_factory=dict)
    hold_renewal_hours: Annotated[float, Field(gt=0)] = 24
    return_approval: bool = False
    restocking_fee_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(0)
    return_wait_days_max: Annotated[float, Field(gt=0)] = 30
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
