"""The auditor's own arithmetic on every platform's documents, checked against what the documents themselves say."""

import json
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.documents import PARSERS
from domain.charges import charge_shares, reduced
from domain.ids import ChannelId, Sku
from domain.orders import OrderLine, PlacedOrder, Surcharge
from domain.policies import FreightRule
from entrypoints.audit.sums import CannotSum, LineWorth, OrderWorth, Range, ranges_sum, worth_of
from entrypoints.demo.documents import DemoDocument, demo_documents
from tests.domain.moving import books, entered, goods_orders, ordered

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
PLATFORMS = ("shopify", "woocommerce", "ordersaga")
CENT = Decimal("0.01")
DEMO = demo_documents(90, platforms=PLATFORMS)


class AnySku(dict[str, Sku]):
    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Sku:
        return Sku("SKU")


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes(), parse_float=Decimal)
    return document


def agrees(platform: str, document: dict[str, Any]) -> OrderWorth:
    """The auditor and the parser, which share no arithmetic, come to the same lines and the same total."""
    worth = worth_of(platform, document)
    placed = PARSERS[platform](document, channel=ChannelId("shop"), skus=AnySku())
    assert worth.total == placed.total.major
    assert worth.added_up.has(worth.total)
    lines = {line.line_id: line for line in worth.lines}
    assert lines.keys() == {line.line_id for line in placed.lines}
    for line in placed.lines:
        mine = lines[line.line_id]
        assert mine.worth.has(line.total.major), line.line_id
        assert (mine.quantity, mine.ships) == (line.quantity, line.ships)
    assert worth.rest.has(sum((item.total.major for item in placed.surcharges), Decimal(0)))
    return worth


