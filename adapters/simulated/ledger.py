"""What the gateway keeps."""

from datetime import datetime

from pydantic import BaseModel, Field

from adapters.connector.protocol.common import Money
from adapters.connector.protocol.payments import PaymentMethod, PaymentState, RefundState
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


class PaymentRecord(Record):
    """`authorised` of a bank transfer is what was asked for; its captures are the transfers that arrived."""

    kind = "payments"
    reference: str
    order_id: str
    method: PaymentMethod = PaymentMethod.CARD
    state: PaymentState
    authorised: Money
    multicapture: bool = False
    over_capture: Money | None = None
    capture_before: datetime | None = None
    captures: list[Movement] = Field(default_factory=list)
    refunds: list[GivenBack] = Field(default_factory=list)
    voids: list[Movement] = Field(default_factory=list)
    opened: Mark


class PaymentScript(Record):
    """What an order's next requests meet at the gateway; by script, so that no book of facts shows it."""

    kind = "payment_scripts"
    order_id: str
    refunds: RefundState = RefundState.SUCCEEDED
    decline_captures: str | None = None
