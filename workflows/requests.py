"""What people and systems ask of an order. Doors put a request into the mailbox; its owner sets the answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.amendments import Amended, Amendment
    from domain.attention import Answer, Resolve
    from domain.errors import InvariantBroken, Refused
    from domain.returns import ReturnAsked


@dataclass
class Request:
    """Something that a person, or a system, asks of the order; whoever takes it up sets the answer."""

    actor: str
    reason: str
    answer: Answer | None = None

    def granted(self, why: str) -> None:
        self.answer = Answer(allowed=True, why=why)

    def refused(self, why: str) -> None:
        self.answer = Answer(allowed=False, why=why)


@dataclass
class CancelRequest(Request):
    pass


@dataclass
class HoldRequest(Request):
    pass


@dataclass
class ReleaseRequest(Request):
    pass


@dataclass(kw_only=True)
class ReturnRequest(Request):
    asked: ReturnAsked


@dataclass(kw_only=True)
class ResolveRequest(Request):
    resolve: Resolve


@dataclass(kw_only=True)
class AmendRequest(Request):
    """`told` is what the order answers; a request that is refused before it is taken up is answered as any other.

    `signalled`: nobody waits for an answer.
    """

    amendment: Amendment
    signalled: bool = False
    told: Amended | None = None


class Superseded(Exception):  # noqa: N818  a turn that the business takes, not an error
    """An effect was ended because the order is being amended: whoever wanted it begins again when that is done."""


class CancelWanted(Exception):  # noqa: N818  a turn that the business takes, not an error
    """A cancel reached the owner at a point where it may act on it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.reason)
        self.request = request


@contextmanager
def answered(request: Request | None) -> Iterator[None]:
    """Who asked hears how it went, whatever way this is left; a door waits for its answer, and an order for its doors."""
    try:
        yield
    except (Refused, InvariantBroken, CancelWanted) as other:
        if request is not None and request.answer is None:
            request.refused(str(other))
        raise
    finally:
        if request is not None and request.answer is None:
            request.refused("the order went another way meanwhile")