@pytest.mark.parametrize("demo", DEMO, ids=[demo.order_id for demo in DEMO])
def test_a_demo_order_is_worth_what_its_document_says(demo: DemoDocument) -> None:
    worth = agrees(demo.platform, json.loads(json.dumps(demo.document), parse_float=Decimal))
    assert worth.total == Decimal(demo.total)
    assert worth.currency == demo.currency
    assert worth.added_up == Range(worth.total, worth.total), "nothing of it is open to rounding"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/*.json")), ids=lambda path: path.stem)
def test_an_awkward_order_is_worth_what_the_parser_makes_of_it(path: Path) -> None:
    agrees(path.parent.name, read(path))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the platforms' own samples are not beside this repository")
@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("shopify/authorized-edited-order.json", "199.65"),
        ("shopify/paid-fulfilled.json", "199.00"),
        ("shopify/paid-three-lines-taxed.json", "270.37"),
        ("shopify/pending-order.json", "199.00"),
        ("woocommerce/completed.json", "39.00"),
        ("woocommerce/processing-bank-transfer.json", "29.35"),
    ],
)
def test_a_platforms_own_sample_adds_up(name: str, total: str) -> None:
    worth = worth_of(name.partition("/")[0], read(SAMPLES / name))
    assert worth.added_up == Range(Decimal(total), Decimal(total)), "to the cent"
    assert worth.total == Decimal(total)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_cent_more_on_one_line_does_not_add_up_any_more(platform: str) -> None:
    demo = next(d for d in DEMO if d.platform == platform and d.currency == "EUR")
    document = deepcopy(demo.document)
    line = document["lines" if platform == "ordersaga" else "line_items"][0]
    if platform == "woocommerce":
        line["total"], line["price"] = str(Decimal(line["total"]) + Decimal("0.01")), None
    else:
        name = "price" if platform == "shopify" else "unit_price"
        line[name] = str(Decimal(line[name]) + Decimal("0.01"))
    worth = worth_of(platform, document)
    assert not worth.added_up.has(worth.total)


def test_what_is_left_of_a_shopify_line_bears_its_part_of_taxes_and_discounts() -> None:
    """3 of which 2 are left: 20.00 less two thirds of 1.00, plus two thirds of 1.90; rounded either way."""
    document = {
        "currency": "EUR",
        "taxes_included": False,
        "current_total_price": "20.60",
        "line_items": [
            {
                "id": 1,
                "quantity": 3,
                "current_quantity": 2,
                "price": "10.00",
                "requires_shipping": True,
                "tax_lines": [{"price": "1.90"}],
                "discount_allocations": [{"amount": "1.00"}],
            },
            {"id": 2, "quantity": 1, "current_quantity": 0, "price": "99.00", "requires_shipping": True},
        ],
    }
    worth = worth_of("shopify", document)
    assert [line.line_id for line in worth.lines] == ["1"]
    assert worth.lines[0].worth == Range(Decimal("20.59"), Decimal("20.61"))


def test_freight_is_charged_with_the_first_goods_and_part_of_a_line_by_its_units() -> None:
    worth = OrderWorth(
        currency="EUR",
        lines=worth_of("ordersaga", _two_lines()).lines,
        rest=Range(Decimal("4.90"), Decimal("4.90")),
        total=Decimal("25.00"),
    )
    assert worth.shipped_worth({}) == 0
    assert worth.shipped_worth({"a": Decimal(1)}) == Decimal("3.33") + Decimal("4.90")
    assert worth.shipped_worth({"a": Decimal(2)}) == Decimal("6.67") + Decimal("4.90")
    assert worth.shipped_worth({"a": Decimal(3)}) == Decimal("14.90")
    assert worth.shipped_worth({"a": Decimal(3), "b": Decimal(1)}) == Decimal("20.00")
    assert worth.shipped_worth({"a": Decimal(9), "b": Decimal(9)}) == Decimal("20.00"), (
        "no more than was ordered"
    )


def test_part_of_a_line_may_be_worth_a_unit_less_by_its_list_price_and_never_more() -> None:
    (line, _) = worth_of("ordersaga", _two_lines()).lines
    assert line.of(Decimal(1), CENT) == Range(Decimal("3.32"), Decimal("3.33"))
    assert line.of(Decimal(3), CENT) == Range(Decimal("10.00"), Decimal("10.00"))
    assert line.of(Decimal(0), CENT) == Range()


def test_of_an_order_that_became_less_the_lines_are_worth_their_part_and_the_freight_at_most_all() -> None:
    whole = replace(worth_of("ordersaga", _two_lines()), rest=Range(Decimal("4.90"), Decimal("4.90")))
    less = whole.only({"a": 2}, Decimal("11.57"))
    assert less.shipping == {"a": 2}
    assert less.lines[0].worth == Range(Decimal("6.66"), Decimal("6.68"))
    assert less.rest == Range(Decimal(0), Decimal("4.90"))
    assert less.added_up.has(less.total)


@pytest.mark.parametrize("units", [{"a": 4, "b": 1}, {"a": 3, "b": 1, "c": 1}])
def test_what_came_to_an_order_later_is_worth_what_no_document_tells(units: dict[str, int]) -> None:
    with pytest.raises(CannotSum, match="more is ordered now"):
        worth_of("ordersaga", _two_lines()).only(units, Decimal(20))


@settings(deadline=None)
@given(goods_orders(), st.sampled_from(FreightRule), st.data())
def test_the_engine_never_charges_more_for_what_left_than_the_auditor_allows(
    placed: PlacedOrder, freight: FreightRule, data: st.DataObject
) -> None:
    """The two share no arithmetic: what one charges, the other finds right, while parts ship and others fall away."""
    worth, ledger, shipped = _told(placed), books(placed), dict.fromkeys(ordered(placed), 0)
    for _ in range(data.draw(st.integers(1, 3))):
        shipped = {one: data.draw(st.integers(shipped[one], most)) for one, most in ordered(placed).items()}
        ledger = entered(ledger, charge_shares(placed, ledger, shipped, freight=freight))
        left = {str(one): Decimal(units) for one, units in shipped.items()}
        assert ledger.charged.major <= worth.shipped_worth(left)
    kept = {one: data.draw(st.integers(shipped[one], most)) for one, most in ordered(placed).items()}
    if not any(kept.values()) and len(placed.shippable) == len(placed.lines):
        return
    less = reduced(placed, ledger, kept, freight=freight)
    now = worth.only({line.line_id: line.quantity for line in less.lines}, less.total.major)
    assert now.added_up.has(now.total)
    for line in less.lines:
        told = now.line(line.line_id)
        assert told is not None
        assert told.worth.has(line.total.major)


def _told(placed: PlacedOrder) -> OrderWorth:
    """What the auditor makes of the order's own document."""

    def taxed(item: OrderLine | Surcharge) -> tuple[Range, ...]:
        taxes = () if item.taxes_included else item.taxes
        amounts = (item.discounted.major, *(tax.amount.major for tax in taxes))
        return tuple(Range(amount, amount) for amount in amounts)

    return OrderWorth(
        currency=placed.currency,
        lines=tuple(LineWorth(line.line_id, line.quantity, line.ships, taxed(line)) for line in placed.lines),
        rest=ranges_sum(amount for item in placed.surcharges for amount in taxed(item)),
        total=placed.total.major,
    )


def test_what_needs_no_shipping_may_be_charged_at_once() -> None:
    document = _two_lines()
    for line in document["lines"]:
        line["ships"] = False
    assert worth_of("ordersaga", document).shipped_worth({}) == Decimal("15.10")


def test_a_document_that_cannot_be_read_is_told_without_its_content() -> None:
    with pytest.raises(CannotSum, match="lacks something"):
        worth_of("shopify", {"currency": "EUR", "line_items": [{"note": "Eve"}]})
    with pytest.raises(CannotSum, match="not known to the auditor"):
        worth_of("cardboard", {})


def _two_lines() -> dict[str, Any]:
    return {
        "currency": "EUR",
        "taxes_included": True,
        "total": "15.10",
        "lines": [
            {"id": "a", "quantity": 3, "unit_price": "3.3333"},
            {"id": "b", "quantity": 1, "unit_price": "5.10"},
        ],
    }
