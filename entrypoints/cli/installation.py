"""`ordersaga up`: a whole installation on this machine."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from entrypoints.cli.output import STATE, AsJson, console, fail, run, say_json
from entrypoints.embedded.installation import Installation, Wishes, installation
from entrypoints.embedded.processes import StartFailed
from workers.settings import SETTINGS_FILE

COUNTERPARTS = frozenset({"tryton", "stripe"})
_MAKE_ONE = "ordersaga tokens create me --role operator --all-channels"

With = Annotated[
    str,
    typer.Option(
        "--with", help='Real systems instead of simulated ones: "tryton", "stripe" or "tryton,stripe".'
    ),
]


def counterparts(names: str) -> frozenset[str]:
    """Of a comma-separated list; ends the command on a name that is none."""
    wanted = frozenset(name.strip() for name in names.split(",") if name.strip())
    if unknown := wanted - COUNTERPARTS:
        fail(f"--with {', '.join(sorted(unknown))}: one of {', '.join(sorted(COUNTERPARTS))}", code=2)
    return wanted


def up(
    *,
    state: Annotated[
        Path, typer.Option(help="The folder of its state; a second `up` goes on from it.")
    ] = STATE,
    real: With = "",
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine: Temporal with its Web UI, the outside systems, receiver, API and worker.

    With --json the addresses are one object, once everything runs.
    """
    run(_up(state, Wishes(counterparts=counterparts(real)), as_json=as_json))


async def _up(state: Path, wishes: Wishes, *, as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(f"starting OrderSaga in {state.resolve()}")
    async with installation(state.resolve(), wishes, console.print) as running:
        addresses = _addresses(running)
        for name, address in addresses.items():
            console.print(f"{name:<24} {address}", markup=False, soft_wrap=True)
        if state.resolve() != STATE.resolve():
            settings = running.directory / "settings.json"
            console.print(f"for other commands: export {SETTINGS_FILE}={settings}", soft_wrap=True)
        console.print(f"a token for the API: {_MAKE_ONE}", soft_wrap=True)
        console.print("Ctrl-C stops everything; the next `ordersaga up` goes on from here.")
        if as_json:
            say_json(addresses)
        await _until(stop, running)
        if not as_json:
            console.print("stopping")
    if not as_json:
        console.print("stopped")


async def _until(stop: asyncio.Event, running: Installation) -> None:
    """Until told to stop; a process that ended by itself ends all, with its log's name."""
    stopping = asyncio.create_task(stop.wait())
    children = {asyncio.create_task(child.ended()): child for child in running.children}
    await asyncio.wait({stopping, *children}, return_when=asyncio.FIRST_COMPLETED)  # noqa: TID251  a supervisor waits for whichever ends first
    ended = [child for task, child in children.items() if task.done()]
    for task in (stopping, *children):
        task.cancel()
    if ended and not stop.is_set():
        raise StartFailed(f"{ended[0].name} ended by itself; its log is in {running.log_directory}")


def _addresses(running: Installation) -> dict[str, str]:
    ui = running.settings.temporal_ui
    addresses = {
        "Temporal Web UI": f"{ui}/namespaces/default/workflows?query=WorkflowType%3D%22Order%22",
        "Temporal": running.settings.temporal_address,
        "webhooks": running.settings.webhooks_url,
        "API": str(running.api_url),
        "simulated world's books": f"{running.simulator_url}/books?format=text",
        "database": running.settings.database_url,
        "encryption keys": str(running.settings.encryption_key_file),
        "logs": str(running.log_directory),
    }
    if running.tryton:
        addresses["Tryton"] = f"{running.tryton.url} database {running.tryton.database}"
    if running.stripe:
        addresses["Stripe (localstripe)"] = running.stripe.url
    return addresses
