"""docker-compose.yml as a test reads it: with the values that somebody has filled in."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from workers.clock import now
from workers.keys import KeyRing, PayloadKey

ROOT = Path(__file__).parents[2]
IMAGE = "ordersaga:"

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@dataclass(frozen=True)
class Variable:
    """`${NAME:-default}`, or `${NAME:?}`, which must not be empty."""

    name: str
    default: str | None


@cache
def text() -> str:
    return (ROOT / "docker-compose.yml").read_text()


@cache
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(text())
    return parsed


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services().items() if service["image"].startswith(IMAGE)}


def variables(written: str) -> list[Variable]:
    return [
        Variable(name, default if how == "-" else None) for name, how, default in _VARIABLE.findall(written)
    ]


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled_in() -> dict[str, str]:
    """.env.example, with a secret of its own wherever one is missing."""
    keys = KeyRing((PayloadKey.drawn(now()),)).text().strip()
    return {
        name: value or (keys if name == "ORDERSAGA_ENCRYPTION_KEYS" else f"{name.lower()}0123456789abcdef")
        for name, value in example().items()
    }


def environment(service: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
    """What the container would get. KeyError: compose refuses, for a value is missing."""

    def value(match: re.Match[str]) -> str:
        name, how, default = match.groups()
        return values.get(name) or (default if how == "-" else _missing(name))

    return {name: _VARIABLE.sub(value, str(told)) for name, told in service.get("environment", {}).items()}


def _missing(name: str) -> str:
    raise KeyError(name)
