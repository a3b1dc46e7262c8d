"""Settling finds whatever disagrees, by line, and nothing else."""

from decimal import Decimal

import pytest

from domain.erp import ErpLine, ErpOrder, ErpOrderState
from domain.ids import LineId
from domain.keys import Key
from domain.ledger import Entry, EntryKind, Ledger
from domain.money import Money
from domain.orders import OrderLine
from domain.settlement import disagreements
from domain.storefront import StorefrontLine, StorefrontOrder, StorefrontState
from tests.domain.moving import whole_order_shares
from tests.domain.placed import line, order, surcharge

ORDER = order(line(), surcharge(490))
KEY = Key("capture")
LEDGER = Ledger(currency="EUR", order_total=ORDER.total).with_entry(
    Entry(key=KEY, kind=EntryKind.CHARGE, amount=ORDER.total, shares=whole_order_shares(ORDER))
)
PAID = ORDER.total
NOTHING = Money.zero("EUR")


def euro(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def erp(goods: int = 2000, quantity: int = 2, total: Money = ORDER.total, *more: ErpLine) -> ErpOrder:
    lines = [
        ErpLine(
            erp_line=item.line_id,
            line_id=item.line_id,
            sku=None,
            quantity=Decimal(quantity if isinstance(item, OrderLine) else 1),
            unit_price=Decimal(10),
            total=euro(goods) if isinstance(item, OrderLine) else item.total,
        )
        for item in ORDER.priced
    ]
    return ErpOrder(
        order_id=ORDER.order_id,
        reference="SO1",
        state=ErpOrderState.ENTERED,
        lines=(*lines, *more),
        total=total,
    )


def shop(goods: int = 2000, total: Money = ORDER.total) -> StorefrontOrder:
    lines = (
        StorefrontLine(line_id=ORDER.lines[0].line_id, quantity=2, total=euro(goods)),
        StorefrontLine(line_id=ORDER.surcharges[0].line_id, quantity=1, total=euro(490)),
    )
    return StorefrontOrder(order_id=ORDER.order_id, state=StorefrontState.OPEN, lines=lines, total=total)


def test_books_that_agree_are_settled() -> None:
    assert disagreements(ORDER, LEDGER, taken=LEDGER.balance, held=NOTHING, erp=erp(), shop=shop()) == []


def test_an_erp_may_round_a_line_where_its_total_agrees() -> None:
    assert (
        disagreements(ORDER, LEDGER, taken=LEDGER.balance, held=NOTHING, erp=erp(goods=2001), shop=shop())
        == []
    )


@pytest.mark.parametrize(
    ("erp_order", "shop_order", "taken", "held", "told"),
    [
        (
            erp(goods=2001, total=euro(2491)),
            shop(),
            PAID,
            NOTHING,
            "line 1: the ERP says 20.01 EUR, the order 20.00 EUR",
        ),
        (erp(goods=2050), shop(), PAID, NOTHING, "line 1: the ERP says 20.50 EUR"),
        (erp(quantity=7), shop(), PAID, NOTHING, "line 1: the ERP has 7 units, the order 2"),
        (None, shop(), PAID, NOTHING, "the ERP has no such order"),
        (erp(), shop(goods=2001), PAID, NOTHING, "line 1: the storefront says 20.01 EUR"),
        (erp(), shop(total=euro(1)), PAID, NOTHING, "the storefront's total is 0.01 EUR"),
        (erp(), None, PAID, NOTHING, "the storefront has no such order"),
        (erp(), shop(), NOTHING, NOTHING, "the gateway took 0.00 EUR, the ledger says 24.90 EUR"),
        (
            erp(),
            shop(),
            PAID,
            euro(510),
            "5.10 EUR are still held",
        ),
    ],
)
def test_what_disagrees_is_named(
    erp_order: ErpOrder | None, shop_order: StorefrontOrder | None, taken: Money, held: Money, told: str
) -> None:
    found = disagreements(ORDER, LEDGER, taken=taken, held=held, erp=erp_order, shop=shop_order)
    assert any(told in sentence for sentence in found), found


@pytest.mark.parametrize(("minor", "named"), [(-1, False), (2, False), (3, True)])
def test_an_erp_may_make_up_for_its_rounding_in_a_line_of_its_own(minor: int, *, named: bool) -> None:
    rounding = ErpLine(
        erp_line="E9",
        line_id=LineId("rounding"),
        sku=None,
        quantity=Decimal(1),
        unit_price=Decimal(minor) / 100,
        total=euro(minor),
    )
    held = erp(2000, 2, ORDER.total, rounding)
    found = disagreements(ORDER, LEDGER, taken=PAID, held=NOTHING, erp=held, shop=shop())
    assert found == (["line rounding: only the ERP has it"] if named else [])


def test_a_line_that_only_the_shop_has_is_named() -> None:
    stranger = StorefrontLine(line_id=ORDER.lines[0].line_id, quantity=1, total=euro(0))
    more = shop().model_copy(
        update={"lines": (*shop().lines, stranger.model_copy(update={"line_id": "gift"}))}
    )
    assert disagreements(ORDER, LEDGER, taken=LEDGER.balance, held=NOTHING, erp=erp(), shop=more) == [
        "line gift: only the storefront has it"
    ]
