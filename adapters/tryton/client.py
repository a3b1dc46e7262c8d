"""Tryton 8.2 over REST: one database, one company, one key. Knows how values and errors travel, nothing of orders.

Tryton has no idempotency keys: whoever creates looks first. It tries a transaction that met another one again by
itself (five times) and then answers 503. A malformed value gives a page of HTML with status 500.
"""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from adapters.tls import trusted
from domain.errors import OutcomeUnknown, Refused, Unavailable

Record = dict[str, Any]
Domain = Sequence[Any]

CONNECT_SECONDS = 5
# Rolled back, or never begun: a lost race, too many, a database that is away, a key that somebody has to renew.
_NOTHING_HAPPENED = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


class TrytonClient:
    """`settled_after` is the longest that the server works on one request: what its own proxy and database allow.

    After an unknown outcome nothing is decided before that has passed.
    """

    def __init__(
        self,
        url: str,
        database: str,
        api_key: str,
        *,
        company: int = 1,
        timeout: timedelta = timedelta(seconds=20),
        settled_after: timedelta = timedelta(seconds=60),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settled_after = settled_after
        self.company = company
        self._context = {"company": company, "_skip_warnings": True}
        self._http = httpx.AsyncClient(
            verify=trusted(),
            base_url=f"{url.rstrip('/')}/{database}/rest/model",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(timeout.total_seconds(), connect=CONNECT_SECONDS),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def search(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
        limit: int | None = None,
        **context: Any,
    ) -> list[Record]:
        """Records of a model, oldest first. Dotted fields read through references: `{"lines.": [{…}]}` → `lines`."""
        params: dict[str, Any] = {"d": _encoded(domain), "o": _encoded(order), "f": list(fields)}
        if limit is not None:
            params["s"] = limit
        found: list[Record] = await self._send("GET", f"/{model}", params=params, context=context)
        return found

    async def create(self, model: str, values: Record, fields: Sequence[str]) -> Record:
        return await self._record("POST", f"/{model}", values, fields)

    async def write(self, model: str, record: int, values: Record, fields: Sequence[str] = ("id",)) -> Record:
        return await self._record("PUT", f"/{model}/{record}", values, fields)

    async def delete(self, model: str, record: int) -> None:
        await self._send("DELETE", f"/{model}/{record}")

    async def act(self, model: str, record: int, button: str) -> None:
        """Press a button. What it led to is read afterwards: the answer shows the record before its follow-ups."""
        await self._send("POST", f"/{model}/{record}/{button}", params={"f": ["id"]}, data={})

    async def _record(self, method: str, path: str, values: Record, fields: Sequence[str]) -> Record:
        answer: Record = await self._send(method, path, params={"f": list(fields)}, data=values)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        data: Record | None = None,
        context: Record | None = None,
    ) -> Any:
        headers = {"X-Tryton-Context": _encoded(self._context | (context or {}))}
        body = None if data is None else json.dumps(data, default=_plain)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = await self._http.request(method, path, params=params, headers=headers, content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(f"Tryton cannot be reached ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise self._unknown(method, path, type(error).__name__) from error
        return self._answer(response, method, path)

    def _answer(self, response: httpx.Response, method: str, path: str) -> Any:
        status = response.status_code
        if status == HTTPStatus.NO_CONTENT:
            return None
        if response.is_success:
            return json.loads(response.content, object_hook=_value)
        if status in _NOTHING_HAPPENED:
            raise Unavailable(f"Tryton: {status} for {method} {path}")
        if response.is_client_error:
            raise Refused(f"Tryton: {_reason(response)}")
        raise self._unknown(method, path, str(status))

    def _unknown(self, method: str, path: str, what: str) -> Unavailable | OutcomeUnknown:
        if method == "GET":
            return Unavailable(f"Tryton: {what} for {method} {path}")
        return OutcomeUnknown(f"Tryton: {what} for {method} {path}", settled_after=self.settled_after)


def reference(model: str, record: int) -> str:
    """A record as Tryton's reference fields hold it: `sale.line,12`."""
    return f"{model},{record}"


def referenced(value: str | Record | None) -> int | None:
    """The number of the record that a reference field names."""
    if value is None:
        return None
    return int(value.rpartition(",")[2]) if isinstance(value, str) else int(value["id"])


def _reason(response: httpx.Response) -> str:
    """What Tryton says to its user. Its sentences name records by number and code, which is no personal data.

    Party names do appear in some of them, so only the message is taken and not the description.
    """
    try:
        document = response.json()
    except ValueError:
        return f"{response.status_code} {response.reason_phrase}"
    return str(document.get("message") or f"{response.status_code} {response.reason_phrase}")


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, default=_plain).encode()).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime"} | {part: getattr(value, part) for part in parts}
    raise TypeError(f"Tryton: {type(value).__name__} has no JSON of its own")


def _value(document: Record) -> Any:
    if document.get("__class__") == "Decimal":
        return Decimal(document["decimal"])
    if document.get("__class__") == "datetime":
        return datetime(**{part: value for part, value in document.items() if part != "__class__"})  # noqa: DTZ001  UTC, without a zone
    return document
