from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the simulated world is a process of its own and lives in real time
