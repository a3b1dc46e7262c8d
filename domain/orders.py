"""What a customer ordered: lines, surcharges, addresses, and how it is paid. The lines add up to the total, always."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.base import Value
from domain.ids import ChannelId, LineId, OrderId, PaymentRef, PlatformId, Sku, order_id
from domain.money import Currency, Money, total

LINES_MAX = 500
QUANTITY_MAX = 1_000_000

Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX, strict=True)]


class Address(Value):
    """A postal address as the customer wrote it; `country` is ISO 3166-1 alpha-2."""

    name: str
    company: str = ""
    street: str = ""
    street2: str = ""
    postal_code: str = ""
    city: str = ""
    region: str = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    phone: str = ""


class Customer(Value):
    """Who bought. Matched in ERP and CRM by account number, VAT id, e-mail, in that order."""

    name: str
    email: str = ""
    account_number: str = ""
    vat_id: str = ""
    company: str = ""
    phone: str = ""

    @property
    def is_business(self) -> bool:
        return bool(self.company or self.vat_id or self.account_number)


class Tax(Value):
    """One tax on one line, as the storefront computed it. `rate` is a fraction: 0.19."""

    name: str
    rate: Decimal
    amount: Money


class Priced(Value):
    """What lines and surcharges have in common: a value before discounts, discounts, and taxes in it or on top."""

    discount: Money
    order_discount: Money
    taxes: tuple[Tax, ...] = ()
    taxes_included: bool

    @property
    def list_amount(self) -> Money:
        raise NotImplementedError

    @property
    def discounted(self) -> Money:
        """The value after line and order discounts, with its taxes where they are included."""
        return self.list_amount - self.discount - self.order_discount

    @property
    def tax(self) -> Money:
        return total((tax.amount for tax in self.taxes), self.discount.currency)

    @property
    def total(self) -> Money:
        """What the customer pays for it."""
        return self.discounted if self.taxes_included else self.discounted + self.tax

    @property
    def net(self) -> Money:
        return self.total - self.tax

    @model_validator(mode="after")
    def _discounts_stay_within(self) -> Self:
        if self.discounted.minor < 0:
            raise ValueError(
                f"discounts of {self.discount + self.order_discount} exceed the value {self.list_amount}"
            )
        return self


class OrderLine(Priced):
    """Goods. `unit_price` is in major units and may carry more digits than the currency (ERP and shop prices do)."""

    line_id: LineId
    sku: Annotated[Sku, Field(min_length=1)]
    name: str
    quantity: Quantity
    unit_price: Annotated[Decimal, Field(ge=0)]
    ships: bool = True

    @property
    def list_amount(self) -> Money:
        return Money.rounded(self.unit_price * self.quantity, self.discount.currency)


class SurchargeKind(StrEnum):
    FREIGHT = "freight"
    FEE = "fee"
    TIP = "tip"
    DUTY = "duty"


class Surcharge(Priced):
    """What is paid beside the goods: freight, fees, tips, duties. Charged with the first shipment."""

    line_id: LineId
    kind: SurchargeKind
    name: str
    amount: Money

    @property
    def list_amount(self) -> Money:
        return self.amount


class PaymentTerm(StrEnum):
    AUTHORIZE_THEN_CAPTURE = "authorize_then_capture"
    PREPAID = "prepaid"
    BANK_TRANSFER = "bank_transfer"
    ON_ACCOUNT = "on_account"


class PaymentIntent(Value):
    """How the order is to be paid. Without `reference` the gateway is asked by the order's id."""

    term: PaymentTerm
    reference: PaymentRef | None = None
    method: str = ""


class PlacedOrder(Value):
    """An order as the storefront holds it now, whatever platform it came from."""

    channel: ChannelId
    platform_id: PlatformId
    number: Annotated[str, Field(min_length=1, max_length=64)]
    placed_at: datetime
    currency: Currency
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=LINES_MAX)]
    surcharges: tuple[Surcharge, ...] = ()
    customer: Customer
    billing: Address | None = None
    shipping: Address | None = None
    payment: PaymentIntent
    total: Money

    @property
    def order_id(self) -> OrderId:
        return order_id(self.channel, self.platform_id)

    @property
    def priced(self) -> Sequence[OrderLine | Surcharge]:
        return (*self.lines, *self.surcharges)

    @property
    def shippable(self) -> tuple[OrderLine, ...]:
        return tuple(line for line in self.lines if line.ships)

    def line(self, line_id: LineId) -> OrderLine:
        """KeyError when the order has no such line."""
        for line in self.lines:
            if line.line_id == line_id:
                return line
        raise KeyError(line_id)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        order_id(self.channel, self.platform_id)
        if self.placed_at.tzinfo is None:
            raise ValueError("placed_at: a time with its zone is needed")
        ids = [item.line_id for item in self.priced]
        if len(ids) != len(set(ids)):
            raise ValueError("lines: every line and surcharge needs an id of its own")
        added_up = total((item.total for item in self.priced), self.currency)
        if added_up != self.total:
            raise ValueError(f"total: the document says {self.total}, its lines add up to {added_up}")
        return self
