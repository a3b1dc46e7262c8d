"""What was not done, and why: problem details (RFC 9457), each with a code for machines."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from domain.errors import Unavailable

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
_FIELD_LENGTH_MAX = 200


class FieldProblem(BaseModel):
    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, Field(examples=["units.1"])]
    reason: Annotated[str, Field(examples=["3 asked for, 2 can be sent back"])]


class Problem(BaseModel):
    """Why a request was not done. `detail` and the reasons are for people, and hold no personal data."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(examples=["Conflict"])]
    status: int
    code: Annotated[str, Field(examples=["refused"])]
    detail: str = ""
    problems: list[FieldProblem] = Field(default_factory=list)
    revision: Annotated[
        int | None, Field(description="What the order's revision is now, where another was expected.")
    ] = None
    command_id: Annotated[
        str | None, Field(description="Repeated under this `Idempotency-Key` it is the same command.")
    ] = None
    inbox_id: Annotated[int | None, Field(description="Where a document that cannot be used is kept.")] = None


class ApiProblem(Exception):  # noqa: N818  a problem detail is what it becomes
    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        problems: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(
            title=HTTPStatus(status).phrase,
            status=status,
            code=code,
            detail=detail,
            problems=list(problems),
            **more,
        )
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        content = self.problem.model_dump(mode="json", exclude_none=True)
        return JSONResponse(content, self.problem.status, self.headers, media_type=PROBLEM_TYPE)


def unavailable(detail: str, **more: Any) -> ApiProblem:
    return ApiProblem(503, "unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}, **more)


def wrong_field(field: str, reason: str, *, code: str = "invalid") -> ApiProblem:
    return ApiProblem(422, code, reason, problems=[FieldProblem(field=field, reason=reason)])


def add_handlers(app: FastAPI) -> None:
    """Whatever goes wrong is told as a problem."""

    @app.exception_handler(ApiProblem)
    async def problem(_request: Request, error: ApiProblem) -> JSONResponse:
        return error.response()

    @app.exception_handler(Unavailable)
    async def away(_request: Request, error: Unavailable) -> JSONResponse:
        return unavailable(str(error)).response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        """The reasons repeat nothing of what was sent."""
        problems = [FieldProblem(field=_path(one["loc"]), reason=one["msg"]) for one in error.errors()]
        if any(one["type"] == "json_invalid" for one in error.errors()):
            return ApiProblem(400, "malformed", "the body is not JSON", problems=problems).response()
        return ApiProblem(422, "invalid", problems[0].reason, problems=problems).response()

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        """What the framework itself refuses: an address that is none, a method that is not served."""
        code = _CODES.get(error.status_code, "refused")
        return ApiProblem(error.status_code, code, str(error.detail), headers=error.headers).response()

    @app.exception_handler(Exception)
    async def failed(_request: Request, _error: Exception) -> JSONResponse:
        """Our bug. The server logs it; its words may quote the customer."""
        return ApiProblem(500, "failed", "it failed here; nothing is known of what became of it").response()


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the API's document: with which statuses an operation tells a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANINGS[status], "content": {PROBLEM_TYPE: {"schema": schema}}}
        | ({"headers": _RETRY_AFTER} if status in {429, 503} else {})
        for status in statuses
    }


_CODES = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_MEANINGS = {
    400: "The body cannot be read.",
    401: "No valid bearer token.",
    403: "The bearer's role may not do this, or not for so much money.",
    404: "There is none, or none that the bearer may see.",
    409: "The order refuses, and says why.",
    412: "The order has another revision than `If-Match` says; the problem carries it.",
    413: "The body is too large.",
    422: "A field cannot be used, or the `Idempotency-Key` was given to another command before.",
    429: "Too many requests under this token.",
    503: "What is needed for it is away, and a command could not even be kept: repeat it with the same key.",
}


def _path(location: tuple[int | str, ...]) -> str:
    """Without where it came from: `units.1`, not `body.units.1`."""
    return ".".join(map(str, location[1:]))[:_FIELD_LENGTH_MAX] or str(location[0])
