from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.documents import load
from adapters.woocommerce.documents import parse
from domain.ids import ChannelId, Sku
from domain.intake import UnusableDocument
from domain.money import Money
from domain.orders import PaymentTerm, PlacedOrder, SurchargeKind

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures" / "woocommerce"
SAMPLES = HERE.parents[2] / "shared" / "samples" / "woocommerce"
SKUS = {"variation:8": Sku("TEA-3")}


def _parse(document: Mapping[str, Any], skus: Mapping[str, Sku] = SKUS) -> PlacedOrder:
    return parse(document, channel=ChannelId("woo-de"), skus=skus)


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
def hidden() -> dict[str, Any]:
    return dict(load((FIXTURES / "stripe-hold-hidden-digits.json").read_bytes()))


@pytest.fixture
def cod() -> dict[str, Any]:
    return dict(load((FIXTURES / "cod-negative-fee.json").read_bytes()))


def _eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def _kwd(text: str) -> Money:
    return Money.parse(text, "KWD")


def test_hidden_digits_explain_the_total_and_every_line_costs_what_its_tag_said(
    hidden: dict[str, Any],
) -> None:
    order = _parse(hidden)
    assert order.total == _eur("29.97")
    assert [line.total for line in order.lines] == [_eur("9.99")] * 3
    assert sum(line.tax.minor for line in order.lines) == 479


def test_hidden_digits_explain_one_rounding_and_no_more(hidden: dict[str, Any]) -> None:
    hidden["total"] = "29.99"
    assert _problems(hidden)["total"].endswith("a difference of 0.02 EUR")


def test_all_six_digits_may_be_shown(hidden: dict[str, Any]) -> None:
    for line in hidden["line_items"]:
        line |= {"subtotal": "8.394958", "total": "8.394958", "total_tax": "1.595042"}
    hidden |= {"cart_tax": "4.785126", "total_tax": "4.785126", "total": "29.970000"}
    assert [line.total for line in _parse(hidden).lines] == [_eur("9.99")] * 3


def test_lines_are_net_with_the_tax_on_top_whatever_the_shop_displays(hidden: dict[str, Any]) -> None:
    line = _parse(hidden).lines[0]
    assert line.taxes_included is False
    assert (line.taxes[0].name, line.taxes[0].rate) == ("MwSt", Decimal("0.19"))


def test_entities_in_names_are_resolved(hidden: dict[str, Any]) -> None:
    assert _parse(hidden).lines[0].name == "Mug – blue & white"


def test_a_time_without_a_zone_is_gmt(hidden: dict[str, Any]) -> None:
    assert _parse(hidden).placed_at.isoformat() == "2026-10-30T20:15:04+00:00"


def test_an_empty_shipping_address_is_the_billing_address(hidden: dict[str, Any]) -> None:
    order = _parse(hidden)
    assert order.shipping is not None
    assert order.shipping == order.billing


def test_the_customer_is_known_by_vat_id_and_mail_but_not_by_the_shops_number(hidden: dict[str, Any]) -> None:
    customer = _parse(hidden).customer
    assert (customer.vat_id, customer.email) == ("DE123456789", "ada@example.com")
    assert customer.account_number == ""


def test_a_stripe_hold_is_captured_later_under_its_payment_intent(hidden: dict[str, Any]) -> None:
    payment = _parse(hidden).payment
    assert payment.term is PaymentTerm.AUTHORIZE_THEN_CAPTURE
    assert payment.reference == "pi_example"


def test_a_unit_price_carries_the_digits_that_give_back_the_subtotal(cod: dict[str, Any]) -> None:
    line = _parse(cod).lines[0]
    assert line.sku == "TEA-3"
    assert line.list_amount == _kwd("7.000")
    assert line.unit_price != Decimal("2.333")
    assert line.discount == _kwd("1.000")


def test_a_negative_fee_is_a_discount_on_the_goods_and_their_tax(cod: dict[str, Any]) -> None:
    order = _parse(cod)
    assert [line.order_discount for line in order.lines] == [_kwd("0.750"), _kwd("0.250")]
    assert [line.tax for line in order.lines] == [_kwd("0.262"), _kwd("0.088")]
    assert [item.kind for item in order.surcharges] == [SurchargeKind.FREIGHT]
    assert order.total == _kwd("9.450")


def test_a_negative_fee_beyond_the_goods_is_refused(cod: dict[str, Any]) -> None:
    cod["fee_lines"][0] |= {"total": "-9.000"}
    cod["total"] = "1.450"
    assert _problems(cod).keys() == {"fee_lines[0].total"}


