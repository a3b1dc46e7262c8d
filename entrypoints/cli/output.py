"""How commands speak: rich text for people; with --json one object as the last line."""

import asyncio
import json
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from workers.settings import Settings

T = TypeVar("T")

STATE = Path(".ordersaga")
SETTINGS = "ORDERSAGA_SETTINGS"

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def load_settings() -> Settings:
    """From the file that ORDERSAGA_SETTINGS names, else from what `ordersaga up` left here, else the environment."""
    left_by_up = STATE / "settings.json"
    if SETTINGS not in os.environ and left_by_up.exists():
        os.environ[SETTINGS] = str(left_by_up)
    return Settings()


def say_json(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, default=str))  # noqa: T201  the machine-readable line is this command's output


def fail(what: str, *, code: int = 1) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    errors.print(f"[red]✗[/] {what}")
    raise typer.Exit(code)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
