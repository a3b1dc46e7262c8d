import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.documents import load
from adapters.shopify.documents import parse
from domain.ids import ChannelId, LineId, Sku
from domain.intake import UnusableDocument
from domain.money import Money
from domain.orders import PaymentTerm, PlacedOrder, SurchargeKind

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures" / "shopify"
SAMPLES = HERE.parents[2] / "shared" / "samples" / "shopify"
SKUS = {"variant:13": Sku("GIFT-25"), "product:9": Sku("TEA-JP")}


def _parse(document: Mapping[str, Any], skus: Mapping[str, Sku] = SKUS) -> PlacedOrder:
    return parse(document, channel=ChannelId("shopify-de"), skus=skus)


def _problems(document: Mapping[str, Any], skus: Mapping[str, Sku] = SKUS) -> dict[str, str]:
    with pytest.raises(UnusableDocument) as refused:
        _parse(document, skus)
    return {problem.field: problem.reason for problem in refused.value.problems}


def _sample(name: str) -> Mapping[str, Any]:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"{path} is not there: the platform's own samples are kept outside of the repository")
    return load(path.read_bytes())


@pytest.fixture
def edited() -> dict[str, Any]:
    return dict(load((FIXTURES / "edited-authorized.json").read_bytes()))


@pytest.fixture
def yen() -> dict[str, Any]:
    return dict(load((FIXTURES / "pending-yen.json").read_bytes()))


def _eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def test_an_edited_order_is_worth_what_is_left_of_it(edited: dict[str, Any]) -> None:
    order = _parse(edited)
    kettle, gift = order.lines
    assert order.total == _eur("65.38")
    assert (kettle.quantity, kettle.order_discount, kettle.tax) == (2, _eur("4.00"), _eur("5.75"))
    assert (kettle.discount, kettle.taxes_included) == (_eur("0.00"), True)
    assert gift.sku == "GIFT-25"
    assert LineId("102") not in {line.line_id for line in order.lines}


def test_ids_number_and_time_are_the_shops(edited: dict[str, Any]) -> None:
    order = _parse(edited)
    assert order.order_id == "order:shopify-de:820982911946154508"
    assert order.number == "#2041"
    assert order.placed_at.isoformat() == "2026-10-30T21:15:04+01:00"


def test_gift_cards_do_not_ship(edited: dict[str, Any]) -> None:
    assert [line.sku for line in _parse(edited).shippable] == ["KETTLE-17"]


def test_a_tip_is_no_goods_and_needs_no_sku(edited: dict[str, Any]) -> None:
    tip = next(item for item in _parse(edited).surcharges if item.kind is SurchargeKind.TIP)
    assert tip.total == _eur("2.00")


def test_a_tip_that_is_not_marked_is_known_by_its_amount(edited: dict[str, Any]) -> None:
    line = edited["line_items"][3]
    del line["tip_payment_gateway"], line["tip_payment_method"]
    assert SurchargeKind.TIP in {item.kind for item in _parse(edited).surcharges}


def test_a_tip_that_is_no_line_is_charged_too(edited: dict[str, Any]) -> None:
    del edited["line_items"][3]
    tip = next(item for item in _parse(edited).surcharges if item.kind is SurchargeKind.TIP)
    assert (tip.line_id, tip.total) == ("tip", _eur("2.00"))


def test_a_line_discount_stays_apart_from_an_order_discount(yen: dict[str, Any]) -> None:
    order = _parse(yen)
    line, freight = order.lines[0], order.surcharges[0]
    assert (line.discount.minor, line.order_discount.minor) == (600, 0)
    assert (freight.discount.minor, freight.total.minor) == (200, 550)
    assert order.total == Money(minor=4290, currency="JPY")


def test_an_open_rate_is_computed(yen: dict[str, Any]) -> None:
    assert str(_parse(yen).lines[0].taxes[0].rate) == "0.1"


