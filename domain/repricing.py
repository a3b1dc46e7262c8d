"""An order as amendments make it, to the minor unit. What has left keeps the value at which it left.

Quantities change discounts and taxes in proportion; prices and discounts change taxes by the line's own rates. A line of
which some units have left, and whose price changes, is split: the rest becomes a line of its own. Where ERP or shop are
the origin, their figures are taken as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.amendments import (
    AddLine,
    AsHeld,
    CancelRest,
    Change,
    ChangeRefused,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
)
from domain.charges import Item, at_least, charged_on, of_units, reduced
from domain.ids import LineId
from domain.ledger import Ledger
from domain.money import Money, digits_of, half_up, total
from domain.orders import OrderLine, PlacedOrder, Priced, Surcharge, SurchargeKind, Tax
from domain.policies import FreightRule

_PRICE_DIGITS = (
    10  # as many as the wire carries: times a million units still within a tenth of the smallest coin
)


@dataclass
class Repricing:
    """An order in the making. `left`: units per line that are gone already; `revision`: the one that comes of it."""

    order: PlacedOrder
    ledger: Ledger
    left: Mapping[LineId, int]
    revision: int
    freight: FreightRule = FreightRule.FIRST_SHIPMENT
    _added: int = field(default=0, init=False)

    def apply(self, changes: Sequence[Change]) -> PlacedOrder:
        """The order with all of them, one after the other. ChangeRefused names the one that cannot be."""
        for number, change in enumerate(changes):
            self.change(number, change)
        return self.order

    def change(self, number: int, change: Change) -> None:
        try:
            self._change(change)
        except _No as no:
            raise ChangeRefused(number, no.field, no.why, late=no.late) from None

    def _change(self, change: Change) -> None:
        match change:
            case AddLine():
                self._add(change)
            case RemoveLine():
                self._remove(self._line(change.line_id))
            case SetQuantity():
                self._put(self._of_quantity(self._line(change.line_id), change.quantity))
            case SetUnitPrice():
                line = self._open_part(self._line(change.line_id))
                self._put(priced(line, unit_price=change.unit_price))
            case SetDiscount():
                self._discount(change)
            case SetAddress():
                self._send_to(change)
            case SetShipping():
                self._set_freight(change)
            case CancelRest():
                self._cancel_rest(change)
            case AsHeld():
                self._as_held(change)

    # -- goods -------------------------------------------------------------------------------------------------

    def _add(self, change: AddLine) -> None:
        if change.unit_price is None or change.tax_rates is None:
            raise _No("unit_price", "the ERP has to tell the price and the taxes of it first")
        zero = Money.zero(self.order.currency)
        bare = OrderLine(
            line_id=self._new_id(),
            sku=change.sku,
            name=change.name or change.sku,
            quantity=change.quantity,
            unit_price=change.unit_price,
            discount=zero,
            order_discount=zero,
            taxes=tuple(Tax(name=_named(rate), rate=rate, amount=zero) for rate in change.tax_rates if rate),
            taxes_included=self.order.lines[0].taxes_included,
        )
        self._rebuild([*self.order.lines, _taxed(bare)], self.order.surcharges)

    def _remove(self, line: OrderLine) -> None:
        if units := self._fixed(line):
            raise _No("line_id", f"{units} of {line.quantity} units have left already", late=True)
        if len(self.order.lines) == 1:
            raise _No("line_id", "nothing would be left of the order: cancel it")
        self._rebuild([other for other in self.order.lines if other is not line], self.order.surcharges)

    def _of_quantity(self, line: OrderLine, units: int) -> OrderLine:
        if units < (left := self._fixed(line)):
            raise _No("quantity", f"{left} units of line {line.line_id} have left already", late=True)
        changed = of_units(line, units) if units <= line.quantity else _more_units(line, units)
        return at_least(changed, charged_on(self.ledger)[line.line_id])

    def _open_part(self, line: OrderLine) -> OrderLine:
        """The line itself, or what has not left of it, which is a line of its own from now on."""
        left = self._fixed(line)
        if left >= line.quantity:
            raise _No("line_id", f"all units of line {line.line_id} have left already", late=True)
        if not left:
            return line
        gone = at_least(of_units(line, left), charged_on(self.ledger)[line.line_id])
        rest = of_units(line, line.quantity - left).model_copy(update={"line_id": self._new_id()})
        at = self.order.lines.index(line)
        self._rebuild(
            [*self.order.lines[:at], gone, rest, *self.order.lines[at + 1 :]], self.order.surcharges
        )
        return self._line(rest.line_id)

    def _discount(self, change: SetDiscount) -> None:
        if change.line_id is None:
            self._discount_all(change)
        else:
            line = self._open_part(self._line(change.line_id))
            self._put(priced(line, discount=self._off(change, line.list_amount)))

    def _discount_all(self, change: SetDiscount) -> None:
        """Over the goods of which nothing has left, by value. What is off the others already stays off them."""
        open_lines = [line for line in self.order.lines if not self._fixed(line)]
        values = [line.list_amount - line.discount for line in open_lines]
        worth = total(values, self.order.currency)
        if not worth:
            raise _No("line_id", "nothing is left that a discount could be on", late=True)
        others = (line.order_discount for line in self.order.lines if line not in open_lines)
        granted = (
            total(others, self.order.currency) if change.amount is not None else Money.zero(worth.currency)
        )
        off = self._off(change, worth) - granted
        if not 0 <= off.minor <= worth.minor:
            what = (
                f"{granted} are off what has left already"
                if off.minor < 0
                else f"the goods are worth {worth}"
            )
            raise _No("amount", what, late=off.minor < 0)
        for line, share in zip(open_lines, off.split([value.minor for value in values]), strict=True):
            self._put(priced(line, order_discount=share))

    def _cancel_rest(self, change: CancelRest) -> None:
        lines = [self._line(line_id) for line_id in change.lines] or list(self.order.shippable)
        left = {line.line_id: self._fixed(line) for line in lines}
        if all(left[line.line_id] >= line.quantity for line in lines):
            raise _No("lines", "all of it has left already", late=True)
        try:
            self.order = reduced(self.order, self.ledger, left, freight=self.freight)
        except ValueError as error:
            raise _No("lines", str(error)) from error

    # -- what is beside the goods ------------------------------------------------------------------------------

    def _send_to(self, change: SetAddress) -> None:
        shippable = self.order.shippable
        if shippable and all(self._fixed(line) >= line.quantity for line in shippable):
            raise _No("shipping", "everything has left already", late=True)
        self.order = self.order.model_copy(update={"shipping": change.shipping})

    def _set_freight(self, change: SetShipping) -> None:
        amount = self._money(change.amount, "amount")
        freights = [item for item in self.order.surcharges if item.kind is SurchargeKind.FREIGHT]
        if len(freights) > 1:
            raise _No("method", "the order has several freights: it cannot be said which is meant")
        zero = Money.zero(self.order.currency)
        former = freights[0] if freights else self._no_freight(change.method)
        without = {"name": change.method, "amount": amount, "discount": zero, "order_discount": zero}
        freight = _taxed(former.model_copy(update=without))
        charged = charged_on(self.ledger)[former.line_id]
        if freight.total < charged:
            raise _No("amount", f"{charged} were charged for it already", late=True)
        others = [item for item in self.order.surcharges if item is not former]
        self._rebuild(self.order.lines, [*others, *([freight] if amount or charged else [])])

    def _no_freight(self, method: str) -> Surcharge:
        """None yet: taxed as the line of the highest value is."""
        zero = Money.zero(self.order.currency)
        like = max(self.order.lines, key=lambda line: line.total.minor)
        return Surcharge(
            line_id=self._new_id(),
            kind=SurchargeKind.FREIGHT,
            name=method,
            amount=zero,
            discount=zero,
            order_discount=zero,
            taxes=tuple(tax.model_copy(update={"amount": zero}) for tax in like.taxes),
            taxes_included=like.taxes_included,
        )

    # -- as ERP or shop hold it --------------------------------------------------------------------------------

    def _as_held(self, change: AsHeld) -> None:
        item = next((item for item in self.order.priced if item.line_id == change.line_id), None)
        if change.total.minor < 0:
            raise _No("total", f"line {change.line_id} is {change.total} there: no line is less than nothing")
        if item is None:
            self._add_held(change)
        elif isinstance(item, Surcharge):
            self._surcharge_held(item, change)
        elif not change.quantity:
            self._remove(item)
        elif self._fixed(item) and change.total < charged_on(self.ledger)[item.line_id]:
            raise _No("total", f"less than was charged for line {item.line_id} already", late=True)
        else:
            self._put(_held(self._of_quantity(item, change.quantity), change))

    def _add_held(self, change: AsHeld) -> None:
        if not change.quantity or change.sku is None:
            raise _No("line_id", f"line {change.line_id} is none of the order's, and names no article")
        zero = Money.zero(self.order.currency)
        net = change.total if change.net is None else change.net
        tax = change.total - net
        included = self.order.lines[0].taxes_included
        bare = OrderLine(
            line_id=change.line_id,
            sku=change.sku,
            name=change.name or change.sku,
            quantity=change.quantity,
            unit_price=Decimal(0),
            discount=zero,
            order_discount=zero,
            taxes=(Tax(name="Tax", rate=_rate(tax, net), amount=tax),) if tax else (),
            taxes_included=included,
        )
        self._rebuild(
            [*self.order.lines, _worth(bare, change.total if included else net)], self.order.surcharges
        )

    def _surcharge_held(self, item: Surcharge, change: AsHeld) -> None:
        if change.total < charged_on(self.ledger)[item.line_id]:
            raise _No("total", f"less than was charged for {item.kind} already", late=True)
        others = [other for other in self.order.surcharges if other is not item]
        held = [_held(item, change)] if change.quantity and change.total else []
        self._rebuild(self.order.lines, [*others, *held])

    # -- small words -------------------------------------------------------------------------------------------

    def _line(self, line_id: LineId) -> OrderLine:
        for line in self.order.lines:
            if line.line_id == line_id:
                return line
        raise _No("line_id", f"the order has no line {line_id}")

    def _fixed(self, line: OrderLine) -> int:
        """Units that are gone, or that were charged without being sent."""
        charged = not line.ships and bool(charged_on(self.ledger)[line.line_id])
        return line.quantity if charged else self.left.get(line.line_id, 0)

    def _off(self, change: SetDiscount, value: Money) -> Money:
        if change.percent is not None:
            return Money.rounded((value.major * change.percent).scaleb(-2), value.currency)
        off = self._money(change.amount or Decimal(0), "amount")
        if change.line_id and off > value:
            raise _No("amount", f"the line is worth {value}")
        return off

    def _money(self, amount: Decimal, of: str) -> Money:
        try:
            return Money.parse(amount, self.order.currency)
        except ValueError as error:
            raise _No(of, str(error)) from error

    def _new_id(self) -> LineId:
        self._added += 1
        return LineId(f"r{self.revision}-{self._added}")

    def _put(self, line: OrderLine) -> None:
        lines = [line if other.line_id == line.line_id else other for other in self.order.lines]
        self._rebuild(lines, self.order.surcharges)

    def _rebuild(self, lines: Sequence[OrderLine], surcharges: Sequence[Surcharge]) -> None:
        items = (*lines, *surcharges)
        whole = total((item.total for item in items), self.order.currency)
        facts = {"lines": tuple(lines), "surcharges": tuple(surcharges), "total": whole}
        try:
            self.order = PlacedOrder.model_validate({**dict(self.order), **facts})
        except ValueError as error:
            raise _No("", str(error)) from error


class _No(Exception):  # noqa: N818  an answer, not a fault
    def __init__(self, of: str, why: str, *, late: bool = False) -> None:
        super().__init__(why)
        self.field = of
        self.why = why
        self.late = late


def priced(
    line: OrderLine,
    *,
    unit_price: Decimal | None = None,
    discount: Money | None = None,
    order_discount: Money | None = None,
) -> OrderLine:
    """The line at another price or discount. Discounts never exceed the value; taxes follow by their own rates."""
    facts = {"unit_price": line.unit_price if unit_price is None else unit_price}
    fresh = line.model_copy(update=facts)
    value = fresh.list_amount
    own = min(line.discount if discount is None else discount, value)
    share = min(line.order_discount if order_discount is None else order_discount, value - own)
    after = fresh.model_copy(update={"discount": own, "order_discount": share})
    if line.discounted and _by_rates(line) != tuple(tax.amount for tax in line.taxes):
        return _in_proportion(after, line)
    return _taxed(after)


def _more_units(line: OrderLine, units: int) -> OrderLine:
    """More than before: everything in proportion, half up, and discounts never above the value."""

    def scaled(amount: Money) -> Money:
        return amount.times(units, line.quantity)

    more = line.model_copy(update={"quantity": units})
    off = min(scaled(line.discount), more.list_amount)
    facts = {
        "discount": off,
        "order_discount": min(scaled(line.order_discount), more.list_amount - off),
        "taxes": tuple(tax.model_copy(update={"amount": scaled(tax.amount)}) for tax in line.taxes),
    }
    return OrderLine.model_validate({**dict(more), **facts})


def _taxed(item: Item) -> Item:
    taxes = tuple(
        tax.model_copy(update={"amount": amount})
        for tax, amount in zip(item.taxes, _by_rates(item), strict=True)
    )
    return item.__class__.model_validate({**dict(item), "taxes": taxes})


def _by_rates(item: Priced) -> tuple[Money, ...]:
    """The taxes of the discounted value; where they are in it, their sum is rounded once and shared out."""
    value, rates = item.discounted, [tax.rate for tax in item.taxes]
    whole = sum(rates, Decimal(0))
    if not whole:
        return tuple(Money.zero(value.currency) for _ in rates)
    if not item.taxes_included:
        return tuple(Money.rounded(value.major * rate, value.currency) for rate in rates)
    return tuple(_within(value, whole).split([_millionths(rate) for rate in rates]))


def _in_proportion(after: OrderLine, before: OrderLine) -> OrderLine:
    """Taxes that no rate explains (capped, on a part only) stay the same part of the value."""

    def share(amount: Money) -> Money:
        return amount.times(after.discounted.minor, before.discounted.minor)

    taxes = tuple(tax.model_copy(update={"amount": share(tax.amount)}) for tax in before.taxes)
    return OrderLine.model_validate({**dict(after), "taxes": taxes})


def _held(item: Item, change: AsHeld) -> Item:
    """Exactly that total. Where our own rule gives it, discounts stay; otherwise the line is worth it plainly."""
    if item.total == change.total:
        return item
    zero = Money.zero(item.discount.currency)
    net = change.net
    if net is None:
        whole = sum((tax.rate for tax in item.taxes), Decimal(0))
        net = change.total - _within(change.total, whole)
    tax = change.total - net
    weights = [_millionths(tax.rate) for tax in item.taxes]
    amounts = tax.split(weights) if sum(weights) else [tax, *[zero] * len(item.taxes)][: len(item.taxes)]
    named = item.taxes or ((Tax(name="Tax", rate=_rate(tax, net), amount=tax),) if tax else ())
    taxes = tuple(
        one.model_copy(update={"amount": amount})
        for one, amount in zip(named, amounts or [tax], strict=False)
    )
    facts = {"discount": zero, "order_discount": zero, "taxes": taxes}
    bare = item.model_copy(update=facts)
    return _worth(bare, change.total if item.taxes_included else net)


def _worth(item: Item, value: Money) -> Item:
    """At the price that makes exactly this value."""
    facts = dict(item)
    if isinstance(item, OrderLine):
        per_unit = half_up(value.minor * 10 ** (_PRICE_DIGITS - digits_of(value.currency)), item.quantity)
        facts["unit_price"] = Decimal(per_unit).scaleb(-_PRICE_DIGITS)
    else:
        facts["amount"] = value
    return item.__class__.model_validate(facts)


def _rate(tax: Money, net: Money) -> Decimal:
    return Decimal(half_up(tax.minor * 10**4, net.minor)).scaleb(-4) if net else Decimal(0)


def _within(value: Money, rate: Decimal) -> Money:
    """The tax of this rate that the value has in it."""
    return value.times(_millionths(rate), 10**6 + _millionths(rate))


def _millionths(rate: Decimal) -> int:
    return int(rate * 10**6)


def _named(rate: Decimal) -> str:
    return f"Tax {(rate * 100).normalize():f} %"
