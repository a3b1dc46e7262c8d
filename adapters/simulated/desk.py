"""Where requests arrive: faults, idempotency keys and the log, the same for every operation of every system."""

import asyncio
import hashlib
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from adapters.connector.protocol.common import (
    KEY_HEADER,
    KEY_LENGTH_MAX,
    NOT_FOUND,
    PROBLEM_TYPE,
    Edited,
    Problem,
)
from adapters.connector.protocol.erp import CreditRefused
from adapters.connector.protocol.payments import Declined
from adapters.connector.protocol.warehouse import TooLate
from adapters.simulated import faults
from adapters.simulated.faults import Fault, FaultKind
from adapters.simulated.world import Refusal, World

T = TypeVar("T", bound=BaseModel)
A = TypeVar("A", bound=BaseModel)
Rule = Callable[[World, T, str], A]

ABORT = "ordersaga.abort"  # an extension of the ASGI scope that server.py provides: close without an answer

_WHY = {"content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused: asking again cannot help. 404 `not_found`: there is none.", **_WHY},
    "429": {"description": "Nothing happened; ask again after Retry-After.", **_WHY},
    "503": {"description": "Nothing happened; ask again after Retry-After.", **_WHY},
}


class Silence(Response):
    """No answer: the connection closes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        scope["extensions"][ABORT]()
        await asyncio.sleep(0)  # the server learns that the connection is gone before it looks for an answer


def problem(
    status: int, code: str, detail: str, field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    body = Problem(title=code.replace("_", " "), status=status, code=code, detail=detail, field=field)
    return Response(body.model_dump_json(exclude_none=True), status, headers, PROBLEM_TYPE)


def effect(router: APIRouter, *, once: bool = False) -> Callable[[Rule[T, A]], Rule[T, A]]:
    """Serve a rule as `POST /{system}/{its name}`. A key that is used for something else is a problem.

    Most rules state a target ("exactly this is reserved"), which is ensured anew at every repeat, for requests of another
    kind may have come between. `once`: the rule adds something (a refund, a mail); it runs once per Idempotency-Key, and
    a repeat is answered as the first time.
    """

    def register(rule: Rule[T, A]) -> Rule[T, A]:
        hints = get_type_hints(rule, include_extras=True)
        system = router.prefix.strip("/")

        async def endpoint(request: Request, told: T, idempotency_key: str) -> Response:
            desk: Desk = request.app.state.desk
            return await desk.effect(system, rule, told, idempotency_key, once=once)

        key = Annotated[str, Header(alias=KEY_HEADER, min_length=1, max_length=KEY_LENGTH_MAX)]
        _sign(endpoint, request=Request, told=hints["told"], idempotency_key=key)
        _route(router, "POST", rule, endpoint, hints["return"])
        return rule

    return register


def read(router: APIRouter) -> Callable[[Callable[..., A | None]], Callable[..., A | None]]:
    """Serve a rule as `GET /{system}/{its name}`, its arguments as the query; None is a problem `not_found`."""

    def register(rule: Callable[..., A | None]) -> Callable[..., A | None]:
        hints = get_type_hints(rule, include_extras=True)
        answer = next(
            kind
            for kind in (*getattr(hints["return"], "__args__", ()), hints["return"])
            if kind is not type(None)
        )
        system = router.prefix.strip("/")

        async def endpoint(request: Request, **query: Any) -> Response:
            desk: Desk = request.app.state.desk
            return await desk.read(system, rule, query)

        parameters = list(inspect.signature(rule).parameters.values())[1:]
        _sign(
            endpoint,
            {p.name: p.default for p in parameters},
            request=Request,
            **{p.name: hints[p.name] for p in parameters},
        )
        _route(router, "GET", rule, endpoint, answer)
        return rule

    return register


def _sign(
    endpoint: Callable[..., Any], defaults: dict[str, Any] | None = None, /, **annotations: Any
) -> None:
    """FastAPI reads from the signature what to parse."""
    kind, empty = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty
    parameters = [
        inspect.Parameter(name, kind, annotation=annotation, default=(defaults or {}).get(name, empty))
        for name, annotation in annotations.items()
    ]
    endpoint.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


def _route(
    router: APIRouter, method: str, rule: Callable[..., Any], endpoint: Callable[..., Any], answer: Any
) -> None:
    system, operation = router.prefix.strip("/"), rule.__name__
    router.add_api_route(
        f"/{operation}",
        endpoint,
        methods=[method],
        response_model=answer,
        operation_id=f"{system}.{operation}",
        summary=f"{system}: {operation.replace('_', ' ')}",
        description=inspect.getdoc(rule) or "",
        responses=PROBLEMS,
        tags=[system],
    )


class Desk:
    def __init__(self, world: World) -> None:
        self.world = world

    async def effect(self, system: str, rule: Rule[T, A], told: T, key: str, *, once: bool) -> Response:
        return await self.through_faults(
            system, rule.__name__, key, lambda: self._effect(system, rule, told, key, once=once)
        )

    async def read(
        self, system: str, rule: Callable[..., BaseModel | None], query: dict[str, Any]
    ) -> Response:
        return await self.through_faults(system, rule.__name__, "", lambda: self._read(system, rule, query))

    async def through_faults(
        self, system: str, operation: str, key: str, act: Callable[[], Response]
    ) -> Response:
        with self.world.transaction():
            fault = faults.take(self.world.state, system, operation, key=key)
            if fault is not None:
                self.world.state.log(system, operation, key, fault.kind)
        if fault is None:
            return act()
        if fault.kind in faults.WITHOUT_EFFECT:
            return _not_done(fault)
        if fault.kind in (FaultKind.SLOW, FaultKind.LATE_COMMIT):
            await asyncio.sleep(fault.seconds)
        response = act()
        if fault.kind in (FaultKind.REPLY_LOST, FaultKind.LATE_COMMIT):
            return Silence()
        if fault.kind is FaultKind.GARBAGE:
            return Response("<html>Welcome to nginx!</html>", media_type="text/html")
        return response

    def _effect(self, system: str, rule: Rule[T, A], told: T, key: str, *, once: bool) -> Response:
        try:
            with self.world.transaction():
                body = self._once(system, rule, told, key, once=once)
        except Refusal as refusal:
            return self._refused(system, rule.__name__, key, refusal)
        return Response(body, media_type="application/json")

    def _once(self, system: str, rule: Rule[T, A], told: T, key: str, *, once: bool) -> str:
        """The answer under this key, as it was given before or as the rule gives it now."""
        state, operation = self.world.state, rule.__name__
        digest = hashlib.sha256(told.model_dump_json().encode()).hexdigest()
        row = state.db.execute("SELECT * FROM answers WHERE system = ? AND key = ?", (system, key)).fetchone()
        if row and (row["operation"], row["digest"]) != (operation, digest):
            raise Refusal("idempotency_key_reused", "this key was used for something else", field=KEY_HEADER)
        if row and once:
            state.log(system, operation, key, "replayed")
            return str(row["body"])
        answer = rule(self.world, told, key)
        body = answer.model_dump_json()
        if isinstance(
            answer, CreditRefused | Declined | Edited | TooLate
        ):  # nothing happened: the same may be asked again
            state.log(system, operation, key, str(getattr(answer, "outcome", "")))
            return body
        state.log(system, operation, key, "done")
        state.db.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            (system, key, operation, digest, body),
        )
        return body

    def _read(self, system: str, rule: Callable[..., BaseModel | None], query: dict[str, Any]) -> Response:
        try:
            with self.world.transaction():
                answer = rule(self.world, **query)
                self.world.state.log(system, rule.__name__, "", "done" if answer else NOT_FOUND)
        except Refusal as refusal:
            return self._refused(system, rule.__name__, "", refusal)
        if answer is None:
            return problem(404, NOT_FOUND, "there is none")
        return Response(answer.model_dump_json(), media_type="application/json")

    def _refused(self, system: str, operation: str, key: str, refusal: Refusal) -> Response:
        with self.world.transaction():
            self.world.state.log(system, operation, key, f"refused:{refusal.code}")
        return problem(refusal.status, refusal.code, refusal.detail, refusal.field)


def _not_done(fault: Fault) -> Response:
    if fault.kind is FaultKind.REFUSE:
        return problem(422, fault.code, "refused by script")
    if fault.kind is FaultKind.ERROR5XX:
        return Response("<html>Internal Server Error</html>", 500, media_type="text/html")
    limited = fault.kind is FaultKind.RATE_LIMITED
    wait = fault.retry_after if fault.retry_after is not None or not limited else 1
    headers = {} if wait is None else {"Retry-After": str(wait)}
    if limited:
        return problem(429, "rate_limited", "too many requests", headers=headers)
    return problem(503, "unavailable", "down for the moment", headers=headers)
