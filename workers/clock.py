"""What time it is, for everything but workflows, which have their own clock."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the one look at it
