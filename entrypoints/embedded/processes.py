"""The processes of an embedded installation: started by us, logged to files, stopped by us."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path

_STOP_SECONDS_MAX = 15
_LOG_TAIL_LINES = 15


class StartFailed(RuntimeError):  # noqa: N818  it reads as what happened
    """A process did not come up; the message ends with the last lines of its log."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(wanted: int = 0) -> int:
    """The wanted port where it is free, else one that the system chooses."""
    if wanted and is_free(wanted):
        return wanted
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Child:
    """One process in a session of its own, so that Ctrl-C in the terminal reaches only us, and we stop it in order."""

    def __init__(
        self, name: str, argv: list[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._argv = argv
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, ready: Callable[[], Awaitable[bool]], *, seconds_max: float = 60) -> None:
        """Start, and wait until `ready` says so. StartFailed when the process ends first or takes too long."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds_max
        while not await ready():
            if not self.alive or loop.time() > deadline:
                await self.stop()
                raise StartFailed(f"{self.name} did not start; {self._log} ends with:\n{self._tail()}")
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        if self._process and self.alive:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not heard in time."""
        if self._process is None or not self.alive:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS_MAX)
        except TimeoutError:
            await self.kill()

    async def ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return await self._process.wait() if self._process else 0

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def python(*arguments: str) -> list[str]:
    """A command line of our own interpreter."""
    return [sys.executable, *arguments]
