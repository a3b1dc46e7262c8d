"""The wire of OrderSaga's open HTTP protocol, used by both of its sides. docs/connector.md teaches it.

Amounts are decimal strings in major units; times carry their zone. Order ids are `order:{channel}:{the shop's own id}`
and stand in queries and bodies, never in paths. A receiver of requests is strict; a reader of answers ignores fields
that it does not know.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

DecimalText = Annotated[str, Field(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,10})?$", examples=["19.99"])]
OrderId = Annotated[
    str, Field(pattern=r"^order:[a-z0-9-]{1,40}:[A-Za-z0-9._-]{1,100}$", examples=["order:shop-de:1001"])
]
ShipmentId = Annotated[str, Field(min_length=1, max_length=160, examples=["order:shop-de:1001/s1"])]
LineId = Annotated[str, Field(min_length=1, max_length=128)]
Sku = Annotated[str, Field(min_length=1, max_length=128)]
Units = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Text = Annotated[str, Field(max_length=4000)]

KEY_HEADER = "Idempotency-Key"
KEY_LENGTH_MAX = 64
PROBLEM_TYPE = "application/problem+json"
NOT_FOUND = "not_found"  # the code that means "there is none", as opposed to a wrong address


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Model):
    """RFC 9457, why a request was not done. `code` is for machines; `detail` for people, without personal data."""

    title: str
    status: int
    code: str
    detail: str = ""
    field: str | None = None


class Done(Model):
    """The target is reached, and there is nothing more to say."""


class Money(Model):
    amount: DecimalText
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class Address(Model):
    name: Text
    company: Text = ""
    street: Text = ""
    street2: Text = ""
    postal_code: Text = ""
    city: Text = ""
    region: Text = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    phone: Text = ""


class Customer(Model):
    name: Text
    email: Text = ""
    account_number: Text = ""
    vat_id: Text = ""
    company: Text = ""
    phone: Text = ""


class RegisterCustomer(Model):
    """Find the customer by account number, VAT id, e-mail, in that order; create one otherwise, never a second."""

    customer: Customer


class CustomerRegistered(Model):
    customer: str


class OrderTold(Model):
    order_id: OrderId


class ShipmentTold(Model):
    shipment_id: ShipmentId


class Changes(Model):
    """Orders that changed since the cursor. One may be named again; none may be left out."""

    orders: tuple[str, ...]
    cursor: str


# --- shipments, as several systems speak of them


class ShipmentLine(Model):
    line_id: LineId
    sku: Sku
    quantity: Units


class Package(Model):
    package_id: Annotated[str, Field(min_length=1, max_length=128)]
    lines: tuple[ShipmentLine, ...]
    weight_grams: Annotated[int, Field(ge=0)] = 0


class Label(Model):
    package_id: str
    tracking_number: str
    tracking_url: str = ""


class Labels(Model):
    carrier: str
    labels: tuple[Label, ...]


class ShipmentReport(Model):
    """A shipment left, and this much was captured for it."""

    order_id: OrderId
    shipment_id: ShipmentId
    lines: tuple[ShipmentLine, ...]
    labels: Labels
    captured: Money
    capture_reference: str


# --- storefront


class CancelShopOrder(Model):
    order_id: OrderId
    reason: Text


class StorefrontState(StrEnum):
    OPEN = "open"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


class StorefrontLine(Model):
    line_id: LineId
    quantity: int
    total: Money


class StorefrontOrder(Model):
    order_id: OrderId
    state: StorefrontState
    lines: tuple[StorefrontLine, ...]
    total: Money


# --- payments


class PaymentState(StrEnum):
    PENDING = "pending"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"


class PaymentMethod(StrEnum):
    CARD = "card"
    GIFT_CARD = "gift_card"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class Capture(Model):
    """Money taken; `key` is the Idempotency-Key it was taken with, `reference` the gateway's own id.

    Of a bank transfer: money that arrived; both are the bank's own reference.
    """

    key: str
    reference: str
    amount: Money


class RefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(Model):
    """A refund that failed gave nothing back: its money may be refunded again, under another key."""

    key: str
    reference: str
    amount: Money
    state: RefundState = RefundState.SUCCEEDED


class Capabilities(Model):
    """`over_capture` is the most that may be captured, where that is more than the hold."""

    multicapture: bool = False
    over_capture: Money | None = None


class Payment(Model):
    """`authorised` is the whole hold as it was granted, not what is left of it; of a transfer, what was asked for."""

    reference: str
    method: PaymentMethod = PaymentMethod.OTHER
    state: PaymentState
    currency: str
    authorised: Money
    captures: tuple[Capture, ...] = ()
    refunds: tuple[Refund, ...] = ()
    capture_before: AwareDatetime | None = None
    capabilities: Capabilities = Capabilities()


class Payments(Model):
    """Every payment of the order, oldest first: one per tender and per try, declined and voided ones too."""

    payments: tuple[Payment, ...]


class TakeCapture(Model):
    """`final` releases what is left of the hold."""

    payment: str
    amount: Money
    final: bool


class GiveRefund(Model):
    payment: str
    amount: Money


class PaymentTold(Model):
    payment: str


class Captured(Model):
    outcome: Literal["captured"] = "captured"
    capture: Capture


class Refunded(Model):
    outcome: Literal["refunded"] = "refunded"
    refund: Refund


class Declined(Model):
    """The gateway will not; `reason` is its own code."""

    outcome: Literal["declined"] = "declined"
    reason: str


CaptureAnswer = Annotated[Captured | Declined, Field(discriminator="outcome")]
RefundAnswer = Annotated[Refunded | Declined, Field(discriminator="outcome")]


# --- ERP


class Tax(Model):
    name: Text
    rate: Annotated[DecimalText, Field(description="a fraction: 0.19")]
    amount: Money


class SalesLine(Model):
    """`total` is what the customer pays: quantity × unit_price, rounded, less discounts, plus taxes not included."""

    line_id: LineId
    sku: Sku
    name: Text
    quantity: Units
    unit_price: DecimalText
    discount: Money
    order_discount: Money
    taxes: tuple[Tax, ...]
    taxes_included: bool
    ships: bool
    total: Money


class SalesSurcharge(Model):
    """Freight, a fee, a tip or a duty; `total` is the amount less discounts, plus taxes not included."""

    line_id: LineId
    kind: Literal["freight", "fee", "tip", "duty"]
    name: Text
    amount: Money
    discount: Money
    order_discount: Money
    taxes: tuple[Tax, ...]
    taxes_included: bool
    total: Money


class SalesOrder(Model):
    """The target: the ERP holds exactly this, under `order_id` as its external reference. `customer` is the ERP's."""

    order_id: OrderId
    revision: Annotated[int, Field(ge=1)]
    number: Text
    placed_at: AwareDatetime
    customer: str
    lines: Annotated[tuple[SalesLine, ...], Field(min_length=1, max_length=500)]
    surcharges: tuple[SalesSurcharge, ...] = ()
    billing: Address | None = None
    shipping: Address | None = None
    total: Money


