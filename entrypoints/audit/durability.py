"""Promises 9 and 10: nothing that was accepted is lost, and nothing fails because a system is down."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

from entrypoints.audit.books import Books, ShopOrder
from entrypoints.audit.findings import Finding, NotChecked, Violation
from entrypoints.audit.orders import Order

ON_ITS_WAY = timedelta(seconds=30)  # so long an order may take from the shop's checkout to our inbox

_ENDED_BADLY = {
    "failed": "failed",
    "terminated": "was terminated",
    "timed_out": "timed out",
    "canceled": "was cancelled behind its own back",
}

# --- 9: nothing is lost


def placed_orders_reached_us(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    known = {row.order_id for row in (*books.first_rows, *books.rows)}
    known |= {item.order_id for item in books.inbox if item.order_id}
    for shop in books.shop:
        if shop.order_id not in known and not _is_on_its_way(books, shop):
            yield Violation("the shop took the order, and we have no trace of it", shop.order_id)


def _is_on_its_way(books: Books, shop: ShopOrder) -> bool:
    return bool(books.as_of and shop.placed_at and books.as_of - shop.placed_at < ON_ITS_WAY)


def accepted_orders_run(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    """Every order of the register runs, or waits in the inbox to be started, or is kept closed."""
    running = {workflow.order_id for workflow in books.workflows}
    waiting = {item.order_id for item in books.inbox if item.state == "waiting"}
    states = {row.order_id: row for row in books.rows}
    for accepted in books.first_rows:
        row = states.get(accepted.order_id)
        if row is None:
            yield Violation("it was accepted, and its row is gone", accepted.order_id)
        elif accepted.order_id not in running | waiting and row.document is None:
            told = f"it is {row.state}, without a workflow and without a closed record"
            yield Violation(told, accepted.order_id)


def ended_orders_are_kept(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    rows = {row.order_id: row for row in books.rows}
    for workflow in books.workflows:
        row = rows.get(workflow.order_id)
        if row is None:
            yield Violation("its workflow runs, and it was never registered", workflow.order_id)
        elif workflow.status == "completed" and row.document is None:
            yield Violation("its workflow ended, and no closed record was kept", workflow.order_id)
        if workflow.document is None and (row is None or row.document is None):
            yield NotChecked("at rest: the workflow did not tell its document", workflow.order_id)


def forwarded_documents_arrived(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    """No item of the inbox is called done that led nowhere. What waits or is parked is counted as open."""
    rows = {row.order_id for row in books.rows}
    for item in books.inbox:
        if item.kind == "document" and item.state == "forwarded" and item.order_id not in rows:
            yield Violation(f"inbox item {item.id} is forwarded to no order", item.order_id or "")


def mailed_once(books: Books, _orders: list[Order]) -> Iterator[Finding]:
    """Once per key; and to a customer, in whose mails' keys the order stands, no text of one order twice."""
    for key, count in Counter(mail.key for mail in books.mails).items():
        if count > 1:
            yield Violation(f"mail {key} was sent {count} times", _order_of(key))
    texts: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for mail in books.mails:
        order, found, _ = mail.key.partition("/mail/")
        if found:
            texts[order, mail.to, mail.subject, mail.plain].add(mail.key)
    for keys in map(sorted, texts.values()):
        if len(keys) > 1:
            yield Violation(f"one mail was sent as {' and '.join(keys)}", _order_of(keys[0]))


def _order_of(key: str) -> str:
    return key.partition("/")[0] if "~" not in key else ""


# --- 10: no order failed


def no_order_failed(order: Order) -> Iterator[Finding]:
    for workflow in order.workflows:
        if workflow.status in _ENDED_BADLY:
            yield Violation(f"its workflow {_ENDED_BADLY[workflow.status]}")
