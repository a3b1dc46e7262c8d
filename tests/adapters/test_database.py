"""The database: its schema, its migrations, and what it promises about orders, money, cursors and SKUs."""

import asyncio
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zipfile import ZipFile

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, inspect, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.database.engine import RowRefused, migrate, open_database, reading, writing
from adapters.database.inbox import Inbox
from adapters.database.orders import Accepted, AlreadyKnown, Orders
from adapters.database.records import SqlRecords
from adapters.database.schema import Base, InboxKind, MovementRow, OrderRow, SweepCursorRow
from adapters.database.skus import SkuMappings
from adapters.database.sweeps import SqlSweeps
from domain.document import OrderDocument
from domain.errors import InvariantBroken, Unavailable
from domain.ids import ChannelId, OrderId, PaymentRef, ShipmentId, Sku, System, order_id
from domain.keys import Key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.records import ClosedOrder, MoneyMovement, MovementKind, OrderState
from tests.contracts.placing import place
from tests.postgres import KINDS, migrated_url, new_url

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **units: float) -> None:
        self.time += timedelta(**units)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_url(request.param, tmp_path)


@pytest.fixture(params=KINDS)
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return migrated_url(request.param, tmp_path)


@pytest.fixture
async def engine(migrated: str) -> AsyncIterator[AsyncEngine]:
    await migrate(migrated)
    engine = open_database(migrated)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _placed(name: str) -> PlacedOrder:
    return place(name, [(Sku("MUG"), 2, "12.50")])


# --- schema and migrations


async def test_the_migrated_schema_is_that_of_the_models(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        names = await connection.run_sync(lambda connected: inspect(connected).get_table_names())
        assert set(names) >= set(Base.metadata.tables)


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_commit_survives_a_power_cut_and_readers_do_not_wait(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        pragmas = {
            name: await connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}


async def test_a_reader_goes_on_while_a_writer_is_at_work(engine: AsyncEngine) -> None:
    async with writing(engine) as writer, asyncio.timeout(5):
        await writer.execute(insert(SweepCursorRow).values(name="erp", cursor="7"))
        async with reading(engine) as reader:
            assert await reader.scalar(select(func.count()).select_from(SweepCursorRow)) == 0
    async with reading(engine) as reader:
        assert await reader.scalar(select(func.count()).select_from(SweepCursorRow)) == 1


@pytest.mark.parametrize(
    "migrated", ["sqlite"], indirect=True
)  # PostgreSQL has many writers: rows are locked there
async def test_two_that_read_and_then_write_take_turns_instead_of_failing(engine: AsyncEngine) -> None:
    async def count_up() -> None:
        async with writing(engine) as connection:
            known = await connection.scalar(select(func.count()).select_from(SweepCursorRow))
            await connection.execute(insert(SweepCursorRow).values(name=str(known), cursor=""))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(count_up())
    async with reading(engine) as connection:
        names = await connection.scalars(select(SweepCursorRow.name))
    assert set(names) == {str(number) for number in range(10)}


async def test_a_database_that_is_not_migrated_yet_is_unavailable(url: str) -> None:
    engine = open_database(url)
    with pytest.raises(Unavailable, match=r"database: (OperationalError|UndefinedTable)"):
        await Orders(engine, Clock()).list()
    await engine.dispose()


async def test_migrating_twice_changes_nothing(url: str, clock: Clock) -> None:
    await migrate(url)
    engine = open_database(url)
    await Orders(engine, clock).accept(_placed("kept"))
    await migrate(url)
    assert len(await Orders(engine, clock).list()) == 1
    await engine.dispose()


@pytest.mark.slow
def test_processes_that_migrate_at_once_wait_for_each_other(url: str) -> None:
    script = f"import asyncio, adapters.database.engine as e; asyncio.run(e.migrate({url!r}))"
    started = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)
    ]
    answers = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert answers == [(b"", 0)] * 3


@pytest.mark.slow
def test_an_installed_wheel_brings_its_migrations(tmp_path: Path, url: str) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True, capture_output=True, text=True
    )
    installed = tmp_path / "installed"
    with ZipFile(tmp_path / built.stdout.strip()) as wheel:
        wheel.extractall(installed)
    script = (
        f"import asyncio, adapters.database.engine as e; print(e.__file__); asyncio.run(e.migrate({url!r}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=installed, check=True, capture_output=True, text=True
    )
    assert Path(ran.stdout.strip()).is_relative_to(installed)


# --- times


async def test_times_come_back_in_utc_whatever_zone_they_went_in_with(engine: AsyncEngine) -> None:
    berlin = timezone(timedelta(hours=2))
    placed = _placed("berlin")
    orders = Orders(engine, lambda: datetime(2026, 7, 1, 14, tzinfo=berlin))
    await orders.accept(placed)
    registered = await orders.get(placed.order_id)
    assert registered is not None
    assert registered.accepted_at == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert registered.accepted_at.utcoffset() == timedelta(0)


