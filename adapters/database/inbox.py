"""The inbox: what came from outside is stored here, and committed, before it is acknowledged or acted on."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
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
        self._together = Together(engine)
        # Built once: that costs as much as to carry it out.
        self._new = (
            insert_new(engine, InboxRow)
            .on_conflict_do_nothing(index_elements=["dedupe_key"])
            .returning(InboxRow.id)
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

        async def store(connection: AsyncConnection) -> Stored:
            if (new := await connection.scalar(self._new, row)) is not None:
                return Stored(id=new, duplicate=False)
            known = await connection.execute(select(InboxRow.id).where(InboxRow.dedupe_key == key))
            return Stored(id=known.scalar_one(), duplicate=True)

        return await self._together.write(store)

    async def due(
        self, limit: int, *, kinds: Collection[InboxKind] = tuple(InboxKind), without: Collection[int] = ()
    ) -> tuple[InboxItem, ...]:
        """What waits and may be tried now, the longest due first; `without` those that are in hand already."""
        query = (
            select(InboxRow)
            .where(
                InboxRow.state == InboxState.WAITING,
                InboxRow.next_attempt_at <= self._clock(),
                InboxRow.kind.in_(kinds),
                InboxRow.id.not_in(without),
            )
            .order_by(InboxRow.next_attempt_at, InboxRow.id)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return tuple(_item(row) for row in await connection.execute(query))

    async def mark_forwarded(self, item: int, order_id: OrderId | None = None, *, reason: str = "") -> None:
        """Done with; `order_id` where only now it is known. `reason`: what the order said, where it did not want it."""
        known = {} if order_id is None else {"order_id": order_id}
        await self._settle(
            item, state=InboxState.FORWARDED, reason=reason, problems=[], forwarded_at=self._clock(), **known
        )

    async def retry_later(self, item: InboxItem, reason: str) -> None:
        """Once more in 1 s, 2 s, 4 s … at most a minute, for ever."""
        seconds = min(_RETRY_SECONDS_MIN * 2 ** min(item.attempts, 16), _RETRY_SECONDS_MAX)
        await self._settle(
            item.id,
            state=InboxState.WAITING,
            reason=reason,
            attempts=item.attempts + 1,
            next_attempt_at=self._clock() + timedelta(seconds=seconds),
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
        known = {} if order_id is None else {"order_id": order_id}
        await self._settle(item, state=InboxState.PARKED, reason=reason, problems=_as_json(problems), **known)

    async def release(self, order: OrderId) -> None:
        """The order has come: what was parked because it had not is due again."""
        waits = update(InboxRow).where(
            InboxRow.state == InboxState.PARKED,
            InboxRow.kind == InboxKind.WEBHOOK,
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

    async def list(self, state: InboxState | None = None, *, limit: int = 50) -> tuple[InboxItem, ...]:
        """The newest first."""
        query = select(InboxRow).order_by(InboxRow.id.desc()).limit(limit)
        if state is not None:
            query = query.where(InboxRow.state == state)
        async with reading(self._engine) as connection:
            return tuple(_item(row) for row in await connection.execute(query))

    async def _settle(self, item: int, **values: Any) -> None:
        """What was forwarded stays so, whoever else still had it in hand."""
        unless = InboxRow.state != InboxState.FORWARDED
        settled = update(InboxRow).where(InboxRow.id == item, unless).values(**values)

        async def settle(connection: AsyncConnection) -> None:
            await connection.execute(settled)

        await self._together.write(settle)


def _as_json(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [problem.model_dump(mode="json") for problem in problems]


def _item(row: Row[Any]) -> InboxItem:
    columns = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name for it, underscored against clashes
    del columns["dedupe_key"]
    return InboxItem.model_validate(columns)
