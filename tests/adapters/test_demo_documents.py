import json

import jsonschema
import pytest

from adapters.connector.documents import schema
from adapters.documents import PARSERS, load
from domain.ids import ChannelId, PaymentRef
from domain.orders import PaymentTerm
from entrypoints.demo.documents import CATALOGUE, DemoDocument, demo_documents, with_payment_reference

PLATFORMS = ("shopify", "woocommerce", "ordersaga")
DOCUMENTS = demo_documents(240, platforms=PLATFORMS)


def _sent(demo: DemoDocument) -> bytes:
    return json.dumps(demo.document).encode()


def test_every_document_is_an_order_of_its_stated_total() -> None:
    for demo in DOCUMENTS:
        order = PARSERS[demo.platform](load(_sent(demo)), channel=ChannelId(demo.channel), skus={})
        assert str(order.total) == f"{demo.total} {demo.currency}"
        assert order.order_id == demo.order_id
        assert order.payment.term is PaymentTerm.AUTHORIZE_THEN_CAPTURE
        assert {line.sku for line in order.lines} <= CATALOGUE.keys()


def test_the_same_index_gives_the_same_document() -> None:
    assert demo_documents(20, platforms=PLATFORMS, first=40) == DOCUMENTS[40:60]


def test_the_documents_vary() -> None:
    orders = [
        PARSERS[demo.platform](demo.document, channel=ChannelId(demo.channel), skus={}) for demo in DOCUMENTS
    ]
    lines = [line for order in orders for line in order.lines]
    assert {demo.currency for demo in DOCUMENTS} == {"EUR", "USD", "JPY", "GBP", "KWD"}
    assert sum(demo.currency == "EUR" for demo in DOCUMENTS) > len(DOCUMENTS) / 2
    assert {len(order.lines) for order in orders} == {1, 2, 3, 4}
    assert {line.quantity for line in lines} == {1, 2, 3, 4, 5}
    assert {line.taxes_included for line in lines} == {True, False}
    assert any(line.discount for line in lines)
    assert any(line.order_discount for line in lines)
    assert {bool(order.surcharges) for order in orders} == {True, False}
    assert len({order.customer.email for order in orders}) < len(orders) / 2
    assert all(order.customer.email.endswith("@example.com") for order in orders)
    assert len({demo.order_id for demo in DOCUMENTS}) == len(DOCUMENTS)


def test_the_currency_can_be_restricted() -> None:
    assert {demo.currency for demo in demo_documents(50, platforms=PLATFORMS, currencies=("EUR",))} == {"EUR"}


def test_our_own_documents_keep_to_the_published_schema() -> None:
    for demo in DOCUMENTS:
        if demo.platform == "ordersaga":
            jsonschema.validate(demo.document, schema())


@pytest.mark.parametrize("platform", ["woocommerce", "ordersaga"])
def test_a_payment_made_before_is_referred_to(platform: str) -> None:
    (demo,) = demo_documents(1, platforms=(platform,))
    paid = with_payment_reference(demo, "pi_demo")
    order = PARSERS[platform](load(_sent(paid)), channel=ChannelId(paid.channel), skus={})
    assert order.payment.reference == PaymentRef("pi_demo")
    assert (paid.total, paid.order_id) == (demo.total, demo.order_id)
    assert demo == demo_documents(1, platforms=(platform,))[0]


def test_a_shopify_document_carries_no_payment_reference() -> None:
    (demo,) = demo_documents(1, platforms=("shopify",))
    with pytest.raises(ValueError, match="carries no payment reference"):
        with_payment_reference(demo, "pi_demo")
