"""The orders' workflows, from Temporal itself: which there are, how they stand, and what they tell of their orders."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
)
from temporalio.converter import DataConverter, PayloadCodec
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from entrypoints.audit.books import Row, Workflow

_ORDER = "Order"
_CARRIERS = (
    f'WorkflowType IN ("{_ORDER}", "Aftermath")'  # after its close money of an order may have moved again
)
_CLOSED = frozenset({"completed", "cancelled"})
_QUERY = "document"
_AT_ONCE_MAX = 16
_ANSWER_SECONDS_MAX = 8  # docs/adr/0020-a-question-waits-five-seconds.md


async def read(
    address: str,
    namespace: str,
    register: Iterable[Row],
    *,
    codec: PayloadCodec | None = None,
    tls: TLSConfig | None = None,
    api_key: str | None = None,
) -> tuple[Workflow, ...]:
    """Every order's workflow; those of the register also where the visibility store does not show them yet.

    RPCError, RuntimeError: Temporal does not answer. A workflow comes without its document where no worker answers for
    it, and where the register holds the document of the closed order.
    """
    closed = {row.order_id: row.document is not None and row.state in _CLOSED for row in register}
    client = await Client.connect(
        address,
        namespace=namespace,
        data_converter=DataConverter(payload_codec=codec),
        tls=tls,
        api_key=api_key,
    )
    runs: dict[str, list[WorkflowExecution]] = defaultdict(list)
    async for run in client.list_workflows(_CARRIERS):
        runs[run.id].append(run)
    at_once = asyncio.Semaphore(_AT_ONCE_MAX)
    for found in await asyncio.gather(*(_described(client, at_once, name) for name in {*closed} - {*runs})):
        if found is not None:
            runs[found.id].append(found)
    return tuple(
        await asyncio.gather(
            *(
                _workflow(client, at_once, name, found, asked=not closed.get(name, False))
                for name, found in runs.items()
            )
        )
    )


async def _described(client: Client, at_once: asyncio.Semaphore, name: str) -> WorkflowExecution | None:
    async with at_once:
        try:
            return await client.get_workflow_handle(name).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise


async def _workflow(
    client: Client, at_once: asyncio.Semaphore, name: str, runs: list[WorkflowExecution], *, asked: bool
) -> Workflow:
    latest = max(runs, key=lambda run: run.start_time)
    async with at_once:
        starts = await _starts(client, name, runs)
        document = await _document(client, name) if asked else None
    return Workflow(order_id=name, status=_word(latest.status), starts=starts, document=document)


async def _starts(client: Client, name: str, runs: list[WorkflowExecution]) -> int:
    """A reset and a continuation make another run of one start, and share its first run; lists do not tell that one.

    An aftermath is no start of the order; of an order that Temporal has forgotten it is all that is left.
    """
    orders = [run for run in runs if run.workflow_type == _ORDER]
    if len(orders) <= 1:
        return 1
    described = [await client.get_workflow_handle(name, run_id=run.run_id).describe() for run in orders]
    return len({run.raw_info.first_run_id for run in described})


async def _document(client: Client, name: str) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = await client.get_workflow_handle(name).query(
            _QUERY, result_type=dict, rpc_timeout=timedelta(seconds=_ANSWER_SECONDS_MAX)
        )
    except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
        return None
    return told


def _word(status: WorkflowExecutionStatus | None) -> str:
    return status.name.lower() if status else "unknown"
