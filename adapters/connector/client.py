"""The caller's side of the wire, and the one place that turns transport into `Refused`, `Unavailable`, `OutcomeUnknown`."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from adapters.connector.protocol.articles import Articles as ArticlesTold
from adapters.connector.protocol.common import KEY_HEADER, NOT_FOUND, PROBLEM_TYPE, Done, Model, Problem
from adapters.connector.protocol.common import Changes as ChangesTold
from adapters.connector.protocol.customers import Customer as CustomerTold
from adapters.connector.protocol.customers import CustomerRegistered, RegisterCustomer
from adapters.connector.protocol.customers import Customers as CustomersTold
from adapters.connector.wire import incoming, outgoing
from adapters.tls import trusted
from domain.customers import Article, CustomerRecord, Page
from domain.erp import Changes
from domain.errors import OrderError, OutcomeUnknown, Refused, Unavailable
from domain.ids import CustomerRef, System
from domain.keys import Key
from domain.orders import Customer

W = TypeVar("W")
T = TypeVar("T")

DETAIL_LENGTH_MAX = 200

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_NOT_NOW = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
# Nothing happened, and it is no answer to the order: our credentials or our address are wrong until someone mends them.
_NOT_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)


class Problematic(Refused):
    """A refusal in the protocol's words: `code` for machines, `field` names what it is about."""

    def __init__(self, message: str, *, code: str, field: str | None) -> None:
        super().__init__(message)
        self.code, self.field = code, field


def connector(
    base_url: str, token: str | None, *, timeout: timedelta = timedelta(seconds=10)
) -> httpx.AsyncClient:
    """The client of one peer; `timeout` bounds connecting and every wait for bytes. Close it with `aclose`."""
    return httpx.AsyncClient(
        verify=trusted(),
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=timeout.total_seconds(),
        follow_redirects=False,
    )


class Peer:
    """One system behind the protocol. `settled_after` is its maximum request time."""

    def __init__(self, client: httpx.AsyncClient, system: System, settled_after: timedelta) -> None:
        self._client = client
        self._system = system
        self._settled_after = settled_after

    async def tell(
        self, operation: str, told: Model, answer: Any, convert: Callable[[W], T], *, key: Key
    ) -> T:
        """Ask for an effect. `answer` is the wire's type W, a model or a union of models."""

        def lost(message: str) -> OrderError:
            return OutcomeUnknown(message, settled_after=self._settled_after)

        headers = {KEY_HEADER: key, "Content-Type": "application/json"}
        request = self._client.build_request(
            "POST", self._path(operation), content=told.model_dump_json(), headers=headers
        )
        return await self._send(operation, request, answer, convert, lost)

    async def ask(
        self,
        operation: str,
        answer: type[W],
        convert: Callable[[W], T],
        **query: str | tuple[str, ...] | None,
    ) -> T | None:
        """Read; None when the system says that there is none."""
        params = {name: value for name, value in query.items() if value is not None}
        request = self._client.build_request("GET", self._path(operation), params=params)
        try:
            return await self._send(operation, request, answer, convert, Unavailable)
        except Problematic as problem:
            if problem.code == NOT_FOUND:
                return None
            raise

    async def ensure(self, operation: str, told: Model, *, key: Key) -> None:
        """Ask for an effect whose answer says no more than that it is done."""
        await self.tell(operation, told, Done, lambda _: None, key=key)

    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef:
        told = RegisterCustomer(customer=outgoing(CustomerTold, customer))
        return await self.tell("register_customer", told, CustomerRegistered, _reference, key=key)

    async def changes(self, since: str | None) -> Changes:
        return await self.list_of("changes", ChangesTold, lambda told: incoming(Changes, told), since=since)

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        return await self.list_of(
            "customers", CustomersTold, lambda told: incoming(Page[CustomerRecord], told), after=after
        )

    async def articles(self, after: str | None) -> Page[Article]:
        return await self.list_of(
            "articles", ArticlesTold, lambda told: incoming(Page[Article], told), after=after
        )

    async def list_of(
        self, operation: str, answer: type[W], convert: Callable[[W], T], **query: str | None
    ) -> T:
        """Read what is there in any case, be it empty."""
        found = await self.ask(operation, answer, convert, **query)
        if found is None:
            raise Unavailable(f"{self._system}.{operation}: a list is never missing")
        return found

    def _path(self, operation: str) -> str:
        return f"/{self._system}/{operation}"

    async def _send(
        self,
        operation: str,
        request: httpx.Request,
        answer: Any,
        convert: Callable[[W], T],
        lost: Callable[[str], OrderError],
    ) -> T:
        what = f"{self._system}.{operation}"
        try:
            response = await self._client.send(request)
        except NEVER_SENT as error:
            raise Unavailable(f"{what}: cannot be reached ({type(error).__name__})") from error
        except httpx.RequestError as error:
            raise lost(f"{what}: no answer ({type(error).__name__})") from error
        if not response.is_success:
            raise failure(what, response, lost)
        try:
            return convert(TypeAdapter[W](answer).validate_json(response.content, extra="ignore"))
        except ValueError:  # without its cause, whose message quotes the answer: it may hold personal data
            raise lost(f"{what}: an answer that is not of the protocol") from None


def _reference(answer: CustomerRegistered) -> CustomerRef:
    return CustomerRef(answer.customer)


def failure(what: str, response: httpx.Response, lost: Callable[[str], OrderError]) -> OrderError:
    problem = _problem(response)
    said = f"{what}: {problem.code}, {problem.detail[:DETAIL_LENGTH_MAX]}" if problem else what
    status = response.status_code
    if status in _NOT_NOW:
        return Unavailable(f"{said} ({status})", retry_after=_retry_after(response))
    if not response.is_client_error:
        return lost(f"{said} ({status})")
    if problem is None or status in _NOT_LET_IN:
        return Unavailable(f"{said} ({status}, not an answer of the protocol)")
    at = f" ({problem.field})" if problem.field else ""
    return Problematic(f"{said}{at}", code=problem.code, field=problem.field)


def _problem(response: httpx.Response) -> Problem | None:
    if response.headers.get("Content-Type", "").partition(";")[0].strip() != PROBLEM_TYPE:
        return None
    try:
        return Problem.model_validate_json(response.content, extra="ignore")
    except ValidationError:
        return None


def _retry_after(response: httpx.Response) -> timedelta | None:
    """Seconds, or a date, which counts from the answer's own Date. None for anything else."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text[:9]))
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(wait, timedelta(0))
