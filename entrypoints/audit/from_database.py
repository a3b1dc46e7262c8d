"""Our own database, read as a file: the register of orders, the inbox, the movements of money."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from entrypoints.audit.books import Books, InboxItem, Movement, Row
from entrypoints.audit.sums import minor_unit

_BUSY_SECONDS = 15


def read_register(path: Path) -> tuple[Row, ...]:
    """sqlite3.Error: it cannot be read."""
    with _opened(path) as database:
        return tuple(_row(row) for row in database.execute("SELECT * FROM orders ORDER BY accepted_at"))


def read(path: Path) -> Books:
    with _opened(path) as database:
        return Books(
            rows=tuple(_row(row) for row in database.execute("SELECT * FROM orders ORDER BY accepted_at")),
            movements=tuple(
                _movement(row)
                for row in database.execute("SELECT * FROM money_movements ORDER BY recorded_at, key")
            ),
            inbox=tuple(_item(row) for row in database.execute("SELECT * FROM inbox ORDER BY id")),
        )


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as database:
        database.row_factory = sqlite3.Row
        yield database


def _row(row: sqlite3.Row) -> Row:
    document = row["closed_document"]
    return Row(
        order_id=row["order_id"], state=row["state"], document=json.loads(document) if document else None
    )


def _movement(row: sqlite3.Row) -> Movement:
    return Movement(
        key=row["key"],
        order_id=row["order_id"],
        kind=row["kind"],
        amount=row["amount_minor"] * minor_unit(row["currency"]),
        currency=row["currency"],
        reference=row["reference"],
        shipment=row["shipment"],
    )


def _item(row: sqlite3.Row) -> InboxItem:
    return InboxItem(
        id=row["id"], kind=row["kind"], state=row["state"], order_id=row["order_id"] or _order_in(row)
    )


def _order_in(row: sqlite3.Row) -> str | None:
    """The order that a document is about, before anybody else has understood it; every platform calls its id `id`."""
    if row["kind"] != "document":
        return None
    try:
        document: Any = json.loads(row["body"], parse_float=Decimal)
    except ValueError:
        return None
    name = document.get("id") if isinstance(document, dict) else None
    return f"order:{row['channel']}:{name}" if name else None
