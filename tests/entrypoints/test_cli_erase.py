"""`ordersaga erase`: our database and Temporal's histories together."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from adapters.database.engine import migrate, open_database
from adapters.database.orders import Orders
from adapters.database.records import SqlRecords
from domain.document import OrderDocument
from domain.ids import OrderId, Sku
from domain.orders import Customer
from domain.records import OrderState
from entrypoints.cli import erase
from entrypoints.embedded.temporal import temporal_cli
from tests.contracts.placing import place
from tests.e2e.product import until
from tests.personal import EMAIL, NAME
from workers.clock import now
from workers.settings import Settings

# A history is deleted once the server knows what else was done about it; by default it looks every half minute.
_LOOKS = ("history.visibilityProcessorUpdateAckInterval", "history.transferProcessorUpdateAckInterval")


@pytest_asyncio.fixture
async def temporal() -> AsyncIterator[Client]:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=temporal_cli(),
        dev_server_extra_args=[
            argument for name in _LOOKS for argument in ("--dynamic-config-value", f'{name}="100ms"')
        ],
    )
    async with environment:
        yield environment.client


@pytest.fixture
def settings(temporal: Client, tmp_path: Path) -> Settings:
    return Settings(
        temporal_address=temporal.service_client.config.target_host,
        database_url=f"sqlite:///{tmp_path}/orders.db",
    )


async def closed(settings: Settings, temporal: Client, name: str, email: str) -> OrderId:
    """An order as it stands two hours after it was closed, with its history."""
    placed = place(name, [(Sku("MUG"), 1, "12.50")], buyer=Customer(name=NAME, email=email))
    engine, then = open_database(settings.database_url), now() - timedelta(hours=2)
    await Orders(engine, lambda: then).accept(placed)
    document = OrderDocument.begun(placed).model_dump_json()
    await SqlRecords(engine, lambda: then).close_order(placed.order_id, OrderState.CANCELLED, document, then)
    await engine.dispose()
    started = await temporal.start_workflow("Order", id=placed.order_id, task_queue="nobody")
    await started.terminate()
    return placed.order_id


async def kept(temporal: Client, order: OrderId) -> bool:
    try:
        await temporal.get_workflow_handle(order).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def test_a_forgotten_customers_history_is_deleted_and_nobody_elses(
    settings: Settings, temporal: Client
) -> None:
    await migrate(settings.database_url)
    hers, other = [
        await closed(settings, temporal, *who) for who in (("hers", EMAIL), ("other", "a@b.example"))
    ]

    async def listed() -> bool:
        return (await temporal.count_workflows("ExecutionStatus != 'Running'")).count == 2

    await until(listed)
    assert (await erase._erased(settings, EMAIL)).orders == (hers,)

    async def gone() -> bool:
        return not await kept(temporal, hers)

    await until(gone)
    assert await kept(temporal, other)
    assert (await erase._erased(settings, EMAIL)).orders == ()
