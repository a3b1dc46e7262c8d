"""What an order leaves in Temporal, however many parts it has; told by the recorded histories, which replay."""

import pytest

from tests.replay.histories import history


@pytest.mark.parametrize(
    ("flow", "events_max", "kilobytes_max"),
    [("settled", 195, 40), ("five_shipments_and_two_returns", 720, 150)],
)
def test_a_history_stays_small(flow: str, events_max: int, kilobytes_max: int) -> None:
    events = history(flow).events
    assert len(events) <= events_max
    assert sum(event.ByteSize() for event in events) <= kilobytes_max * 1000
