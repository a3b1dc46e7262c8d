"""Where outside systems tell that they have news of an order. Stored, committed, acknowledged; the forwarder goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from adapters.connector.protocol.common import PROBLEM_TYPE
from adapters.connector.protocol.common import Problem as WireProblem
from adapters.database.engine import Clock
from adapters.database.inbox import Inbox, Stored, dedupe_key
from adapters.database.schema import InboxKind
from adapters.webhooks import Dialect, Hint, Notification, OrderCame
from domain.errors import Unavailable
from domain.ids import ChannelId
from domain.intake import Problem, UnusableDocument
from entrypoints.webhooks.dialects import DIALECTS, Secrets

_RETRY_AFTER_SECONDS = 5
# Platforms wait 5 s for an answer. A database that has not stored it by then counts as away.
STORE_SECONDS_MAX = 3.0

ActAtOnce = Callable[["Webhook", Notification], Awaitable[None]]


@dataclass(frozen=True)
class Webhook:
    """One that was signed by whom it says it comes from."""

    channel: ChannelId
    system: str
    body: bytes
    headers: dict[str, str]

    @property
    def dialect(self) -> Dialect:
        return DIALECTS[self.system]


class Receiver:
    """`act_at_once` is what can be done for a webhook while our own database is away. Unavailable: nothing."""

    def __init__(
        self, inbox: Inbox, secrets: Secrets, clock: Clock, stored: Callable[[], None], act_at_once: ActAtOnce
    ) -> None:
        self._inbox = inbox
        self._secrets = secrets
        self._clock = clock
        self._stored = stored
        self._act_at_once = act_at_once

    async def receive(self, request: Request, channel: ChannelId, system: str) -> JSONResponse:
        secret = self._secrets.get((channel, system))
        if secret is None:
            raise HTTPException(401, "nobody may write to this address")
        dialect = DIALECTS[system]
        body = await _bounded_body(request, dialect.body_bytes_max)
        headers = dict(request.headers)
        if dialect.is_ping(body, headers):
            return JSONResponse({"inbox_id": None})
        if not dialect.signed(secret, body, headers, self._clock()):
            raise HTTPException(401, f"{dialect.header}: missing, wrong or too old")
        webhook = Webhook(channel, system, body, headers)
        try:
            told = dialect.read(body, headers, channel, system)
        except UnusableDocument as unusable:
            return await self._park(webhook, unusable.problems)
        try:
            kept = await self._store(webhook, told)
        except Unavailable:
            await self._act_at_once(webhook, told)
            return JSONResponse({"inbox_id": None}, status_code=202)
        self._stored()
        return JSONResponse({"inbox_id": kept.id}, status_code=200 if kept.duplicate else 202)

    async def _store(self, webhook: Webhook, told: Notification) -> Stored:
        came = isinstance(told, OrderCame)
        kind = InboxKind.DOCUMENT if came else InboxKind.WEBHOOK
        try:
            async with asyncio.timeout(STORE_SECONDS_MAX):
                return await self._inbox.store(
                    kind,
                    channel=webhook.channel,
                    system=webhook.system,
                    key=dedupe_key(InboxKind.WEBHOOK, webhook.channel, webhook.system, *told.event),
                    body=webhook.body,
                    headers=webhook.headers,
                    order_id=told.order_id if isinstance(told, Hint) else None,
                )
        except TimeoutError:
            raise Unavailable(f"database: not stored within {STORE_SECONDS_MAX:g} s") from None

    async def _park(self, webhook: Webhook, problems: tuple[Problem, ...]) -> JSONResponse:
        kept = await self._inbox.store(
            InboxKind.WEBHOOK,
            channel=webhook.channel,
            system=webhook.system,
            key=dedupe_key("malformed webhook", webhook.channel, webhook.system, webhook.body),
            body=webhook.body,
            headers=webhook.headers,
            problems=problems,
        )
        if webhook.dialect.answers_problems:
            return _malformed(problems, kept.id)
        return JSONResponse({"inbox_id": kept.id}, status_code=200)


def create_app(
    inbox: Inbox,
    secrets: Secrets,
    clock: Clock,
    *,
    stored: Callable[[], None],
    act_at_once: ActAtOnce,
) -> Starlette:
    """`secrets` per channel and system: who has none is answered 401. `stored` is called after each commit.

    Plain routes: nothing of a request is to be parsed before its signature is known to be right.
    """
    receiver = Receiver(inbox, secrets, clock, stored, act_at_once)

    async def receive(request: Request) -> JSONResponse:
        names = request.path_params
        return await receiver.receive(request, ChannelId(names["channel"]), names["system"])

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> JSONResponse:
        """Who can store is ready: while Temporal is away webhooks are taken all the same."""
        await inbox.due(1)
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[
            Route("/webhooks/{channel}/{system}", receive, methods=["POST"]),
            Route("/livez", live),
            Route("/readyz", ready),
        ],
        exception_handlers={Unavailable: _away, HTTPException: _refused},
    )


async def _bounded_body(request: Request, bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise HTTPException(413, f"at most {bytes_max} bytes")
    return bytes(body)


def _malformed(problems: tuple[Problem, ...], inbox_id: int) -> JSONResponse:
    first = problems[0]
    return _problem(
        WireProblem(
            title="Bad Request", status=400, code="malformed", detail=first.reason, field=first.field
        ),
        inbox_id=inbox_id,
        problems=[problem.model_dump() for problem in problems],
    )


async def _refused(_request: Request, refusal: Exception) -> JSONResponse:
    if not isinstance(refusal, HTTPException):
        raise refusal
    title = HTTPStatus(refusal.status_code).phrase
    return _problem(
        WireProblem(title=title, status=refusal.status_code, code="refused", detail=refusal.detail)
    )


async def _away(_request: Request, away: Exception) -> JSONResponse:
    """The sender is to repeat it: nothing was accepted."""
    answer = _problem(
        WireProblem(title="Service Unavailable", status=503, code="unavailable", detail=str(away))
    )
    answer.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return answer


def _problem(problem: WireProblem, **more: Any) -> JSONResponse:
    return JSONResponse(problem.model_dump(exclude_none=True) | more, problem.status, media_type=PROBLEM_TYPE)
