"""What came in, and who asked for what, is not kept for ever.

Of what was passed on the words go after some time, and that it came stays; the audit trail goes whole, much later.
"""

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
    looking = asyncio.create_task(_forget(Erasing(engine, now), settings, every_seconds))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await engine.dispose()


async def _forget(erasing: Erasing, settings: Settings, every_seconds: float) -> None:
    words_days, trail_days = settings.inbox_retention_days, settings.trail_retention_days
    while True:
        try:
            if count := await erasing.forget_bodies(words_days):
                log.info("words of the inbox forgotten", items=count, older_than_days=words_days)
            if count := await erasing.forget_decisions(trail_days):
                log.info("entries of the audit trail forgotten", entries=count, older_than_days=trail_days)
        except Unavailable as away:
            log.warning("what is old cannot be looked for", reason=str(away))
        await asyncio.sleep(every_seconds)
