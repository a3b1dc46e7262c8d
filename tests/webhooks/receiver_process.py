"""The receiver as a process: `python -m tests.webhooks.receiver_process DATABASE TEMPORAL PORT`."""

import asyncio
import os
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from entrypoints.webhooks.server import serve
from tests.webhooks.senders import SECRETS

QUEUE = "killed"


async def _main(database_url: str, temporal: str, port: str) -> None:
    client = await Client.connect(temporal, lazy=True, data_converter=pydantic_data_converter)
    await serve(client, database_url=database_url, task_queue=QUEUE, secrets=SECRETS, port=int(port))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
    os._exit(0)  # the Temporal SDK may abort at interpreter exit: sdk-python#300
