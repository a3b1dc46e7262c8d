"""What a Shopify order is worth now: every amount read exactly, fractions settled to meet the current totals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from adapters.parsing import Problems, settle
from adapters.shopify.shapes import Allocation, Line, MoneySet, Order, ShippingLine, TaxLine
from domain.ids import LineId
from domain.money import Money
from domain.orders import SurchargeKind


@dataclass(frozen=True)
class TaxShare:
    """One tax on one draft, in exact minor units: what is left of a line need not be a whole number of them."""

    name: str
    rate: Decimal | None
    exact: Fraction


@dataclass
class Draft:
    """A line or surcharge before its fractions are settled."""

    path: str
    line_id: LineId
    name: str
    list_amount: Money
    kind: SurchargeKind | None = None
    source: Line | None = None
    taxes: list[TaxShare] = field(default_factory=list)
    discount: Fraction = Fraction(0)
    order_discount: Fraction = Fraction(0)
    settled_taxes: list[int] = field(default_factory=list)

    @property
    def discounted(self) -> Fraction:
        return self.list_amount.minor - self.discount - self.order_discount


def drafts_of(order: Order, problems: Problems) -> list[Draft]:
    """The order's lines and surcharges, settled; where something does not add up, `problems` has the difference."""
    drafts = _Reader(order, problems).drafts()
    if problems.none:
        _Settlement(order, problems).settle(drafts)
    return drafts


