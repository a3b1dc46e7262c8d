"""What a check may say. Saying nothing means: it holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from entrypoints.audit.books import Books
from entrypoints.audit.orders import Order


@dataclass(frozen=True)
class Violation:
    """`what` is a sentence without personal data. `order` is empty where it is about no single order."""

    what: str
    order: str = ""


@dataclass(frozen=True)
class NotChecked:
    """`why` speaks of no single order, so that a thousand of them are told in one line."""

    why: str
    order: str = ""


Finding = Violation | NotChecked
OrderCheck = Callable[[Order], Iterator[Finding]]
BooksCheck = Callable[[Books, list[Order]], Iterator[Finding]]
