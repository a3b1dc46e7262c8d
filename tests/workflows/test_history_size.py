"""What an order leaves in Temporal, however many parts it has."""

import pytest

from tests.workflows import flows
from tests.workflows.world import World


@pytest.mark.parametrize(
    ("flow", "events_max", "kilobytes_max"),
    [(flows.settled, 180, 60), (flows.five_shipments_and_two_returns, 200, 100)],
)
async def test_a_history_stays_small(world: World, flow, events_max: int, kilobytes_max: int) -> None:
    story = await flow(world)
    history = await story.handle.fetch_history()
    size = sum(event.ByteSize() for event in history.events)
    print(len(history.events), size)
    import collections

    kinds = collections.Counter()
    sizes = collections.Counter()
    acts = collections.Counter()
    asz = collections.Counter()
    for e in history.events:
        kinds[e.event_type] += 1
        sizes[e.event_type] += e.ByteSize()
        if e.HasField("activity_task_scheduled_event_attributes"):
            n = e.activity_task_scheduled_event_attributes.activity_type.name
            acts[n] += 1
            asz[n] += e.ByteSize()
    print(sorted(kinds.items(), key=lambda x: -x[1]))
    print(sorted(sizes.items(), key=lambda x: -x[1]))
    print(sorted(acts.items(), key=lambda x: -x[1]))
    print(sorted(asz.items(), key=lambda x: -x[1]))
    assert False
