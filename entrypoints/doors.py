"""The doors of the orders: an order found by its id or number, read, and quoted. Commands go by the inbox: `commands.py`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError, RPCStatusCode

from adapters.database.engine import migrate, open_database
from adapters.database.orders import Orders, RegisteredOrder
from domain.amendments import Amended, Changes, Quote
from domain.attention import Answer
from domain.base import Value
from domain.document import OrderDocument, Wait
from domain.errors import Refused, Unavailable
from domain.ids import OrderId
from domain.orders import PlacedOrder
from workers.clock import now
from workers.connection import connect
from workers.settings import Settings
from workflows.order import Order

# An answer that is there comes in milliseconds.
_LOOK_SECONDS_MAX = 2.0
# Shorter than Temporal keeps a question for a worker that has died (10 s): docs/adr/0020-a-question-waits-five-seconds.md
_QUERY_MAX = timedelta(seconds=5)


class Outcome(StrEnum):
    """What is known of something that an order was asked for."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # taken for certain: it is done, or refused, later
    UNREACHED = "unreached"  # kept, and nobody has taken it yet


class Told(Value):
    """What an order answered, or why there is no answer."""

    order_id: OrderId
    number: str
    outcome: Outcome
    why: str
    amended: Amended | None = None

    @property
    def done(self) -> bool:
        return self.outcome is Outcome.DONE


class Doors:
    def __init__(self, settings: Settings, orders: Orders) -> None:
        self._settings = settings
        self._orders = orders
        self._client: Client | None = None

    async def client(self) -> Client:
        """Connected when it is needed first: our own database tells much without Temporal. Unavailable: it is away."""
        if self._client is None:
            self._client = await connect(self._settings)
        return self._client

    async def workflow(self, order: OrderId) -> WorkflowHandle[Any, Any]:
        return (await self.client()).get_workflow_handle(order)

    async def known(self, order: OrderId) -> RegisteredOrder | None:
        return await self._orders.get(order)

    async def find(self, name: str) -> RegisteredOrder:
        """By id, or by the number people use when only one order has it. Refused says what to do about the name."""
        if found := await self._orders.get(OrderId(name)):
            return found
        numbered = await self._orders.numbered(name)
        if len(numbered) > 1:
            ids = ", ".join(order.order_id for order in numbered)
            raise Refused(f"{len(numbered)} orders have the number {name}: {ids}")
        if not numbered:
            raise Refused(f"no order {name}; `ordersaga orders list` lists them")
        return numbered[0]

    async def read(self, order: RegisteredOrder) -> OrderDocument:
        """The whole order: of a closed one as it was kept, of any other as it is now. Unavailable: it cannot tell."""
        if order.closed and order.closed_document:
            return OrderDocument.model_validate_json(order.closed_document)
        handle = await self.workflow(order.order_id)
        try:
            return await handle.query(Order.read_document, rpc_timeout=_QUERY_MAX)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return _not_started(order.placed)
            raise Unavailable(
                f"{order.order_id} cannot be read: Temporal says {error.status.name.lower()}: {error.message}"
            ) from error
        except WorkflowQueryFailedError as error:
            raise Unavailable(f"{order.order_id} cannot be read: {error}") from error

    async def quote(self, order: RegisteredOrder, changes: Changes) -> Quote:
        """What they would mean; nothing happens by asking. Unavailable: the order cannot be asked now."""
        handle = await self.workflow(order.order_id)
        try:
            return await handle.query(Order.read_quote, changes, rpc_timeout=_QUERY_MAX)
        except RPCError as error:
            why = f"Temporal says {error.status.name.lower()}: {error.message}"
            if error.status is RPCStatusCode.NOT_FOUND:
                why = "it is accepted and kept, and waits to be started"
            raise Unavailable(f"{order.order_id} cannot be quoted: {why}") from error
        except WorkflowQueryFailedError as error:
            raise Unavailable(f"{order.order_id} cannot be quoted: {error}") from error

    async def answer(
        self, order: RegisteredOrder, command: str, result: type[Answer | Amended] = Answer
    ) -> Told | None:
        """What became of a command; None: Temporal knows of none such. Unavailable: it cannot tell."""
        handle = await self.workflow(order.order_id)
        update: WorkflowUpdateHandle[Answer | Amended] = handle.get_update_handle(command, result_type=result)
        try:
            async with asyncio.timeout(_LOOK_SECONDS_MAX):
                told = await update.result()
        except WorkflowUpdateFailedError as error:
            return _told(order, Outcome.REFUSED, words_of(error))
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return _told(order, Outcome.UNKNOWN, "the order has taken it, and has not answered yet")
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise Unavailable(f"Temporal says {error.status.name.lower()}: {error.message}") from error
        return _told(order, outcome_of(told), told.why, told)


@asynccontextmanager
async def opened_doors(settings: Settings) -> AsyncIterator[Doors]:
    await migrate(settings.database_url)
    engine = open_database(settings.database_url)
    try:
        yield Doors(settings, Orders(engine, now))
    finally:
        await engine.dispose()


def outcome_of(answer: Answer | Amended) -> Outcome:
    return Outcome.DONE if answer.allowed else Outcome.REFUSED


def words_of(error: WorkflowUpdateFailedError) -> str:
    """Why the order did not accept it."""
    said = error.cause.message if isinstance(error.cause, FailureError) else str(error.cause)
    return f"not accepted: {said}"


def _told(order: RegisteredOrder, outcome: Outcome, why: str, answer: Answer | Amended | None = None) -> Told:
    amended = answer if isinstance(answer, Amended) else None
    return Told(order_id=order.order_id, number=order.number, outcome=outcome, why=why, amended=amended)


def _not_started(placed: PlacedOrder) -> OrderDocument:
    document = OrderDocument.begun(placed)
    document.waits.append(Wait(what="Temporal, to be started: it is accepted and kept"))
    return document
