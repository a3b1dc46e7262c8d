"""The server and the clerk as the demo runs them: processes of their own, and a folder that outlives them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.ids import Sku
from domain.keys import effect_key
from domain.shipments import PickState
from entrypoints.embedded.tryton import TrytonServer, tryton_server
from tests.contracts.erp import enter
from tests.contracts.placing import labels_for, pick_request, place, report_of
from tests.contracts.tryton_world import reserve
from tests.contracts.warehouse import packages, request_pick

pytestmark = [pytest.mark.tryton, pytest.mark.long]
ROOT = Path(__file__).parents[2]
SKU = Sku("TEA-1")


@asynccontextmanager
async def clerk_at(server: TrytonServer) -> AsyncIterator[asyncio.subprocess.Process]:
    login = [
        "--url",
        server.url,
        "--database",
        server.database,
        "--user",
        server.user,
        "--password",
        server.password,
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entrypoints.demo.clerk", *login, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 10)


async def test_an_order_goes_from_entry_to_invoice_and_outlives_a_restart(tmp_path: Path) -> None:
    order = place("slice", [(SKU, 2, "19.99")])
    pick = pick_request(order)
    async with tryton_server(tmp_path, {SKU: 5}) as server, clerk_at(server) as clerk:
        async with client_of(server) as tryton:
            warehouse = TrytonWarehouse(tryton)
            await enter(TrytonErp(tryton), order)
            assert not (await reserve(TrytonStock(tryton), order)).short
            await request_pick(warehouse, pick)
            await until(lambda: reached(warehouse, PickState.PACKED))
            labels = labels_for(await packages(warehouse, pick), "T")
            await warehouse.hand_over(
                pick.shipment_id, labels, key=effect_key(order.order_id, "hand-over", "s1")
            )
            await until(lambda: reached(warehouse, PickState.SHIPPED))
        clerk.terminate()
        told, _ = await clerk.communicate()
        assert clerk.returncode == 0
    assert told.decode().split("\n") == [
        f"{what} {pick.shipment_id}" for what in ("picked", "packed", "shipped")
    ] + [""]

    async with tryton_server(tmp_path, {SKU: 99}) as server, client_of(server) as tryton:
        erp = TrytonErp(tryton)
        report = report_of(order, labels)
        await erp.record_shipment(report, key=effect_key(order.order_id, "record-shipment", "s1"))
        invoice = await erp.post_invoice(order.order_id, key=effect_key(order.order_id, "post-invoice"))
        assert invoice.total == order.total
        again = place("again", [(SKU, 4, "1.00")])
        await enter(erp, again)
        assert [line.reserved for line in (await reserve(TrytonStock(tryton), again)).lines] == [3]


def client_of(server: TrytonServer) -> TrytonClient:
    return TrytonClient(server.url, server.database, server.api_key)


async def reached(warehouse: TrytonWarehouse, state: PickState) -> bool:
    pick = await warehouse.look_up_pick(pick_request(place("slice", [(SKU, 2, "19.99")])).shipment_id)
    return pick is not None and pick.state is state


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  the condition is in another process
            await asyncio.sleep(0.1)
