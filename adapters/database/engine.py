"""Opening the database, and bringing it to the current schema. One code path for SQLite and PostgreSQL."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from domain.errors import Unavailable

Clock = Callable[[], datetime]


class RowRefused(Exception):  # noqa: N818  it reads as what happened
    """A bug of ours: what was written does not fit its table. Says which column or constraint, and no value."""


_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_BUSY_SECONDS = 15  # how long a writer waits for another one
_SWITCH_RETRY_SECONDS = 0.05
_MIGRATION_LOCK = 0x0DE5A6A  # any number will do, as long as every process takes the same
_READS_ONLY = "ordersaga_reads_only"
_NOT_MIGRATED = frozenset({"UndefinedTable", "UndefinedColumn"})  # SQLite calls it an OperationalError


def open_database(url: str) -> AsyncEngine:
    """`sqlite:///path` or `postgresql://…`. The caller disposes of it."""
    parsed = make_url(url)
    driver = _DRIVERS.get(parsed.drivername, parsed.drivername)
    # A server may have let go of an idle connection; a file has not, and each look at it would cost a thread's turn.
    remote = parsed.get_backend_name() != "sqlite"
    engine = create_async_engine(parsed.set(drivername=driver), pool_pre_ping=remote, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """For reading alone: on SQLite it neither waits for a writer nor holds one up. Unavailable as for `writing`."""
    with _translated():
        async with engine.execution_options(**{_READS_ONLY: True}).connect() as connection:
            yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction, committed at the end. Unavailable: the database is away, or busy for too long.

    A commit whose answer was lost counts as Unavailable too, for every write here may be repeated.
    """
    with _translated():
        async with engine.begin() as connection:
            yield connection


async def migrate(url: str) -> None:
    """Bring the database to the current schema. Safe to run in any number of processes at once."""
    engine = open_database(url)
    try:
        if engine.dialect.name == "sqlite":
            await _switch_to_wal(engine)
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # On SQLite the transaction itself is the lock: it begins as a writer.
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def insert_new(engine: AsyncEngine, table: type[DeclarativeBase]) -> "sqlite.Insert | postgresql.Insert":
    """An insert that may say `on_conflict_…`: the two databases spell it alike, SQLAlchemy keeps them apart."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        # The driver's own words stay in the chain: they may quote values.
        raise Unavailable(f"database: {type(error).__name__}") from error
    except DBAPIError as error:
        kind = type(error.orig).__name__
        if kind in _NOT_MIGRATED:
            raise Unavailable(f"database: {kind}") from None
        # Without its cause: PostgreSQL quotes the row that it refuses.
        words = f": {_words(error.orig)}" if isinstance(error, IntegrityError) else ""
        raise RowRefused(f"database: {kind}{words}") from None


def _words(error: BaseException | None) -> str:
    """What names tables and columns only."""
    diagnosis = getattr(error, "diag", None)
    return str(error if diagnosis is None else diagnosis.message_primary)


def _upgrade(connection: Connection) -> None:
    # Loading it takes a fifth of a process's start, and most processes never migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "adapters.database:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by its own rules; `_begin_sqlite` does instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    # NORMAL may lose the last commits in a power cut, and with them what we acknowledged as stored. The price of
    # FULL is a quarter of the commits: 394 instead of 507 a second on 2 cores.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that turns from reading to writing fails at once when another one wrote in between, whatever the
    # busy timeout: so whoever may write begins as a writer and waits for its turn.
    reads = connection.get_execution_options().get(_READS_ONLY)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


async def _switch_to_wal(engine: AsyncEngine) -> None:
    """Write-ahead logging, so that readers and the writer do not wait for each other. The file remembers it.

    While another process does the same, SQLite refuses at once instead of waiting for the busy timeout.
    """
    async with asyncio.timeout(_BUSY_SECONDS), engine.connect() as connection:
        while not await connection.run_sync(_switched_to_wal):  # noqa: ASYNC110  the other one is a process
            await asyncio.sleep(_SWITCH_RETRY_SECONDS)


def _switched_to_wal(connection: Connection) -> bool:
    cursor = connection.connection.cursor()  # outside of any transaction, as this pragma needs it
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # the rest says busy with what
            raise
        return False
    finally:
        cursor.close()
    return True
