"""Worker and Temporal are killed at every step of an amendment, and the API that took it: it holds everywhere, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from adapters.database.engine import open_database
from adapters.database.schema import InboxKind, InboxState
from adapters.database.tokens import Tokens
from domain.amendments import Amended, Amendment, AmendmentState, SetQuantity
from domain.ids import OrderId
from domain.records import OrderState
from entrypoints.api.roles import Role
from entrypoints.demo.shopper import checkout
from entrypoints.demo.tenders import by_card_on_file
from entrypoints.intake import opened_inbox, opened_intake
from tests.amendments.agreeing import lines_in, lines_of
from tests.e2e.product import SHOP, Product, document, product, until
from workers.clock import now
from workflows.order import Order

pytestmark = [pytest.mark.e2e, pytest.mark.long]

_SLOW_SECONDS = 2.0
_STEPS = {
    "stock": ("stock", "reserve"),
    "payment": ("payments", "hold"),
    "ERP": ("erp", "enter_order"),
    "shop": ("storefront", "amend_order"),
    "commit": ("crm", "note"),  # the revision holds, and people are told
}
_IN_TURN = (("stock",), ("payment",), ("ERP", "shop"), ("commit",))


async def test_an_amendment_is_carried_on_by_other_workers_wherever_the_first_was_killed(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    async with product(tmp_path) as running:
        order, handle = await blocked_at_the_warehouse(running, "KILLED")
        told = amending(handle, await held_back(running, order, _STEPS["stock"]))
        for names, then in zip(_IN_TURN, [*_IN_TURN[1:], ()], strict=True):
            for name in names:
                await until(partial(running.under_way, _STEPS[name][1], order))
            for name in then:
                await held_back(running, order, _STEPS[name])
            worker = running.running.workers[-1]
            await asyncio.gather(worker.kill(), running.running.start_worker())
        await holds_everywhere(running, order, handle, told)
        for name, (_, operation) in _STEPS.items():
            with subtests.test(step=name):
                assert max(one["attempts"] for one in await running.requests(operation, order)) >= 2


@pytest.mark.parametrize("step", ["stock", "payment", "ERP", "shop"])
async def test_an_amendment_is_carried_on_when_temporal_is_back(tmp_path: Path, step: str) -> None:
    async with product(tmp_path) as running:
        order, handle = await blocked_at_the_warehouse(running, step)
        told = amending(handle, await held_back(running, order, _STEPS[step]))
        await until(partial(running.under_way, _STEPS[step][1], order))
        temporal = running.running.temporal
        assert temporal is not None
        await temporal.kill()
        assert await running.under_way(_STEPS[step][1], order)
        await running.running.start_temporal()
        await holds_everywhere(running, order, handle, told)


async def test_an_amendment_is_carried_through_though_the_api_was_killed(tmp_path: Path) -> None:
    """One that the order had begun, one that was told to be kept, and one whose asker heard nothing at all."""
    async with product(tmp_path, api=True) as running, bearer(running) as http:
        begun, kept, unheard = orders = [
            await blocked_at_the_warehouse(running, name) for name in ("BEGUN", "KEPT", "UNHEARD")
        ]
        first = asyncio.create_task(over_http(http, await held_back(running, begun[0], _STEPS["ERP"])))
        await until(partial(running.under_way, "enter_order", begun[0]))
        await running.running.workers[-1].kill()
        told = await over_http(http, kept[0])
        assert (told.status_code, told.json()["outcome"]) == (202, "unreached")
        assert (await http.get(told.headers["Location"])).json()["outcome"] == "unreached"
        second = asyncio.create_task(over_http(http, unheard[0]))
        await until(partial(is_kept, running, unheard[0]))
        api = running.running.api
        assert api is not None
        await api.kill()
        cut_off = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(cut_off[1], httpx.TransportError)
        await asyncio.gather(running.running.start_worker(), running.running.start_api())
        for order, handle in orders:
            await until(partial(is_amended, handle))  # nobody has asked again
            answers = [await over_http(http, order) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[0].json() == answers[1].json()
        await running.clear_faults()
        for order, _ in orders:
            await running.ended(order)
        for order, handle in orders:
            answer = await over_http(http, order)
            await holds_everywhere(running, order, handle, said(answer.json()["amended"]))


# -- what happens --------------------------------------------------------------------------------------------------


async def blocked_at_the_warehouse(
    running: Product, number: str
) -> tuple[OrderId, "WorkflowHandle[Order, OrderState]"]:
    """Everything is done but the pick, for which the warehouse takes no requests."""
    await running.fault("warehouse", "down", "request_pick")
    content = await checkout(running.running.settings, SHOP, document(number), by_card_on_file)
    async with opened_intake(running.running.settings) as intake:
        answer = await intake.accept(content, channel=SHOP, platform="ordersaga")
    order = OrderId(answer.model_dump()["order_id"])

    async def asked() -> bool:
        return any(one["outcomes"].get("down") for one in await running.requests("request_pick", order))

    await until(asked)
    return order, running.temporal.get_workflow_handle_for(Order.run, order)


async def held_back(running: Product, order: OrderId, step: tuple[str, str]) -> OrderId:
    """The order's next request of this step takes long."""
    system, operation = step
    await running.fault(system, "slow", operation, seconds=_SLOW_SECONDS, times=1)
    return order