def test_a_buyer_without_a_name_is_a_guest_of_the_order(yen: dict[str, Any]) -> None:
    order = _parse(yen)
    assert order.customer.name == "Guest #2042"
    assert (order.billing, order.shipping) == (None, None)


def test_refunded_freight_is_what_is_left_of_it(edited: dict[str, Any]) -> None:
    left = {"shop_money": {"amount": "2.45", "currency_code": "EUR"}}
    edited["shipping_lines"][0]["current_discounted_price_set"] = left
    edited["current_shipping_price_set"] = left
    edited["current_total_price"] = "62.93"
    edited["current_total_tax"] = "6.14"
    del edited["current_total_price_set"], edited["current_total_tax_set"]
    freight = next(item for item in _parse(edited).surcharges if item.kind is SurchargeKind.FREIGHT)
    assert (freight.total, freight.tax) == (_eur("2.45"), _eur("0.39"))


def test_duties_and_fees_are_surcharges(edited: dict[str, Any]) -> None:
    for name, amount in (("current_total_duties_set", "3.00"), ("current_total_additional_fees_set", "1.50")):
        edited[name] = {"shop_money": {"amount": amount, "currency_code": "EUR"}}
    edited["current_total_price"] = "69.88"
    del edited["current_total_price_set"]
    kinds = {item.kind: item.total for item in _parse(edited).surcharges}
    assert kinds[SurchargeKind.DUTY] == _eur("3.00")
    assert kinds[SurchargeKind.FEE] == _eur("1.50")


def test_duties_within_the_prices_are_not_charged_again(edited: dict[str, Any]) -> None:
    edited["duties_included"] = True
    edited["current_total_duties_set"] = {"shop_money": {"amount": "3.00", "currency_code": "EUR"}}
    assert _parse(edited).total == _eur("65.38")


@pytest.mark.parametrize(
    ("status", "gateways", "terms", "term"),
    [
        ("authorized", ["shopify_payments"], None, PaymentTerm.AUTHORIZE_THEN_CAPTURE),
        ("authorized", ["gift_card", "shopify_payments"], None, PaymentTerm.AUTHORIZE_THEN_CAPTURE),
        ("paid", ["shopify_payments", "paypal"], None, PaymentTerm.PREPAID),
        ("partially_refunded", ["paypal"], None, PaymentTerm.PREPAID),
        ("pending", ["Bank Deposit"], None, PaymentTerm.BANK_TRANSFER),
        ("pending", ["Vorkasse"], None, PaymentTerm.BANK_TRANSFER),
        ("pending", [], None, PaymentTerm.BANK_TRANSFER),
        ("pending", ["Cash on Delivery (COD)"], None, PaymentTerm.ON_ACCOUNT),
        ("pending", [], {"payment_terms_name": "Net 30"}, PaymentTerm.ON_ACCOUNT),
        ("pending", ["shopify_payments"], None, PaymentTerm.PREPAID),
        ("partially_paid", ["gift_card", "shopify_payments"], None, PaymentTerm.PREPAID),
        ("partially_paid", ["gift_card", "Vorkasse"], None, PaymentTerm.BANK_TRANSFER),
    ],
)
def test_the_financial_status_tells_the_payment_term(
    edited: dict[str, Any], status: str, gateways: list[str], terms: object, term: PaymentTerm
) -> None:
    edited |= {"financial_status": status, "payment_gateway_names": gateways, "payment_terms": terms}
    assert _parse(edited).payment.term is term


@pytest.mark.parametrize("status", ["refunded", "voided", "expired", None, "unheard_of"])
def test_an_order_without_its_money_is_parked(edited: dict[str, Any], status: str | None) -> None:
    edited["financial_status"] = status
    assert _problems(edited).keys() == {"financial_status"}


