"""The REST order resource of the Admin API 2026-07, which is also the body of the `orders/*` webhooks."""

from typing import Annotated, Any

from pydantic import Field

from adapters.parsing import (
    Amount,
    CurrencyCode,
    Listed,
    MaybeAmount,
    Measure,
    Price,
    Shape,
    Text,
    ZonedInstant,
)
from domain.orders import QUANTITY_MAX

Units = Annotated[int, Field(ge=0, le=QUANTITY_MAX)]


class MoneyOf(Shape):
    amount: Amount
    currency_code: CurrencyCode


class MoneySet(Shape):
    """An amount in the shop's currency and in the customer's; everything here is counted in the shop's."""

    shop_money: MoneyOf


class TaxLine(Shape):
    title: Text = ""
    rate: Measure = None
    price: Price
    price_set: MoneySet | None = None


class Allocation(Shape):
    """A discount's share in one line, for the line's original quantity."""

    amount: Price
    amount_set: MoneySet | None = None
    discount_application_index: Annotated[int, Field(ge=0)]


class Application(Shape):
    target_selection: Text = ""
    allocation_method: Text = ""

    @property
    def concerns_the_order(self) -> bool:
        return self.target_selection == "all" and self.allocation_method == "across"


class Duty(Shape):
    tax_lines: Listed[TaxLine] = Field(default_factory=list)


class Line(Shape):
    id: int
    sku: Text = ""
    variant_id: int | None = None
    product_id: int | None = None
    name: Text = ""
    title: Text = ""
    quantity: Units
    current_quantity: Units | None = None
    price: Price
    price_set: MoneySet | None = None
    requires_shipping: bool | None = None
    gift_card: bool = False
    tax_lines: Listed[TaxLine] = Field(default_factory=list)
    discount_allocations: Listed[Allocation] = Field(default_factory=list)
    duties: Listed[Duty] = Field(default_factory=list)
    tip: Any = None
    tip_payment_gateway: Any = None

    @property
    def current(self) -> int:
        """The units that are left after edits and refunds."""
        return self.quantity if self.current_quantity is None else self.current_quantity

    @property
    def is_tip(self) -> bool:
        """Shopify sends a tip as a line; the old field is there on tips alone, and may be null."""
        return self.tip is not None or "tip_payment_gateway" in self.model_fields_set

    @property
    def sku_keys(self) -> list[str]:
        """What the merchant may map where the SKU is missing: the line itself last, to correct a single document."""
        keys = [("variant", self.variant_id), ("product", self.product_id), ("line", self.id)]
        return [f"{kind}:{key}" for kind, key in keys if key]


class ShippingLine(Shape):
    id: int | None = None
    title: Text = ""
    price: Price
    price_set: MoneySet | None = None
    current_discounted_price_set: MoneySet | None = None
    is_removed: bool = False
    tax_lines: Listed[TaxLine] = Field(default_factory=list)
    discount_allocations: Listed[Allocation] = Field(default_factory=list)


class PostalAddress(Shape):
    name: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    company: Text = ""
    address1: Text = ""
    address2: Text = ""
    zip: Text = ""
    city: Text = ""
    province: Text = ""
    province_code: Text = ""
    country_code: Text = ""
    phone: Text = ""


class Buyer(Shape):
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    phone: Text = ""


class Order(Shape):
    id: int
    name: Text
    created_at: ZonedInstant
    cancelled_at: Text = ""
    confirmed: bool = True
    test: bool = False
    currency: CurrencyCode
    financial_status: Text = ""
    fulfillment_status: Text = ""
    payment_gateway_names: Listed[Text] = Field(default_factory=list)
    payment_terms: Any = None
    taxes_included: bool
    duties_included: bool = False
    current_total_price: Price
    current_total_price_set: MoneySet | None = None
    current_total_tax: Price
    current_total_tax_set: MoneySet | None = None
    current_subtotal_price: Price
    current_subtotal_price_set: MoneySet | None = None
    current_total_discounts: Price
    current_total_discounts_set: MoneySet | None = None
    current_shipping_price_set: MoneySet | None = None
    current_total_duties_set: MoneySet | None = None
    current_total_additional_fees_set: MoneySet | None = None
    total_cash_rounding_payment_adjustment_set: MoneySet | None = None
    total_tip_received: MaybeAmount = None
    discount_applications: Listed[Application] = Field(default_factory=list)
    line_items: Listed[Line]
    shipping_lines: Listed[ShippingLine] = Field(default_factory=list)
    customer: Buyer | None = None
    email: Text = ""
    phone: Text = ""
    billing_address: PostalAddress | None = None
    shipping_address: PostalAddress | None = None
