"""Changes that people ask for: to lines the order has, and now and then to one that it has not."""

from decimal import Decimal

from hypothesis import strategies as st

from domain.amendments import (
    AddLine,
    CancelRest,
    Change,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
)
from domain.ids import LineId, Sku
from domain.money import digits_of
from domain.orders import Address, PlacedOrder
from tests.domain.placed import PRICE_TEN_THOUSANDTHS_MAX, QUANTITY_MAX

ELSEWHERE = Address(name="Jenny Rosen", street="Kai 7", city="Hamburg", country="DE")
RATES = tuple(Decimal(rate) for rate in ("0", "0.07", "0.19", "0.081", "1"))
prices = st.integers(0, PRICE_TEN_THOUSANDTHS_MAX).map(lambda parts: Decimal(parts).scaleb(-4))
percents = st.integers(0, 10_000).map(lambda parts: Decimal(parts).scaleb(-2))
tax_rates = st.lists(st.sampled_from(RATES), max_size=2).map(tuple)


def amounts_of(placed: PlacedOrder) -> st.SearchStrategy[Decimal]:
    """Amounts that the order's currency knows, up to about what the order is worth."""
    return st.integers(0, placed.total.minor + 100).map(
        lambda minor: Decimal(minor).scaleb(-digits_of(placed.currency))
    )


def one_change(placed: PlacedOrder) -> st.SearchStrategy[Change]:
    line_ids = st.sampled_from([*(line.line_id for line in placed.lines), LineId("none")])
    amounts = amounts_of(placed)
    units = st.integers(1, 2 * QUANTITY_MAX)
    return st.one_of(
        st.builds(
            AddLine, sku=st.just(Sku("SKU-NEW")), quantity=units, unit_price=prices, tax_rates=tax_rates
        ),
        st.builds(RemoveLine, line_id=line_ids),
        st.builds(SetQuantity, line_id=line_ids, quantity=units),
        st.builds(SetUnitPrice, line_id=line_ids, unit_price=prices),
        st.builds(SetDiscount, line_id=line_ids | st.none(), amount=amounts, percent=st.none()),
        st.builds(SetDiscount, line_id=line_ids | st.none(), amount=st.none(), percent=percents),
        st.just(SetAddress(shipping=ELSEWHERE)),
        st.builds(SetShipping, method=st.just("Express"), amount=amounts),
        st.builds(CancelRest, lines=st.lists(line_ids, max_size=2, unique=True).map(tuple)),
    )


def changes(placed: PlacedOrder) -> st.SearchStrategy[tuple[Change, ...]]:
    return st.lists(one_change(placed), min_size=1, max_size=4).map(tuple)