def test_a_deposit_on_an_order_on_account_is_parked(edited: dict[str, Any]) -> None:
    edited |= {"financial_status": "partially_paid", "payment_terms": {"payment_terms_name": "Net 30"}}
    assert _problems(edited).keys() == {"financial_status"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cancelled_at", "2026-11-01T00:00:00Z"),
        ("test", True),
        ("confirmed", False),
        ("fulfillment_status", "partial"),
        (
            "total_cash_rounding_payment_adjustment_set",
            {"shop_money": {"amount": "0.02", "currency_code": "EUR"}},
        ),
    ],
)
def test_an_order_that_must_not_be_carried_is_parked(
    edited: dict[str, Any], field: str, value: object
) -> None:
    edited[field] = value
    assert _problems(edited).keys() == {field}


def test_every_problem_is_named_at_once(edited: dict[str, Any]) -> None:
    edited |= {"test": True, "cancelled_at": "2026-11-01T00:00:00Z", "current_total_price": "65.39"}
    del edited["current_total_price_set"]
    edited["shipping_address"] = {"city": "Berlin", "country_code": "Germany"}
    problems = _problems(edited, {})
    assert problems.keys() == {
        "test",
        "cancelled_at",
        "current_total_price",
        "shipping_address.country_code",
        "line_items[2].sku",
    }
    assert problems["current_total_price"].endswith("a difference of 0.01 EUR")


def test_a_wrong_type_is_named_by_its_path(edited: dict[str, Any]) -> None:
    broken = copy.deepcopy(edited)
    broken["line_items"][2]["price"] = ["25.00"]
    broken["line_items"][0]["quantity"] = "3"
    broken["taxes_included"] = "yes"
    assert _problems(broken).keys() == {"line_items[2].price", "line_items[0].quantity", "taxes_included"}


def test_an_amount_with_more_digits_than_the_currency_is_named(yen: dict[str, Any]) -> None:
    yen["shipping_lines"][0]["price"] = "700.5"
    assert "JPY has" in _problems(yen)["shipping_lines[0].price"]


def test_two_statements_about_one_amount_must_agree(edited: dict[str, Any]) -> None:
    edited["line_items"][0]["price_set"]["shop_money"]["amount"] = "20.00"
    assert "line_items[0].price" in _problems(edited)


def test_shop_money_in_a_foreign_currency_is_refused(edited: dict[str, Any]) -> None:
    edited["current_total_price_set"]["shop_money"]["currency_code"] = "USD"
    assert "current_total_price" in _problems(edited)


def test_the_discounts_that_an_allocation_points_to_must_exist(edited: dict[str, Any]) -> None:
    edited["discount_applications"] = []
    path = "line_items[0].discount_allocations[0].discount_application_index"
    assert path in _problems(edited)


def test_the_genuine_edited_order_is_worth_what_is_left() -> None:
    order = _parse(_sample("authorized-edited-order.json"), {})
    assert str(order.total) == "199.65 USD"
    assert [(line.sku, line.quantity, str(line.order_discount)) for line in order.lines] == [
        ("IPOD2008RED", 1, "3.33 USD")
    ]
    assert order.payment.term is PaymentTerm.AUTHORIZE_THEN_CAPTURE


def test_the_genuine_order_without_skus_lists_its_lines_and_parses_once_they_are_mapped() -> None:
    document = _sample("paid-three-lines-taxed.json")
    assert _problems(document, {}).keys() == {f"line_items[{index}].sku" for index in range(3)}
    mapped = {f"line:107182317{digit}": Sku(f"SKU-{digit}") for digit in (3, 4, 5)}
    order = _parse(document, mapped)
    assert str(order.total) == "270.37 USD"
    assert order.payment.term is PaymentTerm.PREPAID


def test_the_genuine_pending_order_waits_for_its_money() -> None:
    order = _parse(_sample("pending-order.json"), {})
    assert order.payment.term is PaymentTerm.BANK_TRANSFER
    assert str(order.total) == "199.00 USD"


def test_the_genuine_fulfilled_order_does_not_ship_again() -> None:
    assert _problems(_sample("paid-fulfilled.json"), {}).keys() == {"fulfillment_status"}