class ErpOrderState(StrEnum):
    ENTERED = "entered"
    CANCELLED = "cancelled"
    INVOICED = "invoiced"


class ErpLine(Model):
    """`line_id` is ours, none where someone added the line in the ERP. `unit_price` is net, after discounts."""

    erp_line: str
    line_id: str | None
    sku: str | None
    quantity: DecimalText
    unit_price: DecimalText
    total: Money


class ErpOrder(Model):
    """The sales order now. `reference` is the ERP's own number; `version` changes with every edit."""

    order_id: OrderId
    reference: str
    state: ErpOrderState
    lines: tuple[ErpLine, ...]
    total: Money
    version: str = ""


class Invoice(Model):
    reference: str
    total: Money


# --- customers, their credit, and articles


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


class CustomerRecord(Model):
    """What identifies a customer. Personal data."""

    customer: str
    account_number: str = ""
    vat_id: str = ""
    email: str = ""


class Customers(Model):
    """Some of all records; `next_after` asks for those that follow, and is null at the end."""

    items: tuple[CustomerRecord, ...]
    next_after: str | None = None


class Article(Model):
    """Something that is sold, under the system's own id of it. Nobody can match one without `sku`."""

    reference: Annotated[str, Field(min_length=1, max_length=128, examples=["variant:39072856"])]
    sku: Sku | None = None
    name: Text = ""


class Articles(Model):
    """Some of all articles; `next_after` asks for those that follow, and is null at the end."""

    items: tuple[Article, ...]
    next_after: str | None = None


# --- stock


class Demand(Model):
    line_id: LineId
    sku: Sku
    quantity: Units


class Reserve(Model):
    order_id: OrderId
    demand: tuple[Demand, ...]


class Reserved(Model):
    """`wanted` less `reserved` is short."""

    line_id: LineId
    sku: Sku
    wanted: Units
    reserved: Annotated[int, Field(ge=0)]


class Reservation(Model):
    lines: tuple[Reserved, ...]


# --- warehouse


class PickRequest(Model):
    shipment_id: ShipmentId
    order_id: OrderId
    order_number: Text
    lines: Annotated[tuple[ShipmentLine, ...], Field(min_length=1)]
    ship_to: Address | None


class PickState(StrEnum):
    REQUESTED = "requested"
    PICKING = "picking"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class Pick(Model):
    """Packages are known from `packed` on."""

    shipment_id: ShipmentId
    state: PickState
    packages: tuple[Package, ...] = ()


class PickCancelled(Model):
    outcome: Literal["cancelled"] = "cancelled"


class TooLate(Model):
    """The warehouse will not stop it any more; `why` without personal data."""

    outcome: Literal["too_late"] = "too_late"
    why: str


CancelPickAnswer = Annotated[PickCancelled | TooLate, Field(discriminator="outcome")]


class HandOver(Model):
    shipment_id: ShipmentId
    labels: Labels


# --- carrier


class Parcel(Model):
    shipment_id: ShipmentId
    packages: tuple[Package, ...]
    ship_to: Address | None


class TrackingState(StrEnum):
    LABELLED = "labelled"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    LOST = "lost"


class Tracking(Model):
    """The state of the slowest package."""

    shipment_id: ShipmentId
    state: TrackingState


# --- CRM and mail


class Note(Model):
    customer: str
    order_id: OrderId
    text: Text


class Mail(Model):
    to: Annotated[str, Field(min_length=1, max_length=320)]
    subject: Annotated[str, Field(max_length=1000)]
    plain: str
    html: str


# --- webhooks back to OrderSaga


class WebhookEvent(Model):
    """Only a hint to look: the order reads the state again. `event_id` stays the same over all attempts."""

    event_id: Annotated[str, Field(min_length=1, max_length=128)]
    event: Annotated[str, Field(min_length=1, max_length=64, examples=["pick_packed"])]
    system: Literal["storefront", "payments", "erp", "stock", "warehouse", "carrier", "crm", "notifications"]
    order_id: OrderId
    occurred_at: AwareDatetime
