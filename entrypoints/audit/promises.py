"""The ten promises of OrderSaga, and what is looked at to say whether each is kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from entrypoints.audit import agreement, durability, goods, money, returns
from entrypoints.audit.books import Books
from entrypoints.audit.findings import BooksCheck, Finding, NotChecked, OrderCheck
from entrypoints.audit.orders import Order


@dataclass(frozen=True)
class Promise:
    """`always` holds at every moment; `at_rest` of orders with nothing in flight; `overall` is about all books at once.

    `by_document`: it is held against the storefront's document, and not checked where that cannot be added up.
    """

    number: int
    words: str
    always: tuple[OrderCheck, ...] = ()
    at_rest: tuple[OrderCheck, ...] = ()
    overall: tuple[BooksCheck, ...] = ()
    by_document: bool = False

    def findings(self, books: Books, orders: list[Order]) -> Iterator[Finding]:
        for order in orders:
            if self.by_document and order.worth is None:
                yield NotChecked(order.not_summed, order.order_id)
            for check in (*self.always, *(self.at_rest if order.at_rest else ())):
                yield from _about(order, check(order))
        for look in self.overall:
            yield from look(books, orders)

    def checked(self, orders: Iterable[Order]) -> int:
        """Of how many orders something was looked at."""
        return sum(1 for order in orders if self.always or self.overall or order.at_rest)


def _about(order: Order, findings: Iterable[Finding]) -> Iterator[Finding]:
    return (replace(finding, order=order.order_id) for finding in findings)


PROMISES = (
    Promise(
        1,
        "Nothing is charged twice, and a card only for goods that shipped",
        always=(
            money.captured_once,
            money.captured_after_shipping,
            money.nothing_taken_on_account,
            money.links_ask_for_what_is_owed,
        ),
        at_rest=(money.captured_for_a_reason, money.refunded_what_never_ships, money.given_back_once),
        by_document=True,
    ),
    Promise(
        2,
        "The ledger tells every charge and credit, and agrees with the gateway",
        always=(money.within_the_hold, money.ledger_adds_up, money.ledger_is_bounded),
        at_rest=(
            money.ledger_is_the_gateway,
            money.movements_are_recorded,
            returns.returned_goods_are_credited,
            returns.lost_goods_were_lost,
            returns.goodwill_is_money_alone,
            returns.credits_are_worth_what_came_back,
        ),
    ),
    Promise(
        3,
        "What was captured for a shipped order is its total, to the cent",
        always=(money.nothing_captures_nothing,),
        at_rest=(money.captures_are_the_total, money.charged_what_left),
        by_document=True,
    ),
    Promise(4, "No hold is left behind", at_rest=(money.no_hold_left, money.nothing_waited_for)),
    Promise(
        5,
        "Stock is reserved once, never beyond what is on hand, and set free at the end",
        always=(
            goods.reserved_once,
            goods.shipped_at_most_what_was_ordered,
            returns.returned_at_most_what_left,
            returns.restocked_once,
        ),
        at_rest=(goods.nothing_left_reserved, goods.shipped_what_was_ordered),
        overall=(goods.shelves_hold_what_is_reserved,),
        by_document=True,
    ),
    Promise(
        6,
        "A cancelled order does not ship, and nothing of it is kept",
        at_rest=(goods.cancelled_does_not_ship, goods.parcels_are_shipments),
    ),
    Promise(
        7,
        "Storefront, ERP and OrderSaga hold the same lines, quantities and totals",
        always=(agreement.document_adds_up,),
        at_rest=(
            agreement.storefront_agrees,
            agreement.erp_agrees,
            agreement.erp_cancelled_too,
            agreement.ordersaga_agrees,
            agreement.changes_hold,
            agreement.goes_to_one_address,
            agreement.money_is_booked,
            agreement.invoice_is_the_total,
            returns.credits_are_told,
        ),
        by_document=True,
    ),
    Promise(
        8,
        "One order is one workflow, one sale, one set of shipments; one customer is one record",
        always=(agreement.one_workflow, agreement.one_sale, agreement.one_set_of_shipments),
        at_rest=(agreement.sold_once,),
        overall=(agreement.one_customer, agreement.customers_are_known),
        by_document=True,
    ),
    Promise(
        9,
        "What was accepted is never lost, and nobody is written to twice",
        overall=(
            durability.placed_orders_reached_us,
            durability.accepted_orders_run,
            durability.ended_orders_are_kept,
            durability.forwarded_documents_arrived,
            durability.mailed_once,
        ),
    ),
    Promise(10, "No order fails because a system is down", always=(durability.no_order_failed,)),
)
