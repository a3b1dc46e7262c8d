"""What is charged for goods that left and given back for goods that return, to the minor unit.

One rule values k of the n units of a line: the discounted value in proportion, half up, but never above the list price
of k units; discounts are the difference to the list price, taxes are in proportion. **A charge is the value of all that
has left so far, less what the ledger holds already**, so the last one absorbs every rounding before it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

from pydantic import Field

from domain.base import Value
from domain.errors import InvariantBroken
from domain.ids import LineId
from domain.ledger import EntryKind, Ledger, Part, Share, shares_of
from domain.money import Money, total
from domain.orders import OrderLine, PlacedOrder, Priced, Surcharge, SurchargeKind
from domain.policies import FreightReturn, FreightRule

Item = TypeVar("Item", bound=Priced)

_OF_ITEMS = frozenset(Part) - {Part.RESTOCKING_FEE, Part.GOODWILL, Part.DISPUTE}


class _Fraction(Value):
    """`count` of `whole`; of nothing at all it is everything."""

    count: int
    whole: int

    def of(self, amount: Money) -> Money:
        """In proportion, half away from zero."""
        if self.whole == 0:
            return amount
        return amount.split((self.count, self.whole - self.count))[0]


class _Booked(Value):
    """What the ledger has of one line on one side: its amount by part, and its units."""

    parts: dict[Part, Money] = Field(default_factory=dict)
    units: int = 0

    def of(self, part: Part, currency: str) -> Money:
        return self.parts.get(part, Money.zero(currency))

    def amount(self, currency: str) -> Money:
        return total(self.parts.values(), currency)


# -- charges ---------------------------------------------------------------------------------------------------


def charge_shares(
    order: PlacedOrder, ledger: Ledger, shipped: Mapping[LineId, int], *, freight: FreightRule
) -> tuple[Share, ...]:
    """The shares of the charge that is due when so many units have left **in all**, this shipment included.

    Lines that do not ship go with the first charge, and so do surcharges by `FIRST_SHIPMENT`. An order in which nothing
    ships is charged whole. No shares: nothing is due yet. InvariantBroken: more units left than were ordered.
    """
    _within(order, shipped)
    if order.shippable and not any(shipped.get(line.line_id) for line in order.shippable):
        return ()
    left = {
        line.line_id: shipped.get(line.line_id, 0) if line.ships else line.quantity for line in order.lines
    }
    so_far = _with_units(order, left, freight)
    charged = _booked(ledger, EntryKind.CHARGE)
    return tuple(share for item in so_far for share in _beyond(item, charged[item.line_id], order.currency))


def reduced(
    order: PlacedOrder, ledger: Ledger, left: Mapping[LineId, int], *, freight: FreightRule
) -> PlacedOrder:
    """The order with so many units left per line: 0, the line goes; a line that is not named stays whole.

    Never worth less on a line than was charged for it. By `PRO_RATA` surcharges shrink with the goods, by
    `FIRST_SHIPMENT` they stay. ValueError: nothing is left of it, or `left` is not a part of the order.
    InvariantBroken: fewer units are left than were charged.
    """
    units = {line.line_id: left.get(line.line_id, line.quantity) for line in order.lines}
    if strangers := left.keys() - units.keys():
        raise ValueError(f"the order has no line {min(strangers)}")
    if any(not 0 <= units[line.line_id] <= line.quantity for line in order.lines):
        raise ValueError("a line can only become less")
    if not any(units.values()):
        raise ValueError("nothing is left of the order: cancel it")
    charged = _booked(ledger, EntryKind.CHARGE)
    kept = [
        at_least(item, charged[item.line_id].amount(order.currency))
        for item in _with_units(order, units, freight)
    ]
    known = {item.line_id for item in kept}
    for line_id, booked in charged.items():
        if booked.units > units.get(line_id, 0) or (line_id not in known and booked.amount(order.currency)):
            raise InvariantBroken(
                f"line {line_id}: {booked.units} units were charged, and fewer would be left"
            )
    return PlacedOrder.model_validate(
        {
            **dict(order),
            "lines": tuple(item for item in kept if isinstance(item, OrderLine)),
            "surcharges": tuple(item for item in kept if isinstance(item, Surcharge)),
            "total": total((item.total for item in kept), order.currency),
        }
    )


def _within(order: PlacedOrder, shipped: Mapping[LineId, int]) -> None:
    ordered = {line.line_id: line.quantity for line in order.lines}
    for line_id, units in shipped.items():
        if not 0 <= units <= ordered.get(line_id, 0):
            raise InvariantBroken(f"line {line_id}: {units} of {ordered.get(line_id, 0)} units shipped")


def _with_units(
    order: PlacedOrder, units: Mapping[LineId, int], freight: FreightRule
) -> list[OrderLine | Surcharge]:
    """The order's items as they would be, had only so many units been ordered."""
    lines = [of_units(line, units[line.line_id]) for line in order.lines if units[line.line_id]]
    goods = total((line.total for line in lines if line.ships), order.currency).minor
    all_goods = total((line.total for line in order.shippable), order.currency).minor
    if freight is FreightRule.FIRST_SHIPMENT or not all_goods:
        return [*lines, *order.surcharges]
    part = _Fraction(count=goods, whole=all_goods)
    return [*lines, *(_portion(surcharge, part) for surcharge in order.surcharges if goods)]


