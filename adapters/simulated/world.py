"""What every simulated system stands on: the state, the pace of people and carriers, and the hints it sends out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from adapters.connector.protocol.common import Changes
from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.simulated import faults
from adapters.simulated.faults import FaultKind
from adapters.simulated.state import State

_DROPPED_OF_TEN = 3


class Refusal(Exception):  # noqa: N818  it is an answer of the protocol, not a failure of the simulator
    """Answered as a problem: asking again cannot help."""

    def __init__(self, code: str, detail: str, *, field: str | None = None, status: int = 422) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field, self.status = code, detail, field, status


class Asked(BaseModel):
    """A request to the world itself, which is strict as well: nothing that is asked for is left out in silence."""

    model_config = ConfigDict(extra="forbid")


class Settings(BaseModel):
    """Paces are seconds, 0 at once, None never by itself. A pick's pace runs from its request to `packed`."""

    pick_seconds: float | None = 0.2
    deliver_seconds: float | None = 0.5
    units_per_package: int = 20
    webhook_url: str | None = None
    webhook_secret: str = ""
    webhook_attempts_max: int = 10
    token: str | None = None


@dataclass
class World:
    state: State
    settings: Settings
    stirred: asyncio.Event = field(default_factory=asyncio.Event)  # for people
    stirred_outbox: asyncio.Event = field(default_factory=asyncio.Event)  # for webhooks

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.state.transaction():
            yield
        self.stirred.set()
        self.stirred_outbox.set()

    def changes(self, system: str, since: str | None) -> Changes:
        try:
            orders, cursor = self.state.changes(system, since)
        except ValueError:
            raise Refusal("invalid_cursor", "not a cursor of ours", field="since") from None
        return Changes(orders=tuple(orders), cursor=cursor)

    def waits(self, kind: str, name: str) -> None:
        """Somebody will go on with this at the world's pace, also after a restart."""
        self.state.db.execute(
            "INSERT INTO moves VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET since = excluded.since",
            (kind, name, self.state.clock().timestamp()),
        )

    def rests(self, kind: str, name: str) -> None:
        self.state.db.execute("DELETE FROM moves WHERE kind = ? AND id = ?", (kind, name))

    def hint(self, system: str, event: str, order_id: str) -> None:
        """Tell the subscriber that an order moved on here; sent by webhooks.py, in order per order."""
        self.state.changed(system, order_id)
        if self.settings.webhook_url is None:
            return
        mark = self.state.mark()
        if (
            faults.take(self.state, system, event, FaultKind.DROP_WEBHOOKS)
            and mark.seq % 10 < _DROPPED_OF_TEN
        ):
            self.state.count("webhooks_dropped")
            return
        body = WebhookEvent.model_validate(
            {
                "event_id": f"evt_{mark.seq}_{int(mark.at.timestamp() * 1000)}",
                "event": event,
                "system": system,
                "order_id": order_id,
                "occurred_at": mark.at,
            }
        ).model_dump_json()
        late = faults.take(self.state, system, event, FaultKind.REORDER_WEBHOOKS)
        twice = faults.take(self.state, system, event, FaultKind.DUPLICATE_WEBHOOKS)
        due = mark.at + timedelta(seconds=late.seconds if late else 0)
        for _ in range(2 if twice else 1):
            self.state.db.execute(
                "INSERT INTO outbox (order_id, body, due, in_line) VALUES (?, ?, ?, ?)",
                (order_id, body, due.timestamp(), 0 if late else 1),
            )


def world_of(request: Request) -> World:
    world: World = request.app.state.desk.world
    return world
