"""Each promise can be broken: one fact of a correct world is changed, and the audit says which promise that is."""

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from entrypoints.audit.report import render
from entrypoints.audit.run import judge
from tests.entrypoints import audit_breaks, audit_breaks_money
from tests.entrypoints.audit_breaks import (
    accepted_and_no_workflow,
    erp_total_off_by_a_cent,
    mail_twice_under_two_keys,
    placed_and_never_seen,
    two_customers_with_one_address,
)
from tests.entrypoints.audit_breaks_money import hold_left
from tests.entrypoints.audit_world import CANCELLED, OPEN, World, correct_world, mark

BREAKS = [*audit_breaks_money.BREAKS, *audit_breaks.BREAKS]


@pytest.mark.parametrize(
    ("change", "number", "words"), BREAKS, ids=[f"{number}-{change.__name__}" for change, number, _ in BREAKS]
)
def test_a_broken_promise_is_told(change: Callable[[World], None], number: int, words: str) -> None:
    world = correct_world()
    change(world)
    promise = world.audit().promises[number - 1]
    assert promise.number == number
    assert any(words in broken.what for broken in promise.violations), promise.violations


def test_every_promise_is_broken_by_some_test() -> None:
    assert {number for _, number, _ in BREAKS} == set(range(1, 11))


def test_correct_books_keep_every_promise() -> None:
    report = correct_world().audit()
    assert report.kept, report.violations
    assert [promise.not_checked for promise in report.promises] == [()] * 10
    assert report.orders.model_dump() == {
        "total": 3,
        "completed": 1,
        "cancelled": 1,
        "open": 1,
        "needs_person": 0,
        "inbox_waiting": 0,
        "inbox_parked": 0,
    }


def test_an_order_on_its_way_is_looked_at_for_what_holds_at_every_moment_alone() -> None:
    checked = {promise.number: promise.checked for promise in correct_world().audit().promises}
    assert checked == {1: 3, 2: 3, 3: 3, 4: 2, 5: 3, 6: 2, 7: 3, 8: 3, 9: 3, 10: 3}


def test_an_order_that_needs_a_person_is_open_and_its_differences_are_notjudge() -> None:
    world = correct_world()
    erp_total_off_by_a_cent(world)
    world.document()["attention"] = {"reason": "refused", "what": "the books differ"}
    report = world.audit()
    assert report.kept
    assert (report.orders.open, report.orders.needs_person, report.orders.completed) == (2, 1, 0)


def test_an_order_in_its_return_window_is_at_rest_once_it_is_delivered() -> None:
    world = correct_world()
    world.document().update(phase="after_sales")
    erp_total_off_by_a_cent(world)
    assert not world.audit().kept
    world.document()["shipments"][0]["tracking"] = "in_transit"
    assert world.audit().kept


def test_an_order_that_was_placed_a_moment_ago_may_still_be_on_its_way_to_us() -> None:
    world = correct_world()
    placed_and_never_seen(world)
    world.of("orders", OPEN)["placed"] = mark(3590)
    assert world.audit().kept


def test_a_document_that_waits_or_is_parked_in_the_inbox_is_open_and_not_lost() -> None:
    world = correct_world()
    placed_and_never_seen(world)
    world.inbox.append({"id": 7, "kind": "document", "state": "parked", "order_id": OPEN})
    report = world.audit()
    assert report.kept
    assert (report.orders.open, report.orders.inbox_parked) == (1, 1)


def test_an_accepted_order_whose_document_waits_is_yet_to_be_started() -> None:
    world = correct_world()
    accepted_and_no_workflow(world)
    world.inbox[2]["state"] = "waiting"
    assert world.audit().kept


def test_a_capture_that_no_clock_can_place_is_not_called_checked() -> None:
    world = correct_world()
    books = world.read()
    payment = books.payments[0]
    timeless = payment.captures[0].model_copy(update={"moment": None})
    payments = (payment.model_copy(update={"captures": (timeless,)}), *books.payments[1:])
    first = judge(books.model_copy(update={"payments": payments})).promises[0]
    assert not first.violations
    assert [unchecked.orders for unchecked in first.not_checked] == [1]
    assert "no times" in first.not_checked[0].why


def test_a_document_of_an_unknown_platform_is_not_called_checked() -> None:
    world = correct_world()
    world.of("orders")["platform"] = "cardboard"
    promises = world.audit().promises
    whys = {promise.number: [unchecked.why for unchecked in promise.not_checked] for promise in promises}
    assert [number for number, why in whys.items() if why] == [1, 3, 5, 7, 8]
    assert whys[7] == ["documents of 'cardboard' are not known to the auditor"]


def test_the_report_reads_as_a_table_and_as_json() -> None:
    world = correct_world()
    hold_left(world)
    report = world.audit()
    page = StringIO()
    Console(width=120, file=page).print(render(report))
    assert "broken once" in page.getvalue()
    assert (
        "order:shop:2: the order is cancelled, and 11.90 EUR of payment pay_2 are still held"
        in page.getvalue()
    )
    assert "3 orders: 1 completed, 1 cancelled, 1 open" in page.getvalue()
    plain = report.as_json()
    assert plain["kept"] is False
    assert plain["promises"][3]["violations"][0]["order"] == CANCELLED


def test_no_e_mail_address_reaches_the_report() -> None:
    world = correct_world()
    two_customers_with_one_address(world)
    mail_twice_under_two_keys(world)
    report = world.audit()
    assert report.violations == 2
    assert "@" not in str(report.as_json())
