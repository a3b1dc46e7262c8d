"""Credit by Tryton's own limits (module `account_credit_limit`), with what was approved and is not in its books yet.

What is used of a limit Tryton tells itself, as `credit_amount`: the party's receivable and, with `sale_credit_limit`, its
confirmed sales without their taxes. Until an order is that far, a notice at the party sets its credit aside.

Our own orders are asked about one at a time, so together they never get more than the limit. What people sell to the same
customer in Tryton meanwhile is seen at the next question only; with `sale_credit_limit`, and a REST user outside of its
group, Tryton itself then refuses to confirm the sale that goes beyond.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.tryton.board import Board, Notice
from adapters.tryton.client import TrytonClient
from adapters.tryton.customers import PARTY
from adapters.tryton.sale_records import SALE
from domain.erp import CreditApproved, CreditRefused
from domain.errors import Refused
from domain.ids import OrderId
from domain.money import Money, total

_LIMIT = "credit_limit_amount"
_SAYS = "credit set aside for "
_SET_ASIDE = re.compile(rf"{_SAYS}(order:\S+): (\S+) ([A-Z]{{3}})")
_POSTED = ("posted", "paid")
_CONFIRMED = ("confirmed", "processing", "done")


@dataclass(frozen=True)
class SetAside:
    notice: Notice
    order: OrderId
    amount: Money


@dataclass(frozen=True)
class Account:
    limit: Money
    used: Money


async def account_of(tryton: TrytonClient, party: int) -> Account | None:
    """None: Tryton keeps no limit for this party, or none for anybody."""
    limits = [["model", "=", PARTY], ["name", "=", _LIMIT]]
    if not await tryton.search("ir.model.field", limits, ["id"], limit=1):
        return None
    fields = [_LIMIT, "credit_amount", "currency.code"]
    found = await tryton.search(PARTY, [["id", "=", party]], fields)
    if not found:
        raise Refused(f"Tryton has no active party {party}")
    (record,) = found
    if record[_LIMIT] is None:
        return None
    currency = record["currency"]["code"]
    return Account(
        limit=Money.parse(record[_LIMIT], currency), used=Money.parse(record["credit_amount"], currency)
    )


async def approve(
    tryton: TrytonClient, board: Board, order: OrderId, party: int, amount: Money
) -> CreditApproved | CreditRefused:
    """For one that is alone with the party. Refused: an amount in another currency than the limit's, or a cancelled order.

    An order that stands in the books already has its credit there: Tryton has let it through.
    """
    account = await account_of(tryton, party)
    if account is None:
        return CreditApproved()
    if account.limit.currency != amount.currency:
        raise Refused(f"the credit limit is in {account.limit.currency}, {order} in {amount.currency}")
    known = _set_aside(await board.on(party, _SAYS))
    booked = await _booked(tryton, order, [one.order for one in known])
    if order in booked:
        return CreditApproved()
    mine = [one for one in known if one.order == order]
    others = [one for one in known if one.order != order and one.order not in booked]
    used = account.used + total((one.amount for one in others), amount.currency)
    if amount and used + amount > account.limit:
        return CreditRefused(limit=account.limit, used=used)
    if not any(one.amount == amount for one in mine):
        await board.pin(f"{_SAYS}{order}: {amount.major:f} {amount.currency}", party)
    for superfluous in known:
        if superfluous.order in booked or (superfluous in mine and superfluous.amount != amount):
            await board.take_down(superfluous.notice)
    return CreditApproved()


async def free(board: Board, order: OrderId) -> None:
    """The order is cancelled: nothing is set aside for it."""
    for notice in await board.anywhere(f"{_SAYS}{order}: "):
        await board.take_down(notice)


def _set_aside(notices: Sequence[Notice]) -> list[SetAside]:
    read = [(notice, _SET_ASIDE.fullmatch(notice.says)) for notice in notices]
    return [
        SetAside(notice=notice, order=OrderId(said[1]), amount=Money.parse(said[2], said[3]))
        for notice, said in read
        if said
    ]


async def _booked(tryton: TrytonClient, order: OrderId, others: Sequence[OrderId]) -> set[OrderId]:
    """The orders that `credit_amount` counts already, or never will. Refused when the order itself is cancelled."""
    by_sale = [["name", "=", "sale_credit_limit"], ["state", "=", "activated"]]
    counted = _CONFIRMED if await tryton.search("ir.module", by_sale, ["id"], limit=1) else ()
    references = [["reference", "in", [order, *others]]]
    sales = await tryton.search(SALE, references, ["reference", "state", "invoices.state"])
    if any(sale["state"] == "cancelled" and sale["reference"] == order for sale in sales):
        raise Refused(f"{order} is cancelled in Tryton")
    return {
        OrderId(sale["reference"])
        for sale in sales
        if sale["state"] in ("cancelled", *counted)
        or any(invoice["state"] in _POSTED for invoice in sale["invoices"])
    }
