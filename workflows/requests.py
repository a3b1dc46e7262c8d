"""What people and systems ask of an order. Doors put a request into the mailbox; its owner sets the answer."""

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.attention import Answer, Resolve


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
class ResolveRequest(Request):
    resolve: Resolve


class CancelWanted(Exception):  # noqa: N818  a turn that the business takes, not an error
    """A cancel reached the owner at a point where it may act on it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.reason)
        self.request = request
