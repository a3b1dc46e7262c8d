"""A running world behind a terminal: orders that are real, carried by a worker in a thread while a command runs here."""

import asyncio
import io
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from temporalio.service import RPCError

from entrypoints.attention import OPEN_ORDERS
from tests.entrypoints.terminal import Answer, Terminal
from tests.workflows.world import World, _settings, open_world

T = TypeVar("T")

_SECONDS_MAX = 90.0


class Running:
    """The world as a test sees it that is itself no coroutine: commands have event loops of their own."""

    def __init__(self, directory: Path) -> None:
        self.settings_file = directory / "settings.json"
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._opened: Future[World] = Future()
        self._thread = threading.Thread(target=self._run, name="world")

    def start(self) -> None:
        self._thread.start()
        self.world = self._opened.result(_SECONDS_MAX)
        settings = _settings(f"sqlite:///{self.world.engine.url.database}", self.world.simulator.url)
        settings.temporal_address = self.world.temporal.client.service_client.config.target_host
        self.settings_file.write_text(settings.as_file())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_SECONDS_MAX)
        assert not self._thread.is_alive()

    def clear(self) -> None:
        """Faults end, and every order too: the next test finds none that stands still."""
        self.world.simulator.clear_faults()
        self.do(_end_orders(self.world))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """In the world's own loop; back with its answer."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS_MAX)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            async with open_world(self._directory) as world:
                self._opened.set_result(world)
                await self._stop.wait()
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
            raise


class Office:
    """A person at a terminal of the running world."""

    def __init__(self, running: Running, terminal: Terminal) -> None:
        self.do = running.do
        self._running = running
        self._terminal = terminal

    @property
    def world(self) -> World:
        return self._running.world

    def __call__(self, *words: str | Path) -> Answer:
        return self._terminal(*words)


async def _end_orders(world: World) -> None:
    client = world.temporal.client
    async with asyncio.timeout(_SECONDS_MAX):
        while (await client.count_workflows(OPEN_ORDERS)).count:
            async for execution in client.list_workflows(OPEN_ORDERS):
                with suppress(RPCError):  # it has ended already, and visibility lags behind
                    await client.get_workflow_handle(execution.id).terminate()
            await asyncio.sleep(0.02)


class Keyboard(io.StringIO):
    """Somebody sits there and types."""

    def isatty(self) -> bool:
        return True
