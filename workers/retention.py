"""What came in and was passed on is not kept for ever: after some time its words go, and that it came stays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from adapters.database.engine import open_database
from adapters.database.erasing import Erasing
from domain.errors import Unavailable
from workers.settings import Settings

_EVERY_SECONDS = 3600

log = structlog.get_logger()


@asynccontextmanager
async def forgetting(
    settings: Settings, now: Callable[[], datetime], *, every_seconds: float = _EVERY_SECONDS
) -> AsyncIterator[None]:
    """As long as the block runs. Several processes may do the same at once."""
    engine = open_database(settings.database_url)
    looking = asyncio.create_task(_forget(Erasing(engine, now), settings.inbox_retention_days, every_seconds))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await engine.dispose()


async def _forget(erasing: Erasing, days: float, every_seconds: float) -> None:
    while True:
        try:
            if count := await erasing.forget_bodies(days):
                log.info("words of the inbox forgotten", items=count, older_than_days=days)
        except Unavailable as away:
            log.warning("the inbox cannot be looked through", reason=str(away))
        await asyncio.sleep(every_seconds)
