"""The network between us and a system, with the two faults that cost money: a reply lost, and a request that is late."""

import asyncio
from enum import Enum

import httpx

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Fault(Enum):
    NONE = "none"
    REPLY_LOST = "reply lost"  # the request is performed at once, its reply never arrives
    LATE = "late"  # the caller gives up first; the request is performed when the test calls `settle`


class Lossy(httpx.AsyncBaseTransport):
    """Carries requests to `inner`, by default over real HTTP.

    While a fault is set, it meets the first sending of every changing request (method and path); reads and repeats
    pass. So a caller that repeats goes through one fault per request that its effect is made of.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self.fault = Fault.NONE
        self.sent: list[tuple[str, str]] = []
        self._inner = inner or httpx.AsyncHTTPTransport()
        self._met: set[tuple[str, str]] = set()
        self._late: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = (request.method, request.url.path)
        self.sent.append(what)
        if self.fault is Fault.NONE or request.method in _READS or what in self._met:
            return await self._inner.handle_async_request(request)
        self._met.add(what)
        if self.fault is Fault.LATE:
            await request.aread()
            self._late.append(request)
        else:
            await self._perform(request)
        raise httpx.ReadTimeout(f"{self.fault.value}: {what[0]} {what[1]}", request=request)

    async def settle(self) -> None:
        """Perform what was late. Afterwards nothing is on its way any more."""
        late, self._late = self._late, []
        async with asyncio.TaskGroup() as group:
            for request in late:
                group.create_task(self._perform(request))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _perform(self, request: httpx.Request) -> None:
        response = await self._inner.handle_async_request(request)
        await response.aread()
        await response.aclose()
