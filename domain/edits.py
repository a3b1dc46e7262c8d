"""What people changed in ERP or shop, as changes of the order: by content, line by line, in that system's own figures."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from domain.amendments import AddLine, AsHeld, CancelRest, Change, SetAddress, SetDiscount, SetShipping
from domain.differences import differences
from domain.erp import ErpLine, ErpOrder
from domain.errors import Refused
from domain.ids import LineId, System
from domain.money import Money
from domain.orders import OrderLine, PlacedOrder
from domain.policies import Owned
from domain.storefront import StorefrontLine, StorefrontOrder

_EVERY_LINE = "*"


def edits_in_erp(order: PlacedOrder, known: ErpOrder | None, now: ErpOrder) -> tuple[Change, ...]:
    """What is held otherwise than we last knew it, or than the order is, where we never knew it.

    Refused: a person changed something that no order of ours can be.
    """
    ours = {item.line_id for item in order.priced}
    held = {_name(line): line for line in now.lines}
    if known is not None:
        changed = dict.fromkeys(change.line for change in differences(now, known, known).edits)
    elif _as_entered(order, now):
        changed = {}
    else:
        before = {str(line_id): cell for line_id, cell in _cells_of(order).items()}
        after = {name: (int(line.quantity), line.total) for name, line in held.items()}
        changed = dict.fromkeys(name for name in [*before, *after] if before.get(name) != after.get(name))
    found: list[Change] = [
        _as_held_in_erp(LineId(name.replace("erp:", "erp-", 1)), held.get(name), order)
        for name in changed
        if name in ours or name.startswith("erp:")
    ]
    if now.shipping is not None and now.shipping != ((known and known.shipping) or order.shipping):
        found.append(SetAddress(shipping=now.shipping))
    return tuple(found)


def edits_in_shop(
    order: PlacedOrder, known: StorefrontOrder | None, now: StorefrontOrder
) -> tuple[Change, ...]:
    """What is shown otherwise than the order is, or than the shop showed it when we knew it last."""
    before = _cells(known.lines) if known else _cells_of(order)
    shown = {line.line_id: line for line in now.lines}
    after = _cells(now.lines)
    found: list[Change] = [
        _as_shown(line_id, shown.get(line_id), order)
        for line_id in dict.fromkeys([*before, *after])
        if before.get(line_id) != after.get(line_id)
    ]
    address = known.shipping if known else order.shipping
    if now.shipping is not None and now.shipping != address:
        found.append(SetAddress(shipping=now.shipping))
    return tuple(found)


def in_conflict(ours: Iterable[Change], theirs: Iterable[Change]) -> tuple[Change, ...]:
    """Those of `theirs` that change what one of `ours` changes, too."""
    touched = {_cell(change) for change in ours}
    return tuple(change for change in theirs if _cell(change) in touched or _EVERY_LINE in touched)


def owner_of(
    change: Change, ours: Iterable[Change], order: PlacedOrder, ownership: Mapping[Owned, System]
) -> System:
    """Whose edit holds, where two systems were edited at once, and `ours` is what was edited in the other one.

    It is a matter of prices where both leave the line's units as they are.
    """
    if isinstance(change, SetAddress):
        owned = Owned.ADDRESSES
    elif all(_prices_alone(one, order) for one in (change, *in_conflict([change], ours))):
        owned = Owned.PRICES
    else:
        owned = Owned.ORDERS
    return ownership.get(owned, System.ERP)


def _prices_alone(change: Change, order: PlacedOrder) -> bool:
    """Whether its units are those that were ordered."""
    ordered = _cells_of(order)
    return (
        isinstance(change, AsHeld)
        and change.line_id in ordered
        and ordered[change.line_id][0] == change.quantity
    )


def _cell(change: Change) -> str:
    """What a change touches: a line, the address, the freight; a new line is nobody else's."""
    match change:
        case SetAddress():
            return "address"
        case AddLine():
            return "new line"
        case SetShipping():
            return "freight"
        case CancelRest() | SetDiscount(line_id=None):
            return _EVERY_LINE
        case _:
            return str(change.line_id)


def _name(line: ErpLine) -> str:
    """A line that bears an id and is none of the order's is one that the ERP needs beside them, for cents of rounding."""
    return str(line.line_id) if line.line_id is not None else f"erp:{line.erp_line}"


def _as_entered(order: PlacedOrder, now: ErpOrder) -> bool:
    """An ERP that keeps net prices may miss our lines by what it rounds them by; their total it does not miss."""
    cells = _cells_of(order)
    held = {line.line_id: line for line in now.lines if line.line_id in cells}
    strangers = [line for line in now.lines if line.line_id is None]
    return (
        now.total == order.total
        and not strangers
        and held.keys() == cells.keys()
        and all(
            held[item.line_id].quantity == cells[item.line_id][0]
            and abs((held[item.line_id].total - item.total).minor) <= 1 + len(item.taxes)
            for item in order.priced
        )
    )


def _as_held_in_erp(line_id: LineId, held: ErpLine | None, order: PlacedOrder) -> AsHeld:
    zero = Money.zero(order.currency)
    if held is None:
        return AsHeld(line_id=line_id, quantity=0, total=zero)
    known = next((line for line in order.lines if line.line_id == line_id), None)
    if known is not None and held.sku != known.sku:
        raise Refused(f"line {line_id} became another article in the ERP: remove it there, and add the other")
    net = Money.rounded(held.unit_price * held.quantity, order.currency)
    return AsHeld(
        line_id=line_id,
        sku=held.sku,
        name=held.name,
        quantity=_whole(line_id, held.quantity),
        total=held.total,
        net=None if known is not None and known.taxes else net,
    )


def _as_shown(line_id: LineId, shown: StorefrontLine | None, order: PlacedOrder) -> AsHeld:
    if shown is None:
        return AsHeld(line_id=line_id, quantity=0, total=Money.zero(order.currency))
    net = None
    if all(item.line_id != line_id for item in order.priced):
        like = max(order.lines, key=lambda line: line.total.minor)  # the shop does not tell its taxes
        rate = sum((tax.rate for tax in like.taxes), Decimal(0))
        millionths = int(rate * 10**6)
        net = shown.total - shown.total.times(millionths, 10**6 + millionths)
    return AsHeld(
        line_id=line_id, sku=shown.sku, name=shown.name, quantity=shown.quantity, total=shown.total, net=net
    )


def _whole(line_id: LineId, quantity: Decimal) -> int:
    if quantity != int(quantity) or quantity < 0:
        raise Refused(f"line {line_id}: the ERP has {quantity:f} units, and an order counts whole ones")
    return int(quantity)


def _cells(lines: Iterable[StorefrontLine]) -> dict[LineId, tuple[int, Money]]:
    return {line.line_id: (line.quantity, line.total) for line in lines}


def _cells_of(order: PlacedOrder) -> dict[LineId, tuple[int, Money]]:
    return dict(_of_order(order))


def _of_order(order: PlacedOrder) -> Iterator[tuple[LineId, tuple[int, Money]]]:
    for item in order.priced:
        yield item.line_id, (item.quantity if isinstance(item, OrderLine) else 1, item.total)
