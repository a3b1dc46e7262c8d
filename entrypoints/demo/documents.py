"""Order documents for the demo, as each platform would send them: card orders, authorised and not captured yet."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from entrypoints.demo.cart import CATALOGUE, Buyer, Cart, CartLine, cart

__all__ = ["CATALOGUE", "DemoDocument", "demo_documents", "with_payment_reference"]

CURRENCIES = ("EUR", "USD", "JPY", "GBP", "KWD")
_FIRST_PLACED = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
_FIRST_NUMBER = 10_001


@dataclass(frozen=True)
class DemoDocument:
    """`total` is what the customer pays, in major units; the document is plain JSON."""

    platform: str
    channel: str
    document: dict[str, Any]
    order_id: str
    total: str
    currency: str


def demo_documents(
    count: int, *, platforms: Sequence[str], currencies: Sequence[str] = CURRENCIES, first: int = 0
) -> list[DemoDocument]:
    """`count` documents from index `first` on, the platforms in turn; the first currency is the most frequent."""
    documents = []
    for index in range(first, first + count):
        platform = platforms[index % len(platforms)]
        channel, make = _PLATFORMS[platform]
        content = cart(index, currencies)
        document = make(content)
        documents.append(
            DemoDocument(
                platform=platform,
                channel=channel,
                document=document,
                order_id=f"order:{channel}:{document['id']}",
                total=content.text(content.total),
                currency=content.currency,
            )
        )
    return documents


def with_payment_reference(document: DemoDocument, reference: str) -> DemoDocument:
    """The same order, paid for at the gateway under `reference`. ValueError: Shopify's documents carry none."""
    changed = copy.deepcopy(document.document)
    if document.platform == "woocommerce":
        changed["meta_data"].append({"id": 2, "key": "_stripe_intent_id", "value": reference})
    elif document.platform == "ordersaga":
        changed["payment"]["reference"] = reference
    else:
        raise ValueError(f"a document of {document.platform} carries no payment reference")
    return replace(document, document=changed)


def _placed(content: Cart) -> datetime:
    return _FIRST_PLACED + timedelta(minutes=7 * content.index)


def _article(sku: str) -> int:
    return list(CATALOGUE).index(sku)


# --- Shopify


def _shopify(content: Cart) -> dict[str, Any]:
    number = _FIRST_NUMBER + content.index
    order_id = 5_500_000_000_000 + number
    applications: list[dict[str, Any]] = []
    lines = [
        _shopify_line(content, line, order_id * 100 + position, applications)
        for position, line in enumerate(content.lines)
    ]
    discounts = sum(line.discount + line.order_discount for line in content.lines)
    freight = content.freight
    first_name, _, last_name = content.buyer.name.partition(" ")
    return {
        "id": order_id,
        "name": f"#{number}",
        "created_at": _placed(content).isoformat(),
        "cancelled_at": None,
        "confirmed": True,
        "test": False,
        "currency": content.currency,
        "presentment_currency": content.currency,
        "email": content.buyer.email,
        "phone": None,
        "financial_status": "authorized",
        "fulfillment_status": None,
        "payment_gateway_names": ["shopify_payments"],
        "payment_terms": None,
        "taxes_included": content.taxes_included,
        "duties_included": False,
        "current_subtotal_price": content.text(sum(line.value for line in content.lines)),
        "current_total_discounts": content.text(discounts),
        "current_total_tax": content.text(content.tax),
        "current_total_price": content.text(content.total),
        "current_total_price_set": _money_set(content, content.total),
        "total_tip_received": content.text(0),
        "discount_applications": applications,
        "line_items": lines,
        "shipping_lines": [_shopify_freight(content, freight, order_id)] if freight else [],
        "refunds": [],
        "customer": {
            "id": 7_000_000_000_000 + sum(content.buyer.email.encode()),
            "email": content.buyer.email,
            "first_name": first_name,
            "last_name": last_name,
            "phone": None,
        },
        "billing_address": _shopify_address(content.buyer),
        "shipping_address": _shopify_address(content.buyer),
    }


