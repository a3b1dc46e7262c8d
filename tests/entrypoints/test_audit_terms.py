"""Whatever way an order was paid: correct books keep every promise, and each promise can be broken in that way too."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.documents import PARSERS
from domain.ids import ChannelId
from domain.orders import PaymentTerm
from entrypoints.audit.terms import on_account, term_told
from entrypoints.demo.cart import cart
from entrypoints.demo.documents import CURRENCIES, demo_document
from tests.entrypoints.audit_terms import (
    BREAKS,
    WAYS,
    Change,
    just_transferred,
    late_transfer_kept,
    returned_past_the_gateway,
    transfer_after_the_cancel,
)
from tests.entrypoints.audit_world import CANCELLED, correct_world
from tests.entrypoints.test_audit_sums import AnySku

FIXTURES = Path(__file__).parents[1] / "fixtures"
PLATFORMS = ("shopify", "woocommerce", "ordersaga")


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_correct_books_keep_every_promise_whatever_the_way_it_was_paid(way: Change) -> None:
    world = correct_world()
    way(world)
    report = world.audit()
    assert report.kept, [promise.violations for promise in report.promises]
    assert [promise.not_checked for promise in report.promises] == [()] * 10
    assert (report.orders.completed, report.orders.cancelled) == (1, 1)


@pytest.mark.parametrize(
    ("way", "change", "number", "words"),
    BREAKS,
    ids=[f"{number}-{way.__name__}-{change.__name__}" for way, change, number, _ in BREAKS],
)
def test_a_promise_broken_in_that_way_is_told(way: Change, change: Change, number: int, words: str) -> None:
    world = correct_world()
    way(world)
    change(world)
    promise = world.audit().promises[number - 1]
    assert any(words in broken.what for broken in promise.violations), promise.violations


def test_money_that_arrived_a_moment_ago_is_not_kept_yet() -> None:
    world = correct_world()
    just_transferred(world)
    report = world.audit()
    assert report.kept
    assert (report.orders.cancelled, report.orders.open) == (0, 2)


def test_money_that_arrived_long_ago_is() -> None:
    world = correct_world()
    transfer_after_the_cancel(world)
    late_transfer_kept(world)
    assert {broken.order for promise in world.audit().promises for broken in promise.violations} == {
        CANCELLED
    }


def test_what_a_person_gave_back_past_the_gateway_is_believed_and_said_so() -> None:
    world = correct_world()
    returned_past_the_gateway(world)
    report = world.audit()
    assert report.kept, [promise.violations for promise in report.promises]
    assert [(told.orders, "past the gateway" in told.why) for told in report.promises[0].not_checked] == [
        (1, True)
    ]


# --- the term, read anew from the shop's document


WORDS = {
    PaymentTerm.AUTHORIZE_THEN_CAPTURE: "card",
    PaymentTerm.PREPAID: "prepaid",
    PaymentTerm.BANK_TRANSFER: "bank transfer",
    PaymentTerm.ON_ACCOUNT: "on account",
}


def _agrees(platform: str, document: dict[str, Any]) -> bool:
    placed = PARSERS[platform](document, channel=ChannelId("shop"), skus=AnySku())
    assert term_told(platform, document) == WORDS[placed.payment.term]
    told = on_account(platform, document)
    assert told is (placed.payment.term is PaymentTerm.ON_ACCOUNT)
    return told


@pytest.mark.parametrize("term", PaymentTerm)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_auditor_and_the_parsers_agree_on_how_demo_orders_are_paid(
    platform: str, term: PaymentTerm
) -> None:
    for index in range(10):
        demo = demo_document(cart(index, CURRENCIES), platform, term)
        told = _agrees(platform, json.loads(json.dumps(demo.document), parse_float=Decimal))
        assert told is (term is PaymentTerm.ON_ACCOUNT)


def test_the_audit_counts_orders_by_how_they_are_paid() -> None:
    world = correct_world()
    world.of("orders")["document"]["payment"] = {"term": "bank_transfer"}
    world.of("orders", CANCELLED)["document"]["payment"] = {"term": "prepaid"}
    assert world.audit().orders.by_term == {"bank transfer": 1, "prepaid": 1, "unknown": 1}


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.json")), ids=lambda path: path.stem)
def test_and_on_awkward_ones(path: Path) -> None:
    document = json.loads(path.read_bytes(), parse_float=Decimal)
    assert _agrees(path.parent.name, document) is path.stem.startswith("cod-")


@pytest.mark.parametrize(
    ("fixture", "changes", "expected"),
    [
        ("shopify/pending-yen", {"payment_gateway_names": ["Cash on Delivery (COD)"]}, True),
        ("shopify/pending-yen", {"payment_terms": {"payment_terms_name": "Net 30"}}, True),
        ("shopify/pending-yen", {"payment_gateway_names": ["Vorkasse"]}, False),
        ("shopify/pending-yen", {"financial_status": "paid", "payment_terms": {"id": 1}}, False),
        ("woocommerce/cod-negative-fee", {"payment_method": "invoice"}, True),
        ("woocommerce/cod-negative-fee", {"payment_method": "bacs"}, False),
        ("ordersaga/order", {"payment": {"term": "on_account"}}, True),
        ("ordersaga/order", {"payment": {"term": "bank_transfer"}}, False),
    ],
)
def test_an_order_on_account_is_one_that_the_document_calls_so(
    fixture: str, changes: dict[str, Any], *, expected: bool
) -> None:
    document = json.loads((FIXTURES / f"{fixture}.json").read_bytes(), parse_float=Decimal)
    assert _agrees(fixture.partition("/")[0], document | changes) is expected


def test_a_document_of_nobody_is_on_no_account() -> None:
    assert not on_account("cardboard", {"payment": {"term": "on_account"}})