async def test_a_time_without_its_zone_is_not_taken(engine: AsyncEngine) -> None:
    orders = Orders(engine, lambda: datetime(2026, 7, 1, 14))  # noqa: DTZ001  that is the point
    with pytest.raises(StatementError, match="without its zone"):
        await orders.accept(_placed("nowhere"))


# --- orders


async def test_an_order_is_accepted_once_and_kept_as_it_came_first(engine: AsyncEngine, clock: Clock) -> None:
    orders, placed = Orders(engine, clock), _placed("first")
    changed = placed.model_copy(update={"number": "changed"})
    assert await orders.accept(placed) == Accepted(order_id=placed.order_id)
    assert await orders.accept(changed) == AlreadyKnown(order_id=placed.order_id)
    registered = await orders.get(placed.order_id)
    assert registered is not None
    assert registered.placed == placed
    assert (registered.state, registered.closed) == (OrderState.ACCEPTED, False)


async def test_of_twenty_that_bring_an_order_at_once_one_is_told_accepted(
    engine: AsyncEngine, clock: Clock
) -> None:
    orders, placed = Orders(engine, clock), _placed("rush")
    answers = await asyncio.gather(*(orders.accept(placed) for _ in range(20)))
    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    assert len(await orders.list()) == 1


async def test_orders_are_listed_newest_first_by_state_and_channel(engine: AsyncEngine, clock: Clock) -> None:
    orders = Orders(engine, clock)
    names = ("one", "two", "three")
    for name in names:
        await orders.accept(_placed(name))
        clock.advance(minutes=1)
    one, two, three = (_placed(name).order_id for name in names)
    await orders.started(two)
    assert [order.order_id for order in await orders.list()] == [three, two, one]
    assert [order.order_id for order in await orders.list(limit=1)] == [three]
    assert [order.order_id for order in await orders.list(state=OrderState.STARTED)] == [two]
    assert [order.order_id for order in await orders.unstarted()] == [one, three]
    assert await orders.list(channel=ChannelId("another")) == ()
    assert len(await orders.list(channel=_placed("one").channel)) == 3


async def test_an_unknown_order_is_none(engine: AsyncEngine, clock: Clock) -> None:
    assert await Orders(engine, clock).get(OrderId("order:shop:1")) is None


# --- closing


async def test_a_closed_order_keeps_its_document_and_is_not_opened_by_coming_again(
    engine: AsyncEngine, clock: Clock
) -> None:
    orders, records, placed = Orders(engine, clock), SqlRecords(engine, clock), _placed("closed")
    await orders.accept(placed)
    for _ in range(2):  # the activity that closes it may run again
        await records.close_order(placed.order_id, OrderState.COMPLETED, '{"total": "29.75"}', NOON)
    await orders.started(placed.order_id)
    assert await orders.accept(placed) == AlreadyKnown(order_id=placed.order_id)
    registered = await orders.get(placed.order_id)
    assert registered is not None
    assert (registered.state, registered.closed) == (OrderState.COMPLETED, True)
    assert (registered.closed_document, registered.closed_at) == ('{"total": "29.75"}', NOON)


@pytest.mark.parametrize(
    ("state", "document"), [(OrderState.CANCELLED, "{}"), (OrderState.COMPLETED, '{"other": 1}')]
)
async def test_an_order_that_was_closed_in_another_way_is_a_broken_invariant(
    engine: AsyncEngine, clock: Clock, state: OrderState, document: str
) -> None:
    records, placed = SqlRecords(engine, clock), _placed("twice")
    await Orders(engine, clock).accept(placed)
    await records.close_order(placed.order_id, OrderState.COMPLETED, "{}", NOON)
    with pytest.raises(InvariantBroken, match="in another way"):
        await records.close_order(placed.order_id, state, document, NOON)


async def test_closing_what_was_never_accepted_or_into_an_open_state_is_a_broken_invariant(
    engine: AsyncEngine, clock: Clock
) -> None:
    records, placed = SqlRecords(engine, clock), _placed("never")
    with pytest.raises(InvariantBroken, match="never accepted"):
        await records.close_order(placed.order_id, OrderState.COMPLETED, "{}", NOON)
    await Orders(engine, clock).accept(placed)
    with pytest.raises(InvariantBroken, match="no way to be closed"):
        await records.close_order(placed.order_id, OrderState.STARTED, "{}", NOON)


async def test_a_closed_order_is_opened_again_and_closed_anew(engine: AsyncEngine, clock: Clock) -> None:
    orders, records, placed = Orders(engine, clock), SqlRecords(engine, clock), _placed("again")
    await orders.accept(placed)
    assert await records.closed_order(placed.order_id) is None
    document = OrderDocument.begun(placed)
    await records.close_order(placed.order_id, OrderState.COMPLETED, document.model_dump_json(), NOON)
    closed = await records.closed_order(placed.order_id)
    assert closed == ClosedOrder(document=document, closed_at=NOON)
    for _ in range(2):
        await records.reopen_order(placed.order_id, NOON)
    assert await orders.state(placed.order_id) is OrderState.STARTED
    assert await records.closed_order(placed.order_id) is None
    later = NOON + timedelta(days=1)
    await records.close_order(placed.order_id, OrderState.COMPLETED, '{"total": "0.00"}', later)
    await records.reopen_order(placed.order_id, NOON)  # it arrives late
    registered = await orders.get(placed.order_id)
    assert registered is not None
    assert (registered.state, registered.closed_document) == (OrderState.COMPLETED, '{"total": "0.00"}')


