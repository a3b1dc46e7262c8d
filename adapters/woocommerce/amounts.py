"""What a WooCommerce order is worth: net amounts and taxes settled to meet the order's total.

WooCommerce keeps net amounts to six digits even where the shop's prices include tax, rounds the order's total from
them once, and then shows every line rounded by itself. So shown lines may miss the total by some minor units; `price`
and `taxes[].total` still carry the hidden digits, and only those may explain a difference.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from adapters.parsing import Problems, in_minor, rate_of, settle
from adapters.woocommerce.shapes import FeeLine, Line, Order, ShippingLine
from domain.ids import LineId
from domain.money import Money
from domain.orders import SurchargeKind, Tax

_HIDDEN_DIGITS = Decimal("0.000001")
_HALF = Fraction(1, 2)
_NOISE = Fraction(1, 1000)  # of a minor unit: the sixth digit of what was stored


@dataclass
class Draft:
    """A line, fee or freight in minor units: exact as far as the document tells, settled after `drafts_of`."""

    path: str
    line_id: LineId
    name: str
    net_exact: Fraction
    tax_stated: Fraction
    taxes_exact: dict[int, Fraction]
    kind: SurchargeKind | None = None
    source: Line | None = None
    list_amount: int = 0
    net: int = 0
    order_discount: int = 0
    taxes: dict[int, int] = field(default_factory=dict)

    @property
    def gross_exact(self) -> Fraction:
        return self.net_exact + sum(self.taxes_exact.values(), Fraction(0))

    @property
    def discount(self) -> int:
        return self.list_amount - self.net - self.order_discount


def drafts_of(order: Order, problems: Problems) -> list[Draft]:
    """The order's lines and surcharges, settled; where something does not add up, `problems` has the difference."""
    drafts = list(_read(order, problems))
    if problems.none:
        _Settlement(order, problems, drafts).settle()
    if problems.none:
        _spread_negative_fees(drafts, order.currency, problems)
    return [draft for draft in drafts if draft.kind is None or draft.net_exact >= 0]


def taxes_of(order: Order, draft: Draft, rates: dict[int, Decimal]) -> tuple[Tax, ...]:
    labels = {line.rate_id: line.label or line.rate_code for line in order.tax_lines}
    return tuple(
        Tax(
            name=labels.get(rate_id) or "Tax",
            rate=rates[rate_id],
            amount=Money(minor=minor, currency=order.currency),
        )
        for rate_id, minor in draft.taxes.items()
    )


def rates_of(order: Order, drafts: Sequence[Draft]) -> dict[int, Decimal]:
    """Each rate as a fraction: as WooCommerce states it, else what all its tax is of all that it taxes."""
    tax: dict[int, Fraction] = defaultdict(Fraction)
    base: dict[int, Fraction] = defaultdict(Fraction)
    for draft in drafts:
        for rate_id, share in draft.taxes_exact.items():
            tax[rate_id] += share
            base[rate_id] += draft.net_exact
    stated = {
        line.rate_id: line.rate_percent / 100 for line in order.tax_lines if line.rate_percent is not None
    }
    return {rate_id: rate_of(tax[rate_id], base[rate_id]) for rate_id in tax} | stated


def _read(order: Order, problems: Problems) -> Iterator[Draft]:
    for index, line in enumerate(order.line_items):
        path = f"line_items[{index}]"
        draft = _draft(order, path, line, line.name)
        draft.line_id, draft.source = LineId(str(line.id)), line
        draft.net_exact = _hidden_net(order, line, path, problems)
        yield draft
    for index, freight in enumerate(order.shipping_lines):
        draft = _draft(order, f"shipping_lines[{index}]", freight, freight.method_title or "Shipping")
        draft.kind = SurchargeKind.FREIGHT
        yield draft
    for index, fee in enumerate(order.fee_lines):
        draft = _draft(order, f"fee_lines[{index}]", fee, fee.name or "Fee")
        draft.kind = SurchargeKind.FEE
        yield draft


