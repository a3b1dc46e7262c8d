"""What was sold, line by line, as ERP and storefront speak of it."""

from typing import Annotated, Literal

from pydantic import Field

from adapters.connector.protocol.common import DecimalText, LineId, Model, Money, Sku, Text, Units


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
