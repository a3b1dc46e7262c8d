"""What sweeps ask of Temporal, and tell it."""

from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.sweeps_orders import Ended
from domain.errors import Unavailable
from domain.ids import OrderId, System
from domain.orders import PlacedOrder
from workers.temporal import ORDER_WORKFLOW, Told, look_again, no_such_workflow
from workflows.next_run import Beginning, Carried
from workflows.visibility import CARRIERS

_ORDERS = f"WorkflowType = '{ORDER_WORKFLOW}'"
# Temporal's visibility lags behind what has begun, and its clock differs from whoever asks.
_LAG = timedelta(minutes=5)
_BY_ITSELF = (
    WorkflowExecutionStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.CONTINUED_AS_NEW,
)


class TemporalHints:
    """`activities.sweeps.Hints` and `activities.sweeps_orders.Workflows`. Unavailable: Temporal gave no clear answer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def look_again(self, order: OrderId, system: System) -> bool:
        """By signal."""
        return await look_again(self._client, order, system) is Told.SIGNALLED

    async def started_since(self, cursor: str | None) -> tuple[tuple[OrderId, ...], str]:
        """The cursor is the time of the newest start that visibility has shown, less its lag."""
        query = f"{_ORDERS} AND StartTime >= '{cursor}'" if cursor else _ORDERS
        try:
            found = [(run.id, run.start_time) async for run in self._client.list_workflows(query)]
        except RPCError as error:
            raise _unavailable(error) from error
        newest = max((started for _, started in found), default=None)
        return tuple(OrderId(name) for name, _ in found), (
            (newest - _LAG).isoformat() if newest else cursor or ""
        )

    async def placed(self, order: OrderId) -> PlacedOrder | None:
        handle = self._client.get_workflow_handle(order)
        try:
            async for event in handle.fetch_history_events(page_size=1):
                told = event.workflow_execution_started_event_attributes.input.payloads
                (begun_with,) = await self._client.data_converter.decode(told, [Beginning])  # type: ignore[list-item]  # any type hint
                return begun_with.placed if isinstance(begun_with, Carried) else begun_with
        except RPCError as error:
            if not no_such_workflow(error):
                raise _unavailable(error) from error
        return None

    async def ended_otherwise(self) -> tuple[OrderId, ...]:
        query = f"{CARRIERS} AND ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut')"
        try:
            return tuple([OrderId(run.id) async for run in self._client.list_workflows(query)])
        except RPCError as error:
            raise _unavailable(error) from error

    async def ended(self, order: OrderId) -> Ended | None:
        try:
            told = await self._client.get_workflow_handle(order).describe()
        except RPCError as error:
            if no_such_workflow(error):
                return Ended(how="deleted")
            raise _unavailable(error) from error
        if told.status is None or told.status in _BY_ITSELF:
            return None
        return Ended(how=told.status.name.lower().replace("_", " "), run=told.run_id)


def _unavailable(error: RPCError) -> Unavailable:
    return Unavailable(f"temporal: {error.status.name.lower()}")
