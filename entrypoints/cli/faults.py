"""`ordersaga fault …`: the simulator's own commands, at the simulated world of this installation."""

import json
import os
from pathlib import Path

from adapters.simulated.faults_cli import app
from entrypoints.cli.output import STATE
from workers.settings import SETTINGS_FILE

__all__ = ["app"]

_URL = "ORDERSAGA_SIMULATOR_URL"


def _where_the_world_is() -> str | None:
    """None where no settings tell it: then --url does, or the default holds."""
    file = Path(os.environ.get(SETTINGS_FILE, STATE / "settings.json"))
    try:
        adapters = json.loads(file.read_text())["adapters"].values()
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return next((adapter["url"] for adapter in adapters if adapter.get("kind") == "connector"), None)


if _URL not in os.environ and (url := _where_the_world_is()):
    os.environ[_URL] = url
