"""Orders that people changed are added up anew, from the document and from every change since."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.entrypoints.audit_amended import BREAKS, LATER_TIME, amended_by_phone, amendment, edited_in_the_erp
from tests.entrypoints.audit_world import World, correct_world, mark, money

WAYS = [amended_by_phone, edited_in_the_erp]


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_order_on_which_all_agree_keeps_every_promise(way: Callable[[], World]) -> None:
    report = way().audit()
    assert report.kept, report.promises
    assert [promise.not_checked for promise in report.promises] == [()] * 10


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("change", "number", "words"), BREAKS, ids=[change.__name__ for change, _, _ in BREAKS]
)
def test_what_is_not_as_it_was_changed_is_told(
    way: Callable[[], World], change: Callable[[World], None], number: int, words: str
) -> None:
    world = way()
    change(world)
    promise = world.audit().promises[number - 1]
    assert any(words in broken.what for broken in promise.violations), promise.violations


def test_an_edit_that_never_reached_anybody_is_told() -> None:
    """The ERP was edited, and everybody went on as if it had not been; OrderSaga wrote over it."""
    world, edited = correct_world(), edited_in_the_erp()
    world.of("sales_orders")["by_hand"] = edited.of("sales_orders")["by_hand"]
    world.document()["amendments"] = [amendment("customer_service", [{"kind": "set_address"}])]
    told = [broken.what for broken in world.audit().promises[6].violations]
    assert "line a: sale SO1 in the ERP says 2 units, ordered are 3" in told
    assert "line a: OrderSaga says 2 units, ordered are 3" in told


def test_an_edit_of_this_moment_may_still_be_on_its_way() -> None:
    world, edited = correct_world(), edited_in_the_erp()
    by_hand = deepcopy(edited.of("sales_orders")["by_hand"])
    by_hand[0]["mark"] = mark(3000)
    world.of("sales_orders")["by_hand"] = by_hand
    report = world.audit()
    assert report.kept, report.promises
    assert report.orders.open == 2


def test_an_edit_that_was_put_back_is_none() -> None:
    world, edited = correct_world(), edited_in_the_erp()
    world.of("sales_orders")["by_hand"] = edited.of("sales_orders")["by_hand"]
    world.document()["amendments"] = [amendment("erp", [], state="undone")]
    report = world.audit()
    assert report.kept, report.promises
    assert not any(promise.not_checked for promise in report.promises)


def test_an_order_that_is_being_amended_is_not_called_checked() -> None:
    world = correct_world()
    queued = amendment("customer_service", [], state="queued") | {"ended_at": None}
    world.document()["amendments"] = [queued]
    first = world.audit().promises[0]
    assert [unchecked.why for unchecked in first.not_checked] == ["it is being amended at this moment"]


def test_where_the_erp_tells_of_no_edits_its_figures_are_believed_and_that_is_said() -> None:
    world = edited_in_the_erp()
    world.of("sales_orders")["by_hand"] = []
    seventh = world.audit().promises[6]
    assert not seventh.violations
    assert ["does not tell what was edited" in unchecked.why for unchecked in seventh.not_checked] == [True]
    world.of("orders")["total"] = money("62.90")
    assert world.audit().promises[6].violations


def test_of_edits_in_two_places_the_erps_figures_are_believed_and_that_is_said() -> None:
    world = edited_in_the_erp()
    world.of("orders")["by_hand"] = deepcopy(world.of("sales_orders")["by_hand"])
    world.of("orders")["by_hand"][0]["lines"]["a"]["quantity"] = 7
    world.document()["timeline"] = [
        {"what": "edited in two systems at once; the storefront said …, which gives way"}
    ]
    seventh = world.audit().promises[6]
    assert not seventh.violations
    assert ["gave way to the other" in unchecked.why for unchecked in seventh.not_checked] == [True]


def test_a_discount_is_worth_what_was_asked_for() -> None:
    world = amended_by_phone()
    asked = world.document()["amendments"][0]["amendment"]
    asked["changes"].append({"kind": "set_discount", "line_id": "b", "amount": "1.00"})
    told = [broken.what for broken in world.audit().promises[6].violations]
    assert any("line b: the storefront says 4.76, it is worth 3.56 to 3.58" in what for what in told), told


def test_freight_is_worth_what_was_asked_for() -> None:
    world = amended_by_phone()
    asked = world.document()["amendments"][0]["amendment"]
    asked["changes"].append({"kind": "set_shipping", "method": "Express", "amount": "9.90"})
    told = [broken.what for broken in world.audit().promises[6].violations]
    assert any("its document and the changes since come to" in what for what in told), told


def test_a_line_that_was_removed_is_held_by_nobody() -> None:
    world = amended_by_phone()
    world.document()["amendments"].append(
        amendment("customer_service", [{"kind": "remove_line", "line_id": "b"}]) | {"ended_at": LATER_TIME}
    )
    told = [broken.what for broken in world.audit().promises[6].violations]
    assert "the storefront holds a line b that the order has not" in told
