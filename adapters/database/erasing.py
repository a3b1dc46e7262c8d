"""Personal data, taken out of our own database: what a customer asks for, and what nobody needs any more.

Amounts, articles, ids and the country, which taxes follow, stay: books are kept for years. Of an order that still runs
nothing is taken, for it is still to be delivered.
"""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.database.engine import Clock, writing
from adapters.database.schema import DecisionRow, InboxRow, InboxState, OrderRow
from domain.base import Value
from domain.ids import OrderId
from domain.records import OrderState

ERASED = "erased"
_ARTICLES = frozenset({"lines", "surcharges"})
_KEPT = frozenset({"country", "account_number"})  # neither tells who somebody is without the ERP's own books
_CLOSED = (OrderState.COMPLETED, OrderState.CANCELLED)
# Whoever closes an order may write the same once more, and must find what it wrote.
_SETTLED = timedelta(hours=1)
_WORD_LENGTH_MIN = 3  # shorter ones are in other words too
_PAGE = 200


class Erased(Value):
    """`orders` hold nothing personal any more; `open` ones run still, and are erased once they are closed for an hour."""

    orders: tuple[OrderId, ...]
    open: tuple[OrderId, ...]
    inbox_items: int


class Erasing:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def erase(self, *, email: str = "", customer: str = "") -> Erased:
        """All orders of this e-mail address, in any case, or of this customer in ERP or CRM; one of the two is given.

        What came in and never became an order is found by the address alone. The same again changes nothing.
        """
        async with writing(self._engine) as connection:
            rows = await _orders_of(connection, email.strip(), customer.strip())
            closed = [row for row in rows if self._settled(row)]
            for row in closed:
                await _erase_order(connection, row)
                await _erase_trail(connection, row, email.strip())
            done = [row.order_id for row in closed]
            still = [row.order_id for row in rows if row not in closed]
            items = await _erase_inbox(connection, done, email.strip())
        return Erased(orders=tuple(done), open=tuple(still), inbox_items=items)

    async def forget_bodies(self, days: float) -> int:
        """What came in and was passed on so many days ago or more: the fact stays, its words go. How many there were."""
        old = InboxRow.forwarded_at < self._clock() - timedelta(days=days)
        async with writing(self._engine) as connection:
            return await _emptied(connection, InboxRow.state == InboxState.FORWARDED, old)

    async def forget_decisions(self, days: float) -> int:
        """Who asked for what so many days ago or more, in the audit trail. How many there were."""
        old = DecisionRow.at < self._clock() - timedelta(days=days)
        async with writing(self._engine) as connection:
            return (await connection.execute(delete(DecisionRow).where(old))).rowcount

    def _settled(self, row: Row[Any]) -> bool:
        return row.state in _CLOSED and row.closed_at <= self._clock() - _SETTLED


async def _orders_of(connection: AsyncConnection, email: str, customer: str) -> Sequence[Row[Any]]:
    columns = (
        OrderRow.order_id,
        OrderRow.state,
        OrderRow.closed_at,
        OrderRow.placed,
        OrderRow.closed_document,
    )
    query = select(*columns).order_by(OrderRow.order_id)
    if email:
        written = OrderRow.placed["customer"]["email"].as_string()
        return (await connection.execute(query.where(func.lower(written) == email.lower()))).all()
    if not customer:
        return []
    found = await connection.execute(
        query.where(OrderRow.closed_document.contains(customer, autoescape=True))
    )
    return [row for row in found if customer in _references(json.loads(row.closed_document))]


def _references(document: dict[str, Any]) -> set[Any]:
    return {document.get("erp_customer"), document.get("crm_customer")}


async def _erase_order(connection: AsyncConnection, row: Row[Any]) -> None:
    sentences = _Sentences(row.placed)
    document = row.closed_document and json.dumps(
        sentences.cleaned(_anonymous(json.loads(row.closed_document))), ensure_ascii=False
    )
    await connection.execute(
        update(OrderRow)
        .where(OrderRow.order_id == row.order_id)
        .values(placed=_anonymous(row.placed), closed_document=document)
    )


