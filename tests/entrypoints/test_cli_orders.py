"""`ordersaga orders`, `inbox`, `skus` and `audit` on an installation that runs."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.phases import Phase
from entrypoints.demo.cart import cart
from entrypoints.demo.documents import demo_documents
from entrypoints.demo.goods import of_two_articles
from entrypoints.demo.kinds import RETURNS_SHOP
from entrypoints.demo.ordersaga import ordersaga_order
from entrypoints.demo.run import wishes
from entrypoints.embedded.installation import Installation, installation
from tests.contracts.simulator_process import wait_until
from tests.entrypoints.terminal import Answer, Terminal

pytestmark = pytest.mark.e2e

# Whoever looks takes from the cores what the orders need.
comes_true = partial(wait_until, seconds_max=90, look_seconds=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with installation(tmp_path_factory.mktemp("world"), wishes(frozenset())) as started:
        yield started


@pytest.fixture
def at_the_desk(terminal: Terminal, running: Installation, monkeypatch: pytest.MonkeyPatch) -> "Desk":
    monkeypatch.setenv("ORDERSAGA_SETTINGS", str(running.directory / "settings.json"))
    return Desk(terminal, running)


class Desk:
    """A person at a terminal of the running installation, and what the outside does."""

    def __init__(self, terminal: Terminal, running: Installation) -> None:
        self.terminal = terminal
        self._world = running.simulator_url
        self._logs = running.log_directory

    def __call__(self, *words: str | Path) -> Answer:
        return self.terminal(*words)

    def place(self, number: str, *words: str, **changed: Any) -> Answer:
        return self("orders", "place", written(number, **changed), "--channel", "shop-demo", "--json", *words)

    def show(self, order: str) -> Any:
        answer = self("orders", "show", order, "--json")
        assert answer.code == 0, answer
        return answer.last

    def page(self, order: str) -> str:
        """As a person reads it, without the frame."""
        return " ".join(self("orders", "show", order).out.replace("│", " ").split())

    def until(self, order: str, **wanted: Any) -> Any:
        """As it shows once its document holds these."""
        shown: dict[str, Any] = {}

        def holds() -> bool:
            shown.update(self.show(order))
            return all(shown[name] == value for name, value in wanted.items())

        comes_true(holds, why=lambda: str(shown.get("timeline")))
        return shown

    def until_closed(self, order: str) -> Any:
        """As it is kept. Until its workflow has ended, the order answers itself, in other words."""

        def closed() -> bool:
            return "completed already" in self("orders", "release", order, "--reason", "is it closed?").flat

        shown = self.until(order, phase=Phase.COMPLETED)
        comes_true(closed)
        return shown

    def until_waiting(self, order: str, words: str) -> None:
        def waits() -> bool:
            return any(words in wait["what"] for wait in self.show(order)["waits"])

        comes_true(waits)

    def logs(self) -> str:
        """Of every process of the installation."""
        return "".join(log.read_text() for log in self._logs.iterdir())

    def world(self, method: str, path: str, told: Any = None) -> None:
        httpx.request(method, f"{self._world}{path}", json=told, timeout=30).raise_for_status()


def of_few(number: str) -> tuple[Path, str, str]:
    """An order of three each of two articles of its own, as a file, and their SKUs."""
    document = ordersaga_order(of_two_articles(cart(3, ("EUR",)))) | {"id": number, "number": f"No. {number}"}
    lamp, shade = (line | {"sku": f"{line['sku']}-{number}"} for line in document["lines"])
    file = Path(f"{number}.json")
    file.write_text(json.dumps(document | {"lines": [lamp, shade]}))
    return file, lamp["sku"], shade["sku"]


def written(number: str, **changed: Any) -> Path:
    (demo,) = demo_documents(1, platforms=["ordersaga"])
    file = Path(f"{number}.json")
    file.write_text(json.dumps(demo.document | {"id": number, "number": f"No. {number}"} | changed))
    return file


def test_an_order_is_placed_once_listed_shown_and_kept_when_it_is_closed(at_the_desk: Desk) -> None:
    order = "order:shop-demo:A-1"
    placed = at_the_desk.place("A-1", "--checkout")
    assert (placed.code, placed.last) == (
        0,
        {"documents": [{"file": "A-1.json", "answer": f"accepted: {order}"}]},
    )
    again = at_the_desk.place("A-1", "--checkout")
    assert (again.code, again.last["documents"][0]["answer"]) == (0, f"already known: {order}")
    closed = at_the_desk.until_closed(order)
    assert at_the_desk.show("No. A-1") == closed
    page = at_the_desk("orders", "show", order).flat
    for told in ("completed", "217.71 EUR", "captured", "invoiced", "delivered", "settled; invoice"):
        assert told in page
    (row,) = [
        row
        for row in at_the_desk("orders", "list", "--channel", "shop-demo", "--json").last["orders"]
        if row["order_id"] == order
    ]
    assert (row["number"], row["total"], row["phase"], row["stuck"]) == (
        "No. A-1",
        "217.71 EUR",
        "completed",
        "",
    )
    late = at_the_desk("orders", "cancel", order, "--reason", "changed my mind", "--json")
    assert (late.code, late.last["allowed"]) == (1, False)
    assert "completed already" in late.flat
    for words in (("orders", "hold"), ("orders", "release"), ("attention", "resolve", "retry")):
        refused = at_the_desk(*words, order, "--reason", "why not")
        assert (refused.code, "the order is completed already" in refused.flat) == (1, True)
    audited = at_the_desk("audit", "--json")
    broken = [v for promise in audited.last["promises"] for v in promise["violations"] if v["order"] == order]
    assert broken == []
    assert audited.code == (0 if audited.last["kept"] else 1)


def test_a_document_that_cannot_be_used_is_parked_until_its_sku_is_mapped(at_the_desk: Desk) -> None:
    (demo,) = demo_documents(1, platforms=["ordersaga"])
    first, *others = demo.document["lines"]
    lines = [{"product": "tea-7"} | {k: v for k, v in first.items() if k != "sku"}, *others]
    parked = at_the_desk.place("P-1", lines=lines)
    assert parked.code == 1
    assert "parked as inbox item" in parked.last["documents"][0]["answer"]
    listed = at_the_desk("inbox", "list", "--json")
    (item,) = [item for item in listed.last["items"] if item["channel"] == "shop-demo"]
    (problem,) = item["problems"]
    assert problem["field"] == "lines[0].sku"
    assert {problem["field"] + ":", problem["reason"].split()[0]} <= set(listed.flat.split())
    assert '"id": "P-1"' in at_the_desk("inbox", "show", str(item["id"])).out
    still = at_the_desk("inbox", "replay", str(item["id"]))
    assert (still.code, "lines[0].sku" in still.out) == (1, True)
    assert at_the_desk("skus", "map", "shop-demo", "product:tea-7", first["sku"]).code == 0
    assert at_the_desk("skus", "list", "shop-demo", "--json").last["skus"] == {"product:tea-7": first["sku"]}
    taken = at_the_desk("inbox", "replay", str(item["id"]), "--json")
    assert (taken.code, taken.last["order_id"]) == (0, "order:shop-demo:P-1")
    assert at_the_desk.show("order:shop-demo:P-1")["order"]["lines"][0]["sku"] == first["sku"]
    assert at_the_desk("inbox", "list", "--json").last == {"items": []}


def test_an_order_that_waits_for_its_erp_is_cancelled(at_the_desk: Desk) -> None:
    at_the_desk.world("PUT", "/faults/erp", {"kind": "down"})
    try:
        assert at_the_desk.place("C-1", "--checkout").code == 0
        order = "order:shop-demo:C-1"
        wordless = at_the_desk("orders", "cancel", order, "--reason", " ")
        assert (wordless.code, "not accepted: reason: say who wants it and why" in wordless.flat) == (1, True)
        answer = at_the_desk(
            "orders", "cancel", "No. C-1", "--reason", "changed my mind", "--as", "customer", "--json"
        )
    finally:
        at_the_desk.world("DELETE", "/faults/erp")
    assert (answer.code, answer.last["allowed"]) == (0, True)
    closed = at_the_desk.until(order, phase=Phase.CANCELLED)
    assert closed["cancel_reason"] == "changed my mind"
    assert [payment["state"] for payment in closed["payments"]["payments"]] == ["voided"]
    assert "cancel wanted by customer: changed my mind" in [told["what"] for told in closed["timeline"]]


def test_a_cancel_that_is_not_answered_in_time_says_where_to_look(
    at_the_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order first ends the effect that it is in."""
    monkeypatch.setattr("entrypoints.commands.ANSWER_SECONDS_MAX", 0.5)
    at_the_desk.world(
        "PUT", "/faults/stock", {"kind": "slow", "operation": "reserve", "seconds": 1.9, "times": 1}
    )
    assert at_the_desk.place("C-2", "--checkout").code == 0
    at_the_desk.until("order:shop-demo:C-2", phase=Phase.RESERVING)
    answer = at_the_desk("orders", "cancel", "order:shop-demo:C-2", "--reason", "changed my mind", "--json")
    assert (answer.code, answer.last["outcome"]) == (1, "unknown")
    assert "no answer within 0.5 s; `ordersaga attention show order:shop-demo:C-2` tells" in answer.flat
    at_the_desk.until("order:shop-demo:C-2", phase=Phase.CANCELLED)


