"""The inbox: what came from outside is stored here, and committed, before it is acknowledged or acted on."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.database.engine import Clock, insert_new, reading, writing
from adapters.database.schema import InboxKind, InboxRow, InboxState
from adapters.database.together import Together
from domain.base import Value
from domain.ids import ChannelId, OrderId
from domain.intake import Problem

# Of the headers only these are kept: signatures, cookies and authorisations never reach the disk.
_HEADERS_KEPT = frozenset({"content-type", "user-agent", "x-shopify-topic", "x-wc-webhook-topic"})

MALFORMED = "it cannot be read"
UNHEARD_OF = "it names an order that was never accepted"

# So long what comes together is gathered: a platform waits for seconds, and each commit waits for the disk.
_GATHER_SECONDS = 0.02
_RETRY_SECONDS_MIN = 1
_RETRY_SECONDS_MAX = 60


class Stored(Value):
    """`duplicate`: it was stored before, under this id."""

    id: int
    duplicate: bool


class InboxItem(Value):
    """`system` is the `domain.ids.System` that sent a webhook; of a document, the platform that wrote it."""

    id: int
    kind: InboxKind
    channel: ChannelId
    system: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes
    state: InboxState
    reason: str
    problems: tuple[Problem, ...]
    order_id: OrderId | None
    attempts: int
    next_attempt_at: datetime
    forwarded_at: datetime | None


def dedupe_key(*parts: str | bytes) -> str:
    """The same for the same parts, of one length whatever came, and with nothing of the content to be read in it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return digest.hexdigest()


class Inbox:
    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._write = Together(self._write_all, gather_seconds=_GATHER_SECONDS)
        self._new = (
            insert_new(engine, InboxRow)
            .on_conflict_do_nothing(index_elements=["dedupe_key"])
            .returning(InboxRow.id, InboxRow.dedupe_key)
        )

    async def store(
        self,
        kind: InboxKind,
        *,
        channel: ChannelId,
        system: str,
        key: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        order_id: OrderId | None = None,
        problems: Sequence[Problem] = (),
        due_in: timedelta = timedelta(),
    ) -> Stored:
        """Committed when it returns. The same `key` (see `dedupe_key`) again stores nothing.

        With `problems` it is parked at once. `due_in` keeps the forwarder away for as long as the caller itself works on the item.
        """
        now = self._clock()
        row = {
            "kind": kind,
            "channel": channel,
            "system": system,
            "dedupe_key": key,
            "body": body,
            "headers": {
                name.lower(): value
                for name, value in (headers or {}).items()
                if name.lower() in _HEADERS_KEPT
            },
            "order_id": order_id,
            "received_at": now,
            "state": InboxState.PARKED if problems else InboxState.WAITING,
            "reason": MALFORMED if problems else "",
            "problems": _as_json(problems),
            "attempts": 0,
            "next_attempt_at": now + due_in,
        }
        stored = await self._write(_New(row))
        if stored is None:
            raise LookupError("the inbox lost what it was given")
        return stored

    async def due(
        self, limit: int, *, kinds: Collection[InboxKind] = tuple(InboxKind), without: Collection[int] = ()
    ) -> tuple[InboxItem, ...]:
        """What waits and may be tried now, the longest due first; `without` those that are in hand already."""
        asked = {"now": self._clock(), "kinds": tuple(kinds), "without": tuple(without), "limit": limit}
        async with reading(self._engine) as connection:
            return tuple(_item(row) for row in await connection.execute(_DUE, asked))

    async def mark_forwarded(self, item: int, order_id: OrderId | None = None, *, reason: str = "") -> None:
        """Done with; `order_id` where only now it is known. `reason`: what the order said, where it did not want it."""
        told = {"of": item, "order": order_id, "why": reason, "now": self._clock()}
        await self._write(_Settled(_FORWARDED, told))

    async def retry_later(self, item: InboxItem, reason: str) -> None:
        """Once more in 1 s, 2 s, 4 s … at most a minute, for ever."""
        seconds = min(_RETRY_SECONDS_MIN * 2 ** min(item.attempts, 16), _RETRY_SECONDS_MAX)
        due = self._clock() + timedelta(seconds=seconds)
        await self._write(
            _Settled(_LATER, {"of": item.id, "why": reason, "tried": item.attempts + 1, "due": due})
        )

    async def park(
        self,
        item: int,
        reason: str,
        problems: Sequence[Problem] = (),
        *,
        order_id: OrderId | None = None,
    ) -> None:
        """It cannot be used as it is. It stays here, whole, until a person replays it, or its order comes."""
        told = {"of": item, "order": order_id, "why": reason, "wrong": _as_json(problems)}
        await self._write(_Settled(_PARKED, told))

    async def release(self, order: OrderId) -> None:
        """The order has come: what was parked because it had not is due again."""
        waits = update(InboxRow).where(
            InboxRow.state == InboxState.PARKED,
            InboxRow.kind.in_((InboxKind.WEBHOOK, InboxKind.COMMAND)),
            InboxRow.order_id == order,
            InboxRow.reason == UNHEARD_OF,
        )
        async with writing(self._engine) as connection:
            await connection.execute(
                waits.values(state=InboxState.WAITING, reason="", next_attempt_at=self._clock())
            )

    async def replay(self, item: int) -> InboxItem | None:
        """Due again now, as if it had just come; None when there is no such item."""
        again = (
            update(InboxRow)
            .where(InboxRow.id == item)
            .values(
                state=InboxState.WAITING,
                reason="",
                problems=[],
                attempts=0,
                next_attempt_at=self._clock(),
                forwarded_at=None,
            )
        )
        async with writing(self._engine) as connection:
            await connection.execute(again)
        return await self.get(item)

    async def get(self, item: int) -> InboxItem | None:
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(InboxRow).where(InboxRow.id == item))).first()
        return None if row is None else _item(row)

    async def find(self, key: str) -> InboxItem | None:
        """What was stored under this `dedupe_key`."""
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(InboxRow).where(InboxRow.dedupe_key == key))).first()
        return None if row is None else _item(row)

    async def earlier(self, item: InboxItem) -> tuple[InboxItem, ...]:
        """What waits of its kind and order and came before it, the oldest first."""
        query = (
            select(InboxRow)
            .where(
                InboxRow.state == InboxState.WAITING,
                InboxRow.kind == item.kind,
                InboxRow.order_id == item.order_id,
                InboxRow.id < item.id,
            )
            .order_by(InboxRow.id)
        )
        async with reading(self._engine) as connection:
            return tuple(_item(row) for row in await connection.execute(query))

    async def list(self, state: InboxState | None = None, *, limit: int = 50) -> tuple[InboxItem, ...]:
        """The newest first."""
        query = select(InboxRow).order_by(InboxRow.id.desc()).limit(limit)
        if state is not None:
            query = query.where(InboxRow.state == state)
        async with reading(self._engine) as connection:
            return tuple(_item(row) for row in await connection.execute(query))

    async def _write_all(self, wanted: Sequence["_New | _Settled"]) -> Sequence[Stored | None]:
        """In one transaction, all of a kind in one statement."""
        new: dict[str, dict[str, Any]] = {}
        settled: dict[Update, list[dict[str, Any]]] = {}
        for one in wanted:
            if isinstance(one, _New):
                new.setdefault(one.key, one.row)
            else:
                settled.setdefault(one.how, []).append(one.values)
        async with writing(self._engine) as connection:
            stored = await self._stored(connection, new) if new else {}
            for how, values in settled.items():
                await connection.execute(how, values)
        return [_told(stored, one) for one in wanted]

    async def _stored(
        self, connection: AsyncConnection, new: Mapping[str, dict[str, Any]]
    ) -> dict[str, Stored]:
        """By key, and in the order of keys: two processes that store the same do not wait for each other in a circle."""
        inserted = await connection.execute(self._new, [new[key] for key in sorted(new)])
        stored = {key: Stored(id=item, duplicate=False) for item, key in inserted}
        if missing := new.keys() - stored.keys():
            known = await connection.execute(_KNOWN, {"keys": tuple(missing)})
            stored |= {key: Stored(id=item, duplicate=True) for item, key in known}
        return stored


