"""What an order leaves in Temporal, however many parts it has; told by the recorded histories, which replay."""

from tests.replay.histories import history, runs_of

EVENTS_MAX = 200
KILOBYTES_MAX = 100


def test_the_histories_of_five_shipments_and_two_returns_stay_small() -> None:
    runs = runs_of("five_shipments_and_two_returns")
    assert len(runs) > 1
    for run in runs:
        events = history(run).events
        assert len(events) < EVENTS_MAX
        assert sum(event.ByteSize() for event in events) < KILOBYTES_MAX * 1000


def test_an_ordinary_order_leaves_little() -> None:
    events = [event for run in runs_of("settled") for event in history(run).events]
    assert len(events) < EVENTS_MAX
    assert sum(event.ByteSize() for event in events) < 60_000
