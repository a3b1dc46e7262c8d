"""Trouble by script: what the simulated systems do wrong, how often, and when."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from adapters.simulated.state import State


class FaultKind(StrEnum):
    DOWN = "down"  # 503, nothing happens
    REFUSE = "refuse"  # 422 with `code`, nothing happens: a business answer
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After, nothing happens
    ERROR5XX = "error5xx"  # 500 with a page for people, nothing happens, though the caller cannot know
    SLOW = "slow"  # the effect happens after `seconds`, then it is answered
    GARBAGE = "garbage"  # the effect happens, the answer is not to be understood
    REPLY_LOST = "reply_lost"  # the effect happens, then the connection closes without an answer
    LATE_COMMIT = "late_commit"  # nothing for `seconds`, then the effect, whether or not anyone still waits
    DUPLICATE_WEBHOOKS = "duplicate_webhooks"  # every hint is sent twice
    DROP_WEBHOOKS = "drop_webhooks"  # three of ten hints are never sent
    REORDER_WEBHOOKS = "reorder_webhooks"  # a hint leaves `seconds` late, others overtake it


WITHOUT_EFFECT = (FaultKind.DOWN, FaultKind.REFUSE, FaultKind.RATE_LIMITED, FaultKind.ERROR5XX)
ANSWERED_BADLY = (FaultKind.SLOW, FaultKind.GARBAGE, FaultKind.REPLY_LOST, FaultKind.LATE_COMMIT)


class Fault(BaseModel):
    """`operation` is a port's method name, an event's name for the webhook kinds, or "*". `times` None: until cleared.

    `key`: only requests whose idempotency key begins so, those of one order say; reads have none.
    """

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    operation: str = "*"
    times: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1
    retry_after: Annotated[int, Field(ge=0)] | None = None
    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")] = "refused"
    key: Annotated[str, Field(max_length=64)] = ""


class ListedFault(Fault):
    system: str


def put(state: State, system: str, fault: Fault) -> None:
    """The same kind on the same operation and keys is replaced; several kinds wait in the order they were set."""
    remove(state, system, fault.operation, fault.kind, fault.key)
    told = fault.model_dump()
    state.db.execute(
        f"INSERT INTO faults (system, {', '.join(told)}) VALUES (?, {', '.join('?' * len(told))})",  # noqa: S608  names of fields
        (system, *told.values()),
    )


def listed(state: State) -> list[ListedFault]:
    rows = state.db.execute(f"SELECT {', '.join(ListedFault.model_fields)} FROM faults ORDER BY id")  # noqa: S608  likewise
    return [ListedFault(**row) for row in map(dict, rows)]


def remove(
    state: State,
    system: str = "*",
    operation: str | None = None,
    kind: FaultKind | None = None,
    key: str | None = None,
) -> None:
    state.db.execute(
        "DELETE FROM faults WHERE (? = '*' OR system = ?) AND (? IS NULL OR operation = ?)"
        " AND (? IS NULL OR kind = ?) AND (? IS NULL OR key = ?)",
        (system, system, operation, operation, kind, kind, key, key),
    )


def take(state: State, system: str, operation: str, *kinds: FaultKind, key: str = "") -> Fault | None:
    """The first fault that is due here, counted down. Without kinds: the first that concerns requests."""
    wanted = kinds or (*WITHOUT_EFFECT, *ANSWERED_BADLY)
    rows = state.db.execute(
        "SELECT * FROM faults WHERE system = ? AND operation IN (?, '*') ORDER BY id", (system, operation)
    ).fetchall()
    due = (row for row in rows if row["kind"] in wanted and key.startswith(row["key"]))
    row = next(due, None)
    if row is None:
        return None
    state.db.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (row["id"],))
    state.db.execute("DELETE FROM faults WHERE id = ? AND times = 0", (row["id"],))
    return Fault(**{name: row[name] for name in Fault.model_fields})