def _shopify_line(
    content: Cart, line: CartLine, line_id: int, applications: list[dict[str, Any]]
) -> dict[str, Any]:
    allocations = []
    for amount, target, method in (
        (line.discount, "explicit", "each"),
        (line.order_discount, "all", "across"),
    ):
        if amount:
            allocations.append(
                {
                    "amount": content.text(amount),
                    "amount_set": _money_set(content, amount),
                    "discount_application_index": len(applications),
                }
            )
            applications.append(
                {
                    "target_type": "line_item",
                    "target_selection": target,
                    "allocation_method": method,
                    "type": "automatic",
                    "value": content.text(amount),
                    "value_type": "fixed_amount",
                }
            )
    return {
        "id": line_id,
        "sku": line.sku,
        "variant_id": 41_000_000_000_000 + _article(line.sku),
        "product_id": 8_000_000_000_000 + _article(line.sku),
        "name": line.name,
        "quantity": line.quantity,
        "current_quantity": line.quantity,
        "price": content.text(line.unit),
        "price_set": _money_set(content, line.unit),
        "requires_shipping": True,
        "gift_card": False,
        "tax_lines": _shopify_taxes(content, line),
        "discount_allocations": allocations,
        "duties": [],
    }


def _shopify_freight(content: Cart, freight: CartLine, order_id: int) -> dict[str, Any]:
    return {
        "id": order_id + 1,
        "title": freight.name,
        "price": content.text(freight.unit),
        "price_set": _money_set(content, freight.unit),
        "is_removed": False,
        "tax_lines": _shopify_taxes(content, freight),
        "discount_allocations": [],
    }


def _shopify_taxes(content: Cart, line: CartLine) -> list[dict[str, Any]]:
    if not line.tax:
        return []
    price = {"price": content.text(line.tax), "price_set": _money_set(content, line.tax)}
    return [{"title": "VAT", "rate": float(line.rate), **price}]


def _money_set(content: Cart, minor: int) -> dict[str, Any]:
    money = {"amount": content.text(minor), "currency_code": content.currency}
    return {"shop_money": money, "presentment_money": money}


def _shopify_address(buyer: Buyer) -> dict[str, Any]:
    return {
        "name": buyer.name,
        "company": buyer.company or None,
        "address1": buyer.street,
        "address2": None,
        "zip": buyer.postal_code,
        "city": buyer.city,
        "province": None,
        "country_code": buyer.country,
        "phone": None,
    }


# --- WooCommerce: lines are net, whatever the shop displays


