"""Settling: everybody's books must say the same, line by line."""

from domain.erp import ErpOrder
from domain.ids import LineId
from domain.ledger import Ledger
from domain.money import Money
from domain.orders import PlacedOrder
from domain.payments import Payment
from domain.storefront import StorefrontOrder


def differences(
    order: PlacedOrder,
    ledger: Ledger,
    *,
    payment: Payment | None,
    erp: ErpOrder | None,
    shop: StorefrontOrder | None,
) -> list[str]:
    """Every way in which gateway, ERP or storefront disagree with the order, in words; empty when all agree."""
    found: list[str] = []
    taken = payment.captured - payment.refunded if payment else Money.zero(order.currency)
    if taken != ledger.balance:
        found.append(f"the gateway took {taken}, the ledger says {ledger.balance}")
    if payment and payment.held:
        found.append(f"{payment.held} are still held")
    if erp is None:
        found.append("the ERP has no such order")
    elif erp.total != order.total:
        found.append(f"the ERP's total is {erp.total}, the order's {order.total}")
        found += _by_line(order, "the ERP", {line.line_id: line.total for line in erp.lines if line.line_id})
    if shop is None:
        found.append("the storefront has no such order")
    elif shop.total != order.total:
        found.append(f"the storefront's total is {shop.total}, the order's {order.total}")
        found += _by_line(order, "the storefront", {line.line_id: line.total for line in shop.lines})
    return found


def _by_line(order: PlacedOrder, whose: str, totals: dict[LineId, Money]) -> list[str]:
    ours = {item.line_id: item.total for item in order.priced}
    return [
        f"line {line_id}: {whose} says {totals.get(line_id, 'nothing')}, the order {ours.get(line_id, 'nothing')}"
        for line_id in sorted(ours.keys() | totals.keys())
        if ours.get(line_id) != totals.get(line_id)
    ]
