"""Sales orders and invoices as an ERP holds them."""

from decimal import Decimal
from enum import StrEnum

from domain.base import Value
from domain.ids import CustomerRef, LineId, OrderId, PaymentRef, Sku
from domain.money import Money
from domain.orders import Address, PlacedOrder


class SalesOrder(Value):
    """The target: the ERP holds exactly this order, under our order id as its external reference.

    `revision` grows with everything that we write. `known` is the version that the ERP told last: what people edited
    since then is not overwritten. Without it the order is written whatever the ERP holds. `secured`: what is held or was
    received for it, where a gateway has to do with it.
    """

    order: PlacedOrder
    customer: CustomerRef
    revision: int = 1
    known: str = ""
    secured: Money | None = None


class Edited(Value):
    """Somebody edited the order since the version that we know; nothing was written. `version`: what it is now."""

    version: str


class ErpLine(Value):
    """One line as the ERP holds it. `line_id` is ours, or None where someone added the line in the ERP.

    `unit_price` in major units, after discounts, without taxes where the ERP keeps net prices.
    """

    erp_line: str
    line_id: LineId | None
    sku: Sku | None
    name: str = ""
    quantity: Decimal
    unit_price: Decimal
    total: Money


class ErpOrderState(StrEnum):
    ENTERED = "entered"
    CANCELLED = "cancelled"
    INVOICED = "invoiced"


class ErpOrder(Value):
    """The sales order as the ERP tells it now; `version` changes with every edit, ours or a person's.

    `shipping` is None where the ERP does not tell an address.
    """

    order_id: OrderId
    reference: str  # the ERP's own number
    state: ErpOrderState
    lines: tuple[ErpLine, ...]
    total: Money
    version: str = ""
    shipping: Address | None = None


class Invoice(Value):
    reference: str
    total: Money


class Changes(Value):
    """Orders that changed in a system since a cursor. An order may be named again; none may be left out.

    A gateway that does not know the order of a payment names the payment.
    """

    orders: tuple[OrderId, ...]
    payments: tuple[PaymentRef, ...] = ()
    cursor: str


class CreditApproved(Value):
    """So much is set aside for the order; it is paid by invoice."""


class CreditRefused(Value):
    """The order would go beyond the customer's credit limit; `used` counts what is open without it."""

    limit: Money
    used: Money