class _Reader:
    """Reads the amounts of the document into drafts; what is no amount of its currency is a problem."""

    def __init__(self, order: Order, problems: Problems) -> None:
        self._order = order
        self._problems = problems
        self._amounts = _Amounts(order.currency, problems)

    def drafts(self) -> list[Draft]:
        order = self._order
        tips = self._tip_lines()
        lines = [
            self._line(line, f"line_items[{index}]", is_tip=index in tips)
            for index, line in enumerate(order.line_items)
            if line.current
        ]
        freight = [
            self._freight(line, index)
            for index, line in enumerate(order.shipping_lines)
            if not line.is_removed
        ]
        return [*lines, *freight, *self._order_level(has_tip_lines=bool(tips))]

    def _tip_lines(self) -> set[int]:
        """Lines that are the tip: marked so, or without any article and worth exactly the tip received."""
        lines = self._order.line_items
        marked = {index for index, line in enumerate(lines) if line.is_tip}
        received = self._order.total_tip_received
        if marked or not received:
            return marked
        nameless = (
            index
            for index, line in enumerate(lines)
            if not (line.sku or line.variant_id or line.product_id or line.requires_shipping)
            and line.price * line.quantity == received
        )
        return set(list(nameless)[:1])

    def _line(self, line: Line, path: str, *, is_tip: bool) -> Draft:
        left = Fraction(line.current, line.quantity) if line.quantity else Fraction(1)
        if left > 1:
            self._problems.add(f"{path}.current_quantity", "more than the line's quantity")
        self._amounts.same(f"{path}.price", line.price, line.price_set)
        duties = (tax for duty in line.duties for tax in duty.tax_lines)
        draft = Draft(
            path=path,
            line_id=LineId(str(line.id)),
            name=line.name or line.title,
            list_amount=Money.rounded(line.price * line.current, self._order.currency),
            kind=SurchargeKind.TIP if is_tip else None,
            source=line,
            taxes=self._taxes([*line.tax_lines, *duties], f"{path}.tax_lines", left),
        )
        return self._with_discounts(draft, line.discount_allocations, left)

    def _freight(self, line: ShippingLine, index: int) -> Draft:
        path = f"shipping_lines[{index}]"
        draft = Draft(
            path=path,
            line_id=LineId(f"shipping-{line.id or index}"),
            name=line.title or "Shipping",
            list_amount=self._amounts.money(f"{path}.price", line.price, line.price_set),
            kind=SurchargeKind.FREIGHT,
            taxes=self._taxes(line.tax_lines, f"{path}.tax_lines", Fraction(1)),
        )
        draft = self._with_discounts(draft, line.discount_allocations, Fraction(1))
        return self._as_far_as_not_refunded(draft, line)

    def _as_far_as_not_refunded(self, draft: Draft, line: ShippingLine) -> Draft:
        """Shopify tells what is left of freight as one amount, after discounts; its taxes shrink with it."""
        now = line.current_discounted_price_set
        if now is None:
            return draft
        path = f"{draft.path}.current_discounted_price_set"
        current = self._amounts.shop_money(path, now)
        if draft.discounted == current.minor:
            return draft
        if current.minor > draft.discounted:
            charged = Money(minor=int(draft.discounted), currency=self._order.currency)
            self._problems.differs(path, current, charged)
            return draft
        left = current.minor / draft.discounted
        taxes = [replace(tax, exact=tax.exact * left) for tax in draft.taxes]
        zero = Fraction(0)
        return replace(draft, list_amount=current, taxes=taxes, discount=zero, order_discount=zero)

    def _order_level(self, *, has_tip_lines: bool) -> Iterable[Draft]:
        """Duties, fees and a tip that is no line."""
        order = self._order
        duties = None if order.duties_included else order.current_total_duties_set
        fees = order.current_total_additional_fees_set
        for path, amount, kind, name in (
            ("current_total_duties_set", duties, SurchargeKind.DUTY, "Duties"),
            ("current_total_additional_fees_set", fees, SurchargeKind.FEE, "Additional fees"),
        ):
            if amount and (money := self._amounts.shop_money(path, amount)):
                yield Draft(path, LineId(kind.value), name, money, kind)
        tip = self._amounts.money("total_tip_received", order.total_tip_received or Decimal(0), None)
        if tip and not has_tip_lines:
            yield Draft("total_tip_received", LineId("tip"), "Tip", tip, SurchargeKind.TIP)

    def _taxes(self, taxes: Sequence[TaxLine], path: str, left: Fraction) -> list[TaxShare]:
        return [
            TaxShare(
                name=tax.title or "Tax",
                rate=tax.rate,
                exact=self._amounts.money(f"{path}[{index}].price", tax.price, tax.price_set).minor * left,
            )
            for index, tax in enumerate(taxes)
        ]

    def _with_discounts(self, draft: Draft, allocations: Sequence[Allocation], left: Fraction) -> Draft:
        applications = self._order.discount_applications
        for index, allocation in enumerate(allocations):
            path = f"{draft.path}.discount_allocations[{index}]"
            share = (
                self._amounts.money(f"{path}.amount", allocation.amount, allocation.amount_set).minor * left
            )
            if allocation.discount_application_index >= len(applications):
                self._problems.add(
                    f"{path}.discount_application_index", "no such entry in discount_applications"
                )
            elif draft.kind is None and (
                applications[allocation.discount_application_index].concerns_the_order
            ):
                draft.order_discount += share
            else:
                draft.discount += share
        return draft


class _Amounts:
    """Reads single amounts of a document; what is no amount of its currency is a problem, and zero from then on."""

    def __init__(self, currency: str, problems: Problems) -> None:
        self._currency = currency
        self._problems = problems

    def money(self, path: str, amount: Decimal, both: MoneySet | None) -> Money:
        self.same(path, amount, both)
        with self._problems.at(path):
            return Money.parse(amount, self._currency)
        return Money.zero(self._currency)

    def shop_money(self, path: str, both: MoneySet) -> Money:
        return self.money(f"{path}.shop_money.amount", both.shop_money.amount, both)

    def same(self, path: str, amount: Decimal, both: MoneySet | None) -> None:
        """The plain amount is the shop's money; a document that says two things about it is not used."""
        if both is None:
            return
        if both.shop_money.currency_code != self._currency:
            self._problems.add(path, f"the shop's money is not in the order's {self._currency}")
        elif both.shop_money.amount != amount:
            self._problems.add(path, f"{amount}, but {both.shop_money.amount} in its set's shop_money")


