"""The only place that turns the domain's errors into Temporal's."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from temporalio.exceptions import ApplicationError

from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable


class Failure(StrEnum):
    """The `type` of an ApplicationError, as histories and the Web UI show it."""

    REFUSED = "Refused"
    UNAVAILABLE = "Unavailable"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    INVARIANT_BROKEN = "InvariantBroken"


@contextmanager
def translated() -> Iterator[None]:
    """Refused and InvariantBroken are not repeated; the others are, after the time that the system asked for.

    Anything else is a bug of ours and is retried too, so that its repair sets the order free.
    """
    try:
        yield
    except Refused as error:
        raise ApplicationError(str(error), type=Failure.REFUSED, non_retryable=True) from error
    except InvariantBroken as error:
        raise ApplicationError(str(error), type=Failure.INVARIANT_BROKEN, non_retryable=True) from error
    except Unavailable as error:
        raise ApplicationError(
            str(error), type=Failure.UNAVAILABLE, next_retry_delay=error.retry_after
        ) from error
    except OutcomeUnknown as error:
        raise ApplicationError(
            str(error), type=Failure.OUTCOME_UNKNOWN, next_retry_delay=error.settled_after
        ) from error
