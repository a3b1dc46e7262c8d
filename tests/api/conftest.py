import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.database.engine import migrate
from tests.api.serving import Serving, served


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the current schema, to be copied: migrating one for every test would cost a second each."""
    database = tmp_path_factory.mktemp("database") / "ordersaga.sqlite"
    asyncio.run(migrate(f"sqlite:///{database}"))
    return database


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path))


@pytest.fixture
async def api(database: Path) -> AsyncIterator[Serving]:
    async with served(database) as serving:
        yield serving
