"""Builds of a whole installation on one machine: named ones follow each other, and a state folder outlives them."""

from pathlib import Path

import pytest

from domain.ids import OrderId, System
from domain.records import OrderState
from entrypoints.embedded.processes import Child, python
from tests.e2e.commands import ordersaga
from tests.e2e.product import Product, product, until
from workers.deployment import builds

pytestmark = pytest.mark.e2e


async def test_a_running_order_moves_to_the_build_that_is_made_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERSAGA_BUILD_ID", "1")
    async with product(tmp_path) as running:
        order = await _begun(running)
        second = await _started(running, "2")
        try:
            assert await _current(running) == ["1"]
            answer = ordersaga("deploy", "current", "2", "--json", settings=tmp_path / "settings.json")
            assert answer.last == {"current": "2"}, answer.err
            known = ordersaga("deploy", "list", "--json", settings=tmp_path / "settings.json").last["builds"]
            assert {build["build_id"]: build["current"] for build in known} == {"1": False, "2": True}
            await running.running.workers[0].stop()
            await running.clear_faults()
            assert await running.ended(order) is OrderState.COMPLETED
        finally:
            await second.stop()


async def test_an_order_of_a_named_build_goes_on_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERSAGA_BUILD_ID", "1")
    async with product(tmp_path) as running:
        order = await _begun(running)
    monkeypatch.delenv("ORDERSAGA_BUILD_ID")
    async with product(tmp_path) as running:
        assert await _current(running) == []
        await running.clear_faults()
        assert await running.ended(order) is OrderState.COMPLETED
        report = await running.audit()
        assert (report.violations, report.orders.completed) == (0, 1)


async def _begun(running: Product) -> OrderId:
    """An order that a dead ERP keeps from going on."""
    await running.fault(System.ERP, "down")
    order = await running.place("BUILDS")
    await until(lambda: _was_asked(running, "register_customer"))
    return order


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