def _draft(order: Order, path: str, item: Line | ShippingLine | FeeLine, name: str) -> Draft:
    exact: dict[int, Fraction] = defaultdict(Fraction)
    for share in item.taxes:
        exact[share.id] += in_minor(share.total or Decimal(0), order.currency)
    stated = in_minor(item.total_tax, order.currency)
    if not exact and stated:
        exact[0] = stated  # older documents name no rates
    return Draft(
        path=path,
        line_id=LineId(path.partition("_")[0] + f"-{item.id}"),
        name=name,
        net_exact=in_minor(item.total, order.currency),
        tax_stated=stated,
        taxes_exact=dict(exact),
    )


def _hidden_net(order: Order, line: Line, path: str, problems: Problems) -> Fraction:
    """The line's net with the digits that its rounded total does not show."""
    shown = in_minor(line.total, order.currency)
    if line.price is None or not _whole(shown):
        return shown
    hidden = in_minor((line.price * line.quantity).quantize(_HIDDEN_DIGITS), order.currency)
    if abs(hidden - shown) > _HALF:
        problems.add(
            f"{path}.total",
            f"{line.total}, but {line.quantity} at {line.price} are {line.price * line.quantity}",
        )
        return shown
    return hidden


class _Settlement:
    def __init__(self, order: Order, problems: Problems, drafts: list[Draft]) -> None:
        self._order = order
        self._problems = problems
        self._drafts = drafts
        self._nets_are_whole = all(_whole(draft.net_exact) for draft in drafts)
        self._taxed_by_line = False
        self._noise = _NOISE * len(drafts)

    def settle(self) -> None:
        currency = self._order.currency
        stated_tax = Money.rounded(self._order.total_tax, currency)
        stated_total = Money.zero(currency)
        with self._problems.at("total"):
            stated_total = Money.parse(self._order.total, currency)
        if not self._problems.none:
            return
        self._settle_taxes(stated_tax)
        self._settle_nets(stated_total, stated_tax)
        for draft in self._drafts:
            self._settle_list_amount(draft)
        self._check_sums(stated_tax)

    def _settle_taxes(self, stated: Money) -> None:
        """Rounded by line as the lines state it, or once for the whole order: the stated total tells which."""
        by_line = sum((draft.tax_stated for draft in self._drafts), Fraction(0))
        self._taxed_by_line = by_line == stated.minor
        if self._taxed_by_line:
            for draft in self._drafts:
                self._settle_line_taxes(draft)
            return
        exact = [share for draft in self._drafts for share in draft.taxes_exact.values()]
        near = abs(sum(exact, Fraction(0)) - stated.minor) <= _HALF + self._noise
        settled = settle(exact, stated.minor) if near else None
        if settled is None or all(_whole(share) for share in exact):
            self._problems.differs("total_tax", stated, self._money(by_line))
            return
        parts = iter(settled)
        for draft in self._drafts:
            draft.taxes = {rate_id: next(parts) for rate_id in draft.taxes_exact}

    def _settle_line_taxes(self, draft: Draft) -> None:
        exact = list(draft.taxes_exact.values())
        settled = settle(exact, int(draft.tax_stated)) if _whole(draft.tax_stated) else None
        if settled is None or abs(sum(exact, Fraction(0)) - draft.tax_stated) > len(exact) * _HALF:
            stated, added_up = self._money(draft.tax_stated), self._money(sum(exact, Fraction(0)))
            self._problems.differs(f"{draft.path}.total_tax", stated, added_up)
            settled = [0 for _ in exact]
        draft.taxes = dict(zip(draft.taxes_exact, settled, strict=True))

    def _settle_nets(self, stated: Money, tax: Money) -> None:
        exact = [draft.net_exact for draft in self._drafts]
        target = stated.minor - tax.minor
        due = [draft.gross_exact - sum(draft.taxes.values()) for draft in self._drafts]
        settled = settle(exact, target, due=due) if self._rounds_to(stated) else None
        if settled is None:
            self._problems.differs("total", stated, self._money(sum(exact, Fraction(0)) + tax.minor))
            return
        for draft, net in zip(self._drafts, settled, strict=True):
            draft.net = net

    def _rounds_to(self, stated: Money) -> bool:
        """Whether one rounding of the exact sum explains the total; freight and fees hide digits without a trace.

        Taxes that add up by line may still have been rounded once: the document does not tell, so either will do.
        """
        net = sum((draft.net_exact for draft in self._drafts), Fraction(0))
        by_line = sum((draft.tax_stated for draft in self._drafts), Fraction(0))
        once = sum((draft.gross_exact - draft.net_exact for draft in self._drafts), Fraction(0))
        untraced = 0 if self._nets_are_whole else sum(draft.source is None for draft in self._drafts)
        tolerance = _HALF * (1 + untraced) + self._noise
        taxes = (by_line, once) if self._taxed_by_line else (once,)
        return any(abs(net + tax - stated.minor) <= tolerance for tax in taxes)

    def _settle_list_amount(self, draft: Draft) -> None:
        """The value before coupons; where nothing was taken off, or the price was raised by hand, the net itself."""
        line = draft.source
        draft.list_amount = draft.net
        if line and line.subtotal != line.total:
            subtotal = Money.rounded(line.subtotal, self._order.currency).minor
            draft.list_amount = max(subtotal, draft.net)

    def _check_sums(self, tax: Money) -> None:
        """The document's other amounts: exact where the lines are, within their roundings where they are not."""
        if not self._problems.none:
            return
        order = self._order
        freight = [draft for draft in self._drafts if draft.kind is SurchargeKind.FREIGHT]
        taken_off = sum((line.subtotal - line.total for line in order.line_items), Decimal(0))
        roundings = 0 if self._nets_are_whole else len(order.line_items) + 1
        self._check("discount_total", in_minor(taken_off, order.currency), roundings)
        freight_net = sum((draft.net_exact for draft in freight), Fraction(0))
        self._check("shipping_total", freight_net, 0 if self._nets_are_whole else len(freight))
        freight_tax = sum((Fraction(sum(draft.taxes.values())) for draft in freight), Fraction(0))
        self._check("shipping_tax", freight_tax, 0 if self._taxed_by_line else len(freight) + 1)
        goods_tax = tax.minor - in_minor(order.shipping_tax, order.currency)
        self._check("cart_tax", goods_tax, 0 if self._taxed_by_line else 2)
        amounts = [amount for line in order.tax_lines for amount in (line.tax_total, line.shipping_tax_total)]
        by_rate = sum((in_minor(amount, order.currency) for amount in amounts), Fraction(0))
        if amounts and abs(by_rate - tax.minor) > (0 if self._taxed_by_line else len(amounts)):
            self._problems.differs("tax_lines", self._money(by_rate), tax)

    def _check(self, name: str, added_up: Fraction, tolerance: int) -> None:
        stated = in_minor(getattr(self._order, name), self._order.currency)
        if abs(stated - added_up) > tolerance:
            self._problems.differs(name, self._money(stated), self._money(added_up))

    def _money(self, minor: Fraction | int) -> Money:
        return Money(minor=round(minor), currency=self._order.currency)


def _spread_negative_fees(drafts: Sequence[Draft], currency: str, problems: Problems) -> None:
    """A negative fee is a discount on the goods: off each line in proportion to its net, and its tax off their taxes."""
    goods = [draft for draft in drafts if draft.kind is None]
    for fee in drafts:
        if fee.net_exact >= 0:
            continue
        if -fee.net > sum(draft.net for draft in goods):
            problems.add(f"{fee.path}.total", "takes off more than the goods are worth")
            return
        shares = Money(minor=-fee.net, currency=currency).split([draft.net for draft in goods])
        for draft, share in zip(goods, shares, strict=True):
            draft.order_discount += share.minor
            draft.net -= share.minor
        for rate_id, tax in fee.taxes.items():
            weights = [draft.taxes.get(rate_id, 0) for draft in goods]
            if -tax > sum(weights):
                problems.add(f"{fee.path}.taxes", "takes off more tax than the goods bear")
                return
            if tax:
                parts = Money(minor=-tax, currency=currency).split(weights)
                for draft, part in zip(goods, parts, strict=True):
                    if part:
                        draft.taxes[rate_id] -= part.minor


def _whole(minor: Fraction) -> bool:
    return minor.denominator == 1