async def _erase_trail(connection: AsyncConnection, row: Row[Any], email: str) -> None:
    """Who asked for what stays. An asker, or an id that they chose, may be the customer's address; a digest tells it, too."""
    names = {word.lower() for word in (email, *_words(row.placed)) if "@" in word}
    entries = select(DecisionRow.id, DecisionRow.actor, DecisionRow.command).where(
        DecisionRow.order_id == row.order_id
    )
    for entry in (await connection.execute(entries)).all():
        erased: dict[str, str] = {"digest": ""}
        if _names(entry.actor, names):
            erased["actor"] = ERASED
        if _names(entry.command or "", names):
            erased["command"] = f"{ERASED}-{entry.id}"  # one of its own, for an order has each id once
        await connection.execute(update(DecisionRow).where(DecisionRow.id == entry.id).values(**erased))


def _names(text: str, words: Iterable[str]) -> bool:
    return any(word in text.lower() for word in words)


def _anonymous(told: Any) -> Any:
    """Everybody whom an order names, wherever it names them: customers and addresses are known by their shape."""
    if isinstance(told, list):
        return [_anonymous(item) for item in told]
    if not isinstance(told, dict):
        return told
    if _somebody(told):
        return {name: _without(name, value) for name, value in told.items()}
    return {name: _anonymous(item) for name, item in told.items()}


def _somebody(told: dict[str, Any]) -> bool:
    return "name" in told and bool({"email", "street"} & told.keys())


def _without(name: str, value: Any) -> Any:
    if name in _KEPT or not isinstance(value, str):
        return value
    return ERASED if name == "name" else ""  # a name has to be something


class _Sentences:
    """Where people write freely, a customer's words may stand as well: in the reason of a cancel, say.

    Only there: a postal code may be a part of an id, and a city that of an article's name.
    """

    def __init__(self, placed: dict[str, Any]) -> None:
        words = sorted(
            {word for word in _words(placed) if len(word) >= _WORD_LENGTH_MIN}, key=len, reverse=True
        )
        self._pattern = (
            re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})", re.IGNORECASE) if words else None
        )

    def cleaned(self, told: Any) -> Any:
        if isinstance(told, str):
            return self._pattern.sub(ERASED, told) if self._pattern and " " in told else told
        if isinstance(told, list):
            return [self.cleaned(item) for item in told]
        if isinstance(told, dict):
            return {name: item if name in _ARTICLES else self.cleaned(item) for name, item in told.items()}
        return told


def _words(told: Any) -> Iterator[str]:
    if isinstance(told, dict) and _somebody(told):
        yield from (
            value.strip()
            for name, value in told.items()
            if name not in _KEPT and isinstance(value, str) and value != ERASED
        )
    elif isinstance(told, dict | list):
        for item in told.values() if isinstance(told, dict) else told:
            yield from _words(item)


async def _erase_inbox(connection: AsyncConnection, orders: Iterable[OrderId], email: str) -> int:
    """What waits is an order that is still being taken in: not yet."""
    count = 0
    done = list(orders)
    for first in range(0, len(done), _PAGE):
        count += await _emptied(
            connection,
            InboxRow.state != InboxState.WAITING,
            InboxRow.order_id.in_(done[first : first + _PAGE]),
        )
    if email:
        parked = [number async for number in _naming(connection, email.lower())]
        for first in range(0, len(parked), _PAGE):
            count += await _emptied(connection, InboxRow.id.in_(parked[first : first + _PAGE]))
    return count


async def _naming(connection: AsyncConnection, email: str) -> AsyncIterator[int]:
    """What is of no order that we know and names this address, however its platform writes an address."""
    last = 0
    unknown = or_(InboxRow.order_id.is_(None), InboxRow.order_id.not_in(select(OrderRow.order_id)))
    query = select(InboxRow.id, InboxRow.body).where(InboxRow.state != InboxState.WAITING, unknown)
    while rows := (
        await connection.execute(query.where(InboxRow.id > last).order_by(InboxRow.id).limit(_PAGE))
    ).all():
        for row in rows:
            if email in _readable(row.body):
                yield row.id
        last = rows[-1].id


def _readable(body: bytes) -> str:
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, RecursionError):
        text += json.dumps(json.loads(text), ensure_ascii=False)
    return text.lower()


async def _emptied(connection: AsyncConnection, *which: Any) -> int:
    """Signs of a document stay: that it came, when, and what became of it."""
    emptied = await connection.execute(
        update(InboxRow)
        .where(*which, InboxRow.reason != ERASED)
        .values(body=b"", headers={}, problems=[], reason=ERASED)
    )
    return emptied.rowcount
