"""An effect to be done, and what its failure means."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    RetryState,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.failures import Failure
    from activities.steps import Look
    from domain.errors import InvariantBroken, Refused

R = TypeVar("R")


@dataclass(frozen=True)
class Todo(Generic[R]):
    """An effect to be done: `name` is its stable activity id, `summary` what the Web UI shows of it.

    `may_skip`: the order can do without it, and its result is None then. `done_as`: what a person who had it done
    outside says of it, as its result; Refused tells why that cannot be.
    """

    method: Callable[[Any, Any], Awaitable[R]]
    call: Look
    name: str
    summary: str
    may_skip: bool = False
    done_as: Callable[[str], Awaitable[R]] | None = None


def was_cut_off(error: ActivityError) -> bool:
    """An attempt that fails while its cancel is on its way is told as its own failure, and not tried again."""
    return is_cancelled_exception(error) or error.retry_state is RetryState.CANCEL_REQUESTED


def business_error_or_outage(error: ActivityError) -> str:
    """Raise what the business must decide, or the cancellation; otherwise answer the last words of the outage."""
    if was_cut_off(error):
        raise error
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == Failure.REFUSED:
        raise Refused(cause.message) from error
    if isinstance(cause, ApplicationError) and cause.type == Failure.INVARIANT_BROKEN:
        raise InvariantBroken(cause.message) from error
    while isinstance(cause, FailureError) and isinstance(cause.cause, FailureError):
        cause = cause.cause
    return cause.message if isinstance(cause, FailureError) else "no answer"
