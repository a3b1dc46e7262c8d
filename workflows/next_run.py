"""How an order goes on as new: its history stays short, however many parts it has and however long it waits for them.

Temporal reads the history anew whenever a worker takes an order over, people look into it, and it has an end: 51,200
events. So an order that has a long one begins another run where it rests, and takes everything that it knows along.
"""

from typing import NoReturn

from pydantic import BaseModel, ConfigDict
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.attention import Answer
    from domain.document import OrderDocument
    from domain.ids import System
    from domain.orders import PlacedOrder
    from domain.phases import Phase
    from domain.policies import OrderPolicies
    from workflows.owner import Owner

# Between two rests there are mostly fewer than 50 events, and 25 KB: so a run has fewer than 200 and 100 KB.
EVENTS = 150
BYTES = 75_000
EVENTS_MORE = 50  # since it first came to rest: an order of a hundred shipments needs as many events to look at them all

_BEGUN_ANEW = {Phase.RESERVING, Phase.FULFILLING, Phase.SETTLING, Phase.AFTER_SALES}
_ANSWERS_MAX = 50


class Carried(BaseModel):
    """What an order takes along. What it may look up is not in it: stock, picks, payments are asked for anew.

    `news`: systems that hinted at something which nobody has waited for yet. `answers`: by the id of the update, for who
    asks once more; Temporal knows an update's id in one run only.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    placed: PlacedOrder
    document: OrderDocument
    policies: OrderPolicies
    too_late: str | None = None
    no_returns: str | None = None
    news: tuple[System, ...] = ()
    answers: dict[str, Answer] = {}


Beginning = PlacedOrder | Carried  # of an order's first run, and of those after it


def document_of(begun_with: Beginning) -> OrderDocument:
    if isinstance(begun_with, PlacedOrder):
        return OrderDocument.begun(begun_with)
    return begun_with.document


class NextRun:
    def __init__(self, owner: Owner, begun_with: Beginning) -> None:
        self.owner = owner
        self.document = owner.document
        self._first_rest: int | None = None  # so many events were there
        self.no_returns: str | None = None
        self.answers: dict[str, Answer] = {}
        owner.is_long, owner.go_on_as_new = self.is_due, self.begin
        if isinstance(begun_with, PlacedOrder):
            self.placed = begun_with
        else:
            self.placed = begun_with.placed
            owner.policies, owner.too_late = begun_with.policies, begun_with.too_late
            owner.news.update(begun_with.news)
            self.no_returns, self.answers = begun_with.no_returns, begun_with.answers

    def is_due(self) -> bool:
        events, size = (
            workflow.info().get_current_history_length(),
            workflow.info().get_current_history_size(),
        )
        if self._first_rest is None:
            if self._rests():
                self._first_rest = events
            return False
        is_long = events >= EVENTS or size >= BYTES
        return is_long and events >= self._first_rest + EVENTS_MORE and self._rests()

    def _rests(self) -> bool:
        return self.document.phase in _BEGUN_ANEW and self.owner.rests()

    def begin(self) -> NoReturn:
        document = self.document.model_copy(deep=True, update={"waits": []})
        carried = Carried(
            placed=self.placed,
            document=document,
            policies=self.owner.policies,
            too_late=self.owner.too_late,
            no_returns=self.no_returns,
            news=self.owner.unheard(),
            answers=dict(list(self.answers.items())[-_ANSWERS_MAX:]),
        )
        workflow.continue_as_new(carried)
