"""`ordersaga attention`: what stands still is listed, explained and decided, one order or many."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.attention import MEANING, Reason
from domain.ids import System
from domain.records import OrderState
from entrypoints.attention import _AT_ONCE, _each
from tests.contracts.simulator_process import wait_until
from tests.entrypoints import runbook_scenes
from tests.entrypoints.office import Keyboard, Office
from tests.workflows import flows
from tests.workflows.books import ON_HAND
from tests.workflows.story import Story
from workflows.visibility import ATTENTION

WHY = ("--reason", "the article is known now")
_PATIENCE_SECONDS = 60


def refused(office: Office, *, channel: str = "shop") -> Story:
    """An order whose article the ERP does not know."""
    story = office.do(office.world.begin(channel=channel, on_hand=None))
    office.do(story.needs_person())
    return story


def blocked(office: Office) -> Story:
    office.world.simulator.fault("erp", "down", "enter_order")
    story = office.do(office.world.begin(channel="hasty"))
    office.do(story.blocked_on(System.ERP))
    return story


def listed(office: Office, *words: str) -> dict[str, Any]:
    """What the list says of each order, by its id."""
    answer = office("attention", "list", "--json", *words)
    assert answer.code == 0, answer
    return {one["order_id"]: one for one in answer.last["orders"]}


def appears(office: Office, story: Story, *words: str) -> dict[str, Any]:
    """Visibility lags behind the order by a moment."""
    wait_until(lambda: story.id in listed(office, *words), _PATIENCE_SECONDS)
    found: dict[str, Any] = listed(office, *words)[story.id]
    return found


def happened(office: Office, story: Story) -> str:
    return " | ".join(told.what for told in office.do(story.document()).timeline)


# -- list and show -----------------------------------------------------------------------------------------------------


def test_what_stands_still_is_listed_with_its_reason_and_what_is_down(office: Office) -> None:
    asks, waits = refused(office), blocked(office)
    held = office.do(office.world.begin())
    assert office.do(held.hold()).allowed
    asked = appears(office, asks)
    assert asked["why"] == f"needs a person: order_refused. {MEANING[Reason.ORDER_REFUSED]}"
    assert (asked["number"], asked["phase"]) == (asks.placed.number, "entering_erp")
    assert asked["since"]
    assert appears(office, waits)["why"] == "blocked on erp"
    assert appears(office, held)["why"] == "on hold"

    page = office("attention", "list")
    assert "down since (UTC)" in page.flat
    for told in ("need a person", "blocked", "on hold", asks.id, waits.id, held.id):
        assert told in page.flat
    down = {one["system"]: one["orders"] for one in office("attention", "list", "--json").last["incidents"]}
    assert down["erp"] >= 1
    cut = office("attention", "list", "--limit", "1").flat
    assert ("more: --limit, or --json" in cut, asks.id in cut) == (True, True)


def test_an_order_that_is_open_again_after_it_closed_is_listed_shown_and_decided(office: Office) -> None:
    story = office.do(flows.settled(office.world))
    office.world.simulator.call("POST", "/world/payments/dispute", {"order_id": story.id})
    office.do(office.world.look_after(story))
    office.do(story.needs_person())
    asked = appears(office, story)
    assert (asked["phase"], asked["needs"]) == ("completed", "disputed")
    assert MEANING[Reason.DISPUTED] in office("attention", "show", story.placed.number).flat
    assert "completed needs a person: disputed" in office("orders", "list").flat
    refused = office("orders", "cancel", story.id, "--reason", "too late")
    assert "the order is closed" in refused.flat + refused.flat_err
    decided = {"order_id": story.id, "state": "lost"}
    office.world.simulator.call("POST", "/world/payments/dispute/decide", decided)
    office.do(story.hint(System.PAYMENTS))
    assert office("attention", "resolve", "retry", story.id, *WHY).code == 0
    assert office.do(story.result()) is OrderState.COMPLETED
    assert "It does not stand still" in office("attention", "show", story.id).flat
    told = office("orders", "cancel", story.id, "--reason", "still")
    assert "the order is completed already" in told.flat + told.flat_err


def test_a_filter_lists_what_it_says_and_nothing_else(office: Office) -> None:
    asks, waits = refused(office), blocked(office)
    held = office.do(office.world.begin(channel="impatient"))
    assert office.do(held.hold()).allowed
    for story in (asks, waits, held):
        appears(office, story)
    mine = {asks.id, waits.id, held.id}
    for words, found in (
        (("--needs", "order_refused"), {asks.id}),
        (("--needs", "short_pick"), set()),
        (("--blocked-on", "erp"), {waits.id}),
        (("--blocked-on", "crm"), set()),
        (("--on-hold",), {held.id}),
        (("--on-hold", "--channel", "shop"), set()),
        (("--channel", "shop"), {asks.id}),
    ):
        assert listed(office, *words).keys() & mine == found, words


def test_a_blocked_order_shows_attempts_the_last_error_and_when_it_is_tried_again(office: Office) -> None:
    story = blocked(office)

    def shown() -> Any:
        return office("attention", "show", story.id, "--json").last

    wait_until(lambda: any(one["attempts"] > 1 for one in shown()["tries"]), _PATIENCE_SECONDS, shown)
    stand = shown()
    (one,), (mark,) = stand["tries"], stand["blocked"]
    assert (one["step"], mark["system"], mark["step"]) == (
        "enter erp order",
        "erp",
        "Enter the sales order in the ERP",
    )
    assert "unavailable" in one["last_error"]
    wait_until(lambda: shown()["tries"][0]["next_at"], _PATIENCE_SECONDS, shown)
    page = office("attention", "show", story.placed.number).flat
    for told in (
        "blocked on erp since",
        "times, ",
        "last error: erp.enter_order: unavailable",
        "it is tried again until erp answers",
        f"`ordersaga attention resolve retry {story.id} --reason …`",
        f"`ordersaga attention resolve cancel {story.id} --reason …`",
    ):
        assert told in page


def test_a_question_shows_its_number_its_meaning_and_ready_made_commands(office: Office) -> None:
    story = refused(office)
    page = office("attention", "show", story.id).flat
    for told in (
        "needs a person since",
        "(question 1)",
        MEANING[Reason.ORDER_REFUSED],
        "unknown_sku",
        "Nothing, until somebody answers",
        f"`ordersaga attention resolve done --reference NUMBER {story.id} --reason …`",
    ):
        assert told in page
    assert office.do(story.hold("fraud check")).allowed
    held = office("attention", "show", story.id).flat
    assert "on hold since" in held
    assert "customer service: fraud check" in held
    assert f"`ordersaga orders release {story.id} --reason …`" in held


def test_an_order_that_goes_its_way_says_so(office: Office) -> None:
    story = office.do(office.world.begin())
    office.do(story.waits_for("the warehouse to pack"))
    page = office("attention", "show", story.id).flat
    assert "waits for the warehouse to pack" in page
    assert "It does not stand still" in page


# -- one order ---------------------------------------------------------------------------------------------------------


def test_a_retry_presses_a_blocked_order_and_answers_at_once(office: Office) -> None:
    story = runbook_scenes.blocked(office)
    office.world.simulator.clear_faults()
    answer = office("attention", "resolve", "retry", story.id, "--reason", "the ERP is up", "--json")
    assert (answer.code, answer.last["summary"]) == (0, "1 of 1 done")
    (told,) = answer.last["orders"]
    assert (told["outcome"], told["why"]) == ("done", "erp: asked again now")
    office.do(story.waits_for("the warehouse to pack"))


def test_a_decision_is_kept_with_actor_reason_and_reference_when_the_order_is_closed(office: Office) -> None:
    """Done means found there: the ERP still refuses, and the cancel that follows is the customer's to read."""
    story = refused(office)
    done = office(
        "attention",
        "resolve",
        "done",
        story.placed.number,
        "--reference",
        "SO-77",
        "--reason",
        "typed in by hand",
    )
    assert (done.code, "✗ refused" in done.out, "0 of 1 done, 1 refused" in done.out) == (1, True, True)
    office.do(story.needs_person())
    words = ("--reason", "we no longer sell it", "--actor", "ben", "--number", "2")
    cancelled = office("attention", "resolve", "cancel", story.id, *words)
    assert (cancelled.code, "nothing will ship" in cancelled.flat) == (0, True), cancelled
    assert office.do(story.result()) is OrderState.CANCELLED
    kept = office("orders", "show", story.id, "--json").last
    told = [line["what"] for line in kept["timeline"]]
    assert "done (outside as SO-77) by anna: typed in by hand" in told
    assert "cancel wanted by ben: we no longer sell it" in told
    late = office("attention", "resolve", "retry", story.id, *WHY)
    assert (late.code, "the order is cancelled already" in late.flat) == (1, True)


