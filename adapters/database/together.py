"""Writes that wait at the same time are committed together: a commit takes as long for many as for one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.database.engine import writing

T = TypeVar("T")

_TOGETHER_MAX = 100


class Together:
    """What one write raises fails those that were to be committed with it: fit for writes that may be repeated."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: list[tuple[Callable[[AsyncConnection], Awaitable[Any]], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Committed when it returns. Unavailable: the database is away, or busy for too long."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._committing is None or self._committing.done():
            # A task of its own: who waits may be cancelled, and the others' writes go on.
            self._committing = asyncio.create_task(self._commit())
        return await done

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_TOGETHER_MAX], self._waiting[_TOGETHER_MAX:]
            try:
                async with writing(self._engine) as connection:
                    results = [await work(connection) for work, _ in batch]
            except Exception as error:  # noqa: BLE001  each of those who wait raises it
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), result in zip(batch, results, strict=True):
                    if not done.done():
                        done.set_result(result)
