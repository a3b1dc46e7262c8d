"""What an order leaves in Temporal, however many parts it has."""

import pytest

from tests.replay.histories import Flow
from tests.workflows import flows
from tests.workflows.world import World


@pytest.mark.parametrize(
    ("flow", "events_max", "kilobytes_max"),
    [(flows.settled, 195, 40), (flows.five_shipments_and_two_returns, 720, 150)],
)
async def test_a_history_stays_small(world: World, flow: Flow, events_max: int, kilobytes_max: int) -> None:
    story = await flow(world)
    events = (await story.handle.fetch_history()).events
    assert len(events) <= events_max
    assert sum(event.ByteSize() for event in events) <= kilobytes_max * 1000
