"""A Stripe to try things on, without an account: `localstripe` as a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import httpx

from adapters.tls import trusted
from domain.base import Value

_START_SECONDS_MAX = 30
_STOP_SECONDS_MAX = 5


class LocalStripe(Value):
    url: str
    api_key: str


@asynccontextmanager
async def localstripe_server(directory: Path, *, port: int = 0) -> AsyncIterator[LocalStripe]:
    """A running localstripe; its state and its log are kept in `directory`, and read again by the next one there.

    RuntimeError when it does not start. Port 0 lets the system choose one.
    """
    with _log_in(directory) as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "entrypoints.embedded.localstripe_process", str(directory), str(port)),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        stripe = LocalStripe(url=f"http://127.0.0.1:{await _port_of(process)}", api_key="sk_test_localstripe")
        await _answers(stripe)
        yield stripe
    finally:
        await _stop(process)


def _log_in(directory: Path) -> BinaryIO:
    directory.mkdir(parents=True, exist_ok=True)
    return (directory / "localstripe.log").open("ab")


async def _port_of(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None  # noqa: S101  asked for above
    line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS_MAX)
    if not line:
        raise RuntimeError("localstripe did not start: its directory holds localstripe.log")
    return int(line)


async def _answers(stripe: LocalStripe) -> None:
    """Its port is open by now, so one request that waits is enough."""
    async with httpx.AsyncClient(verify=trusted(), timeout=_START_SECONDS_MAX) as http:
        response = await http.get(f"{stripe.url}/v1/payment_intents", auth=(stripe.api_key, ""))
        response.raise_for_status()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()
