"""Starting and telling orders at a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from socket import create_server

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from adapters.database.schema import InboxState
from domain.errors import Unavailable
from domain.ids import Sku, System
from domain.orders import PlacedOrder
from domain.records import OrderState
from tests.contracts.placing import place
from tests.entrypoints.order_workflow import QUEUE, StandInOrder, temporal
from tests.entrypoints.receiving import Receiver, document, forwarding, order, receiver, until
from workers.temporal import Started, Told, look_again, start_order
from workflows.visibility import ORDER_CHANNEL, ORDER_NUMBER, ORDER_PHASE, ORDER_TOTAL

PLACED = place("temporal", [(Sku("MUG"), 2, "12.50")])


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with temporal() as environment:
        yield environment.client


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiver(tmp_path) as world:
        yield world


async def test_an_order_is_started_once_for_ever_and_found_by_what_people_filter_by(client: Client) -> None:
    assert await start_order(client, PLACED, task_queue=QUEUE) is Started.NEW
    assert await start_order(client, PLACED, task_queue=QUEUE) is Started.KNOWN

    handle: WorkflowHandle[StandInOrder, str] = client.get_workflow_handle_for(
        StandInOrder.run, PLACED.order_id
    )
    found = await handle.describe()
    assert found.typed_search_attributes[ORDER_PHASE] == "received"
    assert found.typed_search_attributes[ORDER_CHANNEL] == PLACED.channel
    assert found.typed_search_attributes[ORDER_NUMBER] == PLACED.number
    assert found.typed_search_attributes[ORDER_TOTAL] == float(PLACED.total.major)
    assert found.raw_description.execution_config.default_workflow_task_timeout.seconds == 3
    assert await found.static_summary() == f"Order {PLACED.number} · {PLACED.channel} · {PLACED.total}"

    await handle.signal(StandInOrder.finish)
    assert await handle.result() == PLACED.number
    assert await start_order(client, PLACED, task_queue=QUEUE) is Started.KNOWN


async def test_an_order_is_told_while_it_runs(client: Client) -> None:
    assert await look_again(client, PLACED.order_id, System.ERP) is Told.NOT_RUNNING
    await start_order(client, PLACED, task_queue=QUEUE)
    assert await look_again(client, PLACED.order_id, System.ERP) is Told.SIGNALLED
    handle: WorkflowHandle[StandInOrder, str] = client.get_workflow_handle_for(
        StandInOrder.run, PLACED.order_id
    )
    assert await handle.query(StandInOrder.told) == [System.ERP]
    await handle.signal(StandInOrder.finish)
    await handle.result()
    assert await look_again(client, PLACED.order_id, System.ERP) is Told.NOT_RUNNING


async def test_a_namespace_that_does_not_exist_says_nothing_about_the_order(client: Client) -> None:
    elsewhere = await Client.connect(
        client.service_client.config.target_host, namespace="missing", data_converter=pydantic_data_converter
    )
    with pytest.raises(Unavailable, match="missing"):
        await look_again(elsewhere, PLACED.order_id, System.ERP)
    with pytest.raises(Unavailable, match="missing"):
        await start_order(elsewhere, PLACED, task_queue=QUEUE)


async def test_a_server_that_is_away_is_unavailable() -> None:
    with create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    away = await Client.connect(address, lazy=True, data_converter=pydantic_data_converter)
    with pytest.raises(Unavailable, match="temporal: "):
        await start_order(away, PLACED, task_queue=QUEUE)
    with pytest.raises(Unavailable, match="temporal: "):
        await look_again(away, PLACED.order_id, System.ERP)


async def test_twenty_changed_documents_of_one_order_at_once_make_one_workflow(
    client: Client, world: Receiver
) -> None:
    starts: list[Started] = []

    async def start(placed: PlacedOrder) -> Started:
        starts.append(await start_order(client, placed, task_queue=QUEUE))
        return starts[-1]

    world.intake = world.intake_with(start)
    answers = await asyncio.gather(*(world.accept(document("1", quantity=n)) for n in range(1, 21)))
    assert sorted(type(answer).__name__ for answer in answers) == ["Accepted"] + ["AlreadyKnown"] * 19
    assert (await world.registered("1")).state is OrderState.STARTED
    assert starts.count(Started.NEW) == 1


async def test_a_hint_goes_from_the_inbox_to_the_running_order(client: Client, world: Receiver) -> None:
    world.intake = world.intake_with(partial(start_order, client, task_queue=QUEUE))
    await world.accept(document("1"))
    item = await world.hint("evt_1", System.WAREHOUSE)

    async def forwarded() -> bool:
        return (await world.item(item)).state is InboxState.FORWARDED

    async with forwarding(world.forwarder_with(partial(look_again, client))):
        await until(forwarded)
    handle: WorkflowHandle[StandInOrder, str] = client.get_workflow_handle_for(StandInOrder.run, order("1"))
    assert await handle.query(StandInOrder.told) == [System.WAREHOUSE]
