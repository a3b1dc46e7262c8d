"""Where outside systems tell that they have news of an order. Stored, committed, acknowledged; the forwarder goes on."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from adapters.connector.protocol.common import PROBLEM_TYPE
from adapters.connector.protocol.common import Problem as WireProblem
from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.connector.signatures import HEADER, verify
from adapters.database.engine import Clock
from adapters.database.inbox import Inbox, dedupe_key
from adapters.database.schema import InboxKind
from domain.errors import Unavailable
from domain.ids import ChannelId, OrderId, channel_of
from domain.intake import Problem

BODY_BYTES_MAX = 256 * 1024
_SIGNATURE_LENGTH_MAX = 1000
_FIELD_LENGTH_MAX = 100
_RETRY_AFTER_SECONDS = 5

Secrets = Mapping[tuple[ChannelId, str], str]  # by channel and `domain.ids.System`


def create_app(inbox: Inbox, secrets: Secrets, clock: Clock, *, stored: Callable[[], None]) -> FastAPI:
    """`secrets` per channel and system: who has none is answered 401. `stored` is called after each commit."""
    app = FastAPI(title="OrderSaga webhooks", docs_url=None, redoc_url=None, openapi_url=None)
    app.exception_handler(Unavailable)(_away)
    app.exception_handler(HTTPException)(_refused)

    @app.post("/webhooks/{channel}/{system}")
    async def receive(
        request: Request, channel: ChannelId, system: str, body: Annotated[bytes, Depends(_bounded_body)]
    ) -> JSONResponse:
        secret = secrets.get((channel, system))
        signature = request.headers.get(HEADER, "")[:_SIGNATURE_LENGTH_MAX]
        if secret is None or not verify(secret, body, signature, clock()):
            raise HTTPException(401, f"{HEADER}: missing, wrong or too old")
        event = _read(body, channel, system)
        if not isinstance(event, WebhookEvent):
            kept = await inbox.store(
                InboxKind.WEBHOOK,
                channel=channel,
                system=system,
                key=dedupe_key("malformed webhook", channel, system, body),
                body=body,
                headers=request.headers,
                problems=event,
            )
            return _malformed(event, kept.id)
        kept = await inbox.store(
            InboxKind.WEBHOOK,
            channel=channel,
            system=system,
            key=dedupe_key(InboxKind.WEBHOOK, channel, system, event.event_id),
            body=body,
            headers=request.headers,
            order_id=OrderId(event.order_id),
        )
        stored()
        return JSONResponse({"inbox_id": kept.id}, status_code=200 if kept.duplicate else 202)

    @app.get("/livez")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        """Who can store is ready: while Temporal is away webhooks are taken all the same."""
        await inbox.due(1)
        return {"status": "ready"}

    return app


async def _bounded_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, f"at most {BODY_BYTES_MAX} bytes")
    return bytes(body)


def _read(body: bytes, channel: ChannelId, system: str) -> WebhookEvent | tuple[Problem, ...]:
    """The event, or every problem with it. The reasons repeat nothing of what was sent."""
    try:
        event = WebhookEvent.model_validate_json(body)
    except ValidationError as error:
        return tuple(
            Problem(field=_path(problem["loc"]), reason=problem["msg"])
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        )
    problems = []
    if event.system != system:
        problems.append(Problem(field="system", reason="not the system of the address"))
    if channel_of(OrderId(event.order_id)) != channel:
        problems.append(Problem(field="order_id", reason="not an order of the address's channel"))
    return tuple(problems) or event


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))[:_FIELD_LENGTH_MAX] or "body"


def _malformed(problems: tuple[Problem, ...], inbox_id: int) -> JSONResponse:
    first = problems[0]
    return _problem(
        WireProblem(
            title="Bad Request", status=400, code="malformed", detail=first.reason, field=first.field
        ),
        inbox_id=inbox_id,
        problems=[problem.model_dump() for problem in problems],
    )


async def _refused(_request: Request, refusal: HTTPException) -> JSONResponse:
    title = HTTPStatus(refusal.status_code).phrase
    return _problem(
        WireProblem(title=title, status=refusal.status_code, code="refused", detail=refusal.detail)
    )


async def _away(_request: Request, away: Unavailable) -> JSONResponse:
    """The sender is to repeat it: nothing was accepted."""
    answer = _problem(
        WireProblem(title="Service Unavailable", status=503, code="unavailable", detail=str(away))
    )
    answer.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return answer


def _problem(problem: WireProblem, **more: Any) -> JSONResponse:
    return JSONResponse(problem.model_dump(exclude_none=True) | more, problem.status, media_type=PROBLEM_TYPE)
