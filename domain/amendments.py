"""Changes to an order after it was placed: what may be asked for, what it would mean, and what became of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from domain.base import Value
from domain.ids import LineId, Sku
from domain.money import Money
from domain.orders import Address, Quantity
from domain.planner import Plan

CHANGES_MAX = 100
_ZERO_OR_MORE = Field(ge=0, max_digits=15, decimal_places=6)
Price = Annotated[Decimal, _ZERO_OR_MORE]  # in major units
Rate = Annotated[Decimal, Field(ge=0, le=1)]  # a fraction: 0.19


class Origin(StrEnum):
    """Where an amendment was made first."""

    CUSTOMER_SERVICE = "customer_service"
    ERP = "erp"
    STOREFRONT = "storefront"


class AddLine(Value):
    """Goods that were not ordered before.

    `unit_price` with taxes in it where the order's prices have them, and `tax_rates`: None, as the ERP prices the article.
    """

    kind: Literal["add_line"] = "add_line"
    sku: Annotated[Sku, Field(min_length=1)]
    quantity: Quantity
    name: str = ""
    unit_price: Price | None = None
    tax_rates: tuple[Rate, ...] | None = None


class RemoveLine(Value):
    kind: Literal["remove_line"] = "remove_line"
    line_id: LineId


class SetQuantity(Value):
    """Discounts and taxes of the line change in proportion."""

    kind: Literal["set_quantity"] = "set_quantity"
    line_id: LineId
    quantity: Quantity


class SetUnitPrice(Value):
    """The line's discounts stay; its taxes follow by their own rates."""

    kind: Literal["set_unit_price"] = "set_unit_price"
    line_id: LineId
    unit_price: Price