def test_an_order_that_needs_a_person_says_why_and_goes_on_when_told(at_the_desk: Desk) -> None:
    (demo,) = demo_documents(1, platforms=["ordersaga"])
    first, *others = demo.document["lines"]
    assert at_the_desk.place("R-1", "--checkout", lines=[first | {"sku": "NEW-1"}, *others]).code == 0
    order = "order:shop-demo:R-1"
    comes_true(lambda: at_the_desk.show(order)["attention"])
    page = at_the_desk("orders", "show", order).flat
    assert "needs a person since" in page
    assert f"`ordersaga attention show {order}`" in page

    def listed() -> list[str]:
        rows = at_the_desk("orders", "list", "--json").last["orders"]
        return [row["stuck"] for row in rows if row["order_id"] == order]

    comes_true(lambda: listed() == ["needs a person: order_refused"], why=listed)
    at_the_desk.world("PUT", "/world/stock", {"on_hand": {"NEW-1": 100}})
    words = ("--reason", "the article is known now", "--actor", "anna", "--json")
    told = at_the_desk("attention", "resolve", "retry", order, *words)
    assert (told.code, told.last["summary"]) == (0, "1 of 1 done"), told
    closed = at_the_desk.until(order, phase=Phase.COMPLETED, attention=None)
    decided = [line["what"] for line in closed["timeline"] if line["what"].startswith("retry by ")]
    assert decided == ["retry by anna: the article is known now"]
    logs = at_the_desk.logs()
    assert "Completing activity as failed" in logs  # the ERP's refusal
    for personal in (demo.document["customer"]["name"], demo.document["customer"]["email"]):
        assert personal not in logs


