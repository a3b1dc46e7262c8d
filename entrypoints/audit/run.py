"""The audit: read everybody's books, then look at every promise.

The order of reading matters while orders move. Whoever is told first must be read last: our register before the
workflows it starts, the gateway before the warehouse that it follows, the rows of money movements at the very end.
"""

import asyncio
from collections import Counter

from entrypoints.audit import from_database, from_simulator, from_stripe, from_temporal, from_tryton
from entrypoints.audit.books import Books
from entrypoints.audit.findings import NotChecked, Violation
from entrypoints.audit.orders import Order, orders_of
from entrypoints.audit.promises import PROMISES, Promise
from entrypoints.audit.report import AuditReport, Broken, OrdersSeen, PromiseReport, Unchecked
from entrypoints.audit.sources import AuditSources


async def audit(sources: AuditSources) -> AuditReport:
    """What every promise comes to. httpx.HTTPError, RPCError, DBAPIError: a book that could not be read."""
    return judge(await read(sources))


async def read(sources: AuditSources) -> Books:
    register = await asyncio.to_thread(from_database.read_register, sources.database_url)
    workflows = await from_temporal.read(
        sources.temporal_address,
        sources.namespace,
        register,
        codec=sources.payload_codec,
        tls=sources.temporal_tls,
        api_key=sources.temporal_api_key,
    )
    books = Books(first_rows=register, workflows=workflows)
    if sources.stripe:
        books = books.and_also(await from_stripe.read(sources.stripe))
    books = books.and_also(await from_simulator.read(sources.simulator_url, sources.simulator_token))
    if sources.tryton:
        books = books.and_also(await from_tryton.read(sources.tryton))
    return books.and_also(await asyncio.to_thread(from_database.read, sources.database_url))


def judge(books: Books) -> AuditReport:
    """The arithmetic alone, on books that are read already."""
    orders = orders_of(books)
    return AuditReport(
        orders=_seen(books, orders), promises=tuple(_look_at(promise, books, orders) for promise in PROMISES)
    )


def _look_at(promise: Promise, books: Books, orders: list[Order]) -> PromiseReport:
    found = list(promise.findings(books, orders))
    unchecked = Counter(
        why
        for _, why in {(finding.order, finding.why) for finding in found if isinstance(finding, NotChecked)}
    )
    return PromiseReport(
        number=promise.number,
        words=promise.words,
        checked=promise.checked(orders),
        violations=tuple(
            Broken(order=finding.order, what=finding.what)
            for finding in found
            if isinstance(finding, Violation)
        ),
        not_checked=tuple(Unchecked(why=why, orders=count) for why, count in sorted(unchecked.items())),
    )


def _seen(books: Books, orders: list[Order]) -> OrdersSeen:
    at_rest = [order for order in orders if order.at_rest]
    cancelled = sum(1 for order in at_rest if order.cancelled)
    states = Counter(item.state for item in books.inbox)
    return OrdersSeen(
        total=len(orders),
        completed=len(at_rest) - cancelled,
        cancelled=cancelled,
        open=len(orders) - len(at_rest),
        needs_person=sum(1 for order in orders if order.needs_person),
        inbox_waiting=states["waiting"],
        inbox_parked=states["parked"],
        by_term=dict(Counter(order.term for order in orders).most_common()),
    )