@dataclass(frozen=True)
class _New:
    row: dict[str, Any]

    @property
    def key(self) -> str:
        key: str = self.row["dedupe_key"]
        return key


@dataclass(frozen=True)
class _Settled:
    how: Update
    values: dict[str, Any]


def _told(stored: dict[str, Stored], one: _New | _Settled) -> Stored | None:
    """The same key again in one transaction is a duplicate as well."""
    if isinstance(one, _Settled):
        return None
    told = stored[one.key]
    stored[one.key] = told.model_copy(update={"duplicate": True})
    return told


def _settling(**values: Any) -> Update:
    """Of the item `of`. What was forwarded stays so, whoever else still had it in hand."""
    unless = InboxRow.state != InboxState.FORWARDED
    return update(InboxRow).where(InboxRow.id == bindparam("of"), unless).values(**values)


# Built once: that costs as much as to carry it out.
_ORDER: ColumnElement[str | None] = func.coalesce(bindparam("order"), InboxRow.order_id)
_FORWARDED = _settling(
    state=InboxState.FORWARDED,
    reason=bindparam("why"),
    problems=[],
    forwarded_at=bindparam("now"),
    order_id=_ORDER,
)
_PARKED = _settling(
    state=InboxState.PARKED, reason=bindparam("why"), problems=bindparam("wrong"), order_id=_ORDER
)
_LATER = _settling(
    state=InboxState.WAITING,
    reason=bindparam("why"),
    attempts=bindparam("tried"),
    next_attempt_at=bindparam("due"),
)
_KNOWN = select(InboxRow.id, InboxRow.dedupe_key).where(
    InboxRow.dedupe_key.in_(bindparam("keys", expanding=True))
)
_DUE = (
    select(InboxRow)
    .where(
        InboxRow.state == InboxState.WAITING,
        InboxRow.next_attempt_at <= bindparam("now"),
        InboxRow.kind.in_(bindparam("kinds", expanding=True)),
        InboxRow.id.not_in(bindparam("without", expanding=True)),
    )
    .order_by(InboxRow.next_attempt_at, InboxRow.id)
    .limit(bindparam("limit"))
)


def _as_json(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [problem.model_dump(mode="json") for problem in problems]


def _item(row: Row[Any]) -> InboxItem:
    columns = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name for it, underscored against clashes
    del columns["dedupe_key"]
    return InboxItem.model_validate(columns)
