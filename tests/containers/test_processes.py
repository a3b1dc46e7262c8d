"""What the containers run, run as processes: an order through all of them, and one worker of each queue is killed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest

from domain.records import OrderState
from entrypoints.demo.documents import CATALOGUE
from tests.containers.running import Containers, containers, database, workers
from tests.e2e.product import Product, document, until
from workers.connection import connect
from workers.settings import Settings

_SLOW_SECONDS = 2.0
_MAIL_SECONDS = 1.0  # for each mail, which an attempt waits for

# What an order asks for, in its course, at the systems that a worker serves.
_KILLS = {
    "worker-erp": ("erp", "enter_order"),
    "worker-stock": ("stock", "reserve"),
    "worker-fulfilment": ("warehouse", "request_pick"),
    "worker-payments": ("payments", "capture"),
    "worker-crm": ("crm", "note"),
    "worker-storefront": ("storefront", "report_shipment"),
}


def test_users_of_one_database_cannot_look_into_the_other() -> None:
    with database() as socket:
        for user, name in (
            ("ordersaga", "ordersaga"),
            ("temporal", "temporal"),
            ("temporal", "temporal_visibility"),
        ):
            with psycopg.connect(host=socket, user=user, dbname=name) as connection:
                connection.execute("CREATE TABLE mine (word text)")
        for user, name in (("ordersaga", "temporal"), ("temporal", "ordersaga")):
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(host=socket, user=user, dbname=name)


@pytest.mark.e2e
@pytest.mark.long
async def test_an_order_goes_through_while_one_worker_of_each_queue_is_killed_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database() as socket:
        async with containers(tmp_path, socket) as running, product(running, monkeypatch) as shop:
            assert set(workers()) == {*_KILLS, "worker-notifications", "worker-orders"}
            for system, operation in _KILLS.values():
                await shop.fault(system, "slow", operation, seconds=_SLOW_SECONDS, times=1)
            running.mail.slow_seconds = _MAIL_SECONDS
            order = await shop.place("CONTAINED")
            async with asyncio.TaskGroup() as kills:
                for name, (_, operation) in _KILLS.items():
                    kills.create_task(_killed(running, name, partial(shop.under_way, operation, order)))
                kills.create_task(_killed(running, "worker-notifications", partial(_mailing, running)))
                kills.create_task(_killed(running, "worker-orders", partial(_picked, shop)))
            assert await shop.ended(order) is OrderState.COMPLETED
            books = await shop.books()
            assert {kind: len(books[kind]) for kind in _ONCE} == dict.fromkeys(_ONCE, 1)
            assert books["captures"][0]["amount"] == books["orders"][0]["total"]
            assert books["mails"] == []
            buyer = json.loads(document("CONTAINED"))["customer"]["email"]
            subjects = [mail.subject for mail in running.mail.mailbox(buyer)]
            assert len(subjects) == len(set(subjects)) >= len(_MAILED)
            assert all(any(word in subject for subject in subjects) for word in _MAILED), subjects
            assert (await shop.audit()).kept
            ends = await running.stop()
            assert {name: end for name, end in ends.items() if end and name != "simulator"} == {}


_MAILED = ("is confirmed", "is on its way", "was delivered")
_ONCE = ("orders", "sales_orders", "payments", "captures", "picks", "parcels", "invoices")


async def _killed(running: Containers, name: str, under_way: Any) -> None:
    await until(under_way)
    await running.running[name].kill()
    await running.start(name)


async def _mailing(running: Containers) -> bool:
    return running.mail.under_way > 0


async def _picked(shop: Product) -> bool:
    return bool((await shop.books())["picks"])


@asynccontextmanager
async def product(running: Containers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Product]:
    """A shop's customers, and who stocks its shelves, beside the containers."""
    for variable, value in running.environment("webhooks").items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    assert settings.database_url.startswith("postgresql://ordersaga:")
    async with httpx.AsyncClient(base_url=running.url("simulator"), timeout=30) as world:
        on_hand = {str(sku): 100 for sku in CATALOGUE}
        (await world.put("/world/stock", json={"on_hand": on_hand})).raise_for_status()
        installed: Any = SimpleNamespace(settings=settings)
        yield Product(installed, await connect(settings), world)
