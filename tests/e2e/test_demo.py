import re

import pytest

from entrypoints.demo.kinds import KINDS
from tests.e2e.commands import ordersaga

SECONDS_MAX = 400.0  # it is as many orders as there are kinds, on two cores that others use as well

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(SECONDS_MAX + 20)]


def test_the_demo_plays_every_kind_of_order_through_its_troubles_and_breaks_no_promise() -> None:
    answer = ordersaga("demo", "--orders", len(KINDS), "--json", seconds_max=SECONDS_MAX)
    assert answer.code == 0, answer.out + answer.err
    told = answer.last
    cancelled = sum(kind.ends == "cancelled" for kind in KINDS)
    assert told["kinds"] == {kind.name: 1 for kind in KINDS}
    assert (told["orders"], told["cancelled"]) == (len(KINDS), cancelled)
    assert told["completed"] == len(KINDS) - cancelled
    assert (told["open"], told["violations"], told["otherwise"]) == (0, 0, [])
    assert set(told["by_term"]) == {"card", "prepaid", "bank transfer", "on account"}
    assert told["worker_kills"] == 1
    assert told["repeated_effects"] >= 1
    assert 0 < told["seconds"] < SECONDS_MAX
    assert "Every promise is kept." in answer.out
    assert "orders by payment term: " in answer.out
    outages = re.search(r"mails to operators: (\d+)\s+down, (\d+)\s+up", answer.out)
    assert outages, answer.out
    assert outages[1] == outages[2] >= "1"
