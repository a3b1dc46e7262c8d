"""How commands speak: rich text for people; with --json one object as the last line. And how they end."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import DBAPIError
from temporalio.service import RPCError

from domain.errors import OrderError, Refused
from entrypoints.embedded.processes import StartFailed
from workers.settings import SETTINGS_FILE, Settings

T = TypeVar("T")

STATE = Path(".ordersaga")

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]

_DATABASE_THREAD = "(_connection_worker_thread)"
_THREADS_SECONDS_MAX = 2
_TERMINATED = 128 + signal.SIGTERM


def load_settings() -> Settings:
    """From the file that ORDERSAGA_SETTINGS names, else from what `ordersaga up` left here, else the environment."""
    left_by_up = STATE / "settings.json"
    if SETTINGS_FILE not in os.environ and left_by_up.exists():
        os.environ[SETTINGS_FILE] = str(left_by_up)
    source = os.environ.get(SETTINGS_FILE, "the environment")
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        fail(f"the settings in {source} cannot be used:\n" + "\n".join(wrong))
    except ValueError:
        fail(f"the settings in {source} are not JSON")
    except Refused as refused:
        fail(str(refused))
    if not settings.channels:
        fail(
            f"{source} settles no channel. `ordersaga up` starts an installation in {STATE} and leaves its settings "
            f"there; {SETTINGS_FILE} names the settings of another one"
        )
    return settings


def say_json(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, default=str), flush=True)  # noqa: T201  the machine-readable line is this command's output


def fail(what: str, *, code: int = 1) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    errors.print("[red]✗[/]", end=" ")
    errors.print(what, markup=False, soft_wrap=True)
    raise typer.Exit(code)


def run(work: Coroutine[Any, Any, T], *, hint: str = "") -> T:
    """The work's answer. What the outside does wrong ends the command with words, and `hint`, instead of a traceback.

    SIGTERM cancels the work, so that whatever it has started is stopped.
    """
    try:
        return asyncio.run(_cancellable(work))
    except asyncio.CancelledError:
        raise typer.Exit(_TERMINATED) from None
    except (OrderError, StartFailed) as error:
        fail(f"{error}{hint}")
    except RPCError as error:
        fail(f"Temporal says {error.status.name.lower()}: {error.message}{hint}")
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        fail(f"the database cannot be used: {cause}{hint}")
    except httpx.HTTPStatusError as error:
        fail(f"{error.request.url} answers {error.response.status_code}: {error.response.text}{hint}")
    except httpx.HTTPError as error:
        fail(f"{error.request.url} does not answer; `ordersaga up` starts everything on this machine{hint}")
    except TimeoutError:
        fail(f"it took too long{hint}")


async def _cancellable(work: Coroutine[Any, Any, T]) -> T:
    before = set(threading.enumerate())
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await work
    except DBAPIError:
        await _threads_ended(before)
        raise


async def _threads_ended(before: set[threading.Thread]) -> None:
    """A database that cannot be opened leaves its driver's thread to end by itself, and that one needs our loop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_THREADS_SECONDS_MAX):
            while any(one.name.endswith(_DATABASE_THREAD) for one in set(threading.enumerate()) - before):  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.01)