def test_a_positive_fee_is_a_surcharge(cod: dict[str, Any]) -> None:
    cod["fee_lines"][0] |= {
        "total": "1.000",
        "total_tax": "0.050",
        "taxes": [{"id": 4, "total": "0.05"}],
    }
    cod |= {"cart_tax": "0.450", "total_tax": "0.550", "total": "11.550"}
    cod["tax_lines"][0]["tax_total"] = "0.450"
    fee = next(item for item in _parse(cod).surcharges if item.kind is SurchargeKind.FEE)
    assert fee.total == _kwd("1.050")


def test_a_rate_that_is_not_stated_is_derived(cod: dict[str, Any]) -> None:
    assert _parse(cod).lines[0].taxes[0].rate == Decimal("0.05")


@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({"payment_method": "bacs", "status": "on-hold"}, PaymentTerm.BANK_TRANSFER),
        ({"payment_method": "cheque", "status": "on-hold"}, PaymentTerm.BANK_TRANSFER),
        ({"payment_method": "cod"}, PaymentTerm.ON_ACCOUNT),
        ({"payment_method": "mollie", "date_paid_gmt": "2026-10-31T07:00:00"}, PaymentTerm.PREPAID),
        ({"payment_method": "stripe", "status": "pending"}, PaymentTerm.PREPAID),
        (
            {
                "payment_method": "stripe",
                "meta_data": [{"id": 1, "key": "_wcpay_charge_captured", "value": "no"}],
            },
            PaymentTerm.AUTHORIZE_THEN_CAPTURE,
        ),
        (
            {
                "payment_method": "stripe",
                "meta_data": [{"id": 1, "key": "_stripe_charge_captured", "value": "yes"}],
            },
            PaymentTerm.PREPAID,
        ),
    ],
)
def test_method_and_status_tell_the_payment_term(
    cod: dict[str, Any], changes: dict[str, Any], term: PaymentTerm
) -> None:
    assert _parse(cod | changes).payment.term is term


def test_the_transaction_is_the_reference_where_there_is_no_intent(cod: dict[str, Any]) -> None:
    paid = cod | {
        "payment_method": "mollie",
        "transaction_id": "tr_1",
        "date_paid_gmt": "2026-10-31T07:00:00",
    }
    assert _parse(paid).payment.reference == "tr_1"


@pytest.mark.parametrize(
    "status", ["completed", "cancelled", "refunded", "failed", "trash", "checkout-draft", "shipped-by-plugin"]
)
def test_an_order_that_must_not_be_carried_is_parked(cod: dict[str, Any], status: str) -> None:
    assert _problems(cod | {"status": status}).keys() == {"status"}


def test_an_order_with_refunds_is_parked_with_their_sum(cod: dict[str, Any]) -> None:
    cod["refunds"] = [{"id": 1, "reason": "", "total": "-1.000"}, {"id": 2, "reason": "", "total": "-0.500"}]
    assert _problems(cod)["refunds"].startswith("-1.500 KWD")


def test_an_unpaid_order_needs_a_method(cod: dict[str, Any]) -> None:
    assert _problems(cod | {"payment_method": ""}).keys() == {"payment_method"}


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("total", "5.999", "line_items[0].total"),
        ("price", Decimal("2.001"), "line_items[0].total"),
        ("quantity", Decimal("1.5"), "line_items[0].quantity"),
        ("sku", 7, "line_items[0].sku"),
        ("total_tax", "0.301", "total_tax"),
    ],
)
def test_what_is_wrong_with_a_line_is_named_by_its_path(
    cod: dict[str, Any], field: str, value: object, path: str
) -> None:
    cod["line_items"][0][field] = value
    assert path in _problems(cod)


def test_the_genuine_bank_transfer_is_parsed_once_its_line_is_mapped() -> None:
    document = _sample("processing-bank-transfer.json")
    assert _problems(document, {}).keys() == {"line_items[0].sku"}
    order = _parse(document, {"product:93": Sku("SINGLE-1")})
    assert str(order.total) == "29.35 USD"
    assert order.payment.term is PaymentTerm.BANK_TRANSFER
    assert order.lines[1].name == "Ship Your Idea – Color: Black, Size: M Test"
    assert order.lines[0].taxes[0].rate == Decimal("0.075")


def test_the_genuine_completed_order_is_parked_with_every_reason() -> None:
    assert _problems(_sample("completed.json"), {}).keys() == {
        "status",
        "refunds",
        "line_items[0].sku",
        "line_items[1].sku",
    }