class _Settlement:
    """Turns what is left of taxes and discounts into whole minor units that meet the document's current totals."""

    def __init__(self, order: Order, problems: Problems) -> None:
        self._order = order
        self._problems = problems
        self._amounts = _Amounts(order.currency, problems)

    def settle(self, drafts: list[Draft]) -> None:
        stated_total = self._stated("current_total_price")
        stated_tax = self._stated("current_total_tax")
        if not self._problems.none:
            return
        self._settle_taxes(drafts, stated_tax)
        on_top = 0 if self._order.taxes_included else sum(sum(draft.settled_taxes) for draft in drafts)
        goods = [draft for draft in drafts if draft.kind is None]
        before_discounts = on_top + sum(
            draft.list_amount.minor if draft.kind is None else int(draft.discounted) for draft in drafts
        )
        self._settle_discounts(goods, before_discounts, stated_total)
        self._check_sums(drafts)

    def _settle_taxes(self, drafts: list[Draft], stated: Money) -> None:
        exact = [tax.exact for draft in drafts for tax in draft.taxes]
        settled = settle(exact, stated.minor)
        if settled is None:
            added_up = self._money(sum(exact, Fraction(0)))
            self._problems.differs("current_total_tax", stated, added_up)
            settled = [round(share) for share in exact]
        parts = iter(settled)
        for draft in drafts:
            draft.settled_taxes = [next(parts) for _ in draft.taxes]

    def _settle_discounts(self, goods: list[Draft], before_discounts: int, stated: Money) -> None:
        exact = [share for draft in goods for share in (draft.discount, draft.order_discount)]
        settled = settle(exact, before_discounts - stated.minor)
        if settled is None:
            added_up = self._money(before_discounts - sum(exact, Fraction(0)))
            self._problems.differs("current_total_price", stated, added_up)
            return
        parts = iter(settled)
        for draft in goods:
            draft.discount, draft.order_discount = Fraction(next(parts)), Fraction(next(parts))

    def _check_sums(self, drafts: list[Draft]) -> None:
        """The document's other current amounts: a disturbed one must not hide behind a total that fits."""
        if not self._problems.none:
            return
        goods = [draft for draft in drafts if draft.kind is None]
        tips = [draft for draft in drafts if draft.kind is SurchargeKind.TIP]
        freight = [draft for draft in drafts if draft.kind is SurchargeKind.FREIGHT]
        subtotal = self._money(sum((draft.discounted for draft in goods), Fraction(0)))
        tip = self._money(sum((draft.discounted for draft in tips), Fraction(0)))
        self._check("current_subtotal_price", subtotal, subtotal + tip)
        discount = self._money(_discount_of(goods))
        self._check("current_total_discounts", discount, discount + self._money(_discount_of(freight)))
        if self._order.current_shipping_price_set is not None:
            freight_now = self._money(sum((draft.discounted for draft in freight), Fraction(0)))
            both = self._order.current_shipping_price_set
            stated = self._amounts.shop_money("current_shipping_price_set", both)
            if stated != freight_now:
                self._problems.differs("current_shipping_price_set", stated, freight_now)
        if self._order.total_tip_received is not None:
            self._check("total_tip_received", tip)

    def _check(self, name: str, *possible: Money) -> None:
        stated = self._stated(name)
        if stated not in possible:
            self._problems.differs(name, stated, possible[0])

    def _stated(self, name: str) -> Money:
        return self._amounts.money(
            name, getattr(self._order, name), getattr(self._order, f"{name}_set", None)
        )

    def _money(self, minor: Fraction | int) -> Money:
        return Money(minor=round(minor), currency=self._order.currency)


def _discount_of(drafts: Iterable[Draft]) -> Fraction:
    return sum((draft.discount + draft.order_discount for draft in drafts), Fraction(0))
