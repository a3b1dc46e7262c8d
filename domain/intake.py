"""From a platform's document to a `PlacedOrder`, or to every problem with its field."""

from collections.abc import Mapping
from typing import Any, Protocol

from domain.base import Value
from domain.errors import Refused
from domain.ids import ChannelId, Sku
from domain.orders import PlacedOrder


class Problem(Value):
    """One thing that keeps a document from being used. `field` is its path: `line_items[2].price`."""

    field: str
    reason: str


class UnusableDocument(Refused):
    """The document is parked whole. `problems` names every field; no personal data in the reasons."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.reason}" for problem in problems))
        self.problems = problems


SkuMap = Mapping[str, Sku]  # "variant:39072856" or "product:632910392" → the SKU, for lines that carry none


class DocumentParser(Protocol):
    def __call__(self, document: Mapping[str, Any], *, channel: ChannelId, skus: SkuMap) -> PlacedOrder:
        """The order, its lines adding up to the document's current total. UnusableDocument names every problem."""
