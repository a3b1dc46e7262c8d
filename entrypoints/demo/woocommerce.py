from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from domain.orders import PaymentTerm
from entrypoints.demo.cart import Buyer, Cart, CartLine, article_number

_BY_STRIPE = {"payment_method": "stripe", "payment_method_title": "Credit card"}
_PAID: Mapping[PaymentTerm, dict[str, Any]] = {
    PaymentTerm.AUTHORIZE_THEN_CAPTURE: {"status": "on-hold", **_BY_STRIPE},
    PaymentTerm.PREPAID: {"status": "processing", **_BY_STRIPE},
    PaymentTerm.BANK_TRANSFER: {
        "status": "on-hold",
        "payment_method": "bacs",
        "payment_method_title": "Direct bank transfer",
    },
    PaymentTerm.ON_ACCOUNT: {
        "status": "processing",
        "payment_method": "invoice",
        "payment_method_title": "Invoice",
    },
}
_CAPTURED = {PaymentTerm.AUTHORIZE_THEN_CAPTURE: "no", PaymentTerm.PREPAID: "yes"}


def woocommerce_order(
    content: Cart, term: PaymentTerm = PaymentTerm.AUTHORIZE_THEN_CAPTURE
) -> dict[str, Any]:
    """Lines are net, whatever the shop displays."""
    order_id = content.number
    placed = content.placed.replace(tzinfo=None).isoformat()
    goods_tax = sum(line.tax for line in content.lines)
    freight = content.freight
    freight_tax = freight.tax if freight else 0
    coupons = sum(_net_listed(line) - _net(line) for line in content.lines)
    return {
        "id": order_id,
        "number": str(order_id),
        **_PAID[term],
        "currency": content.currency,
        "prices_include_tax": content.taxes_included,
        "date_created": placed,
        "date_created_gmt": placed,
        "date_paid_gmt": placed if term is PaymentTerm.PREPAID else None,
        "discount_total": content.text(coupons),
        "shipping_total": content.text(_net(freight) if freight else 0),
        "shipping_tax": content.text(freight_tax),
        "cart_tax": content.text(goods_tax),
        "total_tax": content.text(content.tax),
        "total": content.text(content.total),
        "customer_id": 0,
        "billing": _address(content.buyer) | {"email": content.buyer.email, "phone": ""},
        "shipping": _address(content.buyer),
        "transaction_id": "",
        "meta_data": [
            {"id": 1, "key": "_stripe_charge_captured", "value": _CAPTURED[known]}
            for known in _CAPTURED
            if known is term
        ],
        "line_items": [
            _line(content, line, order_id * 100 + position) for position, line in enumerate(content.lines)
        ],
        "tax_lines": _tax_lines(content),
        "shipping_lines": [_freight(content, freight, order_id)] if freight else [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
    }


def _net(line: CartLine) -> int:
    return line.total - line.tax


def _net_listed(line: CartLine) -> int:
    return line.listed - line.tax_of(line.listed) if line.taxes_included else line.listed


def _line(content: Cart, line: CartLine, line_id: int) -> dict[str, Any]:
    return {
        "id": line_id,
        "name": line.name.replace("&", "&amp;"),
        "product_id": 100 + article_number(line.sku),
        "variation_id": 0,
        "quantity": line.quantity,
        "subtotal": content.text(_net_listed(line)),
        "total": content.text(_net(line)),
        "total_tax": content.text(line.tax),
        "taxes": _taxes(content, line),
        "sku": line.sku,
        "price": float(Decimal(content.text(_net(line))) / line.quantity),
    }


def _freight(content: Cart, freight: CartLine, order_id: int) -> dict[str, Any]:
    return {
        "id": order_id * 100 + 99,
        "method_title": freight.name,
        "method_id": "flat_rate",
        "total": content.text(_net(freight)),
        "total_tax": content.text(freight.tax),
        "taxes": _taxes(content, freight),
    }


def _taxes(content: Cart, line: CartLine) -> list[dict[str, Any]]:
    if not line.rate:
        return []
    return [{"id": int(line.rate * 100), "total": content.text(line.tax), "subtotal": content.text(line.tax)}]


def _tax_lines(content: Cart) -> list[dict[str, Any]]:
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


def _address(buyer: Buyer) -> dict[str, Any]:
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
