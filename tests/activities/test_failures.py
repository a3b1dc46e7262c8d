"""What each error of the domain means to Temporal: repeat or not, and when."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.failures import Failure, translated
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable

LATER = timedelta(seconds=7)


@pytest.mark.parametrize(
    ("error", "failure", "repeated", "delay"),
    [
        (Refused("no"), Failure.REFUSED, False, None),
        (InvariantBroken("no"), Failure.INVARIANT_BROKEN, False, None),
        (Unavailable("down"), Failure.UNAVAILABLE, True, None),
        (Unavailable("busy", retry_after=LATER), Failure.UNAVAILABLE, True, LATER),
        (OutcomeUnknown("lost", settled_after=LATER), Failure.OUTCOME_UNKNOWN, True, LATER),
    ],
)
def test_an_error_says_what_to_do_next(
    error: Exception, failure: Failure, repeated: bool, delay: timedelta | None
) -> None:
    with pytest.raises(ApplicationError) as raised, translated():
        raise error
    assert raised.value.type == failure
    assert raised.value.non_retryable is not repeated
    assert raised.value.next_retry_delay == delay
    assert raised.value.message == str(error)


def test_a_bug_of_ours_stays_what_it_is_and_is_repeated() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