def _woocommerce(content: Cart) -> dict[str, Any]:
    order_id = _FIRST_NUMBER + content.index
    placed = _placed(content).replace(tzinfo=None).isoformat()
    goods_tax = sum(line.tax for line in content.lines)
    freight = content.freight
    freight_tax = freight.tax if freight else 0
    coupons = sum(_net_listed(line) - _net(line) for line in content.lines)
    return {
        "id": order_id,
        "number": str(order_id),
        "status": "on-hold",
        "currency": content.currency,
        "prices_include_tax": content.taxes_included,
        "date_created": placed,
        "date_created_gmt": placed,
        "date_paid_gmt": None,
        "discount_total": content.text(coupons),
        "shipping_total": content.text(_net(freight) if freight else 0),
        "shipping_tax": content.text(freight_tax),
        "cart_tax": content.text(goods_tax),
        "total_tax": content.text(content.tax),
        "total": content.text(content.total),
        "customer_id": 0,
        "billing": _woocommerce_address(content.buyer) | {"email": content.buyer.email, "phone": ""},
        "shipping": _woocommerce_address(content.buyer),
        "payment_method": "stripe",
        "payment_method_title": "Credit card",
        "transaction_id": "",
        "meta_data": [{"id": 1, "key": "_stripe_charge_captured", "value": "no"}],
        "line_items": [
            _woocommerce_line(content, line, order_id * 100 + position)
            for position, line in enumerate(content.lines)
        ],
        "tax_lines": _woocommerce_tax_lines(content),
        "shipping_lines": [_woocommerce_freight(content, freight, order_id)] if freight else [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
    }


def _net(line: CartLine) -> int:
    return line.total - line.tax


def _net_listed(line: CartLine) -> int:
    return line.listed - line.tax_of(line.listed) if line.taxes_included else line.listed


def _woocommerce_line(content: Cart, line: CartLine, line_id: int) -> dict[str, Any]:
    return {
        "id": line_id,
        "name": line.name.replace("&", "&amp;"),
        "product_id": 100 + _article(line.sku),
        "variation_id": 0,
        "quantity": line.quantity,
        "subtotal": content.text(_net_listed(line)),
        "total": content.text(_net(line)),
        "total_tax": content.text(line.tax),
        "taxes": _woocommerce_taxes(content, line),
        "sku": line.sku,
        "price": float(Decimal(content.text(_net(line))) / line.quantity),
    }


def _woocommerce_freight(content: Cart, freight: CartLine, order_id: int) -> dict[str, Any]:
    return {
        "id": order_id * 100 + 99,
        "method_title": freight.name,
        "method_id": "flat_rate",
        "total": content.text(_net(freight)),
        "total_tax": content.text(freight.tax),
        "taxes": _woocommerce_taxes(content, freight),
    }


def _woocommerce_taxes(content: Cart, line: CartLine) -> list[dict[str, Any]]:
    if not line.rate:
        return []
    return [{"id": int(line.rate * 100), "total": content.text(line.tax), "subtotal": content.text(line.tax)}]


def _woocommerce_tax_lines(content: Cart) -> list[dict[str, Any]]:
    freight = content.freight
    return [
        {
            "id": int(rate * 100),
            "rate_code": f"VAT-{int(rate * 100)}",
            "rate_id": int(rate * 100),
            "label": "VAT",
            "compound": False,
            "tax_total": content.text(sum(line.tax for line in content.lines if line.rate == rate)),
            "shipping_tax_total": content.text(freight.tax if freight and freight.rate == rate else 0),
            "rate_percent": int(rate * 100),
        }
        for rate in sorted({line.rate for line in content.charged if line.rate})
    ]


def _woocommerce_address(buyer: Buyer) -> dict[str, Any]:
    first_name, _, last_name = buyer.name.partition(" ")
    return {
        "first_name": first_name,
        "last_name": last_name,
        "company": buyer.company,
        "address_1": buyer.street,
        "address_2": "",
        "postcode": buyer.postal_code,
        "city": buyer.city,
        "state": "",
        "country": buyer.country,
    }


# --- our own document


def _ordersaga(content: Cart) -> dict[str, Any]:
    number = _FIRST_NUMBER + content.index
    address = {
        "name": content.buyer.name,
        "company": content.buyer.company,
        "street": content.buyer.street,
        "postal_code": content.buyer.postal_code,
        "city": content.buyer.city,
        "country": content.buyer.country,
    }
    freight = content.freight
    return {
        "format": "ordersaga.order.v1",
        "id": f"S-{number}",
        "number": f"S-{number}",
        "placed_at": _placed(content).isoformat(),
        "currency": content.currency,
        "taxes_included": content.taxes_included,
        "lines": [
            _ordersaga_line(content, line, str(position)) for position, line in enumerate(content.lines, 1)
        ],
        "surcharges": [_ordersaga_freight(content, freight)] if freight else [],
        "order_discount": content.text(sum(line.order_discount for line in content.lines)),
        "tax_total": content.text(content.tax),
        "total": content.text(content.total),
        "customer": {
            "name": content.buyer.name,
            "email": content.buyer.email,
            "company": content.buyer.company,
        },
        "billing_address": address,
        "shipping_address": address,
        "payment": {"term": "authorize_then_capture", "method": "card"},
    }


def _ordersaga_line(content: Cart, line: CartLine, line_id: str) -> dict[str, Any]:
    return {
        "id": line_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": content.text(line.unit),
        "discount": content.text(line.discount),
        "order_discount": content.text(line.order_discount),
        "taxes": _ordersaga_taxes(content, line),
    }


def _ordersaga_freight(content: Cart, freight: CartLine) -> dict[str, Any]:
    return {
        "id": "freight",
        "kind": "freight",
        "name": freight.name,
        "amount": content.text(freight.unit),
        "taxes": _ordersaga_taxes(content, freight),
    }


def _ordersaga_taxes(content: Cart, line: CartLine) -> list[dict[str, Any]]:
    if not line.rate:
        return []
    return [{"name": "VAT", "rate": str(line.rate), "amount": content.text(line.tax)}]


_PLATFORMS: Mapping[str, tuple[str, Callable[[Cart], dict[str, Any]]]] = {
    "shopify": ("shopify-demo", _shopify),
    "woocommerce": ("woo-demo", _woocommerce),
    "ordersaga": ("shop-demo", _ordersaga),
}
