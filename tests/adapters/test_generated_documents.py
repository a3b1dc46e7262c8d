"""Generated carts, written as each platform writes them; their totals come from the demo's arithmetic, not from ours."""

import copy
import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.documents import PARSERS, load
from domain.ids import ChannelId
from domain.intake import UnusableDocument
from domain.orders import PlacedOrder
from entrypoints.demo.cart import DIGITS, Buyer, Cart, CartLine
from entrypoints.demo.documents import PLATFORMS

BUYER = Buyer("Ada Beispiel", "ada@example.com", "", "Musterweg 1", "10115", "Berlin", "DE")
AMOUNT = re.compile(r"\d+(\.\d+)?")
AMOUNT_FIELDS = {
    "shopify": re.compile(
        r"current_(total_price|total_tax|subtotal_price|total_discounts)|total_tip_received"
        r"|(line_items|shipping_lines)\[\d+\]\.(.*\.)?(price|amount)"
    ),
    "woocommerce": re.compile(
        r"(total|total_tax|cart_tax|shipping_tax|shipping_total|discount_total)"
        r"|line_items\[\d+\]\.(subtotal|total|total_tax|taxes\[\d+\]\.total)"
        r"|shipping_lines\[\d+\]\.(total|total_tax|taxes\[\d+\]\.total)"
        r"|tax_lines\[\d+\]\.(tax_total|shipping_tax_total)"
    ),
    "ordersaga": re.compile(
        r"total|tax_total|order_discount|.*\.(unit_price|discount|order_discount|amount)"
    ),
}


@st.composite
def cart_lines(draw: st.DrawFn, *, taxes_included: bool, freight: bool = False) -> CartLine:
    quantity = 1 if freight else draw(st.integers(1, 40))
    unit = draw(st.integers(0, 200_000))
    discount = 0 if freight else draw(st.one_of(st.just(0), st.integers(0, unit * quantity)))
    left = unit * quantity - discount
    order_discount = 0 if freight else draw(st.one_of(st.just(0), st.integers(0, left)))
    rate = draw(st.sampled_from([Decimal("0.19"), Decimal("0.07"), Decimal("0.20"), Decimal(0)]))
    return CartLine("MUG-BLUE", "Mug", quantity, unit, discount, order_discount, rate, taxes_included)


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    included = draw(st.booleans())
    lines = draw(st.lists(cart_lines(taxes_included=included), min_size=1, max_size=10))
    freight = draw(st.one_of(st.none(), cart_lines(taxes_included=included, freight=True)))
    return Cart(7, draw(st.sampled_from(sorted(DIGITS))), included, BUYER, lines, freight)


def _document(platform: str, content: Cart) -> dict[str, Any]:
    document = PLATFORMS[platform][1](content)
    return dict(load(json.dumps(document).encode()))


def _parse(platform: str, document: dict[str, Any]) -> PlacedOrder:
    return PARSERS[platform](document, channel=ChannelId("shop"), skus={})


