import pytest

from tests.e2e.commands import ordersaga

pytestmark = pytest.mark.e2e


def test_the_demo_carries_its_orders_through_a_killed_worker_and_breaks_no_promise() -> None:
    answer = ordersaga("demo", "--orders", "6", "--json")
    assert answer.code == 0, answer.out + answer.err
    told = answer.last
    assert {
        "orders",
        "completed",
        "cancelled",
        "open",
        "violations",
        "worker_kills",
        "seconds",
    } <= told.keys()
    assert (told["orders"], told["completed"], told["cancelled"]) == (6, 6, 0)
    assert (told["open"], told["violations"]) == (0, 0)
    assert told["worker_kills"] >= 1
    assert told["repeated_effects"] >= 1
    assert 0 < told["seconds"] < 200
    assert "Every promise is kept." in answer.out
