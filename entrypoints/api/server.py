"""The API's process."""

from contextlib import AsyncExitStack

import structlog

from adapters.database.engine import open_database
from adapters.database.tokens import Tokens
from adapters.database.trail import Trail
from entrypoints.api.app import create_app
from entrypoints.api.desk import PLATFORM, LiveDesk
from entrypoints.commands import opened_commands
from entrypoints.doors import opened_doors
from entrypoints.intake import opened_intake
from entrypoints.serving import serve_until_signalled
from workers.clock import now
from workers.settings import Settings

PORT = 8300

_log = structlog.get_logger()


async def serve(settings: Settings, *, host: str = "127.0.0.1", port: int = PORT) -> None:
    """Until SIGTERM or SIGINT; requests in progress are answered. Temporal may be away: what needs it answers 503."""
    async with AsyncExitStack() as stack:
        doors = await stack.enter_async_context(opened_doors(settings))
        commands = await stack.enter_async_context(opened_commands(settings))
        intake = await stack.enter_async_context(opened_intake(settings))
        engine = open_database(settings.database_url)
        stack.push_async_callback(engine.dispose)
        app = create_app(
            desk=LiveDesk(engine, doors, commands, intake, answer_seconds=settings.api.answer_seconds),
            tokens_known=Tokens(engine, now),
            trail=Trail(engine, now),
            clock=now,
            settings=settings.api,
            channels=[name for name, known in settings.channels.items() if known.platform == PLATFORM],
        )
        await serve_until_signalled(app, host=host, port=port)
        _log.info("api stopped")
