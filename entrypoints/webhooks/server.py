"""The receiver's process: web server and forwarder side by side."""

import asyncio
import signal
from datetime import UTC, datetime
from functools import partial

import uvicorn
from temporalio.client import Client

from adapters.database.engine import open_database
from adapters.database.inbox import Inbox
from adapters.database.orders import Orders
from adapters.database.schema import InboxKind
from adapters.documents import PARSERS
from entrypoints.commands import Commands
from entrypoints.intake import open_intake
from entrypoints.webhooks.app import create_app
from entrypoints.webhooks.deliveries import Deliveries, Wake
from entrypoints.webhooks.dialects import Secrets
from entrypoints.webhooks.direct import Direct
from entrypoints.webhooks.forwarder import Forwarder
from workers.temporal import look_after, look_again, start_order

_GRACE_SECONDS = 10


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the one place where this process looks at the clock


async def serve(
    client: Client,
    *,
    database_url: str,
    task_queue: str,
    secrets: Secrets,
    host: str = "127.0.0.1",
    port: int = 8200,
) -> None:
    """Until SIGTERM or SIGINT; requests in progress are answered, what is not forwarded stays in the inbox.

    The client may be lazy: webhooks are taken while Temporal is away. The database has been migrated.
    """
    engine = open_database(database_url)
    inbox, orders, tell = Inbox(engine, now), Orders(engine, now), partial(look_again, client)
    intake = open_intake(engine, client, clock=now, task_queue=task_queue)
    wake = Wake(tell, partial(look_after, client, task_queue=task_queue))
    deliver = Deliveries(inbox, orders, intake, Commands(inbox, orders, client), wake).deliver
    forwarder = Forwarder(inbox, deliver, {InboxKind.DOCUMENT, InboxKind.WEBHOOK})
    commands = Forwarder(inbox, deliver, {InboxKind.COMMAND})
    direct = Direct(partial(start_order, client, task_queue=task_queue), tell, PARSERS, now)
    app = create_app(inbox, secrets, now, stored=forwarder.wake, act_at_once=direct.act)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            forwarding = [tasks.create_task(one.run()) for one in (forwarder, commands)]
            await _until_signalled(uvicorn.Server(config))
            for one in forwarding:
                one.cancel()
    finally:
        await engine.dispose()


async def _until_signalled(server: uvicorn.Server) -> None:
    """The server stops at a signal and raises it again: these handlers take it then, so that all may end in order."""
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, setattr, server, "should_exit", True)
    try:
        await server.serve()
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signum)
