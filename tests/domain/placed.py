"""Orders to test with: tax in the price or on top, discounts on lines and on the order, surcharges, odd prices."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from domain.ids import ChannelId, LineId, PlatformId, Sku
from domain.money import Money, total
from domain.orders import (
    Customer,
    OrderLine,
    PaymentIntent,
    PaymentTerm,
    PlacedOrder,
    Surcharge,
    SurchargeKind,
    Tax,
)
from tests.domain.amounts import currencies

PLACED_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
QUANTITY_MAX = 40
PRICE_TEN_THOUSANDTHS_MAX = 10**8  # 10,000.0000


def line(currency: str = "EUR", **other: Any) -> OrderLine:
    """Two of 10.00, nothing taken off, no tax."""
    facts = {
        "line_id": LineId("1"),
        "sku": Sku("SKU-1"),
        "name": "Lamp",
        "quantity": 2,
        "unit_price": Decimal("10.00"),
        "discount": Money.zero(currency),
        "order_discount": Money.zero(currency),
        "taxes_included": True,
    }
    return OrderLine.model_validate({**facts, **other})


def surcharge(minor: int, currency: str = "EUR", **other: Any) -> Surcharge:
    facts = {
        "line_id": LineId("freight"),
        "kind": SurchargeKind.FREIGHT,
        "name": "Parcel",
        "amount": Money(minor=minor, currency=currency),
        "discount": Money.zero(currency),
        "order_discount": Money.zero(currency),
        "taxes_included": True,
    }
    return Surcharge.model_validate({**facts, **other})


def order(*items: OrderLine | Surcharge, currency: str = "EUR", **other: Any) -> PlacedOrder:
    """An order whose total is what its items add up to, unless another is given."""
    facts = {
        "channel": ChannelId("shop"),
        "platform_id": PlatformId("17"),
        "number": "#1017",
        "placed_at": PLACED_AT,
        "currency": currency,
        "lines": tuple(item for item in items if isinstance(item, OrderLine)),
        "surcharges": tuple(item for item in items if isinstance(item, Surcharge)),
        "customer": Customer(name="Jenny Rosen"),
        "payment": PaymentIntent(term=PaymentTerm.AUTHORIZE_THEN_CAPTURE),
        "total": total((item.total for item in items), currency),
    }
    return PlacedOrder.model_validate({**facts, **other})


@st.composite
def _off_and_on(draw: st.DrawFn, value: Money) -> dict[str, Any]:
    """Discounts within the value, and taxes in it or on top."""
    discount = draw(st.integers(0, value.minor))
    order_discount = draw(st.integers(0, value.minor - discount))
    included = draw(st.booleans())
    left = value.minor - discount - order_discount
    taxes = []
    for name in draw(st.sampled_from([(), ("VAT",), ("state", "city")])):
        minor = draw(st.integers(0, left // 2))
        amount = Money(minor=minor, currency=value.currency)
        taxes.append(Tax(name=name, rate=Decimal("0.19"), amount=amount))
    return {
        "discount": Money(minor=discount, currency=value.currency),
        "order_discount": Money(minor=order_discount, currency=value.currency),
        "taxes_included": included,
        "taxes": tuple(taxes),
    }


@st.composite
def orders(draw: st.DrawFn) -> PlacedOrder:
    currency = draw(currencies)
    items: list[OrderLine | Surcharge] = []
    for number in range(draw(st.integers(1, 5))):
        price = Decimal(draw(st.integers(0, PRICE_TEN_THOUSANDTHS_MAX))).scaleb(-4)
        quantity = draw(st.integers(1, QUANTITY_MAX))
        value = Money.rounded(price * quantity, currency)
        more = draw(_off_and_on(value))
        items.append(line(currency, line_id=LineId(f"{number}"), unit_price=price, quantity=quantity, **more))
    for kind in draw(st.sets(st.sampled_from(SurchargeKind))):
        minor = draw(st.integers(0, 10**6))
        more = draw(_off_and_on(Money(minor=minor, currency=currency)))
        items.append(surcharge(minor, currency, line_id=LineId(kind.value), kind=kind, **more))
    return order(*items, currency=currency)
