"""Builds of a whole installation on one machine: named ones follow each other, and a state folder outlives them."""

from pathlib import Path

import pytest

from domain.ids import System
from domain.records import OrderState
from entrypoints.embedded.processes import Child, python
from tests.e2e.commands import ordersaga
from tests.e2e.product import Product, product, until
from workers.deployment import builds

pytestmark = pytest.mark.e2e


async def test_orders_move_to_the_next_build_and_back_to_workers_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERSAGA_BUILD_ID", "1")
    async with product(tmp_path) as running:
        await running.fault(System.ERP, "down")
        order = await running.place("BUILDS-1")
        await until(lambda: _was_asked(running, "register_customer"))
        second = await _started(running, "2")
        try:
            assert await _current(running) == ["1"]
            current = ordersaga("deploy", "current", "2", "--json", settings=tmp_path / "settings.json")
            assert current.last == {"current": "2"}, current.err
            known = ordersaga("deploy", "list", "--json", settings=tmp_path / "settings.json")
            assert {build["build_id"]: build["current"] for build in known.last["builds"]} == {
                "1": False,
                "2": True,
            }, known.err
            await running.running.workers[0].stop()
            await running.clear_faults()
            assert await running.ended(order) is OrderState.COMPLETED
        finally:
            await second.stop()

    monkeypatch.delenv("ORDERSAGA_BUILD_ID")
    async with product(tmp_path) as running:
        order = await running.place("BUILDS-2")
        assert await running.ended(order) is OrderState.COMPLETED
        assert await _current(running) == []
        report = await running.audit()
        assert (report.violations, report.orders.completed) == (0, 2)


async def _started(running: Product, build: str) -> Child:
    """A worker of another build, which is told that nothing goes to it yet."""
    directory = running.running.directory
    ready, log = directory / f"build-{build}.ready", directory / f"build-{build}.log"
    env = {"ORDERSAGA_SETTINGS": str(directory / "settings.json"), "ORDERSAGA_BUILD_ID": build}
    worker = Child(
        f"build {build}",
        python("-m", "entrypoints.cli", "worker", "--ready-file", str(ready)),
        log=log,
        env=env,
    )

    async def is_ready() -> bool:
        return ready.exists()

    await worker.start(is_ready)
    assert "this worker gets no orders" in log.read_text()
    return worker


async def _was_asked(running: Product, operation: str) -> bool:
    return any(request["operation"] == operation for request in (await running.books())["requests"])


async def _current(running: Product) -> list[str]:
    known = await builds(running.temporal, running.running.settings)
    return [build.build_id for build in known if build.current]
