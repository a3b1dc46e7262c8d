from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.connector.protocol.common import Address, DecimalText, Edited, Model, Money, OrderId, Text
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge


class SalesOrder(Model):
    """The target: the ERP holds exactly this, under `order_id` as its external reference. `customer` is the ERP's.

    `secured`: what the gateway holds or received for it, for people to see.

    `known` is the `version` that you told last, or empty. Where people have edited the order since, and it does not hold
    the target, answer `edited` and write nothing.
    """

    order_id: OrderId
    revision: Annotated[int, Field(ge=1)]
    known: str = ""
    number: Text
    placed_at: AwareDatetime
    customer: str
    lines: Annotated[tuple[SalesLine, ...], Field(min_length=1, max_length=500)]
    surcharges: tuple[SalesSurcharge, ...] = ()
    billing: Address | None = None
    shipping: Address | None = None
    total: Money
    secured: Money | None = None


class ErpOrderState(StrEnum):
    ENTERED = "entered"
    CANCELLED = "cancelled"
    INVOICED = "invoiced"


class ErpLine(Model):
    """`line_id` is ours, none where someone added the line in the ERP. `unit_price` is net, after discounts."""

    erp_line: str
    line_id: str | None
    sku: str | None
    name: Text = ""
    quantity: DecimalText
    unit_price: DecimalText
    total: Money


class ErpOrder(Model):
    """The sales order now. `reference` is the ERP's own number; `version` changes with every edit, whoever made it.

    `shipping` is where the goods go; none where the ERP does not tell an address.
    """

    order_id: OrderId
    reference: str
    state: ErpOrderState
    lines: tuple[ErpLine, ...]
    total: Money
    version: str = ""
    shipping: Address | None = None


class Entered(Model):
    """The ERP holds the target. `order` is as `look_up_order` tells it."""

    outcome: Literal["entered"] = "entered"
    order: ErpOrder


EnterAnswer = Annotated[Entered | Edited, Field(discriminator="outcome")]


class PricedArticle(Model):
    """What one unit costs, with taxes in it where `taxes_included` says so. `tax_rates` are fractions, one per tax."""

    sku: str
    name: Text
    unit_price: DecimalText
    taxes_included: bool
    tax_rates: tuple[DecimalText, ...]


class Invoice(Model):
    reference: str
    total: Money


class Approval(StrEnum):
    """Whether the merchant does business with an account."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"


class CustomerAccount(Model):
    customer: str
    approval: Approval


class ApproveCredit(Model):
    """Set so much of the customer's credit aside for the order, in place of what was set aside for it before."""

    order_id: OrderId
    customer: str
    amount: Money


class CreditApproved(Model):
    outcome: Literal["approved"] = "approved"


class CreditRefused(Model):
    """Beyond the customer's `limit`; `used` is what is open without this order."""

    outcome: Literal["refused"] = "refused"
    limit: Money
    used: Money


CreditAnswer = Annotated[CreditApproved | CreditRefused, Field(discriminator="outcome")]
