import json
from decimal import Decimal
from fractions import Fraction

import pytest

from adapters.documents import BODY_BYTES_MAX, DEPTH_MAX, PARSERS, load
from adapters.parsing import settle
from domain.ids import ChannelId
from domain.intake import UnusableDocument

FIELDS = [
    *("id", "number", "name", "total", "currency", "status", "created_at", "placed_at", "date_created_gmt"),
    *("line_items", "lines", "customer", "billing", "shipping", "billing_address", "shipping_address"),
    *("payment", "financial_status", "taxes_included", "current_total_price"),
]


def test_numbers_are_read_exactly() -> None:
    assert load(b'{"price": 0.1, "rate": 2.675, "count": 3}') == {
        "price": Decimal("0.1"),
        "rate": Decimal("2.675"),
        "count": 3,
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"total": NaN}', "NaN"),
        (b'{"total": -Infinity}', "Infinity"),
        (b'{"total": 1, "total": 2}', "twice"),
        (b'{"lines": [{"id": 1, "id": 1}]}', "twice"),
        (b"[]", "not a JSON object"),
        (b'{"total": ', "not JSON"),
        (b'{"name": "\xff"}', "not JSON"),
        (b'{"total": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"total": 1e' + b"9" * 30 + b"}", "not JSON"),
        (b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1), "deeper"),
        (b'{"a":' * 100_000, "deeper"),
        (b'{"a": "' + b"x" * BODY_BYTES_MAX + b'"}', "more than"),
    ],
)
def test_what_is_no_clean_json_object_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(UnusableDocument, match=reason):
        load(body)


def test_a_document_as_deep_as_allowed_is_read() -> None:
    assert load(b'{"a":' * (DEPTH_MAX - 1) + b"1" + b"}" * (DEPTH_MAX - 1))


@pytest.mark.parametrize("platform", sorted(PARSERS))
def test_every_missing_field_is_named_at_once(platform: str) -> None:
    with pytest.raises(UnusableDocument) as refused:
        PARSERS[platform]({}, channel=ChannelId("shop"), skus={})
    fields = {problem.field for problem in refused.value.problems}
    assert {"id", "currency"} <= fields
    assert len(fields) > 5


@pytest.mark.parametrize("platform", sorted(PARSERS))
def test_no_reason_repeats_a_text_of_the_customer(platform: str) -> None:
    secret = "Ada Beispiel, Musterweg 1"
    document = dict.fromkeys(FIELDS, secret)
    with pytest.raises(UnusableDocument) as refused:
        PARSERS[platform](document, channel=ChannelId("shop"), skus={})
    assert secret not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("target", "parts"),
    [(9, [3, 3, 3]), (10, [4, 3, 3]), (12, [4, 4, 4]), (8, None), (13, None)],
)
def test_fractions_settle_to_a_target_that_rounding_explains(target: int, parts: list[int] | None) -> None:
    assert settle([Fraction(10, 3)] * 3, target) == parts


def test_whole_amounts_never_move() -> None:
    assert settle([Fraction(5), Fraction(7)], 12) == [5, 7]
    assert settle([Fraction(5), Fraction(7)], 13) is None


def test_a_float_is_no_amount() -> None:
    document = json.loads('{"current_total_price": 19.99}')
    with pytest.raises(UnusableDocument, match="current_total_price: a binary float is not exact"):
        PARSERS["shopify"](document, channel=ChannelId("shop"), skus={})


@pytest.mark.parametrize("body", [rb'{"a": "\ud800"}', rb'{"a\udc00": 1}', rb'{"a": [{"b": "x\u0000"}]}'])
def test_a_text_that_nobody_can_write_down_is_named(body: bytes) -> None:
    with pytest.raises(UnusableDocument, match="character that is none"):
        load(body)


def test_a_character_that_is_written_in_two_halves_is_one() -> None:
    assert load(rb'{"a": "\ud83d\ude00"}') == {"a": "\U0001f600"}
