"""What can go wrong, sorted by what to do next. A timeout is never a decline."""

from datetime import timedelta


class OrderError(Exception):
    """The root of what this project raises on purpose."""


class Refused(OrderError):  # noqa: N818  the field says "refused", not "refused error"
    """Asking again cannot help (unknown SKU, illegal state): a business decision is needed.

    The message is shown to people and stored in histories: no personal data in it.
    """


class Unavailable(OrderError):  # noqa: N818
    """Nothing happened. Ask again later; `retry_after` when the system said how much later."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(OrderError):  # noqa: N818
    """It may have happened. Look it up before anything else, and not before `settled_after`.

    `settled_after` is the system's maximum request time: until then a slow request may still commit.
    """

    def __init__(self, message: str, *, settled_after: timedelta) -> None:
        super().__init__(message)
        self.settled_after = settled_after


class InvariantBroken(OrderError):  # noqa: N818
    """Our books disagree: stop before money moves, and ask a person."""