def of_units(line: OrderLine, units: int) -> OrderLine:
    """So many units of the line, which are not more than it has: discounts and taxes in proportion."""
    if units == line.quantity:
        return line
    fewer = line.model_copy(update={"quantity": units})
    part = _Fraction(count=units, whole=line.quantity)
    priced = _priced(line, fewer.list_amount, part)
    return OrderLine.model_validate({**dict(fewer), **priced})


def _portion(surcharge: Surcharge, part: _Fraction) -> Surcharge:
    amount = part.of(surcharge.amount)
    return Surcharge.model_validate({**dict(surcharge), "amount": amount, **_priced(surcharge, amount, part)})


def _priced(item: OrderLine | Surcharge, list_amount: Money, part: _Fraction) -> dict[str, object]:
    off = list_amount - min(part.of(item.discounted), list_amount)
    order_discount = min(part.of(item.order_discount), off)
    taxes = tuple(tax.model_copy(update={"amount": part.of(tax.amount)}) for tax in item.taxes)
    return {"discount": off - order_discount, "order_discount": order_discount, "taxes": taxes}


def at_least(item: Item, charged: Money) -> Item:
    """Proportions of proportions round apart: an item that became less than was charged for it gets the difference."""
    currency = item.discount.currency
    missing = charged - item.total
    if missing.minor <= 0:
        return item
    facts = dict(item)
    off = item.discount + item.order_discount
    undone = max(min(missing, off), Money.zero(currency))
    facts["order_discount"] = min(item.order_discount, off - undone)
    facts["discount"] = off - undone - facts["order_discount"]
    rest = missing - undone
    if isinstance(item, Surcharge):
        facts["amount"] = item.amount + rest
    elif rest and item.taxes:
        first, *others = item.taxes
        facts["taxes"] = (first.model_copy(update={"amount": first.amount + rest}), *others)
    return item.__class__.model_validate(facts)


def charged_on(ledger: Ledger) -> dict[LineId, Money]:
    """What was charged of every line and surcharge so far; zero of any other."""
    zero = Money.zero(ledger.currency)
    booked = _booked(ledger, EntryKind.CHARGE)
    return defaultdict(lambda: zero, {line_id: of.amount(ledger.currency) for line_id, of in booked.items()})


def _beyond(item: OrderLine | Surcharge, charged: _Booked, currency: str) -> Iterable[Share]:
    """The shares of the item, less what was charged for it; where that is too much already, nothing but its units."""
    target = {share.part: share.amount for share in shares_of(item)}
    due = {part: target.get(part, Money.zero(currency)) - charged.of(part, currency) for part in Part}
    if total(due.values(), currency).minor < 0:
        due = {}
    return _shares(item, due, max(_units(item) - charged.units, 0))


def _units(item: OrderLine | Surcharge) -> int:
    return item.quantity if isinstance(item, OrderLine) else 0


def _main_part(item: OrderLine | Surcharge) -> Part:
    return Part.GOODS if isinstance(item, OrderLine) else Part(item.kind.value)


def _shares(item: OrderLine | Surcharge, amounts: Mapping[Part, Money], units: int) -> Iterable[Share]:
    main, zero = _main_part(item), Money.zero(item.discount.currency)
    for part in Part:
        amount, quantity = amounts.get(part, zero), units if part is main else 0
        if amount or quantity:
            yield Share(line_id=item.line_id, part=part, amount=amount, quantity=quantity)


def _booked(ledger: Ledger, kind: EntryKind) -> dict[LineId, _Booked]:
    """Per line what the ledger has of goods, taxes, surcharges and their discounts; nothing of a line it does not know."""
    parts: dict[LineId, dict[Part, Money]] = defaultdict(dict)
    units: dict[LineId, int] = defaultdict(int)
    for share in (share for entry in ledger.entries if entry.kind is kind for share in entry.shares):
        if share.part in _OF_ITEMS:
            of_line = parts[share.line_id]
            of_line[share.part] = of_line.get(share.part, Money.zero(ledger.currency)) + share.amount
            units[share.line_id] += share.quantity
    booked = {line_id: _Booked(parts=amounts, units=units[line_id]) for line_id, amounts in parts.items()}
    return defaultdict(_Booked, booked)


# -- credits ---------------------------------------------------------------------------------------------------


