"""Orders that people change in the ERP's or the shop's own screens: lines, prices, discounts, freight, the address.

Both compute by the same rules: a line's discounts shrink and grow with its quantity, its taxes follow by its own rates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import Address, LineId, Money, OrderId, Sku, Text, Units
from adapters.connector.protocol.orders import SalesLine, SalesSurcharge, Tax
from adapters.simulated.records import ByHand, PriceRecord
from adapters.simulated.sums import decimal, money, rounded, summed
from adapters.simulated.world import Asked, Refusal, World

Amount = Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$")]


class SetLine(Asked):
    """None: as it is. `discount` is what is off the whole line, in place of what was."""

    line_id: LineId
    quantity: Units | None = None
    unit_price: Amount | None = None
    discount: Amount | None = None


class NewLine(Asked):
    """`unit_price` with taxes in it where the order's prices have them; None: as the ERP prices the article."""

    sku: Sku
    quantity: Units
    unit_price: Amount | None = None


class EditOrder(Asked):
    """A person's edit, all of it or nothing. `remove` names lines or surcharges; `freight` is its price."""

    order_id: OrderId
    actor: Text
    set: tuple[SetLine, ...] = ()
    add: tuple[NewLine, ...] = ()
    remove: tuple[LineId, ...] = ()
    shipping: Address | None = None
    freight: Amount | None = None


class CancelByHand(Asked):
    order_id: OrderId
    actor: Text


@dataclass(frozen=True)
class Sold:
    """The lines and surcharges of an order, and what they come to."""

    lines: tuple[SalesLine, ...]
    surcharges: tuple[SalesSurcharge, ...]

    @property
    def total(self) -> Money:
        return money(summed(item.total for item in self.items), self.lines[0].total)

    @property
    def items(self) -> tuple[SalesLine | SalesSurcharge, ...]:
        return (*self.lines, *self.surcharges)


def edited_since(by_hand: Sequence[ByHand], known: str) -> bool:
    """Whether people edited it since that version; our own writes since then are none of theirs."""
    if not known:
        return False
    return not known.isdecimal() or any(one.version > int(known) for one in by_hand)


def applied(
    world: World, sold: Sold, edit: EditOrder, shipped: Mapping[str, int], new_id: Callable[[], str]
) -> Sold:
    """What is sold after the edit. Refusal: a line that is not there, fewer units than shipped, nothing left."""
    _known(sold, edit)
    changes = {change.line_id: change for change in edit.set}
    lines = [_changed(line, changes.get(line.line_id)) for line in sold.lines]
    kept = [line for line in lines if line.line_id not in edit.remove]
    kept += [_added(world, sold, new, new_id()) for new in edit.add]
    surcharges = [extra for extra in sold.surcharges if extra.line_id not in edit.remove]
    if edit.freight is not None:
        surcharges = _with_freight(sold, surcharges, Decimal(edit.freight), new_id)
    left = {line.line_id: line.quantity for line in kept}
    for line_id, units in shipped.items():
        if units > left.get(line_id, 0):
            raise Refusal("below_shipped", f"{units} units of line {line_id} have shipped", status=409)
    if not kept:
        raise Refusal("nothing_left", "an order has lines: cancel it", status=409)
    return Sold(tuple(kept), tuple(surcharges))


def _known(sold: Sold, edit: EditOrder) -> None:
    lines = {line.line_id for line in sold.lines}
    surcharges = {extra.line_id for extra in sold.surcharges}
    if {change.line_id for change in edit.set} - lines or set(edit.remove) - lines - surcharges:
        raise Refusal("unknown_line", "the order has no such line", status=404)


def _changed(line: SalesLine, change: SetLine | None) -> SalesLine:
    if change is None:
        return line
    quantity, price = change.quantity or line.quantity, change.unit_price or line.unit_price
    part = Decimal(quantity) / line.quantity
    discount, order_discount = decimal(line.discount) * part, decimal(line.order_discount) * part
    if change.discount is not None:
        discount, order_discount = Decimal(change.discount), Decimal(0)
    return _line(line, quantity, price, discount, order_discount)


def _added(world: World, sold: Sold, new: NewLine, line_id: str) -> SalesLine:
    """Priced and taxed by the price list; what is not on it is taxed as the first line is."""
    first = sold.lines[0]
    listed = world.state.load(PriceRecord, f"{first.total.currency}/{new.sku}")
    taxes = first.taxes
    if listed is not None:
        taxes = tuple(Tax(name="tax", rate=rate, amount=first.discount) for rate in listed.tax_rates)
    price = new.unit_price
    if price is None:
        if listed is None:
            raise Refusal("no_price", f"there is no price of {new.sku}", status=409)
        price = listed.priced(taxes_included=first.taxes_included)
    like = first.model_copy(
        update={
            "line_id": line_id,
            "sku": new.sku,
            "name": listed.name if listed else new.sku,
            "taxes": taxes,
            "ships": True,
        }
    )
    return _line(like, new.quantity, price, Decimal(0), Decimal(0))


def _line(
    like: SalesLine, quantity: int, price: str, discount: Decimal, order_discount: Decimal
) -> SalesLine:
    off = rounded(discount, like.total), rounded(order_discount, like.total)
    value = rounded(Decimal(price) * quantity, like.total) - sum(off)
    if value < 0:
        raise Refusal("discount_too_large", "more is off than the line is worth", status=409)
    taxes, total = _taxed(like, value)
    return like.model_copy(
        update={
            "quantity": quantity,
            "unit_price": price,
            "discount": money(off[0], like.total),
            "order_discount": money(off[1], like.total),
            "taxes": taxes,
            "total": total,
        }
    )


def _with_freight(
    sold: Sold, surcharges: list[SalesSurcharge], amount: Decimal, new_id: Callable[[], str]
) -> list[SalesSurcharge]:
    first = sold.lines[0]
    none = money(Decimal(0), first.total)
    freight = next((extra for extra in surcharges if extra.kind == "freight"), None) or SalesSurcharge(
        line_id=new_id(),
        kind="freight",
        name="Freight",
        amount=none,
        discount=none,
        order_discount=none,
        taxes=first.taxes,
        taxes_included=first.taxes_included,
        total=none,
    )
    taxes, total = _taxed(freight, rounded(amount, first.total))
    changed = freight.model_copy(
        update={
            "amount": money(amount, first.total),
            "discount": none,
            "order_discount": none,
            "taxes": taxes,
            "total": total,
        }
    )
    return [*(extra for extra in surcharges if extra is not freight), changed]


def _taxed(item: SalesLine | SalesSurcharge, value: Decimal) -> tuple[tuple[Tax, ...], Money]:
    """The taxes of so much, each by its own rate, and what the customer pays then."""
    rates = [Decimal(tax.rate) for tax in item.taxes]
    net = value / (1 + sum(rates)) if item.taxes_included else value
    taxes = tuple(
        tax.model_copy(update={"amount": money(net * rate, item.total)})
        for tax, rate in zip(item.taxes, rates, strict=True)
    )
    on_top = Decimal(0) if item.taxes_included else summed(tax.amount for tax in taxes)
    return taxes, money(value + on_top, item.total)
