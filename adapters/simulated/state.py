"""The simulated world's memory: one SQLite file, every effect one transaction, used by one thread only."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from adapters.simulated.clock import Clock
from adapters.simulated.records import CreditRecord, Mark, Record

R = TypeVar("R", bound=Record)

_TABLES = """
CREATE TABLE IF NOT EXISTS counter (seq INTEGER NOT NULL);
INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS documents_of_order ON documents (kind, json_extract(body, '$.order_id'));
CREATE INDEX IF NOT EXISTS credits_of ON documents (json_extract(body, '$.customer')) WHERE kind = 'credits';
CREATE TABLE IF NOT EXISTS links (
    name TEXT, value TEXT, id TEXT NOT NULL, PRIMARY KEY (name, value)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    system TEXT, order_id TEXT, seq INTEGER NOT NULL, PRIMARY KEY (system, order_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS changes_in_order ON changes (system, seq);
CREATE TABLE IF NOT EXISTS answers (
    system TEXT, key TEXT, operation TEXT NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (system, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    system TEXT, operation TEXT, key TEXT, outcome TEXT, n INTEGER NOT NULL, first_at TEXT NOT NULL,
    last_at TEXT NOT NULL, PRIMARY KEY (system, operation, key, outcome)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    order_id TEXT, sku TEXT, since INTEGER NOT NULL, PRIMARY KEY (order_id, sku)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting_for ON waiting (sku, since);
CREATE TABLE IF NOT EXISTS moves (
    kind TEXT, id TEXT, since REAL NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, body TEXT NOT NULL, due REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, in_line INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY, system TEXT NOT NULL, operation TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER,
    seconds REAL NOT NULL, retry_after INTEGER, code TEXT NOT NULL DEFAULT 'refused', key TEXT NOT NULL DEFAULT '',
    UNIQUE (system, operation, kind, key));
"""

CHANGES_MAX = 500
PAGE_LENGTH_MAX = 1000


class State:
    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        # WAL without an fsync per commit survives a killed process, though not a power cut.
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.executescript(_TABLES)
        if "key" not in {row["name"] for row in self.db.execute("PRAGMA table_info(faults)")}:
            self.db.execute("DROP TABLE faults")  # of a former version: a script is soon written again
            self.db.executescript(_TABLES)

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Never awaits inside, so one request's transaction never meets another's."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def mark(self) -> Mark:
        (seq,) = self.db.execute("UPDATE counter SET seq = seq + 1 RETURNING seq").fetchone()
        return Mark(seq=seq, at=self.clock())

    def load(self, record: type[R], name: str) -> R | None:
        row = self.db.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (record.kind, name)
        ).fetchone()
        return record.model_validate_json(row["body"]) if row else None

    def save(self, record: Record, name: str) -> None:
        self.db.execute(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (record.kind, name, record.model_dump_json()),
        )

    def rename(self, record: type[R], name: str, other: str) -> None:
        self.db.execute("UPDATE documents SET id = ? WHERE kind = ? AND id = ?", (other, record.kind, name))

    def all(self, record: type[R]) -> list[R]:
        rows = self.db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY rowid", (record.kind,))
        return [record.model_validate_json(row["body"]) for row in rows]

    def of_order(self, record: type[R], order_id: str) -> list[R]:
        """Oldest first."""
        rows = self.db.execute(
            "SELECT body FROM documents WHERE kind = ? AND json_extract(body, '$.order_id') = ? ORDER BY rowid",
            (record.kind, order_id),
        )
        return [record.model_validate_json(row["body"]) for row in rows]

    def credits_of(self, customer: str) -> list[CreditRecord]:
        rows = self.db.execute(
            "SELECT body FROM documents WHERE kind = 'credits' AND json_extract(body, '$.customer') = ?",
            (customer,),
        )
        return [CreditRecord.model_validate_json(row["body"]) for row in rows]

    def page(self, kinds: Sequence[type[R]], prefix: str, after: str | None) -> tuple[list[R], str | None]:
        """The next records of these kinds, with ids that begin so, and what to ask for those that follow: None at the end."""
        by_kind = {kind.kind: kind for kind in kinds}
        name, _, last = (after or "").partition("/")
        rows = self.db.execute(
            f"SELECT kind, id, body FROM documents WHERE kind IN ({', '.join('?' * len(by_kind))})"  # noqa: S608  question marks
            " AND id BETWEEN ? AND ? AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?",
            (*by_kind, prefix, f"{prefix}\U0010ffff", name, last, PAGE_LENGTH_MAX + 1),
        ).fetchall()
        found = rows[:PAGE_LENGTH_MAX]
        more = f"{found[-1]['kind']}/{found[-1]['id']}" if len(rows) > len(found) else None
        return [by_kind[row["kind"]].model_validate_json(row["body"]) for row in found], more

    def plain(self, kind: str, about: Sequence[str] = ()) -> list[Any]:
        """Those that mention one of the texts, where there are any to mention; oldest first."""
        rows = self.db.execute(
            f"SELECT body FROM documents WHERE kind = ? AND {_mention('body', about)} ORDER BY rowid",  # noqa: S608  question marks
            (kind, *about),
        )
        return [json.loads(row["body"]) for row in rows]

    def count(self, name: str) -> None:
        self.db.execute("INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1", (name,))

    def link(self, name: str, value: str, target: str) -> None:
        """The first one to claim a value keeps it."""
        self.db.execute("INSERT OR IGNORE INTO links VALUES (?, ?, ?)", (name, value, target))

    def linked(self, name: str, value: str) -> str | None:
        row = self.db.execute("SELECT id FROM links WHERE name = ? AND value = ?", (name, value)).fetchone()
        return row["id"] if row else None

    def waits_for(self, order_id: str, skus: Iterable[str], since: int) -> None:
        """The order is short of these articles, and of no others."""
        self.db.execute("DELETE FROM waiting WHERE order_id = ?", (order_id,))
        self.db.executemany("INSERT INTO waiting VALUES (?, ?, ?)", [(order_id, sku, since) for sku in skus])

    def waiting_for(self, skus: Iterable[str]) -> list[str]:
        """The orders that are short of one of these articles, oldest first."""
        wanted = tuple(skus)
        rows = self.db.execute(
            f"SELECT order_id FROM waiting WHERE sku IN ({', '.join('?' * len(wanted))})"  # noqa: S608  question marks
            " GROUP BY order_id ORDER BY min(since)",
            wanted,
        )
        return [row["order_id"] for row in rows]

    def changed(self, system: str, order_id: str) -> None:
        self.db.execute(
            "INSERT INTO changes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq",
            (system, order_id, self.mark().seq),
        )

    def changes(self, system: str, since: str | None) -> tuple[list[str], str]:
        """The next orders that changed after the cursor, and the new cursor. ValueError: not a cursor of ours."""
        rows = self.db.execute(
            "SELECT order_id, seq FROM changes WHERE system = ? AND seq > ? ORDER BY seq LIMIT ?",
            (system, int(since or 0), CHANGES_MAX),
        ).fetchall()
        return [row["order_id"] for row in rows], str(rows[-1]["seq"]) if rows else since or "0"

    def cursor_now(self) -> str:
        """What comes later comes after it."""
        (seq,) = self.db.execute("SELECT seq FROM counter").fetchone()
        return str(seq)

    def requests(self, about: Sequence[str] = ()) -> list[sqlite3.Row]:
        """What became of them, by their keys; oldest first."""
        asked = f"SELECT * FROM requests WHERE {_mention('key', about)} ORDER BY first_at, last_at"  # noqa: S608  question marks
        return self.db.execute(asked, tuple(about)).fetchall()

    def log(self, system: str, operation: str, key: str, outcome: str) -> None:
        """Count what became of a request. Reads have no key."""
        at = self.clock().isoformat()
        self.db.execute(
            "INSERT INTO requests VALUES (?, ?, ?, ?, 1, ?, ?)"
            " ON CONFLICT DO UPDATE SET n = n + 1, last_at = excluded.last_at",
            (system, operation, key, outcome, at, at),
        )


def _mention(column: str, texts: Sequence[str]) -> str:
    """SQL with a question mark for each text."""
    return " OR ".join([f"instr({column}, ?)"] * len(texts)).join("()") if texts else "TRUE"