# --- sweeps of payments


async def test_a_closed_orders_unheard_payments_become_a_hint_once(engine: AsyncEngine, clock: Clock) -> None:
    orders, sweeps = Orders(engine, clock), SqlSweeps(engine, clock)
    closed, still_open = _placed("closed-and-paid"), _placed("open-and-paid")
    for placed in (closed, still_open):
        await orders.accept(placed)
    await SqlRecords(engine, clock).close_order(closed.order_id, OrderState.COMPLETED, "{}", NOON)
    for _ in range(2):
        await sweeps.tell_of_closed((closed.order_id, still_open.order_id), System.PAYMENTS, "cursor-7")
    (hint,) = await Inbox(engine, clock).list()
    assert (hint.kind, hint.system, hint.order_id) == (InboxKind.WEBHOOK, "payments", closed.order_id)


# --- money


def _captured(minor: int, *, shipment: str | None = "s1") -> MoneyMovement:
    order = order_id(_placed("money").channel, _placed("money").platform_id)
    return MoneyMovement(
        key=Key("money/capture/s1"),
        order_id=order,
        kind=MovementKind.CAPTURED,
        amount=Money(minor=minor, currency="EUR"),
        payment=PaymentRef("pi_1"),
        reference="ch_1",
        shipment=ShipmentId(f"{order}/{shipment}") if shipment else None,
    )


async def test_a_movement_of_money_is_recorded_once_per_key(engine: AsyncEngine, clock: Clock) -> None:
    records = SqlRecords(engine, clock)
    too_large_for_32_bits = 5_000_000_000
    await records.record_movement(_captured(too_large_for_32_bits))
    clock.advance(hours=1)
    await records.record_movement(_captured(too_large_for_32_bits))
    async with reading(engine) as connection:
        (row,) = await connection.execute(select(MovementRow))
    assert (row.amount_minor, row.currency, row.kind) == (5_000_000_000, "EUR", MovementKind.CAPTURED)
    assert row.recorded_at == NOON


@pytest.mark.parametrize("other", [_captured(2000), _captured(1999, shipment=None)])
async def test_another_movement_under_the_same_key_is_a_broken_invariant(
    engine: AsyncEngine, clock: Clock, other: MoneyMovement
) -> None:
    records = SqlRecords(engine, clock)
    await records.record_movement(_captured(1999))
    with pytest.raises(InvariantBroken, match="money/capture/s1"):
        await records.record_movement(other)
    async with reading(engine) as connection:
        assert list(await connection.scalars(select(MovementRow.amount_minor))) == [1999]


# --- cursors and SKUs


async def test_a_sweep_goes_on_where_it_stopped(engine: AsyncEngine, clock: Clock) -> None:
    records = SqlRecords(engine, clock)
    assert await records.cursor("erp/connector") is None
    await records.keep_cursor("erp/connector", "17")
    await records.keep_cursor("erp/connector", "18")
    await records.keep_cursor("warehouse/connector", "3")
    assert await records.cursor("erp/connector") == "18"


async def test_a_sku_is_mapped_per_channel_and_the_last_mapping_holds(engine: AsyncEngine) -> None:
    skus, here, there = SkuMappings(engine), ChannelId("here"), ChannelId("there")
    await skus.map(here, "variant:1", Sku("OLD"))
    await skus.map(here, "variant:1", Sku("MUG"))
    await skus.map(there, "variant:1", Sku("CUP"))
    assert await skus.of(here) == {"variant:1": "MUG"}
    assert await skus.of(there) == {"variant:1": "CUP"}
    assert await skus.of(ChannelId("nowhere")) == {}


async def test_no_error_of_the_database_shows_what_was_stored(engine: AsyncEngine) -> None:
    row = {"order_id": "order:a:1", "channel": "a", "platform_id": "1", "number": "1", "accepted_at": NOON}
    twice = [row | {"state": OrderState.ACCEPTED, "placed": {"customer": "Erika"}}] * 2
    with pytest.raises(RowRefused, match=r"(?i)unique constraint") as refused:
        async with writing(engine) as connection:
            await connection.execute(insert(OrderRow), twice)
    assert "Erika" not in str(refused.value)


async def test_no_error_of_the_database_shows_the_row_that_it_refuses(engine: AsyncEngine) -> None:
    row = {"order_id": "order:a:1", "channel": "a", "platform_id": "1", "number": None, "accepted_at": NOON}
    with pytest.raises(RowRefused, match=r"(?i)not[- ]null constraint") as refused:
        async with writing(engine) as connection:
            await connection.execute(
                insert(OrderRow), row | {"state": OrderState.ACCEPTED, "placed": {"customer": "Erika"}}
            )
    for shown in traceback.format_exception(refused.value):
        assert "Erika" not in shown
