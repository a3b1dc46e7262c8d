"""Before anything of a request is read: who asks, whether not too often, and how much they may send."""

import math
from collections.abc import Awaitable, Callable

from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.database.engine import Clock
from domain.errors import Unavailable
from entrypoints.api.authentication import Authentication, Bearer
from entrypoints.api.problems import ApiProblem, unavailable

BODY_BYTES_MAX = 4 * 1024 * 1024  # as `adapters.documents`
PUBLIC = frozenset({"/livez", "/readyz", "/openapi.json"})
_STRANGERS = RateLimitItemPerMinute(60)  # requests of one address that nobody vouches for

Denied = Callable[[str], Awaitable[None]]


class Gate:
    """`denied` is told of every token that does not count: the code of why."""

    def __init__(
        self, app: ASGIApp, *, authentication: Authentication, rate_limit: str, clock: Clock, denied: Denied
    ) -> None:
        self._app = app
        self._authentication = authentication
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._limit = parse(rate_limit)
        self._clock = clock
        self._denied = denied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] not in PUBLIC:
            try:
                bearer = await self._known(HTTPConnection(scope))
            except ApiProblem as problem:
                await problem.response()(scope, receive, send)
                return
            except Unavailable as away:
                await unavailable(str(away)).response()(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = bearer.principal
        await self._app(scope, _bounded(receive), send)

    async def _known(self, request: HTTPConnection) -> Bearer:
        authorization = request.headers.get("Authorization", "")
        if (bearer := await self._authentication.bearer(authorization)) is not None:
            await self._count(self._limit, bearer.key)
            return bearer
        await self._count(_STRANGERS, f"stranger/{request.client.host if request.client else ''}")
        if authorization:
            await self._denied("unauthenticated")
        raise ApiProblem(
            401, "unauthenticated", "a valid bearer token is needed", headers={"WWW-Authenticate": "Bearer"}
        )

    async def _count(self, limit: RateLimitItem, key: str) -> None:
        if not await self._limiter.hit(limit, key):
            reset = (await self._limiter.get_window_stats(limit, key)).reset_time
            wait = max(1, math.ceil(reset - self._clock().timestamp()))
            raise ApiProblem(429, "too_many", f"at most {limit}", headers={"Retry-After": str(wait)})


def _bounded(receive: Receive) -> Receive:
    """The body as it comes, as far as it may."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_BYTES_MAX:
            # The framework, which reads the body, lets no other error through.
            raise HTTPException(413, f"at most {BODY_BYTES_MAX} bytes")
        return message

    return bounded
