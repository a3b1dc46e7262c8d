"""`ordersaga up`: an installation that stops in order, goes on from its state, and never runs twice on one."""

import asyncio
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.document import OrderDocument
from domain.ids import OrderId
from domain.phases import Phase
from entrypoints.embedded.installation import PORTS
from tests.contracts.simulator_process import wait_until
from tests.e2e.commands import Up, ordersaga, up
from tests.e2e.product import document
from workers.connection import connect
from workers.settings import Settings
from workflows.order import Order

pytestmark = [pytest.mark.e2e, pytest.mark.long]

_PATIENCE_SECONDS = 60


def test_up_goes_on_with_the_open_order_and_notices_and_names_what_a_killed_one_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, file = tmp_path / "state", tmp_path / "order.json"
    file.write_bytes(document("UP-1"))
    with up(state) as first:
        for told in ("Temporal Web UI", "webhooks", "API", "database", "logs", f"ORDERSAGA_SETTINGS={state}"):
            assert told in first.said
        settings = state / "settings.json"
        assert _orders_over_http(first, settings) == []
        placed = ordersaga("orders", "place", file, "--channel", "shop-demo", "--checkout", settings=settings)
        assert placed.code == 0, placed.err
        assert placed.out == "order.json: accepted: order:shop-demo:UP-1\n"
        monkeypatch.setenv("ORDERSAGA_SETTINGS", str(settings))
        assert _document("order:shop-demo:UP-1").phase not in {Phase.AFTER_SALES, Phase.COMPLETED}
        _stops_in_order(first, signal.SIGINT)
    with up(state) as killed:
        _document("order:shop-demo:UP-1", until=Phase.AFTER_SALES)
        assert killed.end(signal.SIGKILL) == -signal.SIGKILL
        left = killed.living
        assert set(left.values()) == {"temporal", "simulator", "webhooks", "codec", "api", "worker 1"}
        _is_refused_a_second_time(killed)
        for pid in left:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not killed.living, 30, lambda: str(killed.living))
    with up(state) as again:
        _stops_in_order(again, signal.SIGTERM)


def test_a_busy_port_is_replaced_and_said(tmp_path: Path) -> None:
    with socket.socket() as occupied:
        occupied.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            occupied.bind(("127.0.0.1", PORTS["webhooks"]))
            occupied.listen()
        except OSError:
            pass  # whoever has it makes it as busy
        with up(tmp_path / "state") as running:
            assert f"port {PORTS['webhooks']} is busy: webhooks is on " in running.said
            assert f"http://127.0.0.1:{PORTS['webhooks']}\n" not in running.said
            _is_refused_a_second_time(running)
            assert running.runs, "the first one goes on"
            _stops_in_order(running, signal.SIGHUP)


def _stops_in_order(running: Up, how: signal.Signals) -> None:
    assert len(running.living) == 7
    assert running.end(how) == 0, running.said
    assert running.said.endswith("stopping\nstopped\n")
    assert running.living == {}


def _is_refused_a_second_time(running: Up) -> None:
    refused = ordersaga("up", "--state", running.state)
    assert refused.code == 1
    assert f"{running.state} is in use" in refused.err
    for pid, name in running.living.items():
        assert f"{name} (pid {pid})" in refused.err
    assert "Traceback" not in refused.err


def _orders_over_http(running: Up, settings: Path) -> Any:
    """With a token made as `up` says."""
    (told,) = re.findall(r"a token for the API: ordersaga (.+)", running.said)
    (address,) = re.findall(r"^API +(http\S+)$", running.said, re.MULTILINE)
    token = ordersaga(*told.split(), "--json", settings=settings).last["token"]
    answer = httpx.get(f"{address}/v1/orders", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    return answer.raise_for_status().json()["orders"]


def _document(order: str, *, until: Phase | None = None) -> OrderDocument:
    """As it is now, or when it has come to a phase."""

    async def ask() -> OrderDocument:
        handle = (await connect(Settings())).get_workflow_handle(OrderId(order))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                told = await handle.query(Order.read_document)
                if until in {None, told.phase}:
                    return told
                await asyncio.sleep(0.2)

    return asyncio.run(ask())