def credit_shares(
    order: PlacedOrder,
    ledger: Ledger,
    returned: Mapping[LineId, int],
    *,
    freight: FreightReturn,
    fee_percent: Decimal,
) -> tuple[Share, ...]:
    """The shares of the credit for **this** return, which brings so many units back.

    Of every line what was charged for the units that are back by now, less what was credited before: all units back,
    all of its money back, in however many returns and in whatever order.

    Never more than the customer still has with us on the line, after disputes and goodwill; what a dispute took and gave
    back again is made up for when the line is named with 0 units. `fee_percent` of it is kept for goods. Of surcharges
    only freight goes back. InvariantBroken: more units come back than were charged.
    """
    charged, credited = _booked(ledger, EntryKind.CHARGE), _booked(ledger, EntryKind.CREDIT)
    still_ours = _still_ours(ledger)
    for line_id, units in returned.items():
        most = charged[line_id].units - credited[line_id].units
        if not 0 <= units <= most:
            raise InvariantBroken(f"line {line_id}: {units} units came back of {most} that are charged")
    shares: list[Share] = []
    back = {item: credited[item].units + returned.get(item, 0) for item in charged}
    for line in order.lines:
        if line.line_id in returned:
            taken, given = charged[line.line_id], credited[line.line_id]
            target = _of(line, taken, _Fraction(count=back[line.line_id], whole=taken.units))
            ours, units = still_ours[line.line_id], returned[line.line_id]
            of_line = tuple(_returned(line, target, given, ours, units))
            shares += [*of_line, *_fee(line, of_line, fee_percent)]
    part = _freight_back(order, charged, back, freight)
    for surcharge in order.surcharges:
        taken, given = charged[surcharge.line_id], credited[surcharge.line_id]
        if surcharge.kind is SurchargeKind.FREIGHT and (paid := taken.amount(order.currency)):
            amount = min(part.of(surcharge.total), paid)
            target = _of(surcharge, taken, _Fraction(count=amount.minor, whole=paid.minor))
            shares += _returned(surcharge, target, given, still_ours[surcharge.line_id], 0)
    return tuple(shares)


def amount_shares(ledger: Ledger, amount: Money, part: Part) -> tuple[Share, ...]:
    """An amount that is no line's own (a dispute, goodwill), spread over the lines by what is still ours of them.

    A dispute that is won is a charge of the same shares. InvariantBroken: more than the ledger's balance.
    """
    balances = {line_id: balance for line_id, balance in ledger.balances.items() if balance}
    if amount > ledger.balance:
        raise InvariantBroken(f"{amount} would go back, and only {ledger.balance} are ours")
    if not amount:
        return ()
    amounts = amount.split([balance.minor for balance in balances.values()])
    return tuple(
        Share(line_id=line_id, part=part, amount=share)
        for line_id, share in zip(balances, amounts, strict=True)
        if share
    )


def _freight_back(
    order: PlacedOrder, charged: Mapping[LineId, _Booked], back: Mapping[LineId, int], freight: FreightReturn
) -> _Fraction:
    """How much of the freight goes back by now: by the value of the goods that are back, or once all of them are."""
    goods = order.shippable or order.lines
    value = total((line.total for line in goods), order.currency).minor
    if freight is FreightReturn.PRO_RATA and value:
        parts = (
            (charged[line.line_id], back.get(line.line_id, 0)) for line in goods if line.line_id in charged
        )
        values = (
            _Fraction(count=n, whole=taken.units).of(taken.amount(order.currency)) for taken, n in parts
        )
        return _Fraction(count=total(values, order.currency).minor, whole=value)
    all_back = all(back.get(line.line_id, 0) == line.quantity for line in goods)
    return _Fraction(count=int(all_back and freight is not FreightReturn.NEVER), whole=1)


def _of(item: OrderLine | Surcharge, taken: _Booked, part: _Fraction) -> dict[Part, Money]:
    """That part of what was taken: its sum is exact, and the rounding of taxes and discounts falls on the goods."""
    currency, main = item.discount.currency, _main_part(item)
    amounts = {each: part.of(taken.of(each, currency)) for each in Part if each is not main}
    return {**amounts, main: part.of(taken.amount(currency)) - total(amounts.values(), currency)}


def _returned(
    item: OrderLine | Surcharge, target: Mapping[Part, Money], given: _Booked, most: Money, units: int
) -> Iterable[Share]:
    """The target, less what was given back before, and never more than `most`."""
    due = {part: amount - given.of(part, most.currency) for part, amount in target.items()}
    wanted = total(due.values(), most.currency)
    allowed = max(min(wanted, most), Money.zero(most.currency))
    if not allowed:
        return _shares(item, {}, units)
    due[_main_part(item)] += allowed - wanted
    return _shares(item, due, units)


def _fee(line: OrderLine, back: Iterable[Share], percent: Decimal) -> Iterable[Share]:
    goods = total((share.amount for share in back), line.discount.currency)
    fee = min(Money.rounded((goods.major * percent).scaleb(-2), goods.currency), goods)
    if fee:
        yield Share(line_id=line.line_id, part=Part.RESTOCKING_FEE, amount=-fee)


def _still_ours(ledger: Ledger) -> dict[LineId, Money]:
    """Per line what may still go back. A fee that was kept is not given back by another way."""
    ours = defaultdict(lambda: Money.zero(ledger.currency), ledger.balances)
    for share in (share for entry in ledger.entries for share in entry.shares):
        if share.part is Part.RESTOCKING_FEE:
            ours[share.line_id] += share.amount
    return ours
