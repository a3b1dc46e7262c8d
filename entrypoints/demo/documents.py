"""Order documents for the demo, as each platform would send them, for each payment term."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.orders import PaymentTerm
from entrypoints.demo.cart import CATALOGUE, Cart, cart
from entrypoints.demo.ordersaga import ordersaga_order
from entrypoints.demo.shopify import shopify_order
from entrypoints.demo.woocommerce import woocommerce_order

__all__ = ["CATALOGUE", "DemoDocument", "demo_document", "demo_documents", "with_payment_reference"]

CURRENCIES = ("EUR", "USD", "JPY", "GBP", "KWD")

PLATFORMS: Mapping[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "shopify": ("shopify-demo", shopify_order),
    "woocommerce": ("woo-demo", woocommerce_order),
    "ordersaga": ("shop-demo", ordersaga_order),
}


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
    """`count` card orders from index `first` on, the platforms in turn; the first currency is the most frequent."""
    return [
        demo_document(cart(index, currencies), platforms[index % len(platforms)])
        for index in range(first, first + count)
    ]


def demo_document(
    content: Cart,
    platform: str,
    term: PaymentTerm = PaymentTerm.AUTHORIZE_THEN_CAPTURE,
    *,
    channel: str | None = None,
) -> DemoDocument:
    """`channel` None: the usual one of the platform."""
    usual, make = PLATFORMS[platform]
    document = make(content, term)
    return DemoDocument(
        platform=platform,
        channel=channel or usual,
        document=document,
        order_id=f"order:{channel or usual}:{document['id']}",
        total=content.text(content.total),
        currency=content.currency,
    )


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
