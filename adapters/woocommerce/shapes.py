"""The order resource of the REST API v3, which is also the body of the `order.*` webhooks."""

from typing import Annotated, Any

from pydantic import Field

from adapters.parsing import Amount, CurrencyCode, Instant, Listed, MaybeAmount, Measure, Price, Shape, Text
from domain.orders import QUANTITY_MAX


class TaxShare(Shape):
    """One rate's tax on one line, not rounded; `id` is the rate's."""

    id: int
    total: MaybeAmount = None


class Line(Shape):
    id: int
    name: Text = ""
    sku: Text = ""
    product_id: int = 0
    variation_id: int = 0
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
    subtotal: Price
    total: Price
    total_tax: Price
    price: Measure = None
    taxes: Listed[TaxShare] = Field(default_factory=list)

    @property
    def sku_keys(self) -> list[str]:
        keys = [("variation", self.variation_id), ("product", self.product_id), ("line", self.id)]
        return [f"{kind}:{key}" for kind, key in keys if key]


class ShippingLine(Shape):
    id: int
    method_title: Text = ""
    total: Price
    total_tax: Price
    taxes: Listed[TaxShare] = Field(default_factory=list)


class FeeLine(Shape):
    """A fee, or a discount where it is negative."""

    id: int
    name: Text = ""
    total: Amount
    total_tax: Amount
    taxes: Listed[TaxShare] = Field(default_factory=list)


class TaxLine(Shape):
    rate_id: int
    rate_code: Text = ""
    label: Text = ""
    rate_percent: Measure = None
    tax_total: Amount
    shipping_tax_total: Amount


class Refund(Shape):
    total: Amount


class Meta(Shape):
    key: Text = ""
    value: Any = None


class PostalAddress(Shape):
    first_name: Text = ""
    last_name: Text = ""
    company: Text = ""
    address_1: Text = ""
    address_2: Text = ""
    city: Text = ""
    state: Text = ""
    postcode: Text = ""
    country: Text = ""
    email: Text = ""
    phone: Text = ""


class Order(Shape):
    id: int
    number: Text
    status: Text
    currency: CurrencyCode
    date_created_gmt: Instant
    date_paid_gmt: Text = ""
    discount_total: Amount
    shipping_total: Price
    cart_tax: Amount
    shipping_tax: Amount
    total_tax: Price
    total: Price
    payment_method: Text = ""
    transaction_id: Text = ""
    billing: PostalAddress | None = None
    shipping: PostalAddress | None = None
    line_items: Listed[Line]
    shipping_lines: Listed[ShippingLine] = Field(default_factory=list)
    fee_lines: Listed[FeeLine] = Field(default_factory=list)
    tax_lines: Listed[TaxLine] = Field(default_factory=list)
    refunds: Listed[Refund] = Field(default_factory=list)
    meta_data: Listed[Meta] = Field(default_factory=list)

    def meta(self, *keys: str) -> str:
        """The first of these that plugins left with the order; empty when none did."""
        found = {entry.key: entry.value for entry in self.meta_data if isinstance(entry.value, str)}
        return next((value for key in keys if (value := found.get(key, "").strip())), "")
