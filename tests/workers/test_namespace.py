from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.errors import Refused
from entrypoints.embedded.temporal import temporal_cli
from tests.domain.placed import line, order
from tests.e2e.product import until
from workers.connection import connect
from workers.namespace import ensure_namespace
from workers.settings import Settings
from workers.temporal import Started, start_order
from workflows.visibility import REGISTERED

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare() -> AsyncIterator[Client]:
    """A server that knows nothing of orders."""
    environment = await WorkflowEnvironment.start_local(dev_server_existing_path=temporal_cli())
    async with environment:
        yield environment.client


def settings(bare: Client, namespace: str) -> Settings:
    address = bare.service_client.config.target_host
    return Settings(temporal_address=address, namespace=namespace, history_retention_days=3)


async def test_a_namespace_is_made_with_what_operators_filter_by_and_orders_start_there(bare: Client) -> None:
    new = settings(bare, "merchant")
    client = await connect(new)
    assert await ensure_namespace(client, new) == ("namespace merchant", *REGISTERED)

    async def made() -> bool:
        try:
            return await start_order(client, order(line()), task_queue="orders") in Started
        except Exception:  # noqa: BLE001  a namespace is known everywhere in the cluster only after a while
            return False

    await until(made)


async def test_again_changes_nothing(bare: Client) -> None:
    new = settings(bare, "again")
    client = await connect(new)
    await ensure_namespace(client, new)

    async def known() -> bool:
        return await ensure_namespace(client, new) == ()

    await until(known)


async def test_an_attribute_of_another_type_is_told(bare: Client) -> None:
    await bare.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace="default",
            search_attributes={"OrderTotal": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD},
        )
    )
    with pytest.raises(Refused, match="OrderTotal is no Double"):
        await ensure_namespace(bare, settings(bare, "default"))
