"""One at a time, over all workers: Tryton itself locks nothing between two requests of ours.

Who wants to be alone with something pins a claim to the merchant's own party and looks around after that, so that of any two at least
one sees the other. In is who has looked and seen no other; of several all but the oldest withdraw and wait. Where it is
not known what became of the work, the claim is left standing: a repeat under the same key goes on with it, and all others
wait until it is so old that nothing of it can be on its way any more.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

from adapters.tryton.board import Board, Notice
from domain.errors import Refused, Unavailable
from domain.keys import Key

_CLAIM = "at work on "
_DIGEST_LENGTH = 16
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 2.0
_WAIT_SECONDS_MAX = 10.0


class Claims:
    """`settled_after` is the longest that the server works on a request, and no shorter than any work that is claimed."""

    def __init__(self, board: Board, settled_after: timedelta) -> None:
        self._board = board
        self._dead_after = 2 * settled_after
        self._here: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, things: Sequence[str], key: Key) -> AsyncIterator[None]:
        """Nobody else is alone with one of these meanwhile. Unavailable: somebody is, and does not come to an end.

        The things are named by digests, for they may be personal.
        """
        names = sorted({hashlib.sha256(thing.encode()).hexdigest()[:_DIGEST_LENGTH] for thing in things})
        async with AsyncExitStack() as here:
            for name in names:  # among ourselves first, which costs no requests
                await here.enter_async_context(self._here.setdefault(name, asyncio.Lock()))
            claims = await self._claim(names, f"{_CLAIM}{key} {' '.join(names)}")
            try:
                yield
            except (Refused, Unavailable):  # so nothing is on its way
                await self._withdraw(claims)
                raise
            await self._withdraw(claims)

    async def _claim(self, names: Sequence[str], says: str) -> list[Notice]:
        """Our claim, and those that former attempts under the same key left."""
        now = asyncio.get_running_loop().time
        deadline = now() + _WAIT_SECONDS_MAX
        newest = await self._pin(says)
        while True:
            around = await self._around(names)
            own = [claim for claim in around if claim.says == says]
            rivals = await self._alive([claim for claim in around if claim.says != says], newest)
            if not rivals:
                return own
            if now() > deadline:
                await self._withdraw(own)
                raise Unavailable(
                    "Tryton: somebody else is at the same customer, and does not come to an end"
                )
            if rivals[0].id < own[0].id:
                await self._withdraw(own)
                await self._gone(names)
                newest = await self._pin(says)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def _gone(self, names: Sequence[str]) -> None:
        """Wait until the others are gone, or for so long that one should look again how old they are."""
        now = asyncio.get_running_loop().time
        deadline = now() + _PATIENCE_SECONDS
        while await self._around(names) and now() < deadline:  # noqa: ASYNC110  the others may be other processes
            await asyncio.sleep(_LOOK_SECONDS)

    async def _pin(self, says: str) -> Notice:
        return await self._board.pin(says, await self._board.merchant())

    async def _around(self, names: Sequence[str]) -> list[Notice]:
        pinned = await self._board.on(await self._board.merchant(), _CLAIM)
        return [claim for claim in pinned if not set(names).isdisjoint(claim.says.split())]

    async def _alive(self, claims: Sequence[Notice], newest: Notice) -> list[Notice]:
        dead = [claim for claim in claims if claim.pinned_at < newest.pinned_at - self._dead_after]
        await self._withdraw(dead)
        return [claim for claim in claims if claim not in dead]

    async def _withdraw(self, claims: Sequence[Notice]) -> None:
        for claim in claims:
            await self._board.take_down(claim)
