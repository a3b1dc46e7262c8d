"""Orders whose goods leave and return: every split, some lines that do not ship, books that grow by one entry each."""

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

from domain.ids import LineId
from domain.keys import Key
from domain.ledger import Cause, Entry, EntryKind, Ledger, Share, shares_of
from domain.money import total
from domain.orders import PlacedOrder
from tests.domain.placed import orders

Units = Mapping[LineId, int]


@st.composite
def goods_orders(draw: st.DrawFn) -> PlacedOrder:
    """Orders in which some lines, or all, are nothing that ships."""
    placed = draw(orders())
    stay = draw(st.sets(st.integers(0, len(placed.lines) - 1)) if draw(st.booleans()) else st.just(set()))
    lines = tuple(line.model_copy(update={"ships": n not in stay}) for n, line in enumerate(placed.lines))
    return placed.model_copy(update={"lines": lines})


@st.composite
def splits(draw: st.DrawFn, wanted: Units, *, whole: bool = True) -> list[Units]:
    """The units per line in steps, cumulated: the last step has all of them unless `whole` is False."""
    steps: list[Units] = []
    so_far = dict.fromkeys(wanted, 0)
    for _ in range(draw(st.integers(0, 4))):
        so_far = {line_id: draw(st.integers(so_far[line_id], most)) for line_id, most in wanted.items()}
        steps.append(so_far)
    return [*steps, dict(wanted)] if whole else steps


def ordered(placed: PlacedOrder) -> dict[LineId, int]:
    return {line.line_id: line.quantity for line in placed.shippable}


def books(placed: PlacedOrder) -> Ledger:
    return Ledger(currency=placed.currency, order_total=placed.total)


def entered(
    ledger: Ledger, shares: Iterable[Share], kind: EntryKind = EntryKind.CHARGE, cause: Cause = Cause.SHIPMENT
) -> Ledger:
    """The ledger with one entry more, under a key of its own."""
    known = tuple(shares)
    entry = Entry(
        key=Key(f"e{len(ledger.entries)}"),
        kind=kind,
        cause=cause,
        amount=total((share.amount for share in known), ledger.currency),
        shares=known,
    )
    return ledger.with_entry(entry)


def units_of(shares: Sequence[Share]) -> dict[LineId, int]:
    return {share.line_id: share.quantity for share in shares if share.quantity}


def whole_order_shares(order: PlacedOrder) -> tuple[Share, ...]:
    """The shares of a charge for everything in the order: they sum to its total to the minor unit."""
    return tuple(share for item in order.priced for share in shares_of(item))
