"""Split, short, returned, lost, disputed: correct books keep every promise, and each promise can be broken in that way."""

import pytest

from entrypoints.audit.run import judge
from tests.entrypoints.audit_goods import (
    BREAKS,
    RETURN,
    WAYS,
    Change,
    another_unit_came_back,
    dispute_lost,
    dispute_that_the_ledger_does_not_know,
    dispute_won,
    one_line_never_came,
    one_unit_came_back,
)
from tests.entrypoints.audit_world import correct_world, mark


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_correct_books_keep_every_promise_whatever_way_the_goods_went(way: Change) -> None:
    world = correct_world()
    way(world)
    report = world.audit()
    assert report.kept, [promise.violations for promise in report.promises]
    assert [promise.not_checked for promise in report.promises] == [()] * 10
    assert (report.orders.completed, report.orders.cancelled) == (1, 1)


@pytest.mark.parametrize(
    ("way", "change", "number", "words"),
    BREAKS,
    ids=[f"{number}-{way.__name__}-{change.__name__}" for way, change, number, _ in BREAKS],
)
def test_a_promise_broken_in_that_way_is_told(way: Change, change: Change, number: int, words: str) -> None:
    world = correct_world()
    way(world)
    change(world)
    promise = world.audit().promises[number - 1]
    assert any(words in broken.what for broken in promise.violations), promise.violations


def test_goods_that_came_back_a_moment_ago_are_not_credited_yet() -> None:
    world = correct_world()
    one_unit_came_back(world)
    another_unit_came_back(world)
    assert not world.audit().kept
    world.books["returns"][0]["events"][0]["mark"] = mark(3500)
    report = world.audit()
    assert report.kept
    assert (report.orders.completed, report.orders.open) == (0, 2)


def test_goods_that_the_order_saw_come_back_are_judged_at_once() -> None:
    world = correct_world()
    one_unit_came_back(world)
    world.books["returns"][0]["events"][0]["mark"] = mark(3500)
    assert world.audit().orders.completed == 0
    receipt = {"lines": [{"line_id": "a", "quantity": 1}]}
    world.document().update(returns=[{"return_id": RETURN, "state": "closed", "receipt": receipt}])
    assert world.audit().orders.completed == 1


def test_a_return_that_is_being_credited_is_not_at_rest() -> None:
    world = correct_world()
    one_unit_came_back(world)
    another_unit_came_back(world)
    world.document().update(phase="after_sales", returns=[{"state": "closed"}])
    assert not world.audit().kept
    world.document()["returns"][0]["state"] = "received"
    assert world.audit().kept


def test_a_dispute_of_a_moment_ago_is_not_in_the_ledger_yet() -> None:
    world = correct_world()
    dispute_lost(world)
    dispute_that_the_ledger_does_not_know(world)
    assert not world.audit().kept
    world.of("payments")["disputes"][0]["decided"] = mark(3500)
    assert world.audit().kept


def test_a_dispute_of_a_moment_ago_is_judged_when_the_ledger_has_all_of_it() -> None:
    world = correct_world()
    dispute_won(world)
    world.of("payments")["disputes"][0]["decided"] = mark(3500)
    assert world.audit().orders.completed == 1
    world.of("payments")["disputes"][0]["state"] = "open"
    assert world.audit().orders.completed == 0


def test_an_order_that_became_more_in_the_shop_is_not_called_checked() -> None:
    world = correct_world()
    one_line_never_came(world)
    world.of("orders")["lines"][0]["quantity"] = 3
    promises = world.audit().promises
    whys = {promise.number: [unchecked.why for unchecked in promise.not_checked] for promise in promises}
    assert whys[7] == ["more is ordered now than the shop's document tells the worth of"]


def test_credit_notes_and_returns_that_a_system_does_not_tell_are_not_called_checked() -> None:
    world = correct_world()
    one_unit_came_back(world)
    books = world.read()
    sales = tuple(sale.model_copy(update={"credited": None}) for sale in books.sales)
    report = judge(books.model_copy(update={"sales": sales, "returns": ()}))
    assert report.kept
    assert [[told.why for told in report.promises[number - 1].not_checked] for number in (2, 7)] == [
        ["returns: the warehouse's are not read"],
        ["credit notes: the ERP's are not read"],
    ]
