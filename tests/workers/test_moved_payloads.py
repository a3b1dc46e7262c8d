"""What is encrypted for one order is read in no other, whoever could write into Temporal's database."""

from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload, Payloads, WorkflowType
from temporalio.api.enums.v1 import EventType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.converter import ActivitySerializationContext, DataConverter, WorkflowSerializationContext
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.errors import InvariantBroken
from tests.codec.test_codec import KEYS, opened, wire, words
from tests.e2e.product import until
from tests.workers.conftest import temporal
from workers.payloads import encrypted

__all__ = ["temporal"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE, OTHER = "order:shop:1", "order:shop:2"
QUEUE = "moved"
WORDS = "Ada Lovelace"


def of(workflow_id: str) -> DataConverter:
    return encrypted(KEYS).with_context(
        WorkflowSerializationContext(namespace="default", workflow_id=workflow_id)
    )


def of_a_step(workflow_id: str) -> DataConverter:
    context = ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="read",
        activity_task_queue=QUEUE,
        workflow_id=workflow_id,
        workflow_type="Order",
        is_local=False,
    )
    return encrypted(KEYS).with_context(context)


async def test_a_payload_is_read_in_its_own_order_alone() -> None:
    (payload,) = await of(ONE).encode([WORDS])
    for reader in (of(ONE), of_a_step(ONE)):
        assert await reader.decode([payload]) == [WORDS]
    for reader in (of(OTHER), of_a_step(OTHER), of("sweep")):
        with pytest.raises(InvariantBroken, match=ONE):
            await reader.decode([payload])


async def test_nobody_can_say_that_it_is_of_another_or_of_none() -> None:
    for order in (OTHER.encode(), b"", None):
        (payload,) = await of(ONE).encode([WORDS])
        if order is None:
            del payload.metadata["encryption-order"]
        else:
            payload.metadata["encryption-order"] = order
        with pytest.raises(InvariantBroken, match="changed"):
            await of(OTHER).decode([payload])


async def test_what_was_of_no_order_yet_is_still_read() -> None:
    (payload,) = await encrypted(KEYS).encode([WORDS])
    assert "encryption-order" not in payload.metadata
    assert await of(ONE).decode([payload]) == [WORDS]


async def test_a_schedule_whose_workflow_gets_another_id_is_read() -> None:
    assert await of("sweep-2026-03-01").decode(await of("sweep").encode([WORDS])) == [WORDS]


async def test_a_browser_is_shown_it_without_being_asked_whose_it_is() -> None:
    async with opened() as client:
        told = wire([*await of(ONE).encode([WORDS]), *await of(OTHER).encode(["more"])])
        assert words(await client.post("/decode", json=told)) == [WORDS, "more"]


@activity.defn(name="read")
async def read(told: str) -> str:
    return told


@workflow.defn(name="Order")
class Reads:
    @workflow.run
    async def run(self, told: str) -> str:
        return await workflow.execute_activity(read, told, start_to_close_timeout=timedelta(seconds=20))


async def test_an_order_that_is_given_anothers_payload_does_nothing(temporal: Client) -> None:
    config = temporal.config()
    config["data_converter"] = encrypted(KEYS)
    client = Client(**config)
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=QUEUE, workflows=[Reads], activities=[read], workflow_runner=runner):
        one = await client.start_workflow(Reads.run, WORDS, id=ONE, task_queue=QUEUE)
        assert await one.result() == WORDS
        began = (await one.fetch_history()).events[0].workflow_execution_started_event_attributes
        other = await _started(client, began.input.payloads[0])

        async def failed() -> bool:
            events = (await other.fetch_history()).events
            return any(one.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED for one in events)

        await until(failed)
        events = {event.event_type for event in (await other.fetch_history()).events}
        assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in events
        await other.terminate()


async def _started(client: Client, stolen: Payload) -> WorkflowHandle[object, object]:
    await client.workflow_service.start_workflow_execution(
        StartWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_id=OTHER,
            workflow_type=WorkflowType(name="Order"),
            task_queue=TaskQueue(name=QUEUE),
            input=Payloads(payloads=[stolen]),
            request_id=OTHER,
        )
    )
    return client.get_workflow_handle(OTHER)
