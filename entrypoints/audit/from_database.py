"""Our own database, SQLite or PostgreSQL: the register of orders, the inbox, the movements of money. Only read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy import Row as Told
from sqlalchemy.pool import NullPool

from entrypoints.audit.books import Books, InboxItem, Movement, Row
from entrypoints.audit.sums import minor_unit

_BUSY_SECONDS = 15
_REGISTER = text("SELECT order_id, state, closed_document FROM orders ORDER BY accepted_at")
_MOVEMENTS = text("SELECT * FROM money_movements ORDER BY recorded_at, key")
_INBOX = text("SELECT id, kind, state, channel, order_id, body FROM inbox ORDER BY id")


def read_register(url: str) -> tuple[Row, ...]:
    """DBAPIError: it cannot be read."""
    with _opened(url) as database:
        return _register(database)


def read(url: str) -> Books:
    with _opened(url) as database:
        return Books(
            rows=_register(database),
            movements=tuple(_movement(row) for row in database.execute(_MOVEMENTS)),
            inbox=tuple(_item(row) for row in database.execute(_INBOX)),
        )


@contextmanager
def _opened(url: str) -> Iterator[Connection]:
    engine = create_engine(_reading(make_url(url)), poolclass=NullPool, hide_parameters=True)
    with engine.connect() as database:
        if engine.dialect.name == "postgresql":
            database.execution_options(postgresql_readonly=True)
        yield database


def _reading(url: URL) -> URL:
    """The same database by a driver that waits, and that can do nothing to it."""
    if url.get_backend_name() != "sqlite":
        return url.set(drivername="postgresql+psycopg")
    only = {"uri": "true", "mode": "ro", "timeout": str(_BUSY_SECONDS)}
    file = Path(url.database or "").absolute().as_uri()
    return url.set(drivername="sqlite", database=file, query=only)


def _register(database: Connection) -> tuple[Row, ...]:
    return tuple(_row(row) for row in database.execute(_REGISTER))


def _row(row: Told[Any]) -> Row:
    document = row.closed_document
    return Row(order_id=row.order_id, state=row.state, document=json.loads(document) if document else None)


def _movement(row: Told[Any]) -> Movement:
    return Movement(
        key=row.key,
        order_id=row.order_id,
        kind=row.kind,
        amount=row.amount_minor * minor_unit(row.currency),
        currency=row.currency,
        reference=row.reference,
        shipment=row.shipment,
    )


def _item(row: Told[Any]) -> InboxItem:
    return InboxItem(id=row.id, kind=row.kind, state=row.state, order_id=row.order_id or _order_in(row))


def _order_in(row: Told[Any]) -> str | None:
    """The order that a document is about, before anybody else has understood it; every platform calls its id `id`."""
    if row.kind != "document":
        return None
    try:
        document: Any = json.loads(row.body, parse_float=Decimal)
    except ValueError:
        return None
    name = document.get("id") if isinstance(document, dict) else None
    return f"order:{row.channel}:{name}" if name else None
