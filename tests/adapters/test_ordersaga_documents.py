import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from adapters.connector.documents import parse, schema
from adapters.documents import load
from domain.ids import ChannelId, Sku
from domain.intake import UnusableDocument
from domain.money import Money
from domain.orders import PaymentTerm, PlacedOrder

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "tests" / "fixtures" / "ordersaga" / "order.json"
SKUS = {"product:tea-7": Sku("TEA-ASSAM-250")}


def _parse(document: dict[str, Any]) -> PlacedOrder:
    return parse(document, channel=ChannelId("shop"), skus=SKUS)


def _problems(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(UnusableDocument) as refused:
        _parse(document)
    return {problem.field: problem.reason for problem in refused.value.problems}


@pytest.fixture
def order() -> dict[str, Any]:
    return dict(load(FIXTURE.read_bytes()))


def test_the_document_becomes_the_order(order: dict[str, Any]) -> None:
    placed = _parse(order)
    assert placed.order_id == "order:shop:A-4711"
    assert placed.total == Money.parse("126.83", "EUR")
    assert [line.sku for line in placed.shippable] == ["KETTLE-17", "TEA-ASSAM-250"]
    assert placed.customer.account_number == "K-1001"
    assert placed.shipping is not None
    assert placed.shipping.street == "Lagerweg 2"
    assert placed.payment.term is PaymentTerm.AUTHORIZE_THEN_CAPTURE
    assert placed.payment.reference == "pi_example"


@pytest.mark.parametrize("term", PaymentTerm)
def test_an_order_is_paid_under_each_of_the_terms(order: dict[str, Any], term: PaymentTerm) -> None:
    order["payment"] = {"term": term.value}
    placed = _parse(order)
    assert (placed.payment.term, placed.payment.reference) == (term, None)


def test_a_term_that_nobody_knows_is_refused(order: dict[str, Any]) -> None:
    order["payment"]["term"] = "barter"
    assert _problems(order).keys() == {"payment.term"}


def test_the_orders_discount_is_split_by_value(order: dict[str, Any]) -> None:
    assert [line.order_discount.minor for line in _parse(order).lines] == [354, 47, 99]


def test_stated_shares_of_the_orders_discount_are_kept(order: dict[str, Any]) -> None:
    for line, share in zip(order["lines"], ("5.00", "0.00", "0.00"), strict=True):
        line["order_discount"] = share
    assert [line.order_discount.minor for line in _parse(order).lines] == [500, 0, 0]


def test_stated_shares_must_add_up_to_the_orders_discount(order: dict[str, Any]) -> None:
    order["lines"][0]["order_discount"] = "4.99"
    assert _problems(order)["order_discount"].endswith("a difference of 0.01 EUR")


@pytest.mark.parametrize("name", ["total", "tax_total"])
def test_a_sum_that_is_not_the_documents_is_refused_with_the_difference(
    order: dict[str, Any], name: str
) -> None:
    order[name] = str(load(b'{"x": 0.01}')["x"] + load(f'{{"x": {order[name]}}}'.encode())["x"])
    assert _problems(order) == {name: _problems(order)[name]}
    assert _problems(order)[name].endswith("a difference of 0.01 EUR")


def test_a_misspelt_field_is_not_lost(order: dict[str, Any]) -> None:
    order["lines"][0]["discout"] = "1.00"
    assert _problems(order).keys() == {"lines[0].discout"}


def test_money_is_a_decimal_string(order: dict[str, Any]) -> None:
    order["lines"][0]["unit_price"] = 49
    order["total"] = "1_26.83"
    assert _problems(order).keys() == {"lines[0].unit_price", "total"}


def test_a_time_needs_its_zone(order: dict[str, Any]) -> None:
    order["placed_at"] = "2026-10-30T21:15:04"
    assert _problems(order).keys() == {"placed_at"}


def test_an_unmapped_product_is_named_beside_a_wrong_sum(order: dict[str, Any]) -> None:
    order["lines"][1]["product"] = "tea-8"
    order["total"] = "126.82"
    assert _problems(order).keys() == {"lines[1].sku", "total"}


def test_two_lines_with_one_id_are_refused(order: dict[str, Any]) -> None:
    order["lines"][1]["id"] = "1"
    with pytest.raises(UnusableDocument, match="an id of its own"):
        _parse(order)


def test_more_discount_than_goods_is_refused(order: dict[str, Any]) -> None:
    order["order_discount"] = "500.00"
    assert "order_discount" in _problems(order)


def test_the_published_schema_is_current() -> None:
    published = json.loads((ROOT / "docs" / "order-document.schema.json").read_text())
    assert published == schema(), "python -m adapters.connector.documents > docs/order-document.schema.json"


def test_the_schema_accepts_the_document_and_refuses_money_as_a_number(order: dict[str, Any]) -> None:
    jsonschema.validate(order, schema())
    order["total"] = 126.83
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(order, schema())


def test_the_documented_example_is_an_order() -> None:
    page = (ROOT / "docs" / "order-document.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]
    placed = _parse(dict(load(example.encode())))
    assert str(placed.total) == "114.88 EUR"
    jsonschema.validate(json.loads(example), schema())
