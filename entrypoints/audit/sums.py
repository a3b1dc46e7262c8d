"""What an order is worth, computed anew from the storefront's own document.

An edited order leaves parts of a tax or a discount that are no whole minor unit; whoever settles them may round either
way as long as the total is met. So a line is worth something between `low` and `high`, mostly the same, and the order
is worth exactly its total.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

# ISO 4217: currencies whose minor unit is not a hundredth.
_DIGITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),  # noqa: SIM905  a table
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),  # noqa: SIM905  the same
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_WOO_HIDDEN = Decimal("0.000001")  # WooCommerce computes with six digits and shows two
ZERO = Decimal(0)

Document = Mapping[str, Any]


class CannotSum(Exception):  # noqa: N818  it says what the auditor cannot do
    """The document is not one the auditor can add up. The message carries no value of it."""


def digits_of(currency: str) -> int:
    return _DIGITS.get(currency, 2)


def minor_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-digits_of(currency))


@dataclass(frozen=True)
class Range:
    low: Decimal = ZERO
    high: Decimal = ZERO

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Range") -> "Range":
        return Range(self.low - other.high, self.high - other.low)

    def has(self, amount: Decimal, precision: Decimal = ZERO) -> bool:
        return self.low - precision <= amount <= self.high + precision

    def __str__(self) -> str:
        return f"{self.low:f}" if self.low == self.high else f"{self.low:f} to {self.high:f}"


def ranges_sum(ranges: Iterable[Range]) -> Range:
    return sum(ranges, Range())


@dataclass(frozen=True)
class LineWorth:
    """`amounts` are what its worth is added up from: the value after discounts, and taxes on top of it."""

    line_id: str
    quantity: int
    ships: bool
    amounts: tuple[Range, ...]

    @property
    def worth(self) -> Range:
        return ranges_sum(self.amounts)

    def of(self, units: Decimal, unit: Decimal) -> Range:
        """What so many of its units are worth: each amount in proportion, half up.

        It may be a minor `unit` less, because no unit costs more than it is listed for.
        """
        if units >= self.quantity:
            return self.worth
        share = ranges_sum(self._part(amount, units, unit) for amount in self.amounts)
        return Range(max(ZERO, share.low - unit), share.high)

    def only(self, units: int, unit: Decimal) -> "LineWorth":
        """The line with fewer units. Parts of parts round apart: each amount may be off by a minor `unit`."""
        parts = (self._part(amount, Decimal(units), unit) for amount in self.amounts)
        return replace(
            self, quantity=units, amounts=tuple(Range(part.low - unit, part.high + unit) for part in parts)
        )

    def _part(self, amount: Range, units: Decimal, unit: Decimal) -> Range:
        low, high = (edge * units / self.quantity for edge in (amount.low, amount.high))
        return Range(low.quantize(unit, ROUND_HALF_UP), high.quantize(unit, ROUND_HALF_UP))


@dataclass(frozen=True)
class OrderWorth:
    """`rest` is what is paid beside the goods: freight, fees, tips, duties."""

    currency: str
    lines: tuple[LineWorth, ...]
    rest: Range
    total: Decimal

    def only(self, units: Mapping[str, int], total: Decimal) -> "OrderWorth":
        """The order with so many units left, and of a line that is not named none. Freight may have become less too.

        CannotSum: it has more than was ordered; what that is worth stands in no document.
        """
        if units.keys() - {line.line_id for line in self.lines} or any(
            units.get(line.line_id, 0) > line.quantity for line in self.lines
        ):
            raise CannotSum("more is ordered now than the shop's document tells the worth of")
        unit = minor_unit(self.currency)
        lines = tuple(
            line if units[line.line_id] == line.quantity else line.only(units[line.line_id], unit)
            for line in self.lines
            if units.get(line.line_id)
        )
        return replace(self, lines=lines, rest=Range(ZERO, self.rest.high), total=total)

    def line(self, line_id: str) -> LineWorth | None:
        return next((line for line in self.lines if line.line_id == line_id), None)

    @property
    def added_up(self) -> Range:
        return self.rest + ranges_sum(line.worth for line in self.lines)

    @property
    def shipping(self) -> dict[str, int]:
        """Units to ship, by line."""
        return {line.line_id: line.quantity for line in self.lines if line.ships}

    def shipped_worth(self, units: Mapping[str, Decimal]) -> Decimal:
        """The most that these units, and what needs no shipping, may be charged for. Freight is with the first."""
        unit = minor_unit(self.currency)
        goods = (
            line.of(units.get(line.line_id, ZERO), unit).high if line.ships else line.worth.high
            for line in self.lines
        )
        begun = not self.shipping or any(units.values())
        most = sum(goods, ZERO) + (self.rest.high if begun else ZERO)
        return min(most, self.total)


def worth_of(platform: str, document: Document) -> OrderWorth:
    """CannotSum: an unknown platform, or a document without what its platform always sends."""
    compute = _PLATFORMS.get(platform)
    if compute is None:
        raise CannotSum(f"documents of {platform!r} are not known to the auditor")
    try:
        return compute(document)
    except (KeyError, TypeError, InvalidOperation, ZeroDivisionError) as error:
        raise CannotSum(f"a document of {platform!r} lacks something: {type(error).__name__}") from None


# --- what all platforms need


def _part(amount: Decimal, currency: str, share: tuple[Decimal | int, Decimal | int] = (1, 1)) -> Range:
    """The amount, or `share` of it, as whole minor units: rounded down and up."""
    unit = minor_unit(currency)
    exact = amount * share[0] / share[1]
    return Range(exact.quantize(unit, ROUND_FLOOR), exact.quantize(unit, ROUND_CEILING))


def _nearest(amount: Decimal, currency: str) -> Range:
    rounded = amount.quantize(minor_unit(currency), ROUND_HALF_UP)
    return Range(rounded, rounded)


def _number(value: Any) -> Decimal:
    if isinstance(value, float):
        return Decimal(repr(value))
    return Decimal(value)


def _or_zero(value: Any) -> Decimal:
    return _number(value) if value not in (None, "") else ZERO


# --- Shopify: current quantities, and of taxes and discounts the part that belongs to them


def _shopify(document: Document) -> OrderWorth:
    currency = document["currency"]
    tips = _shopify_tips(document)
    goods, rest = [], Range()
    for index, line in enumerate(document["line_items"]):
        current = _current(line)
        if not current:
            continue
        amounts = _shopify_line(document, line, current)
        if index in tips:
            rest += ranges_sum(amounts)
        else:
            ships = bool(line.get("requires_shipping")) and not line.get("gift_card")
            goods.append(LineWorth(str(line["id"]), current, ships, amounts))
    rest += _shopify_freight(document)
    duties = None if document.get("duties_included") else document.get("current_total_duties_set")
    for money in (duties, document.get("current_total_additional_fees_set")):
        rest += _part(_shop_money(money), currency)
    if not tips:
        rest += _part(_or_zero(document.get("total_tip_received")), currency)
    return OrderWorth(currency, tuple(goods), rest, _number(document["current_total_price"]))


def _current(line: Document) -> int:
    current = line.get("current_quantity")
    return int(line["quantity"] if current is None else current)


def _shop_money(money: Document | None) -> Decimal:
    return _number(money["shop_money"]["amount"]) if money else ZERO


def _shopify_tips(document: Document) -> set[int]:
    """Which lines are a tip: marked so, or the first one without any article that is worth the tip received."""
    lines = document["line_items"]
    marked = {
        i for i, line in enumerate(lines) if line.get("tip") is not None or "tip_payment_gateway" in line
    }
    received = _or_zero(document.get("total_tip_received"))
    if marked or not received:
        return marked
    articles = ("sku", "variant_id", "product_id", "requires_shipping")
    for i, line in enumerate(lines):
        worth = _number(line["price"]) * int(line["quantity"])
        if worth == received and not any(line.get(name) for name in articles):
            return {i}
    return set()


def _shopify_line(document: Document, line: Document, current: int) -> tuple[Range, ...]:
    currency = document["currency"]
    left = (current, int(line["quantity"]) or current)
    taxes = [*(line.get("tax_lines") or [])]
    for duty in line.get("duties") or []:
        taxes += duty.get("tax_lines") or []
    worth = _nearest(_number(line["price"]) * current, currency)
    for discount in line.get("discount_allocations") or []:
        worth -= _part(_number(discount["amount"]), currency, left)
    if document["taxes_included"]:
        return (worth,)
    return (worth, *(_part(_number(tax["price"]), currency, left) for tax in taxes))


def _shopify_freight(document: Document) -> Range:
    """Freight less its discounts, as far as it was not refunded, with its taxes on top where they are."""
    currency = document["currency"]
    lines = [line for line in document.get("shipping_lines") or [] if not line.get("is_removed")]
    charged = ZERO
    for line in lines:
        discounts = (_number(discount["amount"]) for discount in line.get("discount_allocations") or [])
        charged += _number(line["price"]) - sum(discounts, ZERO)
    told = document.get("current_shipping_price_set")
    current = _shop_money(told) if told and charged else charged
    worth = _part(current, currency)
    if document["taxes_included"]:
        return worth
    share = (current, charged) if charged else (1, 1)
    taxes = (_number(tax["price"]) for line in lines for tax in line.get("tax_lines") or [])
    return worth + ranges_sum(_part(tax, currency, share) for tax in taxes)


# --- WooCommerce: net amounts with the taxes on top


def _woocommerce(document: Document) -> OrderWorth:
    currency = document["currency"]
    goods = [
        LineWorth(str(line["id"]), int(line["quantity"]), True, _woo_item(line, currency))
        for line in document["line_items"]
    ]
    fees = document.get("fee_lines") or []
    added = [fee for fee in fees if _number(fee["total"]) >= 0]
    beside = [*(document.get("shipping_lines") or []), *added]
    rest = ranges_sum(amount for item in beside for amount in _woo_item(item, currency))
    for fee in fees:
        if _number(fee["total"]) < 0:
            goods = _less(goods, document, fee)
    return OrderWorth(currency, tuple(goods), rest, _number(document["total"]))


def _woo_item(item: Document, currency: str) -> tuple[Range, ...]:
    """Net and taxes; the digits that WooCommerce hides stand in `price` and in `taxes[].total`."""
    net = _number(item["total"])
    shown = net.quantize(minor_unit(currency), ROUND_FLOOR)
    if item.get("price") is not None and net == shown:
        hidden = (_number(item["price"]) * int(item["quantity"])).quantize(_WOO_HIDDEN)
        net = hidden if abs(hidden - net) <= minor_unit(currency) / 2 else net
    stated = _part(_number(item["total_tax"]), currency)
    shares = [_part(_or_zero(tax.get("total")), currency) for tax in item.get("taxes") or []]
    by_rate = ranges_sum(shares)
    if not shares:
        return (_part(net, currency), stated)
    apart = Range(min(ZERO, stated.low - by_rate.low), max(ZERO, stated.high - by_rate.high))
    return (_part(net, currency), *shares, apart)


def _less(goods: list[LineWorth], document: Document, fee: Document) -> list[LineWorth]:
    """A negative fee comes off the goods: its net by their nets and its taxes by their taxes, each share rounded."""
    currency = document["currency"]
    slack = minor_unit(currency) * (1 + len(fee.get("taxes") or [0]))
    worths = [line.worth for line in goods]
    for name in ("total", "total_tax"):
        weights = [_number(line[name]) for line in document["line_items"]]
        whole = sum(weights, ZERO)
        if not whole:
            continue
        off = [-_number(fee[name]) * weight / whole for weight in weights]
        worths = [worth - Range(share, share) for worth, share in zip(worths, off, strict=True)]
    unit = minor_unit(currency)
    less = (
        Range(
            (worth.low - slack).quantize(unit, ROUND_CEILING),
            (worth.high + slack).quantize(unit, ROUND_FLOOR),
        )
        for worth in worths
    )
    return [replace(line, amounts=(worth,)) for line, worth in zip(goods, less, strict=True)]


# --- our own order document


def _ordersaga(document: Document) -> OrderWorth:
    currency, included = document["currency"], document["taxes_included"]
    lines, surcharges = document["lines"], document.get("surcharges") or []
    shares = _order_discounts(document)
    goods = [
        LineWorth(
            line["id"],
            line["quantity"],
            line.get("ships", True),
            _ordersaga_item(
                line, _number(line["unit_price"]) * line["quantity"], currency, share, included=included
            ),
        )
        for line, share in zip(lines, shares, strict=True)
    ]
    rest = Range()
    for part in surcharges:
        share = _part(_or_zero(part.get("order_discount")), currency)
        amounts = _ordersaga_item(part, _number(part["amount"]), currency, share, included=included)
        rest += ranges_sum(amounts)
    return OrderWorth(currency, tuple(goods), rest, _number(document["total"]))


def _ordersaga_item(
    part: Document, value: Decimal, currency: str, order_discount: Range, *, included: bool
) -> tuple[Range, ...]:
    worth = _nearest(value, currency) - _part(_or_zero(part.get("discount")), currency) - order_discount
    if included:
        return (worth,)
    return (worth, *(_part(_number(tax["amount"]), currency) for tax in part.get("taxes") or []))


def _order_discounts(document: Document) -> list[Range]:
    """As the lines state their share; where none does, the whole split by what the lines are worth."""
    currency, lines = document["currency"], document["lines"]
    parts = [*lines, *(document.get("surcharges") or [])]
    if any(part.get("order_discount") is not None for part in parts):
        return [_part(_or_zero(line.get("order_discount")), currency) for line in lines]
    whole = _or_zero(document.get("order_discount"))
    values = [
        _nearest(
            _number(line["unit_price"]) * line["quantity"] - _or_zero(line.get("discount")), currency
        ).low
        for line in lines
    ]
    of_all = sum(values, ZERO)
    return [_part(whole * value / of_all if of_all else ZERO, currency) for value in values]


_PLATFORMS: Mapping[str, Callable[[Document], OrderWorth]] = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "ordersaga": _ordersaga,
}
