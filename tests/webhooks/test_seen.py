"""What operators see of the door at a terminal: what is parked, what sweeps found, which orders nobody carries."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.database.engine import migrate, open_database
from adapters.database.inbox import Inbox, dedupe_key
from adapters.database.schema import InboxKind
from adapters.database.sweeps import SqlSweeps
from domain.ids import ChannelId
from domain.policies import OrderPolicies
from tests.entrypoints.receiving import Clock, order
from tests.entrypoints.terminal import Terminal, terminal
from workers.settings import ChannelSettings, Settings

__all__ = ["terminal"]

SHOP = ChannelId("shop-de")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> str:
    del terminal  # it empties the environment first
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    told = {"platform": "woocommerce", "policies": OrderPolicies(adapters={})}
    channel = ChannelSettings.model_validate(told)
    file = tmp_path / "settings.json"
    file.write_text(Settings(database_url=url, channels={SHOP: channel}).as_file())
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(file))
    monkeypatch.setenv("COLUMNS", "200")
    return url


def _in(url: str, work: Callable[[SqlSweeps, Inbox], Awaitable[object]]) -> None:
    async def begun() -> None:
        await migrate(url)
        engine = open_database(url)
        await work(SqlSweeps(engine, Clock()), Inbox(engine, Clock()))
        await engine.dispose()

    asyncio.run(begun())


def test_what_sweeps_found_is_counted(terminal: Terminal, url: str) -> None:
    assert "no sweep has looked yet" in terminal("inbox", "sweeps").flat

    async def looked(sweeps: SqlSweeps, _inbox: Inbox) -> None:
        await sweeps.count("erp/tryton", 5, 0)
        await sweeps.count("erp/tryton", 3, 2)

    _in(url, looked)
    shown = terminal("inbox", "sweeps", "--json")
    (sweep,) = shown.last["sweeps"]
    assert [sweep[name] for name in ("looks", "changed", "missed")] == [2, 8, 2]
    assert "erp/tryton" in shown.flat


def test_orders_that_nobody_carries_are_listed(terminal: Terminal, url: str) -> None:
    calm = terminal("check", "orders")
    assert (calm.code, "every open order is carried" in calm.flat) == (0, True)

    async def stranded(sweeps: SqlSweeps, _inbox: Inbox) -> None:
        await sweeps.strand(order("1"), "terminated", "20.00 EUR held by payment pay_1")

    _in(url, stranded)
    shown = terminal("check", "orders", "--json")
    assert (shown.code, shown.last["orders"][0]["order_id"]) == (1, order("1"))
    for words in ("terminated", "20.00 EUR held", "not yet", "workflow reset"):
        assert words in shown.flat


def test_a_parked_command_is_listed_with_its_order_and_replayed(terminal: Terminal, url: str) -> None:
    async def parked(_sweeps: SqlSweeps, inbox: Inbox) -> None:
        stored = await inbox.store(
            InboxKind.COMMAND,
            channel=SHOP,
            system="cancel",
            key=dedupe_key("c-1"),
            body=b"{}",
            order_id=order("1"),
        )
        await inbox.park(stored.id, "its workflow was ended [by hand]")

    _in(url, parked)
    listed = terminal("inbox", "list", "--json")
    (item,) = listed.last["items"]
    assert (item["kind"], item["order_id"]) == ("command", order("1"))
    assert "ended [by hand]" in listed.flat
    replayed = terminal("inbox", "replay", str(item["id"]))
    assert (replayed.code, "is forwarded again" in replayed.flat) == (0, True)
    assert terminal("inbox", "list", "--json").last["items"] == []
