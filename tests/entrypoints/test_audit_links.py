"""Pages to pay at, and money given without goods: what the books of others can tell of them is held against them."""

from typing import Any

import pytest

from tests.entrypoints.audit_goods import granted_as_goodwill
from tests.entrypoints.audit_world import DONE, OPEN, World, correct_world, money


def link(order: str, amount: str, name: str = "link_1", **more: Any) -> dict[str, Any]:
    told = {"reference": name, "order_id": order, "amount": money(amount), "payment": None, "closed": False}
    return told | more


def paid(world: World, amount: str) -> dict[str, Any]:
    return link(DONE, amount, payment=world.of("payments")["reference"])


def test_one_open_link_and_one_that_was_paid_as_it_asked_break_nothing() -> None:
    world = correct_world()
    closed = link(OPEN, "5.00", "link_2", closed=True)
    world.books["pay_links"] = [paid(world, "35.58"), link(OPEN, "4.00", "link_3"), closed]
    assert world.audit().kept


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        (["1.00", "2.00"], "the customer can pay by 2 links at once: link_0, link_1"),
        (["900.00"], "link link_0 asks for 900.00 of an order of"),
    ],
)
def test_two_open_links_or_one_beyond_the_order_are_told(amounts: list[str], words: str) -> None:
    world = correct_world()
    world.books["pay_links"] = [link(OPEN, amount, f"link_{n}") for n, amount in enumerate(amounts)]
    assert any(words in broken.what for broken in world.audit().promises[0].violations)


@pytest.mark.parametrize(("reference", "came"), [(None, "10.00"), ("pay_nobody", "0")])
def test_a_link_by_which_less_was_paid_than_it_asks_for_is_told(reference: str | None, came: str) -> None:
    world = correct_world()
    asked = paid(world, "35.58")
    if reference:
        asked["payment"] = reference
    else:
        world.of("payments")["authorised"] = money("10.00")
    world.books["pay_links"] = [asked]
    words = f"link link_1 asks for 35.58, and {came} was paid by it"
    assert words in [broken.what for broken in world.audit().promises[0].violations]


def test_goodwill_is_counted_as_the_word_of_a_person() -> None:
    world = correct_world()
    granted_as_goodwill(world)
    report = world.audit()
    assert report.kept, [promise.violations for promise in report.promises]
    (unchecked,) = report.promises[1].not_checked
    assert unchecked.why == "goodwill: only the word of a person tells why it was given"


@pytest.mark.parametrize("change", [{"quantity": 1}, {"part": "goods"}])
def test_goodwill_that_counts_goods_is_told(change: dict[str, Any]) -> None:
    world = correct_world()
    granted_as_goodwill(world)
    world.document()["ledger"]["entries"][-1]["shares"][0].update(change)
    assert any("mixes goodwill with goods" in broken.what for broken in world.audit().promises[1].violations)


def test_goodwill_hidden_in_a_return_is_told() -> None:
    world = correct_world()
    granted_as_goodwill(world)
    world.document()["ledger"]["entries"][-1]["cause"] = "return"
    assert any("mixes goodwill with goods" in broken.what for broken in world.audit().promises[1].violations)