def _amounts(node: Any, path: str = "") -> Iterator[tuple[Any, str | int, str]]:
    """Every amount with the container that holds it, its key there and its path."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in members:
        below = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".removeprefix(".")
        if isinstance(child, str) and AMOUNT.fullmatch(child):
            yield node, key, below
        yield from _amounts(child, below)


def _without_sets(node: Any) -> Any:
    """The same without the second statement of each amount, so that a sum has to notice what was disturbed."""
    if isinstance(node, dict):
        return {key: _without_sets(child) for key, child in node.items() if not key.endswith("_set")}
    return [_without_sets(child) for child in node] if isinstance(node, list) else node


@pytest.mark.parametrize("platform", sorted(PARSERS))
@settings(deadline=None)  # the machine is shared
@given(content=carts())
def test_an_order_is_worth_what_its_document_says(platform: str, content: Cart) -> None:
    order = _parse(platform, _document(platform, content))
    assert order.total.minor == content.total
    assert order.currency == content.currency
    assert sum(item.total.minor for item in order.priced) == content.total
    assert sum(item.tax.minor for item in order.priced) == content.tax
    assert [line.quantity for line in order.lines] == [line.quantity for line in content.lines]


@pytest.mark.parametrize("platform", sorted(PARSERS))
@settings(deadline=None)  # the machine is shared
@given(content=carts(), data=st.data())
def test_an_amount_disturbed_by_one_minor_unit_never_passes(
    platform: str, content: Cart, data: st.DataObject
) -> None:
    document = copy.deepcopy(_without_sets(_document(platform, content)))
    found = [spot for spot in _amounts(document) if AMOUNT_FIELDS[platform].fullmatch(spot[2])]
    holder, key, path = data.draw(st.sampled_from(found), label="disturbed")
    step = Decimal(1).scaleb(-DIGITS[content.currency])
    disturbed = Decimal(holder[key]) + data.draw(st.sampled_from([step, -step]), label="by")
    holder[key] = str(disturbed)
    with pytest.raises(UnusableDocument) as refused:
        _parse(platform, document)
    assert any(
        "difference of" in problem.reason or path.startswith(problem.field)
        for problem in refused.value.problems
    )


@settings(deadline=None)  # the machine is shared
@given(content=carts(), data=st.data())
def test_a_shopify_order_cut_down_by_hand_is_worth_its_current_total(
    content: Cart, data: st.DataObject
) -> None:
    document = _without_sets(_document("shopify", content))
    left = [data.draw(st.integers(0, line.quantity), label="left") for line in content.lines]
    if not any(left):
        left[0] = 1
    value, tax, discount = 0, 0, 0
    for line, units, sent in zip(content.lines, left, document["line_items"], strict=True):
        sent["current_quantity"] = units
        shares = [_share(amount, units, line.quantity) for amount in (line.discount, line.order_discount)]
        assume(sum(shares) <= line.unit * units)
        discount += sum(shares)
        value += line.unit * units - sum(shares)
        tax += _share(line.tax, units, line.quantity)
    if content.freight:
        tax += content.freight.tax
    freight = content.freight.value if content.freight else 0
    total = value + freight + (0 if content.taxes_included else tax)
    document |= {
        "current_subtotal_price": content.text(value),
        "current_total_discounts": content.text(discount),
        "current_total_tax": content.text(tax),
        "current_total_price": content.text(total),
    }
    order = _parse("shopify", document)
    assert order.total.minor == total
    assert sum(item.tax.minor for item in order.priced) == tax
    assert [line.quantity for line in order.lines] == [units for units in left if units]


@settings(deadline=None)
@given(
    grosses=st.lists(st.integers(2, 50_000), min_size=1, max_size=10),
    rate=st.sampled_from([Decimal("0.19"), Decimal("0.07"), Decimal("0.20")]),
    off_by=st.sampled_from([Decimal("-0.02"), Decimal("0.02")]),  # its two ways of rounding are 0.01 apart
)
def test_woocommerce_lines_that_hide_digits_meet_the_total_of_their_tags(
    grosses: list[int], rate: Decimal, off_by: Decimal
) -> None:
    """Prices include tax and tax is rounded once: the lines are shown rounded, the order's total never was."""
    nets = [(Decimal(gross) / 100 / (1 + rate)).quantize(Decimal("0.000001")) for gross in grosses]
    taxes = [Decimal(gross) / 100 - net for gross, net in zip(grosses, nets, strict=True)]
    total = Decimal(sum(grosses)) / 100
    document = _document("woocommerce", Cart(7, "EUR", True, BUYER, [], None))
    document |= {
        "line_items": [
            {
                "id": index,
                "sku": "MUG-BLUE",
                "name": "Mug",
                "quantity": 1,
                "subtotal": _shown(net),
                "total": _shown(net),
                "total_tax": _shown(tax),
                "price": net,
                "taxes": [{"id": 1, "total": str(tax)}],
            }
            for index, (net, tax) in enumerate(zip(nets, taxes, strict=True), 1)
        ],
        "tax_lines": [
            {"rate_id": 1, "rate_code": "VAT", "tax_total": _shown(sum(taxes)), "shipping_tax_total": "0.00"}
        ],
        "cart_tax": _shown(sum(taxes)),
        "total_tax": _shown(sum(taxes)),
        "total": _shown(total),
    }
    assert _parse("woocommerce", document).total.major == total
    with pytest.raises(UnusableDocument, match="difference of"):
        _parse("woocommerce", document | {"total": _shown(total + off_by)})


def _shown(amount: Decimal | int) -> str:
    return str(Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _share(amount: int, units: int, quantity: int) -> int:
    """Half up, as a shop would round what is left of a line's tax or discount."""
    return (2 * amount * units + quantity) // (2 * quantity)
