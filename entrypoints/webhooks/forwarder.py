"""From the inbox to the workflows. What it has not done yet stands in the table, so it may die at any moment."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog

from adapters.database.inbox import Inbox, InboxItem
from adapters.database.schema import InboxKind
from domain.errors import Unavailable

Deliver = Callable[[InboxItem], Awaitable[None]]

_AT_ONCE_MAX = 32
_TAKEN_MIN = 8  # fewer are not worth asking the database for
_ITEM_SECONDS_MAX = 20  # then it goes back to the queue
_POLL_SECONDS = 1  # for retries that became due, and for what other processes stored

_log = structlog.get_logger()


class Forwarder:
    """Takes every due item of its kinds in hand at once, so that one that hangs or cannot be used holds up none behind it.

    Commands have a forwarder of their own: they wait for a worker, and hints must not wait for them.
    """

    def __init__(self, inbox: Inbox, deliver: Deliver, kinds: Collection[InboxKind]) -> None:
        self._inbox = inbox
        self._deliver = deliver
        self._kinds = tuple(kinds)
        self._in_hand: set[int] = set()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something was stored: look now, not at the next poll."""
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._news.clear()
                for item in await self._due():
                    self._in_hand.add(item.id)
                    tasks.create_task(self._forward(item))
                await self._wait_for_news()

    async def _due(self) -> tuple[InboxItem, ...]:
        if (free := _AT_ONCE_MAX - len(self._in_hand)) < _TAKEN_MIN:
            return ()
        try:
            return await self._inbox.due(free, kinds=self._kinds, without=self._in_hand)
        except Unavailable as away:
            _log.warning("the inbox cannot be read", reason=str(away))
            return ()

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _forward(self, item: InboxItem) -> None:
        try:
            await self._deliver_or_retry(item)
        except Unavailable as away:
            # It stands in the table as before, and the next poll finds it. Not at once: the database is in trouble.
            _log.warning("the inbox cannot be written", reason=str(away), inbox_id=item.id)
        else:
            self.wake()
        finally:
            self._in_hand.discard(item.id)

    async def _deliver_or_retry(self, item: InboxItem) -> None:
        try:
            async with asyncio.timeout(_ITEM_SECONDS_MAX):
                await self._deliver(item)
        except Unavailable as away:
            await self._inbox.retry_later(item, str(away))
        except TimeoutError:
            await self._inbox.retry_later(item, f"no answer within {_ITEM_SECONDS_MAX} s")
        except Exception as error:  # noqa: BLE001  whatever it is, it must not stop the items of other orders
            # The error's own words may quote the customer.
            _log.error("an inbox item failed", inbox_id=item.id, error=type(error).__name__)
            await self._inbox.retry_later(item, f"it failed: {type(error).__name__}")
