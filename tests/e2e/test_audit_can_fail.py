"""Two engines that do what this project exists to prevent. Whoever audits them must say so."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.database.backorders import SqlBackorders
from adapters.database.engine import open_database
from adapters.database.incidents import SqlIncidents
from adapters.database.records import SqlRecords
from adapters.documents import PARSERS, load
from domain.document import Shipment
from domain.ids import OrderId, PaymentRef, shipment_id
from domain.keys import Key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.payments import Capture, Declined
from domain.phases import Phase
from domain.ports import PaymentGateway
from domain.records import OrderState
from domain.shipments import PickState, ShipmentLine
from entrypoints.demo.shopper import _order
from tests.e2e.commands import ordersaga
from tests.e2e.product import SHOP, Product, document, product, until
from workers.clock import now
from workers.wiring import systems
from workflows.next_run import Beginning
from workflows.order import Order
from workflows.sweep import TellIncidents

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    async with product(tmp_path_factory.mktemp("fails")) as started:
        yield started


class NewKeyPerAttempt:
    """A gateway's adapter as it must not be: each attempt looks like another capture to the gateway."""

    def __init__(self, right: PaymentGateway) -> None:
        self._right = right
        self._attempts = itertools.count()
        self.look_up, self.void, self.refund = right.look_up, right.void, right.refund
        self.increment, self.hold, self.pay_link = right.increment, right.hold, right.pay_link
        self.changes = right.changes

    async def capture(
        self, payment: PaymentRef, amount: Money, *, key: Key, final: bool
    ) -> Capture | Declined:
        del final
        return await self._right.capture(
            payment, amount, key=Key(f"{key}/{next(self._attempts)}"), final=False
        )


@workflow.defn(name="Order")
class ChargesBeforeItShips(Order):
    @workflow.run
    async def run(self, begun_with: Beginning) -> OrderState:
        return await super().run(begun_with)

    async def _fulfil(self) -> None:
        self._enter(Phase.FULFILLING)
        self.document.shipments.append(_as_if_shipped(self.placed))
        await self.payments.charge(self.document.shipments[-1])
        self.document.shipments.pop()
        await self.fulfilment.ship()


def _as_if_shipped(placed: PlacedOrder) -> Shipment:
    lines = (
        ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in placed.shippable
    )
    return Shipment(shipment_id=shipment_id(placed.order_id, 1), lines=tuple(lines), state=PickState.SHIPPED)


async def test_a_second_capture_of_one_shipment_is_found(running: Product) -> None:
    async with only_worker(running, Order, gateway=NewKeyPerAttempt):
        await running.fault("payments", "reply_lost", "capture", times=1)
        order = await _place_on_a_wide_hold(running, "TWICE")
        await until(lambda: _captured(running, order, times=2))
        await until(lambda: _needs_a_person(running, order))
        broken = await _broken(running, order)
        assert broken.keys() == {1}, broken
        assert "435.42 charged for an order of 217.71 EUR" in broken[1]


async def test_a_capture_before_the_goods_left_is_found(running: Product) -> None:
    async with only_worker(running, ChargesBeforeItShips):
        order = await running.place("EARLY")
        assert await running.ended(order) is OrderState.COMPLETED
        broken = await _broken(running, order)
        assert broken.keys() == {1}, broken
        (what,) = broken[1]
        assert re.fullmatch(r"217\.71 EUR captured by cap_\d+ when goods for 0\.00 had shipped", what)


@asynccontextmanager
async def only_worker(
    running: Product, engine: type[Order], gateway: Callable[[PaymentGateway], PaymentGateway] = lambda it: it
) -> AsyncIterator[None]:
    """In place of the product's own: this engine, with this gateway's adapter."""
    settings = running.running.settings
    await running.running.workers[0].stop()
    database = open_database(settings.database_url)
    async with systems(settings) as found:
        found.gateways["connector"] = gateway(found.gateways["connector"])
        activities = found.activities(
            SqlRecords(database, now),
            SqlIncidents(database, now),
            SqlBackorders(database),
            settings,
        )
        async with Worker(
            running.temporal,
            task_queue=settings.task_queue,
            workflows=[engine, TellIncidents],
            activities=activities,
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield
    await database.dispose()


async def _place_on_a_wide_hold(running: Product, number: str) -> OrderId:
    """The gateway would let more be captured than was ordered, and more than once."""
    content = document(number)
    placed = PARSERS["ordersaga"](load(content), channel=SHOP, skus={})
    hold = {
        "amount": {"amount": str(2 * placed.total.major), "currency": placed.currency},
        "multicapture": True,
    }
    await _order(running.running.settings, placed, "ordersaga", json.loads(content), hold)
    return await running.place(number)


async def _captured(running: Product, order: OrderId, *, times: int) -> bool:
    captures = [capture for capture in (await running.books())["captures"] if capture["order_id"] == order]
    return len(captures) == times


async def _needs_a_person(running: Product, order: OrderId) -> bool:
    document = await running.temporal.get_workflow_handle(order).query(Order.read_document)
    return document.attention is not None


async def _broken(running: Product, order: OrderId) -> dict[int, list[str]]:
    """By `ordersaga audit`: what is broken of this order, by promise."""
    settings = running.running.directory / "settings.json"
    answer = await asyncio.to_thread(ordersaga, "audit", "--json", settings=settings)
    assert answer.code == 1, answer.out + answer.err
    return {
        promise["number"]: [broken["what"] for broken in promise["violations"] if broken["order"] == order]
        for promise in answer.last["promises"]
        if promise["violations"]
    }
