from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from entrypoints.embedded.temporal import temporal_cli
from workflows.visibility import REGISTERED

_ATTRIBUTES = [
    argument for name, kind in REGISTERED.items() for argument in ("--search-attribute", f"{name}={kind}")
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[Client]:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=temporal_cli(),
        dev_server_extra_args=_ATTRIBUTES,
        data_converter=pydantic_data_converter,
    )
    async with environment:
        yield environment.client
