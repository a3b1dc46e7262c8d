"""The receiver's process: web server and forwarder side by side."""

import asyncio
from functools import partial

from temporalio.client import Client

from adapters.database.engine import open_database
from adapters.database.inbox import Inbox
from adapters.database.orders import Orders
from adapters.database.schema import InboxKind
from adapters.documents import PARSERS
from entrypoints.commands import commands_of
from entrypoints.intake import open_intake
from entrypoints.serving import serve_until_signalled
from entrypoints.webhooks.app import create_app
from entrypoints.webhooks.deliveries import Deliveries, Wake
from entrypoints.webhooks.dialects import Secrets
from entrypoints.webhooks.direct import Direct
from entrypoints.webhooks.forwarder import Forwarder
from workers.clock import now
from workers.temporal import look_after, look_again, start_order


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
    deliver = Deliveries(inbox, orders, intake, commands_of(engine, client, now), wake).deliver
    forwarder = Forwarder(inbox, deliver, {InboxKind.DOCUMENT, InboxKind.WEBHOOK})
    commands = Forwarder(inbox, deliver, {InboxKind.COMMAND})
    direct = Direct(partial(start_order, client, task_queue=task_queue), tell, PARSERS, now)
    app = create_app(inbox, secrets, now, stored=forwarder.wake, act_at_once=direct.act)
    try:
        async with asyncio.TaskGroup() as tasks:
            forwarding = [tasks.create_task(one.run()) for one in (forwarder, commands)]
            await serve_until_signalled(app, host=host, port=port)
            for one in forwarding:
                one.cancel()
    finally:
        await engine.dispose()
