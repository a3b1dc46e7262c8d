"""The receiver as a process of its own: `python -m tests.entrypoints.receiver_process DATABASE TEMPORAL PORT SECRET`."""

import asyncio
import os
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from entrypoints.webhooks.server import serve
from tests.entrypoints.order_workflow import QUEUE
from tests.entrypoints.receiving import SHOP


async def _main(database_url: str, temporal: str, port: str, secret: str) -> None:
    client = await Client.connect(temporal, lazy=True, data_converter=pydantic_data_converter)
    secrets = {(SHOP, "erp"): secret}
    await serve(client, database_url=database_url, task_queue=QUEUE, secrets=secrets, port=int(port))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
    print("stopped in order", flush=True)  # noqa: T201  the test reads it
    os._exit(0)  # the Temporal SDK may abort at interpreter exit: sdk-python#300
