"""Credit of customers who pay by invoice: open are the approved orders that are neither cancelled nor paid."""

from decimal import Decimal

from adapters.connector.protocol.common import Money
from adapters.connector.protocol.erp import ApproveCredit, CreditApproved, CreditRefused, ErpOrderState
from adapters.simulated import customers
from adapters.simulated.records import CreditEvent, CreditRecord, CustomerRecord, SalesOrderRecord
from adapters.simulated.sums import decimal, money, summed
from adapters.simulated.world import Refusal, World


def approve(world: World, told: ApproveCredit, key: str) -> CreditApproved | CreditRefused:
    customer = customers.kept(world, "erp", told.customer)
    if customer is None:
        raise Refusal("unknown_customer", "the ERP has no such customer", field="customer")
    _check(world, customer, told)
    record = world.state.load(CreditRecord, told.order_id) or CreditRecord(
        order_id=told.order_id, customer=told.customer
    )
    if record.paid or (record.customer == told.customer and record.set_aside == told.amount):
        return CreditApproved()
    used = _used(world, told.customer, told.order_id)
    if customer.limit and used + decimal(told.amount) > decimal(customer.limit):
        if record.refused != told.amount:
            record.refused = told.amount
            _save(world, record, "refused", told.amount, key)
        return CreditRefused(limit=customer.limit, used=money(used, customer.limit))
    record.customer, record.set_aside, record.refused = told.customer, told.amount, None
    _save(world, record, "approved", told.amount, key)
    return CreditApproved()


def free(world: World, order_id: str, key: str) -> None:
    """The order is cancelled: nothing is set aside for it any more."""
    record = world.state.load(CreditRecord, order_id)
    if record is None or (record.set_aside is None and record.refused is None):
        return
    freed = record.set_aside or _nothing(record)
    record.set_aside = record.refused = None
    _save(world, record, "freed", freed, key)
    tell_waiting(world, record.customer, "credit_freed")


def pay(world: World, order_id: str) -> Money:
    """The customer has paid the invoice of an order on account. Answers how much that was."""
    record = world.state.load(CreditRecord, order_id)
    sales = world.state.load(SalesOrderRecord, order_id)
    if record is None or record.set_aside is None:
        raise Refusal("not_on_account", "nothing of this order is on account", status=409)
    if sales is None or sales.invoice is None:
        raise Refusal("not_invoiced", "the order has no invoice yet", status=409)
    if not record.paid:
        record.paid = True
        _save(world, record, "paid", _owed(sales.invoice.total, sales), "")
        tell_waiting(world, record.customer, "credit_freed")
        _tell(world, order_id, "invoice_paid")
    return _owed(sales.invoice.total, sales)


def give_back(world: World, order_id: str) -> None:
    """A credit note was posted: so much less of an order on account is open."""
    record = world.state.load(CreditRecord, order_id)
    if record is not None and record.set_aside is not None and not record.paid:
        tell_waiting(world, record.customer, "credit_freed")


def tell_waiting(world: World, customer: str, event: str) -> None:
    """Orders that were refused for want of credit may ask again."""
    for record in world.state.credits_of(customer):
        if record.refused:
            _tell(world, record.order_id, event)


def tell_of_approval(world: World, customer: CustomerRecord) -> None:
    for order_id in customer.waiting:
        _tell(world, order_id, f"account_{customer.approval}")


def _check(world: World, customer: CustomerRecord, told: ApproveCredit) -> None:
    sales = world.state.load(SalesOrderRecord, told.order_id)
    if sales and sales.state is ErpOrderState.CANCELLED:
        raise Refusal("cancelled", "the order is cancelled")
    if decimal(told.amount) < 0:
        raise Refusal("invalid", "an amount is not negative", field="amount")
    if customer.limit and customer.limit.currency != told.amount.currency:
        raise Refusal("currency_differs", "the limit is in another currency", field="amount")


def _used(world: World, customer: str, without: str) -> Decimal:
    return sum(
        (_open(world, record) for record in world.state.credits_of(customer) if record.order_id != without),
        Decimal(0),
    )


def _open(world: World, record: CreditRecord) -> Decimal:
    """What was set aside; what is on the invoice, once there is one; nothing when it is paid."""
    if record.paid or record.set_aside is None:
        return Decimal(0)
    sales = world.state.load(SalesOrderRecord, record.order_id)
    if sales is None:
        return decimal(record.set_aside)
    worth = sales.invoice.total if sales.invoice else record.set_aside
    return decimal(worth) - summed(given.note.amount for given in sales.credit_notes)


def _owed(invoiced: Money, sales: SalesOrderRecord) -> Money:
    """What is left of an invoice after its credit notes."""
    return money(decimal(invoiced) - summed(given.note.amount for given in sales.credit_notes), invoiced)


def _nothing(record: CreditRecord) -> Money:
    last = record.history[-1].amount
    return money(Decimal(0), last)


def _save(world: World, record: CreditRecord, outcome: str, amount: Money, key: str) -> None:
    record.history.append(CreditEvent(outcome=outcome, amount=amount, key=key, mark=world.state.mark()))
    world.state.save(record, record.order_id)


def _tell(world: World, order_id: str, event: str) -> None:
    world.state.changed("erp", order_id)
    world.hint("erp", event, order_id)
