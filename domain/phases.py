"""Where an order is. Changes pass one gate: what is not listed is illegal."""

from enum import StrEnum

from domain.errors import InvariantBroken


class Phase(StrEnum):
    RECEIVED = "received"
    CUSTOMER_CHECK = "customer_check"
    AWAITING_PAYMENT = "awaiting_payment"
    ENTERING_ERP = "entering_erp"
    RESERVING = "reserving"
    FULFILLING = "fulfilling"
    SETTLING = "settling"
    AFTER_SALES = "after_sales"
    COMPLETED = "completed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


_LEGAL: dict[Phase, frozenset[Phase]] = {
    Phase.RECEIVED: frozenset({Phase.CUSTOMER_CHECK, Phase.CANCELLING}),
    Phase.CUSTOMER_CHECK: frozenset({Phase.AWAITING_PAYMENT, Phase.CANCELLING}),
    Phase.AWAITING_PAYMENT: frozenset({Phase.ENTERING_ERP, Phase.CANCELLING}),
    Phase.ENTERING_ERP: frozenset({Phase.RESERVING, Phase.CANCELLING}),
    Phase.RESERVING: frozenset({Phase.FULFILLING, Phase.CANCELLING}),
    Phase.FULFILLING: frozenset({Phase.SETTLING, Phase.CANCELLING}),
    Phase.SETTLING: frozenset({Phase.AFTER_SALES}),
    Phase.AFTER_SALES: frozenset({Phase.COMPLETED}),
    Phase.COMPLETED: frozenset(),
    Phase.CANCELLING: frozenset({Phase.CANCELLED}),
    Phase.CANCELLED: frozenset(),
}


def advance(current: Phase, wanted: Phase) -> Phase:
    """The wanted phase, or InvariantBroken when no order may go there from here."""
    if wanted not in _LEGAL[current]:
        raise InvariantBroken(f"an order cannot go from {current} to {wanted}")
    return wanted
