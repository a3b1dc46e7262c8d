import re
from pathlib import Path

import pytest

from entrypoints.demo.kinds import KINDS
from tests.e2e.commands import ordersaga

RAISED = {"more", "a line more", "dearer"}
DAY_SECONDS_MAX = 1500.0
SECONDS_MAX = 400.0  # it is as many orders as there are kinds, on two cores that others use as well

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(SECONDS_MAX + 20)]


def test_the_demo_plays_every_kind_of_order_through_its_troubles_and_breaks_no_promise(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "demo"
    answer = ordersaga("demo", "--orders", len(KINDS), "--json", "--keep", folder, seconds_max=SECONDS_MAX)
    assert answer.code == 0, answer.out + answer.err + complaints(folder)
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


def complaints(folder: Path) -> str:
    """The last ones of every process."""
    found = []
    for log in sorted(folder.rglob("*.log")):
        lines = [
            line
            for line in log.read_text(errors="replace").splitlines()
            if re.search(r"WARN|ERROR|rror:", line)
        ]
        found += [f"{log.name}: {line[:500]}" for line in lines[-8:]]
    return "\n".join(found)


@pytest.mark.long
@pytest.mark.timeout(DAY_SECONDS_MAX + 20)
@pytest.mark.parametrize("orders", [10, pytest.param(500, id="a-whole-day")])
def test_one_order_in_ten_is_edited_in_the_erp_alone_and_every_system_follows(orders: int) -> None:
    edits = orders // 10
    answer = ordersaga(
        "demo", "--story", "erp-edits", "--orders", orders, "--json", seconds_max=DAY_SECONDS_MAX
    )
    assert answer.code == 0, answer.out + answer.err
    told = answer.last
    assert (told["orders"], told["edits"], told["agreed"]) == (orders, edits, edits)
    assert told["edits_elsewhere"] == 0
    kinds = told["kinds"]
    assert told["raised"] == sum(count for kind, count in kinds.items() if kind.split(", ")[0] in RAISED)
    assert (told["open"], told["violations"], told["otherwise"]) == (0, 0, [])
    assert sum(count for kind, count in kinds.items() if kind != "as placed") == edits
    assert "Every promise is kept." in answer.out


def test_the_story_is_for_simulated_systems() -> None:
    answer = ordersaga("demo", "--story", "erp-edits", "--with", "stripe", seconds_max=60)
    assert answer.code == 2
    assert "only simulated systems" in answer.err
