"""Settling: everybody's books must say the same, line by line."""

from domain.erp import ErpOrder
from domain.ids import LineId
from domain.ledger import Ledger
from domain.money import Money
from domain.orders import OrderLine, PlacedOrder
from domain.storefront import StorefrontOrder


def disagreements(
    order: PlacedOrder,
    ledger: Ledger,
    *,
    taken: Money,
    held: Money,
    erp: ErpOrder | None,
    shop: StorefrontOrder | None,
) -> list[str]:
    """Every way in which gateway, ERP or storefront disagree with the order, in words; empty when all agree.

    An ERP that computes taxes by itself may hold a line one minor unit apart and make up for it in a line of its own.
    """
    found: list[str] = []
    if taken != ledger.balance:
        found.append(f"the gateway took {taken}, the ledger says {ledger.balance}")
    if held:
        found.append(f"{held} are still held")
    if erp is None:
        found.append("the ERP has no such order")
    else:
        lines = {line.line_id: (int(line.quantity), line.total) for line in erp.lines if line.line_id}
        found += _of(order, "the ERP", erp.total, lines, rounding=1)
    if shop is None:
        found.append("the storefront has no such order")
    else:
        lines = {line.line_id: (line.quantity, line.total) for line in shop.lines}
        found += _of(order, "the storefront", shop.total, lines, rounding=0)
    return found


def _of(
    order: PlacedOrder, whose: str, whole: Money, held: dict[LineId, tuple[int, Money]], *, rounding: int
) -> list[str]:
    """`rounding`: how many minor units a line may be apart where the whole agrees."""
    found = []
    if whole != order.total:
        found, rounding = [f"{whose}'s total is {whole}, the order's {order.total}"], 0
    for item in order.priced:
        quantity, amount = held.get(item.line_id, (0, Money.zero(order.currency)))
        if isinstance(item, OrderLine) and quantity != item.quantity:
            found.append(f"line {item.line_id}: {whose} has {quantity} units, the order {item.quantity}")
        if abs((amount - item.total).minor) > rounding:
            found.append(f"line {item.line_id}: {whose} says {amount}, the order {item.total}")
    made_up = rounding * sum(1 + len(item.taxes) for item in order.priced)
    strangers = {
        line_id for line_id, (_, amount) in held.items() if abs(amount.minor) > made_up or not rounding
    }
    strangers -= {item.line_id for item in order.priced}
    found += [f"line {line_id}: only {whose} has it" for line_id in sorted(strangers)]
    return found
