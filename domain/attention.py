"""What stops an order, in words that people can act on: a dead system, a hold, or a question that needs a person."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.base import Value
from domain.ids import LineId, OrderId, Sku, System
from domain.orders import Address, Customer, PlacedOrder


class Reason(StrEnum):
    """Why an order needs a person: a closed list. `MEANING` says each in plain words."""

    CUSTOMER_REFUSED = "customer_refused"
    APPROVAL_NEEDED = "approval_needed"
    CAPTURED_EARLY = "captured_early"
    CREDIT_REFUSED = "credit_refused"
    PAYMENT_UNSECURED = "payment_unsecured"
    ORDER_REFUSED = "order_refused"
    STOCK_REFUSED = "stock_refused"
    PICK_REFUSED = "pick_refused"
    SHORT_PICK = "short_pick"
    LABELS_REFUSED = "labels_refused"
    CAPTURE_REFUSED = "capture_refused"
    REFUND_FAILED = "refund_failed"
    RETURN_ASKED = "return_asked"
    RETURN_DAMAGED = "return_damaged"
    PARCEL_LOST = "parcel_lost"
    DISPUTED = "disputed"
    SHIPMENT_NOT_TAKEN = "shipment_not_taken"
    INVOICE_REFUSED = "invoice_refused"
    MESSAGE_REFUSED = "message_refused"
    EDIT_NOT_CARRIED = "edit_not_carried"
    BOOKS_DISAGREE = "books_disagree"
    COMPENSATING = "compensating"


MEANING: Mapping[Reason, str] = {
    Reason.CUSTOMER_REFUSED: "ERP or CRM will not take the customer's record.",
    Reason.APPROVAL_NEEDED: "A new business account waits until the merchant approves it.",
    Reason.CAPTURED_EARLY: "A card was charged before anything shipped, by somebody else than us.",
    Reason.CREDIT_REFUSED: "The order is on account, and goes beyond the customer's credit limit.",
    Reason.PAYMENT_UNSECURED: "What the customer's bank held runs out before all has shipped, and cannot be held anew.",
    Reason.ORDER_REFUSED: "The ERP will not take the sales order.",
    Reason.STOCK_REFUSED: "The stock system will not reserve for the order.",
    Reason.PICK_REFUSED: "The warehouse will not pick, or gave the pick back.",
    Reason.SHORT_PICK: "The warehouse packed something else than was ordered.",
    Reason.LABELS_REFUSED: "The carrier will not take the parcel.",
    Reason.CAPTURE_REFUSED: "The goods have left, and the gateway will not pay for them.",
    Reason.REFUND_FAILED: "Money that is owed to the customer could not be given back.",
    Reason.RETURN_ASKED: "The customer wants to send goods back, and the channel lets a person decide.",
    Reason.RETURN_DAMAGED: "Goods came back damaged: approve refunds them all the same, reject does not.",
    Reason.PARCEL_LOST: "The carrier lost a parcel: approve refunds what was in it, reject leaves it as it is.",
    Reason.DISPUTED: "The customer took money back through their bank: nothing is refunded until that is decided.",
    Reason.SHIPMENT_NOT_TAKEN: "The goods have left, and ERP or shop will not take note of it.",
    Reason.INVOICE_REFUSED: "The ERP will not post the invoice, or posts another amount.",
    Reason.MESSAGE_REFUSED: "A message or a record of ours was refused.",
    Reason.EDIT_NOT_CARRIED: "ERP or shop were edited, and another system will not follow: retry tries again, reject puts it back there.",
    Reason.BOOKS_DISAGREE: "The systems' books say different things about the order.",
    Reason.COMPENSATING: "The order is cancelled, and something of it could not be undone.",
}


class Action(StrEnum):
    """What a person can do about it. A cancel compensates what was done."""

    RETRY = "retry"
    APPROVE = "approve"
    REJECT = "reject"
    CORRECT = "correct"
    DONE = "done"
    SKIP = "skip"
    CANCEL = "cancel"


HELP: Mapping[Action, tuple[str, str]] = {
    Action.RETRY: ("retry", "it is tried again now, after the cause was mended"),
    Action.APPROVE: ("approve", "yes: it is done as it was asked for"),
    Action.REJECT: ("reject", "no: it is not done"),
    Action.CORRECT: ("correct --correction FILE", "with the order's own data put right"),
    Action.DONE: ("done --reference NUMBER", "it was done outside, under this number"),
    Action.SKIP: ("skip", "the order goes on without it"),
    Action.CANCEL: ("cancel", "what was done is undone, and the order is cancelled"),
}


def ways_out(order: OrderId, can: Iterable[Action]) -> list[str]:
    """What a person can do, a command and its meaning a line."""
    return [
        f"`ordersaga attention resolve {HELP[action][0]} {order} --reason …`: {HELP[action][1]}"
        for action in can
    ]


class Attention(Value):
    """A question to a person. `number` counts the order's questions: an answer to an older one is not taken."""

    number: int
    reason: Reason
    what: str
    can: tuple[Action, ...]
    since: datetime


class Blocked(Value):
    """An effect that its system has not answered for longer than the attention delay. It is tried until it answers."""

    system: System
    step: str
    since: datetime
    last_error: str
    can: tuple[Action, ...] = (Action.RETRY, Action.CANCEL)


class Hold(Value):
    """Somebody stopped the order: what runs ends, nothing new begins."""

    actor: str
    reason: str
    since: datetime


class Correction(Value):
    """What may be corrected without changing any amount. What is None or not named stays as it is."""

    customer: Customer | None = None
    shipping: Address | None = None
    billing: Address | None = None
    skus: dict[LineId, Sku] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.customer or self.shipping or self.billing or self.skus):
            raise ValueError("correction: name what is to be corrected")
        return self

    def of(self, order: PlacedOrder) -> PlacedOrder:
        """The order as corrected. ValueError names a line that it does not have."""
        known = {line.line_id for line in order.lines}
        if unknown := sorted(set(self.skus) - known):
            raise ValueError(f"correction.skus: the order has no line {unknown[0]!r}")
        lines = tuple(
            line.model_copy(update={"sku": self.skus.get(line.line_id, line.sku)}) for line in order.lines
        )
        given = {name: getattr(self, name) for name in ("customer", "shipping", "billing")}
        return order.model_copy(
            update={"lines": lines, **{name: value for name, value in given.items() if value is not None}}
        )


class Resolve(Value):
    """An operator's answer. `number`: the question it answers; None answers whatever the order waits for now.

    `done` names the `reference` under which it was done outside; `correct` carries the `correction`.
    """

    action: Action
    actor: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    number: int | None = None
    reference: str = ""
    correction: Correction | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.action is Action.DONE and not self.reference.strip():
            raise ValueError("reference: say under which number it was done outside")
        if (self.action is Action.CORRECT) != (self.correction is not None):
            raise ValueError("correction: goes with the action `correct`, and with no other")
        return self


class Answer(Value):
    """The answer to somebody who asked for something: `why` says what happens now, or why it does not."""

    allowed: bool
    why: str
