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
# Several shipments are hardly ever at rest together. Each may still take a step, and then waits for the next run.
AT_ONCE = 2
EVENTS_A_STEP = 15
BYTES_A_STEP = 6_000
_GETS_ON = 50  # so many events a step, at most, in a run that is to come to rest

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
        owner.is_long, owner.go_on_as_new, owner.comes_to_rest = self.is_due, self.begin, self.is_near
        if isinstance(begun_with, PlacedOrder):
            self.placed = begun_with
        else:
            self.placed = begun_with.placed
            owner.policies, owner.too_late = begun_with.policies, begun_with.too_late
            owner.news.update(begun_with.news)
            self.no_returns, self.answers = begun_with.no_returns, begun_with.answers

    def is_due(self) -> bool:
        """It is long, and rests. Whether it rests is told by recorded events alone: a refused update leaves none."""
        if self.document.phase not in _BEGUN_ANEW or not self.owner.rests():
            return False
        events = workflow.info().get_current_history_length()
        if self._first_rest is None:
            self._first_rest = events
        return self.is_near() or (self._is_long() and events >= self._first_rest + EVENTS_MORE)

    def is_near(self) -> bool:
        """It is long once each of its shipments takes one more step: whatever can wait for the next run does."""
        steps = sum(not (one.told or one.ended) for one in self.document.shipments)
        events = workflow.info().get_current_history_length()
        got_on = self.owner.steps > events // _GETS_ON
        may = self.document.phase in _BEGUN_ANEW and self.owner.may_rest()
        return steps >= AT_ONCE and got_on and may and self._is_long(steps)

    def _is_long(self, steps: int = 0) -> bool:
        events, size = (
            workflow.info().get_current_history_length(),
            workflow.info().get_current_history_size(),
        )
        return events + EVENTS_A_STEP * steps >= EVENTS or size + BYTES_A_STEP * steps >= BYTES

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
