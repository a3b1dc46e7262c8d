from collections.abc import Mapping
from typing import Any

from domain.orders import PaymentTerm
from entrypoints.demo.cart import Buyer, Cart, CartLine, article_number

_PAID: Mapping[PaymentTerm, dict[str, Any]] = {
    PaymentTerm.AUTHORIZE_THEN_CAPTURE: {
        "financial_status": "authorized",
        "payment_gateway_names": ["shopify_payments"],
    },
    PaymentTerm.PREPAID: {"financial_status": "paid", "payment_gateway_names": ["shopify_payments"]},
    PaymentTerm.BANK_TRANSFER: {"financial_status": "pending", "payment_gateway_names": ["Bank Deposit"]},
    PaymentTerm.ON_ACCOUNT: {
        "financial_status": "pending",
        "payment_gateway_names": [],
        "payment_terms": {"payment_terms_name": "Net 30", "payment_terms_type": "net", "due_in_days": 30},
    },
}


def shopify_order(content: Cart, term: PaymentTerm = PaymentTerm.AUTHORIZE_THEN_CAPTURE) -> dict[str, Any]:
    number = content.number
    order_id = 5_500_000_000_000 + number
    applications: list[dict[str, Any]] = []
    lines = [
        _line(content, line, order_id * 100 + position, applications)
        for position, line in enumerate(content.lines)
    ]
    discounts = sum(line.discount + line.order_discount for line in content.lines)
    freight = content.freight
    return {
        "id": order_id,
        "name": f"#{number}",
        "created_at": content.placed.isoformat(),
        "confirmed": True,
        "test": False,
        "currency": content.currency,
        "presentment_currency": content.currency,
        "email": content.buyer.email,
        "phone": None,
        "fulfillment_status": None,
        "payment_terms": None,
        **_PAID[term],
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
        "shipping_lines": [_freight(content, freight, order_id)] if freight else [],
        "refunds": [],
        "customer": _customer(content.buyer),
        "billing_address": _address(content.buyer),
        "shipping_address": _address(content.buyer),
    }


def _line(content: Cart, line: CartLine, line_id: int, applications: list[dict[str, Any]]) -> dict[str, Any]:
    allocations = _allocations(content, line, applications)
    return {
        "id": line_id,
        "sku": line.sku,
        "variant_id": 41_000_000_000_000 + article_number(line.sku),
        "product_id": 8_000_000_000_000 + article_number(line.sku),
        "name": line.name,
        "quantity": line.quantity,
        "current_quantity": line.quantity,
        "price": content.text(line.unit),
        "price_set": _money_set(content, line.unit),
        "requires_shipping": True,
        "gift_card": False,
        "tax_lines": _taxes(content, line),
        "discount_allocations": allocations,
        "duties": [],
    }


def _allocations(content: Cart, line: CartLine, applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The line's discounts, each with an application of its own added to the order's list."""
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
    return allocations


def _freight(content: Cart, freight: CartLine, order_id: int) -> dict[str, Any]:
    return {
        "id": order_id + 1,
        "title": freight.name,
        "price": content.text(freight.unit),
        "price_set": _money_set(content, freight.unit),
        "is_removed": False,
        "tax_lines": _taxes(content, freight),
        "discount_allocations": [],
    }


def _taxes(content: Cart, line: CartLine) -> list[dict[str, Any]]:
    if not line.tax:
        return []
    price = {"price": content.text(line.tax), "price_set": _money_set(content, line.tax)}
    return [{"title": "VAT", "rate": float(line.rate), **price}]


def _money_set(content: Cart, minor: int) -> dict[str, Any]:
    money = {"amount": content.text(minor), "currency_code": content.currency}
    return {"shop_money": money, "presentment_money": money}


def _customer(buyer: Buyer) -> dict[str, Any]:
    first_name, _, last_name = buyer.name.partition(" ")
    return {
        "id": 7_000_000_000_000 + sum(buyer.email.encode()),
        "email": buyer.email,
        "first_name": first_name,
        "last_name": last_name,
        "phone": None,
    }


def _address(buyer: Buyer) -> dict[str, Any]:
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
