"""Our own order document, for shops that are on no platform we know: docs/order-document.md.

`python -m adapters.connector.documents > docs/order-document.schema.json` writes its JSON Schema.
"""

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from adapters.parsing import (
    CurrencyCode,
    Problems,
    Text,
    ZonedInstant,
    exact_number,
    find_sku,
    read_shape,
    refusing,
    unmapped,
)
from domain.ids import ChannelId, LineId, PaymentRef, PlatformId, Sku, order_id
from domain.intake import SkuMap
from domain.money import Money, total
from domain.orders import (
    LINES_MAX,
    QUANTITY_MAX,
    Address,
    Customer,
    OrderLine,
    PaymentIntent,
    PaymentTerm,
    PlacedOrder,
    Surcharge,
    SurchargeKind,
    Tax,
)

FORMAT = "ordersaga.order.v1"
SCHEMA_URI = "https://json-schema.org/draft/2020-12/schema"


def _decimal_string(value: object) -> Decimal:
    if not isinstance(value, str):
        raise ValueError('an amount is a decimal string: "19.99"')  # noqa: TRY004  pydantic collects ValueErrors only
    return exact_number(value)


_DECIMAL = WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,12})?$"})
Number = Annotated[Decimal, BeforeValidator(_decimal_string), Field(ge=0), _DECIMAL]
Moment = Annotated[ZonedInstant, WithJsonSchema({"type": "string", "format": "date-time"})]
CurrencyField = Annotated[CurrencyCode, WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]
Id = Annotated[str, Field(min_length=1, max_length=100)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
ZERO = Decimal(0)


class _Part(BaseModel):
    """Unlike a platform's document ours has no unknown fields: a misspelt one must not be lost in silence."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class TaxPart(_Part):
    """One tax on one line, of the whole line, in its price or on top as `taxes_included` of the order says."""

    name: Text
    rate: Annotated[Number, Field(description='A fraction: "0.19" is 19 %.')]
    amount: Number


class _PricedPart(_Part):
    id: Annotated[
        Id, Field(description="Unique among the lines and surcharges of the order, and never changed.")
    ]
    discount: Annotated[Number, Field(description="Off this line alone, for its whole quantity.")] = ZERO
    order_discount: Annotated[
        Number | None,
        Field(description="Its share of the order's discount; left out everywhere, it is split by value."),
    ] = None
    taxes: list[TaxPart] = Field(default_factory=list)


class LinePart(_PricedPart):
    sku: Annotated[Text, Field(description="May be empty where `product` is mapped to a SKU.")] = ""
    product: Annotated[Text, Field(description="The shop's own id of the article.")] = ""
    name: Text
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
    unit_price: Annotated[
        Number, Field(description="Before discounts; may carry more digits than the currency.")
    ]
    ships: Annotated[
        bool, Field(description="False for what leaves no warehouse: gift cards, downloads.")
    ] = True


class SurchargePart(_PricedPart):
    kind: Literal["freight", "fee", "tip", "duty"]
    name: Text
    amount: Number


class AddressPart(_Part):
    name: Text
    company: Text = ""
    street: Text = ""
    street2: Text = ""
    postal_code: Text = ""
    city: Text = ""
    region: Text = ""
    country: Annotated[Country, Field(description="ISO 3166-1 alpha-2.")]
    phone: Text = ""


class CustomerPart(_Part):
    """Matched in ERP and CRM by account number, VAT id, e-mail, in that order."""

    name: Text
    email: Text = ""
    account_number: Annotated[Text, Field(description="The ERP's own number of this customer.")] = ""
    vat_id: Text = ""
    company: Text = ""
    phone: Text = ""


class PaymentPart(_Part):
    term: Literal["authorize_then_capture", "prepaid", "bank_transfer", "on_account"]
    reference: Annotated[
        Id | None, Field(description="The gateway's id; without it the gateway is asked by our order id.")
    ] = None
    method: Text = ""


class OrderDocument(_Part):
    """An order as the shop holds it now. Money is a decimal string in major units; the lines add up to `total`."""

    format: Literal["ordersaga.order.v1"]
    id: Annotated[Id, Field(description="The shop's immutable id: letters, digits, '.', '_' and '-'.")]
    number: Annotated[str, Field(min_length=1, max_length=64, description="What people call the order.")]
    placed_at: Moment
    currency: Annotated[CurrencyField, Field(description="ISO 4217.")]
    taxes_included: Annotated[bool, Field(description="Whether prices contain their taxes.")]
    lines: Annotated[list[LinePart], Field(min_length=1, max_length=LINES_MAX)]
    surcharges: list[SurchargePart] = Field(default_factory=list)
    order_discount: Annotated[Number, Field(description="Off the goods as a whole.")] = ZERO
    tax_total: Number
    total: Annotated[Number, Field(description="What the customer pays, taxes included.")]
    customer: CustomerPart
    billing_address: AddressPart | None = None
    shipping_address: AddressPart | None = None
    payment: PaymentPart


def parse(document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:
    order = read_shape(OrderDocument, document)
    problems = Problems()
    with problems.at("id"):
        order_id(channel, PlatformId(order.id))
    found = [_find_sku(line, f"lines[{index}]", skus, problems) for index, line in enumerate(order.lines)]
    shares = _order_discounts(order, problems)
    lines = [
        _line(order, line, f"lines[{index}]", problems, sku=sku or Sku("?"), share=share)
        for index, (line, sku, share) in enumerate(zip(order.lines, found, shares, strict=True))
    ]
    surcharges = [
        _surcharge(order, part, f"surcharges[{index}]", problems)
        for index, part in enumerate(order.surcharges)
    ]
    priced = [item for item in (*lines, *surcharges) if item]
    if len(priced) == len(lines) + len(surcharges):
        _check_sums(order, priced, problems)
    problems.check()
    with refusing():
        return PlacedOrder(
            channel=channel,
            platform_id=PlatformId(order.id),
            number=order.number,
            placed_at=order.placed_at,
            currency=order.currency,
            lines=tuple(line for line in lines if line),
            surcharges=tuple(surcharge for surcharge in surcharges if surcharge),
            customer=Customer(**order.customer.model_dump()),
            billing=_address(order.billing_address),
            shipping=_address(order.shipping_address),
            payment=PaymentIntent(
                term=PaymentTerm(order.payment.term),
                reference=PaymentRef(order.payment.reference) if order.payment.reference else None,
                method=order.payment.method,
            ),
            total=Money.parse(order.total, order.currency),
        )


def schema() -> dict[str, Any]:
    """The JSON Schema of the document, as docs/order-document.schema.json publishes it."""
    return {"$schema": SCHEMA_URI, "$id": f"urn:{FORMAT}", **OrderDocument.model_json_schema()}


def _find_sku(line: LinePart, path: str, skus: SkuMap, problems: Problems) -> Sku | None:
    keys = [f"product:{line.product}"] if line.product else []
    keys.append(f"line:{line.id}")
    sku = find_sku(line.sku, keys, skus)
    if sku is None:
        problems.add(f"{path}.sku", unmapped(keys))
    return sku


def _order_discounts(order: OrderDocument, problems: Problems) -> list[Money]:
    """Each line's share of the order's discount: as the lines state it, or split by value where none does."""
    zero = Money.zero(order.currency)
    whole = _money(order, "order_discount", order.order_discount, problems)
    if any(part.order_discount is not None for part in (*order.lines, *order.surcharges)):
        return [
            _money(order, f"lines[{index}].order_discount", line.order_discount or ZERO, problems)
            for index, line in enumerate(order.lines)
        ]
    values = [
        (Money.rounded(line.unit_price * line.quantity - line.discount, order.currency)).minor
        for line in order.lines
    ]
    if not whole:
        return [zero for _ in order.lines]
    if min(values) < 0 or sum(values) < whole.minor:
        problems.add("order_discount", "more than the goods are worth")
        return [zero for _ in order.lines]
    return whole.split(values)


def _line(
    order: OrderDocument, part: LinePart, path: str, problems: Problems, *, sku: Sku, share: Money
) -> OrderLine | None:
    discount = _money(order, f"{path}.discount", part.discount, problems)
    taxes = _taxes(order, part, path, problems)
    with problems.at(path):
        return OrderLine(
            line_id=LineId(part.id),
            sku=sku,
            name=part.name,
            quantity=part.quantity,
            unit_price=part.unit_price,
            ships=part.ships,
            discount=discount,
            order_discount=share,
            taxes=taxes,
            taxes_included=order.taxes_included,
        )
    return None


def _surcharge(order: OrderDocument, part: SurchargePart, path: str, problems: Problems) -> Surcharge | None:
    amount = _money(order, f"{path}.amount", part.amount, problems)
    discount = _money(order, f"{path}.discount", part.discount, problems)
    share = _money(order, f"{path}.order_discount", part.order_discount or ZERO, problems)
    taxes = _taxes(order, part, path, problems)
    with problems.at(path):
        return Surcharge(
            line_id=LineId(part.id),
            kind=SurchargeKind(part.kind),
            name=part.name,
            amount=amount,
            discount=discount,
            order_discount=share,
            taxes=taxes,
            taxes_included=order.taxes_included,
        )
    return None


def _taxes(order: OrderDocument, part: _PricedPart, path: str, problems: Problems) -> tuple[Tax, ...]:
    return tuple(
        Tax(
            name=tax.name,
            rate=tax.rate,
            amount=_money(order, f"{path}.taxes[{index}].amount", tax.amount, problems),
        )
        for index, tax in enumerate(part.taxes)
    )


def _check_sums(order: OrderDocument, priced: list[OrderLine | Surcharge], problems: Problems) -> None:
    for name, added_up in (
        ("order_discount", total((item.order_discount for item in priced), order.currency)),
        ("tax_total", total((item.tax for item in priced), order.currency)),
        ("total", total((item.total for item in priced), order.currency)),
    ):
        before = problems.count
        stated = _money(order, name, getattr(order, name), problems)
        if problems.count == before and stated != added_up:
            problems.differs(name, stated, added_up)


def _money(order: OrderDocument, path: str, amount: Decimal, problems: Problems) -> Money:
    with problems.at(path):
        return Money.parse(amount, order.currency)
    return Money.zero(order.currency)


def _address(part: AddressPart | None) -> Address | None:
    return Address(**part.model_dump()) if part else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
