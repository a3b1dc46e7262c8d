"""What the outside may do to an order's workflow: start it once, tell it to look again, and after its close begin its aftermath."""

from datetime import timedelta
from enum import StrEnum

from temporalio.api.errordetails.v1 import NotFoundFailure
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.errors import Unavailable
from domain.ids import OrderId, System
from domain.orders import PlacedOrder
from domain.phases import Phase
from workflows.visibility import at_start

ORDER_WORKFLOW = "Order"
AFTERMATH_WORKFLOW = "Aftermath"
LOOK_AGAIN = "look_again"

# A killed worker's order goes on after this time; Temporal's own default makes it 11 to 13 s.
_TASK_TIMEOUT = timedelta(seconds=3)
# Whoever asks has stored what it asks for and comes again: no reason to wait longer for an answer.
_RPC_TIMEOUT = timedelta(seconds=5)


class Started(StrEnum):
    NEW = "new"
    KNOWN = "known"  # it runs, or it ran, under this id already


class Told(StrEnum):
    SIGNALLED = "signalled"
    NOT_RUNNING = "not_running"  # there is no workflow of this order, or it has ended


async def start_order(client: Client, placed: PlacedOrder, *, task_queue: str) -> Started:
    """Ensure the order's workflow was started, once for ever. Unavailable: Temporal gave no clear answer; ask again."""
    return await _start(
        client,
        ORDER_WORKFLOW,
        placed,
        title="Order",
        found_by=at_start(placed),
        reuse=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_queue=task_queue,
    )


async def look_again(client: Client, order: OrderId, system: System) -> Told:
    """Tell the order that this system has news. Unavailable: Temporal gave no clear answer; ask again."""
    try:
        await client.get_workflow_handle(order).signal(LOOK_AGAIN, system.value, rpc_timeout=_RPC_TIMEOUT)
    except (RPCError, RuntimeError) as error:
        if isinstance(error, RPCError) and no_such_workflow(error):
            return Told.NOT_RUNNING
        raise _unavailable(error) from error
    return Told.SIGNALLED


async def is_running(client: Client, order: OrderId) -> bool:
    """Whether there is a workflow under the order's id that has not ended. Unavailable: Temporal gave no clear answer."""
    try:
        told = await client.get_workflow_handle(order).describe(rpc_timeout=_RPC_TIMEOUT)
    except (RPCError, RuntimeError) as error:
        if isinstance(error, RPCError) and no_such_workflow(error):
            return False
        raise _unavailable(error) from error
    return told.status is WorkflowExecutionStatus.RUNNING


async def look_after(client: Client, placed: PlacedOrder, ended: Phase, *, task_queue: str) -> None:
    """Ensure that a closed order looks at its payments again, in a workflow of its own under the order's id.

    Unavailable: not yet; ask again.
    """
    started = await _start(
        client,
        AFTERMATH_WORKFLOW,
        placed,
        title="After order",
        found_by=at_start(placed, ended),
        reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        task_queue=task_queue,
    )
    if started is Started.KNOWN:
        await _look_again_afterwards(client, placed.order_id)


async def _start(
    client: Client,
    workflow: str,
    placed: PlacedOrder,
    *,
    title: str,
    found_by: TypedSearchAttributes,
    reuse: WorkflowIDReusePolicy,
    task_queue: str,
) -> Started:
    """Under the order's id. Unavailable: Temporal gave no clear answer."""
    try:
        await client.start_workflow(
            workflow,
            placed,
            id=placed.order_id,
            task_queue=task_queue,
            id_reuse_policy=reuse,
            task_timeout=_TASK_TIMEOUT,
            search_attributes=found_by,
            static_summary=f"{title} {placed.number} · {placed.channel} · {placed.total}",
            rpc_timeout=_RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return Started.KNOWN
    except (RPCError, RuntimeError) as error:
        raise _unavailable(error) from error
    return Started.NEW


async def _look_again_afterwards(client: Client, order: OrderId) -> None:
    """The aftermath that runs already is told. The order itself, in its last moment, would not look any more."""
    try:
        running = await client.get_workflow_handle(order).describe(rpc_timeout=_RPC_TIMEOUT)
    except (RPCError, RuntimeError) as error:
        raise _unavailable(error) from error
    if running.workflow_type == ORDER_WORKFLOW:
        raise Unavailable("the order's workflow is about to end")
    if await look_again(client, order, System.PAYMENTS) is Told.NOT_RUNNING:
        raise Unavailable("the order's aftermath has just ended")


def no_such_workflow(error: RPCError) -> bool:
    """A namespace that does not exist is NOT_FOUND too, and says nothing about the order: the details tell them apart."""
    return any(detail.Is(NotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details)


def _unavailable(error: RPCError | RuntimeError) -> Unavailable:
    """A wrong setting (namespace, search attributes) counts as well: once it is put right, the order goes on."""
    # RuntimeError is what the SDK raises while it cannot connect at all.
    return Unavailable(f"temporal: {error}")