class SetDiscount(Value):
    """What is off one line, or without `line_id` off the goods as a whole: an amount in major units, or percent."""

    kind: Literal["set_discount"] = "set_discount"
    line_id: LineId | None = None
    amount: Price | None = None
    percent: Annotated[Decimal, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise ValueError("discount: either an amount or percent")
        return self


class SetAddress(Value):
    """Where everything goes that has not left yet."""

    kind: Literal["set_address"] = "set_address"
    shipping: Address


class SetShipping(Value):
    """How it is sent, and what the customer pays for that: with taxes in it where the order's prices have them."""

    kind: Literal["set_shipping"] = "set_shipping"
    method: Annotated[str, Field(min_length=1, max_length=200)]
    amount: Price


class CancelRest(Value):
    """What has not left of these lines is not wanted any more; of all lines, where none is named."""

    kind: Literal["cancel_rest"] = "cancel_rest"
    lines: tuple[LineId, ...] = ()


class AsHeld(Value):
    """A line, or a surcharge, exactly as ERP or shop hold it: their figures win where they are the origin.

    `total` is what the customer pays for all of it, `net` the same without taxes, where the system tells it. A line that
    the order does not have is a new one; quantity 0: it is gone.
    """

    kind: Literal["as_held"] = "as_held"
    line_id: LineId
    sku: Sku | None = None
    name: str = ""
    quantity: Annotated[int, Field(ge=0)]
    total: Money
    net: Money | None = None


Change = Annotated[
    AddLine
    | RemoveLine
    | SetQuantity
    | SetUnitPrice
    | SetDiscount
    | SetAddress
    | SetShipping
    | CancelRest
    | AsHeld,
    Field(discriminator="kind"),
]


class Changes(Value):
    """What a quote is asked for."""

    changes: Annotated[tuple[Change, ...], Field(min_length=1, max_length=CHANGES_MAX)]


class Amendment(Value):
    """Several changes at once: all of them, or none. The same `amendment_id` again is the same amendment, for ever.

    `expected_revision`: what whoever asks has seen; None, where a system tells what it holds now.
    """

    amendment_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
    expected_revision: Annotated[int, Field(ge=1)] | None = None
    actor: Annotated[str, Field(min_length=1, max_length=200)]
    role: Annotated[str, Field(max_length=40)] = ""
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    origin: Origin = Origin.CUSTOMER_SERVICE
    changes: Annotated[tuple[Change, ...], Field(min_length=1, max_length=CHANGES_MAX)]

    @model_validator(mode="after")
    def _is_of_its_origin(self) -> Self:
        if self.origin is Origin.CUSTOMER_SERVICE:
            if self.expected_revision is None:
                raise ValueError("expected_revision: say which revision you have seen")
            if any(isinstance(change, AsHeld) for change in self.changes):
                raise ValueError("changes: only ERP and shop tell what they hold")
        return self


class ChangeRefused(ValueError):  # noqa: N818  an answer, not a fault
    """The change with this number (from 0) cannot be. `late`: it could have been before something left."""

    def __init__(self, number: int, field: str, why: str, *, late: bool = False) -> None:
        super().__init__(f"changes[{number}].{field}: {why}")
        self.number = number
        self.field = field
        self.why = why
        self.late = late


class Verdict(StrEnum):
    ALLOWED = "allowed"
    UNSHIPPED_ONLY = "unshipped_only"  # it holds for what has not left yet
    TOO_LATE = "too_late"
    REFUSED = "refused"


class ChangeVerdict(Value):
    """`number` of the change, from 0; `field` of it that is wrong, where it is refused."""

    number: int
    verdict: Verdict
    field: str = ""
    why: str = ""


class Locked(Value):
    """Units that cannot be changed any more, or only if the warehouse can stop them."""

    line_id: LineId
    units: int
    why: str


class Quote(Value):
    """What an amendment would mean, told while the customer is on the phone. Nothing happens by asking.

    `plan` is how the money would follow; `words` say it to the customer.
    """

    revision: int
    allowed: bool
    verdicts: tuple[ChangeVerdict, ...]
    total_before: Money
    total_after: Money | None = None
    plan: Plan | None = None
    words: str
    locked: tuple[Locked, ...] = ()


class AmendmentState(StrEnum):
    QUEUED = "queued"
    PENDING = "pending"  # the customer has been asked to pay more
    COMMITTED = "committed"
    UNDONE = "undone"  # something refused it on the way; the order is as it was
    REFUSED = "refused"  # nothing was begun


class AmendmentRecord(Value):
    """What became of one amendment: who, why, before, after. `words` tell the changes without personal data."""

    amendment: Amendment
    asked_at: datetime
    ended_at: datetime | None = None
    state: AmendmentState = AmendmentState.QUEUED
    revision_before: int
    revision_after: int | None = None
    total_before: Money
    total_after: Money | None = None
    words: tuple[str, ...] = ()
    why: str = ""

    @property
    def ended(self) -> bool:
        return self.ended_at is not None


class Amended(Value):
    """The order's answer to whoever asked for an amendment."""

    amendment_id: str
    state: AmendmentState
    revision: int
    total: Money
    why: str

    @property
    def allowed(self) -> bool:
        return self.state in {AmendmentState.COMMITTED, AmendmentState.PENDING}


class PricedArticle(Value):
    """What the ERP would charge for one unit. `tax_rates` are fractions, one per tax."""

    sku: Sku
    name: str
    unit_price: Price
    taxes_included: bool
    tax_rates: tuple[Rate, ...]

    def priced(self, added: AddLine, *, taxes_included: bool) -> AddLine:
        """The line with what it does not say itself; a price is told with taxes in it where the order's are."""
        rates = self.tax_rates if added.tax_rates is None else added.tax_rates
        price = self.unit_price
        if taxes_included and not self.taxes_included:
            price = price * (1 + sum(rates, Decimal(0)))
        elif self.taxes_included and not taxes_included:
            raise ValueError(f"the ERP prices {self.sku} with taxes in it, and the order's prices have none")
        own = {"name": added.name or self.name, "tax_rates": rates}
        unit_price = price.quantize(Decimal("0.000001")) if added.unit_price is None else added.unit_price
        return added.model_copy(update={**own, "unit_price": unit_price})


def in_words(changes: Sequence[Change]) -> tuple[str, ...]:
    """A sentence per change, without personal data."""
    return tuple(_WORDS[change.kind](change) for change in changes)


def _off(change: SetDiscount) -> str:
    off = f"{change.percent:f} %" if change.percent is not None else f"{change.amount:f}"
    return f"{off} off " + (f"line {change.line_id}" if change.line_id else "the goods")


def _held(change: AsHeld) -> str:
    return f"line {change.line_id} " + (
        "removed" if not change.quantity else f"is {change.quantity} units for {change.total}"
    )


_WORDS: dict[str, Callable[[Any], str]] = {
    "add_line": lambda change: f"{change.quantity} × {change.sku} added",
    "remove_line": lambda change: f"line {change.line_id} removed",
    "set_quantity": lambda change: f"line {change.line_id}: {change.quantity} units",
    "set_unit_price": lambda change: f"line {change.line_id}: unit price {change.unit_price:f}",
    "set_discount": _off,
    "set_address": lambda _: "another shipping address",
    "set_shipping": lambda change: f"shipping {change.method}: {change.amount:f}",
    "cancel_rest": lambda change: (
        "the rest cancelled" + (f" of {', '.join(change.lines)}" if change.lines else "")
    ),
    "as_held": _held,
}
