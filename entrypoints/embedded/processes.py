"""The processes of an embedded installation: started by us, logged to files, stopped by us."""

import asyncio
import atexit
import fcntl
import itertools
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

_STOP_SECONDS_MAX = 15
_LOG_TAIL_LINES = 15
_PORT_MIN, _PORT_MAX = 20_000, 32_000  # below what Linux (32768 on) and others (49152 on) give to connections
_PROCESS_STRIDE = 53
_first = os.getpid() * _PROCESS_STRIDE % (_PORT_MAX - _PORT_MIN)
_ports: Iterator[int] = itertools.cycle(
    (*range(_PORT_MIN + _first, _PORT_MAX), *range(_PORT_MIN, _PORT_MIN + _first))
)


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
    """The wanted port where it is free, else another one, different at every call.

    Not one that the system offers: those it also gives to outgoing connections, between our looking and the server's
    start (seen: `address already in use`). Each process of ours looks from somewhere else on.
    """
    if wanted and is_free(wanted):
        return wanted
    return next(port for port in _ports if is_free(port) and _is_ours(port))


def _is_ours(port: int) -> bool:
    """Nobody else of us has been given it: two processes may begin at the same time to look from near the same port on.

    Linux alone knows such names; they vanish with the process, which keeps what it has claimed.
    """
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0ordersaga-port-{port}")
    except OSError:
        claim.close()
        return False
    atexit.register(claim.close)
    return True


class Ownership:
    """The lock of a state folder, and in it the processes that hold it: we, and every child that inherits it.

    Children that outlive a killed parent keep the lock, so nobody starts a second set on the same state.
    """

    def __init__(self, lock: int) -> None:
        self.lock = lock

    def note(self, name: str, pid: int) -> None:
        os.write(self.lock, f"{pid} {name}\n".encode())


@contextmanager
def owned(directory: Path) -> Iterator[Ownership]:
    """Own the state in this folder. StartFailed names the processes that still run on it."""
    path = directory / "lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartFailed(_in_use(directory, path)) from None
        os.ftruncate(lock, 0)
        ownership = Ownership(lock)
        ownership.note("the installation itself", os.getpid())
        yield ownership
    finally:
        os.close(lock)


def _in_use(directory: Path, lock: Path) -> str:
    holders = [line.partition(" ") for line in lock.read_text().splitlines()]
    living = [f"{name} (pid {pid})" for pid, _, name in holders if _runs(int(pid))]
    return f"{directory} is in use: {', '.join(living) or 'a process'} still runs on it; stop it first"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Child:
    """One process in a session of its own, so that Ctrl-C in the terminal reaches only us, and we stop it in order."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        owner: Ownership | None = None,
    ) -> None:
        self.name = name
        self._owner = owner
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
                pass_fds=[self._owner.lock] if self._owner else [],
            )
        if self._owner:
            self._owner.note(self.name, self._process.pid)
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