def test_an_order_that_is_held_waits_until_it_is_released(at_the_desk: Desk) -> None:
    order = "order:shop-demo:H-1"
    at_the_desk.world("PUT", "/faults/stock", {"kind": "down", "operation": "reserve"})
    assert at_the_desk.place("H-1", "--checkout").code == 0
    at_the_desk.until(order, phase=Phase.RESERVING)
    held = at_the_desk("orders", "hold", order, "--reason", "fraud check", "--actor", "ben")
    assert (held.code, "nothing new begins" in held.flat) == (0, True)
    at_the_desk.world("DELETE", "/faults/stock")
    shown = at_the_desk("orders", "show", order).flat
    assert "by ben: fraud check" in shown
    released = at_the_desk("orders", "release", order, "--reason", "all is well", "--actor", "ben")
    assert (released.code, "it goes on" in released.flat) == (0, True)
    again = at_the_desk("orders", "release", order, "--reason", "all is well")
    assert (again.code, "it is not on hold" in again.flat) == (1, True)
    at_the_desk.until(order, phase=Phase.COMPLETED, hold=None)


# -- goods -------------------------------------------------------------------------------------------------------------


def test_what_is_shown_of_a_split_and_returned_order_adds_up(at_the_desk: Desk) -> None:
    file, lamp, shade = of_few("G-1")
    at_the_desk.world("PUT", "/world/stock", {"on_hand": {lamp: 3}, "location": "north"})
    at_the_desk.world("PUT", "/world/stock", {"on_hand": {shade: 3}, "location": "south"})
    order = f"order:{RETURNS_SHOP}:G-1"
    assert at_the_desk("orders", "place", file, "--channel", RETURNS_SHOP, "--checkout").code == 0
    at_the_desk.until_waiting(order, "the return window to end")
    many = at_the_desk("orders", "send-back", order, "--unit", "1=4", "--reason", "too bright")
    assert (many.code, "units.1: 4 asked for, 3 can be sent back" in many.flat) == (1, True)
    strange = at_the_desk("orders", "send-back", order, "--unit", "7=1", "--reason", "too bright")
    assert (strange.code, "units.7: the order has no such line of goods" in strange.flat) == (1, True)
    for _ in range(2):  # told twice it is one return
        words = ("--unit", "1=2", "--reason", "too bright", "--request", "mail 17", "--json")
        asked = at_the_desk("orders", "send-back", "No. G-1", *words)
        assert (asked.code, asked.last["why"]) == (0, "it is return r1")
    at_the_desk.until_waiting(order, "the goods of return r1")
    came = [{"line_id": "1", "quantity": 2}]
    box = {"return_id": f"{order}/r1", "lines": came, "complete": True}
    at_the_desk.world("POST", "/world/returns/receive", box)
    shown = at_the_desk.until_closed(order)
    entries = shown["ledger"]["entries"]
    for entry in entries:
        assert sum(share["amount"]["minor"] for share in entry["shares"]) == entry["amount"]["minor"]
    assert _sum(entries, "charge") == shown["order"]["total"]["minor"]
    assert len([entry for entry in entries if entry["kind"] == "charge"]) == 2
    assert sum(shipment["captured"]["minor"] for shipment in shown["shipments"]) == _sum(entries, "charge")
    (payment,) = shown["payments"]["payments"]
    assert sum(refund["amount"]["minor"] for refund in payment["refunds"]) == _sum(entries, "credit")
    (lamps,) = [line for line in shown["order"]["lines"] if line["sku"] == lamp]
    charged = _of_line(entries, "charge", lamps["line_id"])
    assert _of_line(entries, "credit", lamps["line_id"]) == _sum(entries, "credit")
    assert abs(3 * _sum(entries, "credit") - 2 * charged) < 3  # two of three, rounded
    page = at_the_desk.page(order)
    for phrase in ("from north: delivered", "from south: delivered", f"package 1: 3 × {lamp}", "return r1"):
        assert phrase in page
    assert f"came: 2 × {lamp} good" in page
    assert "credit r1 (return)" in page
    late = at_the_desk("orders", "send-back", order, "--unit", "1=1", "--reason", "too bright")
    assert (late.code, "the order is completed already" in late.flat) == (1, True)


