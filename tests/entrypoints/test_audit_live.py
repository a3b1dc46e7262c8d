"""The auditor's reading of Temporal, of our database and of a running simulator, and the audit of all three."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.database.engine import migrate, open_database
from adapters.database.inbox import Inbox, dedupe_key
from adapters.database.orders import Orders
from adapters.database.records import SqlRecords
from adapters.database.schema import InboxKind
from domain.ids import ChannelId, PaymentRef, Sku, shipment_id
from domain.keys import Key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.records import MoneyMovement, MovementKind, OrderState
from entrypoints.audit import from_database, from_simulator, from_temporal
from entrypoints.audit.books import Method, Payment, Row, State, Workflow
from entrypoints.audit.run import audit
from entrypoints.audit.sources import AuditSources
from entrypoints.embedded.temporal import temporal_cli
from tests.contracts.placing import place
from tests.contracts.simulator_process import Simulator, simulator
from tests.postgres import KINDS, migrated_url

QUEUE = "orders"
ORDER = place("1", [(Sku("A-1"), 2, "10.00")])
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Told(BaseModel):
    phase: str
    order: PlacedOrder


@workflow.defn(name="Order")
class StandIn:
    """Tells of its order, and ends as it is told."""

    def __init__(self) -> None:
        self._end = ""

    @workflow.run
    async def run(self, name: str) -> str:
        await workflow.wait_condition(lambda: bool(self._end))
        if self._end == "fail":
            raise ApplicationError("a defect", non_retryable=True)
        return name

    @workflow.signal
    def end(self, how: str) -> None:
        self._end = how

    @workflow.query(name="document")
    def document(self) -> Told:
        return Told(phase="fulfilling", order=ORDER)


@workflow.defn(name="Aftermath")
class StandInAfterwards(StandIn):
    """The order once more, after it has closed."""

    @workflow.run
    async def run(self, name: str) -> str:
        return await super().run(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    environment = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=temporal_cli(),
        dev_server_log_level="error",
    )
    async with environment:
        worker = Worker(
            environment.client,
            task_queue=QUEUE,
            workflows=[StandIn, StandInAfterwards],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            yield environment


async def start(
    temporal: WorkflowEnvironment, name: str, *, queue: str = QUEUE, again: bool = False
) -> WorkflowHandle[StandIn, str]:
    policy = WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE
    return await temporal.client.start_workflow(
        StandIn.run, name, id=name, task_queue=queue, id_reuse_policy=policy
    )


async def ended(handle: WorkflowHandle[StandIn, str], how: str) -> None:
    await handle.signal(StandIn.end, how)
    with suppress(WorkflowFailureError):
        await handle.result()


async def read(temporal: WorkflowEnvironment, *rows: Row) -> dict[str, Workflow]:
    found = await from_temporal.read(temporal.client.service_client.config.target_host, "default", rows)
    return {workflow.order_id: workflow for workflow in found}


def row(name: str, document: dict[str, Any] | None = None) -> Row:
    return Row(order_id=name, state="completed" if document else "started", document=document)


async def test_a_running_order_tells_its_document_as_plain_json(temporal: WorkflowEnvironment) -> None:
    await start(temporal, "order:t:running")
    told = (await read(temporal, row("order:t:running")))["order:t:running"]
    assert (told.status, told.starts) == ("running", 1)
    assert told.document is not None
    assert told.document["phase"] == "fulfilling"
    assert told.document["order"]["total"] == {"minor": ORDER.total.minor, "currency": "EUR"}
    assert told.document["order"]["lines"][0]["unit_price"] == "10.00"


async def test_an_order_of_the_register_is_found_before_any_list_shows_it(
    temporal: WorkflowEnvironment,
) -> None:
    await start(temporal, "order:t:just-now")
    found = await read(temporal, row("order:t:just-now"), row("order:t:never-started"))
    assert found["order:t:just-now"].status == "running"
    assert "order:t:never-started" not in found


async def test_how_an_order_ended_is_told(temporal: WorkflowEnvironment) -> None:
    for how in ("finish", "fail"):
        await ended(await start(temporal, f"order:t:{how}"), how)
    await (await start(temporal, "order:t:terminated")).terminate("by hand")
    rows = [row(f"order:t:{how}") for how in ("finish", "fail", "terminated")]
    found = await read(temporal, *rows)
    assert [found[one.order_id].status for one in rows] == ["completed", "failed", "terminated"]


async def test_a_second_start_is_counted_and_a_reset_is_none(temporal: WorkflowEnvironment) -> None:
    await ended(await start(temporal, "order:t:twice"), "finish")
    await start(temporal, "order:t:twice", again=True)
    await _reset(temporal, await start(temporal, "order:t:reset"))

    async def runs(name: str) -> int:
        return (await temporal.client.count_workflows(f"WorkflowId = '{name}'")).count

    async with asyncio.timeout(20):
        while (await runs("order:t:twice"), await runs("order:t:reset")) != (2, 2):  # noqa: ASYNC110  Temporal's lists have no event to wait for
            await asyncio.sleep(0.05)
    found = await read(temporal)
    assert (found["order:t:twice"].starts, found["order:t:twice"].status) == (2, "running")
    assert (found["order:t:reset"].starts, found["order:t:reset"].status) == (1, "running")


async def test_an_order_that_is_open_again_was_started_once_and_tells_how_it_is_now(
    temporal: WorkflowEnvironment,
) -> None:
    name = "order:t:again"
    await ended(await start(temporal, name), "finish")
    handle = await temporal.client.start_workflow(StandInAfterwards.run, name, id=name, task_queue=QUEUE)

    async with asyncio.timeout(20):
        while (await temporal.client.count_workflows(f"WorkflowId = '{name}'")).count != 2:  # noqa: ASYNC110  as above
            await asyncio.sleep(0.05)
    kept = Row(order_id=name, state="started", document={"phase": "completed"})
    told = (await read(temporal, kept))[name]
    assert (told.status, told.starts) == ("running", 1)
    assert told.document is not None
    assert told.document["phase"] == "fulfilling"
    await handle.terminate("by hand")
    async with asyncio.timeout(20):
        running = f"WorkflowId = '{name}' AND ExecutionStatus = 'Running'"
        while (await temporal.client.count_workflows(running)).count:  # noqa: ASYNC110  as above
            await asyncio.sleep(0.05)
    told = (await read(temporal, kept.model_copy(update={"state": "completed"})))[name]
    assert (told.status, told.document) == ("terminated", None)


async def _reset(temporal: WorkflowEnvironment, handle: WorkflowHandle[StandIn, str]) -> None:
    """As an operator does in the Web UI: back to the first workflow task, which makes a new run."""
    await handle.query(StandIn.document)  # its first task is done
    await temporal.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(
                workflow_id=handle.id, run_id=handle.first_execution_run_id or ""
            ),
            reason="try again",
            workflow_task_finish_event_id=4,
            request_id="reset-of-the-test",
        )
    )


async def test_an_order_that_no_worker_answers_for_comes_without_its_document(
    temporal: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_temporal, "_ANSWER_SECONDS_MAX", 0.5)
    handle = await start(temporal, "order:t:unserved", queue="nobody")
    told = (await read(temporal, row("order:t:unserved")))["order:t:unserved"]
    await handle.terminate("the test is over")
    assert (told.status, told.document) == ("running", None)


async def test_a_closed_order_is_not_asked_for_what_the_register_keeps(temporal: WorkflowEnvironment) -> None:
    await ended(await start(temporal, "order:t:closed"), "finish")
    told = await read(temporal, row("order:t:closed", {"phase": "completed"}))
    assert told["order:t:closed"].document is None


@pytest_asyncio.fixture(loop_scope="module", params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """One order closed with its capture, one accepted, a document parked and one that waits."""
    url = await asyncio.to_thread(migrated_url, request.param, tmp_path)
    await migrate(url)
    engine = open_database(url)
    orders, inbox, records = (
        Orders(engine, lambda: NOW),
        Inbox(engine, lambda: NOW),
        SqlRecords(engine, lambda: NOW),
    )
    await orders.accept(ORDER)
    await orders.accept(place("2", [(Sku("A-1"), 1, "10.00")]))
    await records.record_movement(_captured(ORDER))
    await records.close_order(ORDER.order_id, OrderState.COMPLETED, '{"phase": "completed"}', NOW)
    for number, body in enumerate((b'{"id": 3}', b"no json", b'{"id": 4}')):
        stored = await inbox.store(
            InboxKind.DOCUMENT,
            channel=ChannelId("shop"),
            system="shopify",
            key=dedupe_key(body),
            body=body,
        )
        if number == 0:
            await inbox.park(stored.id, "no SKU")
    yield url
    await engine.dispose()


def _captured(order: PlacedOrder) -> MoneyMovement:
    return MoneyMovement(
        key=Key("k"),
        order_id=order.order_id,
        kind=MovementKind.CAPTURED,
        amount=Money.parse("28.63", "EUR"),
        payment=PaymentRef("pay_1"),
        reference="cap_1",
        shipment=shipment_id(order.order_id, 1),
    )


async def test_the_register_is_read_with_its_closed_documents(database: str) -> None:
    rows = {row.order_id: row for row in from_database.read_register(database)}
    assert {name: row.state for name, row in rows.items()} == {
        "order:contract:1": "completed",
        "order:contract:2": "accepted",
    }
    assert rows["order:contract:1"].document == {"phase": "completed"}
    assert rows["order:contract:2"].document is None


async def test_movements_and_inbox_are_read_too(database: str) -> None:
    books = from_database.read(database)
    (movement,) = books.movements
    assert (movement.kind, movement.amount, movement.reference) == ("captured", Decimal("28.63"), "cap_1")
    assert movement.shipment == f"{ORDER.order_id}/s1"
    assert [(item.state, item.order_id) for item in books.inbox] == [
        ("parked", "order:shop:3"),
        ("waiting", None),
        ("waiting", "order:shop:4"),
    ]


async def test_the_audit_can_change_nothing(database: str) -> None:
    with (
        pytest.raises(DBAPIError, match=r"readonly|read-only"),
        from_database._opened(database) as connection,
    ):
        connection.execute(text("DELETE FROM orders"))


async def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.sqlite", f"postgresql:///orders?host={tmp_path}"):
        with pytest.raises(DBAPIError):
            from_database.read_register(url)
    assert not (tmp_path / "none.sqlite").exists()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(
        tmp_path_factory.mktemp("simulated"), pick_seconds="off", deliver_seconds="off"
    ) as running:
        yield running


def _placed_in_the_shop(world: Simulator, name: str) -> None:
    document = {
        "id": name,
        "currency": "EUR",
        "taxes_included": True,
        "total": "20.00",
        "lines": [{"id": "1", "quantity": 2, "unit_price": "10.00"}],
    }
    amount = {"amount": "20.00", "currency": "EUR"}
    line = {"line_id": "1", "sku": "A-1", "quantity": 2, "total": amount}
    world.place_order(
        f"order:contract:{name}",
        [line],
        amount,
        document=document,
        payment={"amount": amount, "state": "authorised"},
        platform="ordersaga",
    )


async def test_the_simulators_books_are_read_as_it_keeps_them(world: Simulator) -> None:
    world.stock(A_1=7)
    _placed_in_the_shop(world, "1")
    books = await from_simulator.read(world.url)
    shop = next(order for order in books.shop if order.order_id == "order:contract:1")
    assert (shop.state, shop.total, shop.currency) == (State.OPEN, Decimal(20), "EUR")
    payment = next(payment for payment in books.payments if payment.order_id == "order:contract:1")
    assert (payment.authorised, payment.held, payment.captured) == (Decimal(20), Decimal(20), Decimal(0))
    assert [(shelf.sku, shelf.on_hand) for shelf in books.shelves] == [("A-1", Decimal(7))]
    assert shop.placed_at is not None
    assert books.as_of is not None
    assert abs(books.as_of - shop.placed_at) < timedelta(minutes=1)


async def test_every_payment_of_the_simulator_is_read_with_who_took_it_and_what_went_back(
    world: Simulator,
) -> None:
    order = "order:contract:paid"
    amount = {"amount": "20.00", "currency": "EUR"}
    world.place_order(order, [], amount)

    def does(what: str, verb: str = "POST", **facts: Any) -> None:
        world.call(verb, f"/world/payments/{what}", {"order_id": order, **facts})

    does("pay", amount=amount, method="gift_card", state="captured")
    does("pay", amount=amount, state="pending")
    does("pay", amount=amount, method="bank_transfer")
    does("transfer", amount=amount, bank_reference="bank-of-the-audit")
    does("pay", amount=amount)
    does("capture")
    does("pay", amount=amount, reference="pay_ours")
    does("script", "PUT", refunds="pending")
    async with httpx.AsyncClient(base_url=world.url) as http:
        for operation, more in (("capture", {"final": True}), ("refund", {})):
            asked = {"payment": "pay_ours", "amount": amount, **more}
            answer = await http.post(
                f"/payments/{operation}", json=asked, headers={"Idempotency-Key": f"audit/{operation}"}
            )
            assert answer.is_success
    before = await _paid(world, order)
    assert before["pay_ours"].refunded == Decimal(20), "it is on its way"
    does("refunds", state="failed")
    told = list((await _paid(world, order)).values())
    paid, nothing = Decimal(20), Decimal(0)
    assert [(payment.method, payment.pending, payment.captured, payment.ours) for payment in told] == [
        (Method.GIFT_CARD, False, paid, nothing),
        (Method.CARD, True, nothing, nothing),
        (Method.BANK_TRANSFER, False, paid, nothing),
        (Method.CARD, False, paid, nothing),
        (Method.CARD, False, paid, paid),
    ]
    assert [(refund.amount, refund.failed) for refund in told[-1].refunds] == [(Decimal(20), True)]
    assert told[-1].refunded == 0


async def _paid(world: Simulator, order: str) -> dict[str, Payment]:
    books = await from_simulator.read(world.url)
    return {payment.reference: payment for payment in books.payments if payment.order_id == order}


async def test_the_audit_of_running_systems_finds_the_order_that_nobody_carries(
    temporal: WorkflowEnvironment, world: Simulator, database: str
) -> None:
    """Order 2 was accepted, and neither a workflow nor the inbox will ever start it."""
    _placed_in_the_shop(world, "2")
    sources = AuditSources(
        simulator_url=world.url,
        temporal_address=temporal.client.service_client.config.target_host,
        database_url=database,
    )
    ninth = (await audit(sources)).promises[8]
    assert [(broken.order, broken.what) for broken in ninth.violations if "contract" in broken.order] == [
        ("order:contract:2", "it is accepted, without a workflow and without a closed record")
    ]