def amending(handle: "WorkflowHandle[Order, OrderState]", order: OrderId) -> "asyncio.Task[Amended]":
    """Whoever asks repeats it with the same id, as long as nobody answers."""

    async def ask() -> Amended:
        before = await handle.query(Order.read_document)
        line = before.order.shippable[0]
        amendment = Amendment(
            amendment_id="call",
            expected_revision=1,
            actor="customer service",
            reason=f"the customer of {order} called",
            changes=(SetQuantity(line_id=line.line_id, quantity=line.quantity + 1),),
        )
        while True:
            try:
                return await handle.execute_update(Order.amend, amendment, id="call")
            except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):  # worker or server are away
                await asyncio.sleep(0.5)

    return asyncio.create_task(ask())


@asynccontextmanager
async def bearer(running: Product) -> AsyncIterator[httpx.AsyncClient]:
    engine = open_database(running.running.settings.database_url)
    until_then = now() + timedelta(days=1)
    _, token = await Tokens(engine, now).create("service", Role.OPERATOR, ("*",), until_then)
    await engine.dispose()
    url, headers = running.running.api_url or "", {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        yield http


async def over_http(http: httpx.AsyncClient, order: OrderId) -> httpx.Response:
    """The same every time, under the same key."""
    changes = [{"kind": "set_quantity", "line_id": "1", "quantity": 4}]
    return await http.post(
        f"/v1/orders/{order}/amend",
        json={"reason": "the customer called", "changes": changes},
        headers={"If-Match": '"1"', "Idempotency-Key": "call"},
    )


async def is_kept(running: Product, order: OrderId) -> bool:
    async with opened_inbox(running.running.settings) as inbox:
        items = await inbox.list(InboxState.WAITING)
    return any(item.kind is InboxKind.COMMAND and item.order_id == order for item in items)


async def is_amended(handle: "WorkflowHandle[Order, OrderState]") -> bool:
    document = await handle.query(Order.read_document)
    return [one.state for one in document.amendments] == [AmendmentState.COMMITTED]


def said(amended: dict[str, Any]) -> "asyncio.Task[Amended]":
    async def told() -> Amended:
        return Amended.model_validate(amended)

    return asyncio.create_task(told())


async def holds_everywhere(
    running: Product,
    order: OrderId,
    handle: "WorkflowHandle[Order, OrderState]",
    told: "asyncio.Task[Amended]",
) -> None:
    amended = await asyncio.wait_for(told, 90)
    assert (amended.state, amended.revision) == (AmendmentState.COMMITTED, 2)
    await running.clear_faults()
    assert await running.ended(order) is OrderState.COMPLETED
    after = await handle.query(Order.read_document)
    assert [one.state for one in after.amendments] == [AmendmentState.COMMITTED]
    books = await running.books()
    (sale,) = [one["order"] for one in books["sales_orders"] if one["order_id"] == order]
    (shop,) = [one for one in books["orders"] if one["order_id"] == order]
    assert lines_in(sale) == lines_in(shop) == lines_of(after.order)
    taken = [Decimal(one["amount"]["amount"]) for one in books["captures"] if one["order_id"] == order]
    assert sum(taken) == amended.total.major
    report = await running.audit()
    assert (report.orders.open, report.orders.needs_person) == (0, 0)
    assert not [one.what for promise in report.promises for one in promise.violations]
