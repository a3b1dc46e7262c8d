"""What several want at the same time is done at once: a transaction takes as long for many as for one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from domain.errors import Unavailable

W = TypeVar("W")
A = TypeVar("A")

_TOGETHER_MAX = 200


class Together(Generic[W, A]):
    """`do` answers all that is wanted, in its order. It may be called again for what it has failed at.

    Who comes alone is served at once. Where several come, the next are gathered for `gather_seconds` since the last.
    """

    def __init__(
        self, do: Callable[[Sequence[W]], Awaitable[Sequence[A]]], *, gather_seconds: float = 0
    ) -> None:
        self._do = do
        self._gather_seconds = gather_seconds
        self._not_before = 0.0
        self._waiting: list[tuple[W, asyncio.Future[A]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def __call__(self, wanted: W) -> A:
        """Raises what `do` raises for it alone. Unavailable is raised for all that were done at once."""
        done: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, done))
        if self._serving is None or self._serving.done():
            # A task of its own: who waits may be cancelled, and the others go on.
            self._serving = asyncio.create_task(self._serve())
        return await done

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(max(0.0, self._not_before - loop.time()))
            batch, self._waiting = self._waiting[:_TOGETHER_MAX], self._waiting[_TOGETHER_MAX:]
            self._not_before = loop.time() + self._gather_seconds if len(batch) > 1 else 0.0
            await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[W, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._do([wanted for wanted, _ in batch])
        except Exception as error:  # noqa: BLE001  whoever waits raises it
            if len(batch) > 1 and not isinstance(error, Unavailable):
                for one in batch:  # one of them is at fault, and the others are not to suffer for it
                    await self._answer([one])
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
        else:
            for (_, done), answer in zip(batch, answers, strict=True):
                if not done.done():
                    done.set_result(answer)
