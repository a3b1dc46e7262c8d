"""One running world for all tests of a process that tell an order's story: starting one for each would cost seconds."""

import gc
import inspect
import os
import sys
import time
from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from entrypoints.embedded.tryton import TrytonServer
    from tests.workflows.world import World

# The SDK's threads end shortly after its clients are closed; the interpreter aborts when it is quicker than they are.
_SDK_ENDS_SECONDS = 0.5


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_world(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[World]":
    from tests.workflows.world import open_world  # noqa: PLC0415  it imports every adapter: seconds for other tests

    async with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(running_world: "World") -> "AsyncIterator[World]":
    """Whatever way an order went in a test, its history must replay."""
    yield running_world
    running_world.simulator.clear_faults()
    running_world.dies.clear()
    running_world.webhooks = "ordered"
    await running_world.replay_stories()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-events",
        type=int,
        help="orders go on as new where they rest after so many events: 25 is nearly every time",
    )


def pytest_configure(config: pytest.Config) -> None:
    if events := config.getoption("--run-events"):
        from workflows import next_run  # noqa: PLC0415  only where it is wanted

        next_run.EVENTS, next_run.EVENTS_MORE = events, min(next_run.EVENTS_MORE, 8)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """What is collected, and all that it imports, stays to the end: nobody needs to look through it for garbage."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the running world shares its event loop."""
    items[:] = _longest_first(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    for item in items:
        if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.function):
            continue
        if "running_world" in item.fixturenames:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _longest_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Each of so many gets a part of the list: it begins with what takes longest, which nobody waits for at the end then."""
    longest = [item for item in items if item.get_closest_marker("e2e")]
    others = iter([item for item in items if not item.get_closest_marker("e2e")])
    files = list(dict.fromkeys(item.path for item in longest))
    parts: list[pytest.Item] = []
    for worker in range(workers):
        mine = [item for item in longest if files.index(item.path) % workers == worker]
        parts += [*mine, *islice(others, len(items) // workers - len(mine))]
    return [*parts, *others]


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    runtime = sys.modules.get("temporalio.runtime")
    if runtime is not None and runtime._runtime_ref._default_runtime:
        gc.collect()
        time.sleep(_SDK_ENDS_SECONDS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_tryton(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[TrytonServer]":
    from entrypoints.embedded.tryton import tryton_server  # noqa: PLC0415  only where a Tryton is wanted

    async with tryton_server(tmp_path_factory.mktemp("tryton")) as started:
        yield started
