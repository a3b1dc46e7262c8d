"""A running world behind a terminal: orders that are real, carried by a worker in a thread while a command runs here."""

import asyncio
import gc
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

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
        del self.world, self._opened
        _collect_orders()

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


def _collect_orders() -> None:
    """What is left of open orders ends here, outside of any workflow, and their `finally` blocks say so."""
    otherwise = sys.unraisablehook

    def hook(found: "sys.UnraisableHookArgs") -> None:
        if "Not in workflow event loop" not in str(found.exc_value):
            otherwise(found)

    sys.unraisablehook = hook
    gc.collect()
    sys.unraisablehook = otherwise
