"""What a command may move, in money: that is what a limit is compared with."""

from collections.abc import Awaitable, Callable, Mapping

from domain.amendments import AddLine, Amendment, Change, Changes, Quote
from domain.document import OrderDocument
from domain.ids import LineId
from domain.money import Money, total
from domain.orders import PlacedOrder
from domain.returns import ReturnAsked
from entrypoints.api.desk import Wanted
from entrypoints.api.problems import wrong_field
from entrypoints.api.roles import May

# What moves money, or lets it move. A hold only stops it: whoever may hold may hold any order.
MOVES_MONEY = frozenset({May.AMEND, May.CANCEL, May.RELEASE, May.RETURN})

AskQuote = Callable[[Changes], Awaitable[Quote]]


async def worth_of(wanted: Wanted, document: OrderDocument, quote: AskQuote) -> Money:
    """Of a return the value of its units, of an amendment how far it takes the total, else the whole order.

    ApiProblem 422 names units that the order does not have.
    """
    match wanted.asked:
        case ReturnAsked(units=units):
            return _of_units(units, document.order)
        case Amendment(changes=changes):
            return await _of_changes(changes, document.order, quote)
    return document.order.total


async def _of_changes(changes: tuple[Change, ...], order: PlacedOrder, quote: AskQuote) -> Money:
    """What is added at the ERP's own price is nobody's decision here, and its price is not known yet."""
    decided = tuple(_untaxed(change) for change in changes if not _is_priced_by_erp(change))
    quoted = await quote(Changes(changes=decided)) if decided else None
    if quoted is None or quoted.total_after is None:
        return Money.zero(order.currency)
    return max(quoted.total_after - order.total, order.total - quoted.total_after)


def _is_priced_by_erp(change: Change) -> bool:
    return isinstance(change, AddLine) and change.unit_price is None


def _untaxed(change: Change) -> Change:
    if isinstance(change, AddLine) and change.tax_rates is None:
        return change.model_copy(update={"tax_rates": ()})
    return change


def _of_units(units: Mapping[LineId, int], order: PlacedOrder) -> Money:
    return total((_share(order, line, count) for line, count in units.items()), order.currency)


def _share(order: PlacedOrder, line_id: LineId, units: int) -> Money:
    try:
        line = order.line(line_id)
    except KeyError:
        raise wrong_field(f"units.{line_id}", "the order has no such line") from None
    if units > line.quantity:
        raise wrong_field(f"units.{line_id}", f"{units} asked for, {line.quantity} were ordered")
    return line.total.split([units, line.quantity - units])[0]
