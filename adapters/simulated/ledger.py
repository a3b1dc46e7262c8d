"""What the gateway keeps."""

from datetime import datetime

from pydantic import BaseModel, Field

from adapters.connector.protocol.common import Money
from adapters.connector.protocol.payments import DisputeState, PaymentMethod, PaymentState, RefundState
from adapters.simulated.records import Mark, Record


class Movement(BaseModel):
    key: str
    reference: str
    amount: Money
    mark: Mark


class GivenBack(Movement):
    """`decided` is when a pending refund came to its end, or one that had succeeded failed after all."""

    state: RefundState = RefundState.SUCCEEDED
    decided: Mark | None = None


class DisputeRecord(BaseModel):
    """`decided` is when the banks said who is right."""

    reference: str
    capture: str
    amount: Money
    state: DisputeState = DisputeState.OPEN
    opened: Mark
    decided: Mark | None = None


class PaymentRecord(Record):
    """`authorised` of a bank transfer is what was asked for; its captures are the transfers that arrived.

    `increments` are what the whole hold became by and by. `like` is the payment whose credential a new hold was made
    with, by the key `made_by`; `link` the pay-link that it was paid by.
    """

    kind = "payments"
    reference: str
    order_id: str
    method: PaymentMethod = PaymentMethod.CARD
    state: PaymentState
    authorised: Money
    multicapture: bool = False
    over_capture: Money | None = None
    increment: bool = False
    stored_credential: bool = False
    pay_link: bool = False
    minimum: Money | None = None
    capture_before: datetime | None = None
    captures: list[Movement] = Field(default_factory=list)
    refunds: list[GivenBack] = Field(default_factory=list)
    voids: list[Movement] = Field(default_factory=list)
    increments: list[Movement] = Field(default_factory=list)
    disputes: list[DisputeRecord] = Field(default_factory=list)
    like: str | None = None
    made_by: str | None = None
    link: str | None = None
    opened: Mark


class PayLinkRecord(Record):
    """`payment` is what was paid by it. Closed: another one was asked for."""

    kind = "pay_links"
    reference: str
    order_id: str
    amount: Money
    url: str
    key: str
    payment: str | None = None
    closed: bool = False
    mark: Mark


class PaymentScript(Record):
    """What an order's next requests meet at the gateway; by script, so that no book of facts shows it."""

    kind = "payment_scripts"
    order_id: str
    refunds: RefundState = RefundState.SUCCEEDED
    decline_captures: str | None = None
    decline_holds: str | None = None
