"""Looking at all orders of the demo at once, through Temporal's visibility."""

import asyncio
from collections.abc import Callable

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from domain.errors import OrderError
from entrypoints.attention import Standing, standing_of
from workflows.visibility import CARRIERS

Say = Callable[[str], None]

LOOK_SECONDS = 1.0
STALLED_SECONDS = 120  # no order moved
STEP_SECONDS_MAX = 300  # others moved, but one did not come to what it must


class DemoFailed(OrderError):  # noqa: N818  it reads as what happened
    """The demo did not get where it should; the message says where it stopped."""


class Watch:
    """How every order stands, as of the last look."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.standing: dict[str, Standing] = {}
        self.closed: set[str] = set()
        self.unanswered = ""  # why the last look found nothing
        self._news = asyncio.Condition()

    async def look(self) -> None:
        """Where Temporal is too busy to answer, the next look will tell."""
        try:
            await self._see()
            self.unanswered = ""
        except RPCError as error:
            self.unanswered = f"Temporal does not answer: {error}"
        async with self._news:
            self._news.notify_all()

    async def _see(self) -> None:
        newest: dict[str, WorkflowExecution] = {}
        async for execution in self.client.list_workflows(CARRIERS):
            known = newest.setdefault(execution.id, execution)
            if execution.start_time > known.start_time:  # its aftermath
                newest[execution.id] = execution
        open_still = {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW}
        self.standing |= {order: standing_of(execution) for order, execution in newest.items()}
        self.closed = {order for order, execution in newest.items() if execution.status not in open_still}

    async def until(self, order: str, true: Callable[[Standing], object], what: str) -> Standing:
        """DemoFailed when it does not come true, telling `what` was waited for."""
        try:
            async with asyncio.timeout(STEP_SECONDS_MAX), self._news:
                while not ((seen := self.standing.get(order)) and true(seen)):
                    await self._news.wait()
        except TimeoutError:
            raise DemoFailed(f"{order} did not come to this within {STEP_SECONDS_MAX} s: {what}") from None
        return seen

    def phase(self, order: str) -> str:
        seen = self.standing.get(order)
        return seen.phase if seen else ""
