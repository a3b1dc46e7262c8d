from typing import Any

from domain.orders import PaymentTerm
from entrypoints.demo.cart import Cart, CartLine

_METHODS = {
    PaymentTerm.AUTHORIZE_THEN_CAPTURE: "card",
    PaymentTerm.PREPAID: "wallet",
    PaymentTerm.BANK_TRANSFER: "bank transfer",
    PaymentTerm.ON_ACCOUNT: "invoice",
}


def ordersaga_order(content: Cart, term: PaymentTerm = PaymentTerm.AUTHORIZE_THEN_CAPTURE) -> dict[str, Any]:
    number = content.number
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
        "placed_at": content.placed.isoformat(),
        "currency": content.currency,
        "taxes_included": content.taxes_included,
        "lines": [_line(content, line, str(position)) for position, line in enumerate(content.lines, 1)],
        "surcharges": [_freight(content, freight)] if freight else [],
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
        "payment": {"term": str(term), "method": _METHODS[term]},
    }


def _line(content: Cart, line: CartLine, line_id: str) -> dict[str, Any]:
    return {
        "id": line_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": content.text(line.unit),
        "discount": content.text(line.discount),
        "order_discount": content.text(line.order_discount),
        "taxes": _taxes(content, line),
    }


def _freight(content: Cart, freight: CartLine) -> dict[str, Any]:
    return {
        "id": "freight",
        "kind": "freight",
        "name": freight.name,
        "amount": content.text(freight.unit),
        "taxes": _taxes(content, freight),
    }


def _taxes(content: Cart, line: CartLine) -> list[dict[str, Any]]:
    if not line.rate:
        return []
    return [{"name": "VAT", "rate": str(line.rate), "amount": content.text(line.tax)}]
