"""Orders that go on as new at nearly every rest, on all their ways: the books are those of one that never does."""

import pytest

from tests.faults.test_every_effect import (
    BACK,
    DEADLY,
    DEATHS,
    FAULTY,
    LATE,
    REFUND,
    REFUSED,
    REST,
    Flow,
    named,
)
from tests.workflows.runs import histories
from tests.workflows.world import World
from workflows import next_run

LONG = pytest.mark.long
# They end before they rest; of the last the newest run is its aftermath's.
IN_ONE_RUN = {REFUND, REFUSED, LATE}
FLOWS = [flow for flow in dict.fromkeys(flow for flow, _ in FAULTY) if flow not in IN_ONE_RUN]
WITH_MANY_WAYS = {BACK, REST}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_run, "EVENTS", 25)
    monkeypatch.setattr(next_run, "EVENTS_MORE", 8)
    monkeypatch.setattr(next_run, "AT_ONCE", 1)


@pytest.mark.parametrize(
    ("flow", "webhooks"),
    [
        pytest.param(flow, webhooks, marks=[] if webhooks == "ordered" and flow in WITH_MANY_WAYS else LONG)
        for flow in FLOWS
        for webhooks in ("ordered", "duplicated")
    ],
    ids=named,
)
async def test_the_books_are_the_same(world: World, flow: Flow, webhooks: str) -> None:
    world.webhooks = webhooks
    story = await flow.go(world)
    assert await story.books() == flow.books(story.placed)
    runs = await histories(world.temporal.client, story.handle)
    assert len(runs) > 1


@LONG
async def test_also_where_workers_die(world: World) -> None:
    world.dies.update({effect: list(DEATHS) for effect in DEADLY[BACK]})
    story = await BACK.go(world, channel="mortal")
    assert await story.books() == BACK.books(story.placed)