def _sum(entries: list[Any], kind: str) -> int:
    return sum(entry["amount"]["minor"] for entry in entries if entry["kind"] == kind)


def _of_line(entries: list[Any], kind: str, line: str) -> int:
    shares = [share for entry in entries if entry["kind"] == kind for share in entry["shares"]]
    return sum(share["amount"]["minor"] for share in shares if share["line_id"] == line)


def test_what_is_missing_is_shown_until_it_is_dropped(at_the_desk: Desk) -> None:
    file, lamp, shade = of_few("G-2")
    at_the_desk.world("PUT", "/world/stock", {"on_hand": {lamp: 0, shade: 0}})
    order = "order:shop-demo:G-2"
    assert at_the_desk("orders", "place", file, "--channel", "shop-demo", "--checkout").code == 0
    at_the_desk.until_waiting(order, "stock: ")
    early = at_the_desk("orders", "send-back", order, "--unit", "1=1", "--reason", "why not")
    assert (early.code, "units.1: 1 asked for, 0 can be sent back" in early.flat) == (1, True)
    at_the_desk.world("POST", "/world/stock/arrive", {"units": {lamp: 1, shade: 3}})
    comes_true(lambda: [one["told"] for one in at_the_desk.show(order)["shipments"]] == [True])
    # What the warehouse tells of the first part makes the order ask stock once more in between.
    comes_true(lambda: f"waits for stock: 2 × {lamp} missing" in at_the_desk.page(order))
    assert f"in no shipment yet: 2 × {lamp}" in at_the_desk.page(order)
    rest = at_the_desk("orders", "cancel", order, "--reason", "bought elsewhere")
    assert (rest.code, f"2 × {lamp} cancelled; the rest has left" in rest.flat) == (0, True)
    shown = at_the_desk.until(order, phase=Phase.COMPLETED)
    assert _sum(shown["ledger"]["entries"], "charge") == shown["order"]["total"]["minor"]
    assert f"dropped 2 × {lamp} (line 1): bought elsewhere" in at_the_desk.page(order)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--unit", "1"], "--unit 1: LINE=N"),
        (["--unit", "1=0"], "--unit 1=0: LINE=N"),
        (["--unit", "1=two"], "--unit 1=two: LINE=N"),
        (["--unit", "1=1", "--unit", "1=2"], "line 1 is named twice"),
        (["--unit", "1=1", "--reason", " "], "--reason: say why"),
        (["--unit", "1=1", "--request", "r" * 129], "--request: "),
    ],
    ids=["no count", "none", "no number", "twice", "no reason", "long id"],
)
def test_a_return_that_cannot_be_read_is_told_before_anybody_is_asked(
    at_the_desk: Desk, words: list[str], said: str
) -> None:
    answer = at_the_desk("orders", "send-back", "no such order", "--reason", "too bright", *words)
    assert (answer.code, said in answer.flat_err) == (2, True), answer