def test_data_are_corrected_and_tried_again(office: Office) -> None:
    story = refused(office)
    office.world.stock("KNOWN-1", ON_HAND)
    Path("fix.json").write_text(json.dumps({"skus": {"1": "KNOWN-1"}}))
    answer = office("attention", "resolve", "correct", story.id, "--correction", "fix.json", *WHY)
    assert (answer.code, "1 of 1 done" in answer.out) == (0, True), answer
    office.do(story.waits_for("the warehouse to pack"))
    assert "correct by anna: the article is known now | corrected: revision 2" in happened(office, story)


def test_an_answer_to_an_older_question_is_not_taken(office: Office) -> None:
    story = refused(office)
    answer = office("attention", "resolve", "retry", story.id, *WHY, "--number", "7")
    assert (answer.code, "that question is answered already" in answer.flat) == (1, True)


# -- orders that do not answer -----------------------------------------------------------------------------------------


def test_an_answer_that_takes_long_is_said_to_be_on_its_way(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.commands.ANSWER_SECONDS_MAX", 1)
    story = refused(office)
    office.world.simulator.fault("erp", "down", "enter_order")
    answer = office("attention", "resolve", "retry", story.id, *WHY, "--json")
    assert (answer.code, answer.last["summary"]) == (1, "0 of 1 done, 1 not answered yet")
    assert f"taken, and no answer within 1 s; `ordersaga attention show {story.id}`" in answer.flat
    office.world.stock(story.sku, ON_HAND)
    office.world.simulator.clear_faults()
    office.do(story.waits_for("the warehouse to pack"))


def test_an_order_that_no_worker_carries_is_not_reached(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.commands.ANSWER_SECONDS_MAX", 1)
    world = office.world
    placed = world.order()
    world.place(placed)
    office.do(world.start(placed, queue="nobody"))
    answer = office("attention", "resolve", "retry", placed.order_id, *WHY)
    assert answer.code == 1
    assert "not reached" in answer.flat
    assert "no answer within 1 s; it is kept as inbox item" in answer.flat
    assert "0 of 1 done, 1 not reached" in answer.flat


def test_an_order_that_cannot_be_read_is_left_alone_by_a_filter(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody carries it, and so nobody can tell what it asks."""
    monkeypatch.setattr("entrypoints.attention.READ_SECONDS_MAX", 1)
    placed = office.world.order()
    office.do(office.world.orders.accept(placed))
    client = office.world.temporal.client
    asks = TypedSearchAttributes([SearchAttributePair(ATTENTION, Reason.ORDER_REFUSED.value)])
    office.do(
        client.start_workflow(
            "Order", placed, id=placed.order_id, task_queue="nobody", search_attributes=asks
        )
    )
    wait_until(lambda: placed.order_id in listed(office), _PATIENCE_SECONDS)
    answer = office("attention", "resolve", "retry", "--needs", "order_refused", *WHY, "--yes")
    assert (answer.code, "0 of 1 done, 1 not reached" in answer.flat) == (1, True)
    assert f"{placed.order_id} cannot be read: Temporal says " in answer.flat
    shown = office("attention", "show", placed.order_id)
    assert (shown.code, "cannot be read: Temporal says " in shown.flat_err) == (1, True)


@pytest.mark.parametrize(
    ("started", "told"),
    [
        (True, "its workflow was ended in Temporal by somebody"),
        (False, "is accepted and kept, and waits to be"),
    ],
)
def test_an_order_without_a_running_workflow_says_so(office: Office, started: bool, told: str) -> None:
    placed = office.world.order()
    if started:
        story = office.do(office.world.start(placed))
        office.do(office.world.orders.started(placed.order_id))
        office.do(story.handle.terminate())
    else:
        office.do(office.world.orders.accept(placed))
    answer = office("attention", "resolve", "retry", placed.order_id, *WHY)
    assert (answer.code, told in answer.flat) == (1, True), answer


# -- many orders -------------------------------------------------------------------------------------------------------


def test_a_filter_decides_each_order_and_tells_of_each(office: Office) -> None:
    first, second, third = (refused(office, channel="hasty") for _ in range(3))
    for story in (first, second, third):
        appears(office, story)
    office.world.stock(first.sku, ON_HAND)
    office.world.stock(third.sku, ON_HAND)
    filtered = ("--needs", "order_refused", "--channel", "hasty")
    answer = office("attention", "resolve", "retry", *filtered, *WHY, "--yes", "--json")
    outcomes = {told["order_id"]: told["outcome"] for told in answer.last["orders"]}
    assert outcomes == {first.id: "done", second.id: "refused", third.id: "done"}
    assert (answer.code, answer.last["summary"]) == (1, "2 of 3 done, 1 refused")
    assert "it is tried again now" in answer.flat
    assert f"✓ {first.placed.number} {first.id}: done" in answer.flat
    office.do(first.waits_for("the warehouse to pack"))
    skipped = office("attention", "resolve", "skip", *filtered, *WHY, "--yes")
    assert (skipped.code, "skip does not help here: retry, correct, done, cancel" in skipped.flat) == (
        1,
        True,
    )


def test_a_filter_is_confirmed_by_whoever_sees_its_preview(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = blocked(office)
    appears(office, story, "--blocked-on", "erp")
    words = ("attention", "resolve", "retry", "--blocked-on", "erp", "--reason", "the ERP is up")
    unseen = office(*words)
    assert (unseen.code, "without one say --yes" in unseen.flat_err) == (1, True)

    for said, code in (("n", 1), ("y", 0)):
        monkeypatch.setattr("sys.stdin", Keyboard(f"{said}\n"))
        answer = office(*words)
        assert answer.code == code, answer
        assert f"{story.id} Enter the sales order in the ERP: erp.enter_order: unavailable" in answer.flat
        assert "retry 1 order?" in answer.flat
        assert ("retry by anna: the ERP is up" in happened(office, story)) == (said == "y")


def test_a_filter_that_finds_nothing_does_nothing(office: Office) -> None:
    answer = office("attention", "resolve", "retry", "--needs", "short_pick", *WHY, "--yes", "--json")
    assert (answer.code, answer.last["orders"]) == (0, [])
    assert "finds no order that this would help" in answer.flat


async def test_no_more_orders_are_asked_at_once_than_is_bearable() -> None:
    asked, most = 0, 0

    async def ask(number: int) -> int:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        await asyncio.sleep(0)
        asked -= 1
        return number

    numbers = range(3 * _AT_ONCE)
    assert await _each(numbers, ask) == list(numbers)
    assert most == _AT_ONCE


# -- wrong calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("retry",), "name orders, or filter"),
        (("retry", "1", "--needs", "order_refused"), "name orders, or filter"),
        (("retry", "1", "2", "--number", "1"), "--number goes with exactly one ORDER"),
        (("retry", "--needs", "order_refused", "--number", "1"), "--number goes with exactly one ORDER"),
        (("correct", "1", "2", "--correction", "fix.json"), "--correction goes with exactly one ORDER"),
        (("done", "1"), "reference: say under which number it was done outside"),
        (("correct", "1"), "correction: goes with the action `correct`"),
        (("retry", "1", "--correction", "fix.json"), "correction: goes with the action `correct`"),
        (("retry", "--channel", "nowhere"), "--channel nowhere: the settings have "),
        (("correct", "1", "--correction", "wrong.json"), "wrong.json: shipping.country: String should match"),
        (
            ("correct", "1", "--correction", "empty.json"),
            "empty.json: correction: name what is to be corrected",
        ),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_wrong_call_is_told_what_is_wrong(office: Office, words: tuple[str, ...], told: str) -> None:
    Path("fix.json").write_text('{"skus": {"1": "KNOWN-1"}}')
    Path("wrong.json").write_text('{"shipping": {"name": "Ada Byron", "country": "Germany"}}')
    Path("empty.json").write_text("{}")
    answer = office("attention", "resolve", *words, *WHY)
    assert (answer.code, told in answer.flat_err) == (2, True), answer
    assert "Ada" not in answer.err


def test_wordless_decisions_are_not_accepted(office: Office) -> None:
    answer = office("attention", "resolve", "retry", "1", "--reason", " ")
    assert (answer.code, "reason: " in answer.flat_err) == (2, True)


def test_nothing_personal_is_logged_while_an_order_is_corrected(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    story = refused(office)
    customer = {"name": "Ada Byron", "email": "ada@example.com"}
    Path("fix.json").write_text(json.dumps({"customer": customer}))
    answer = office("attention", "resolve", "correct", story.id, "--correction", "fix.json", *WHY)
    assert answer.code == 1  # the ERP still does not know the article
    assert "enter_erp_order" in caplog.text
    for personal in (*customer.values(), story.placed.customer.name, story.placed.customer.email):
        assert personal not in caplog.text + answer.out + answer.err
