"""`ordersaga orders quote` and `orders amend` at a terminal, on orders that are being picked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.amendments import SetQuantity
from domain.ids import LineId
from domain.orders import PlacedOrder
from tests.entrypoints.office import Keyboard, Office
from tests.workflows.story import Story

WHY = ("--reason", "the customer called")


def picking(office: Office, **capabilities: Any) -> Story:
    """A card order of 2 pieces and freight, 29.63 EUR, that the warehouse has begun to pick."""

    async def placed() -> Story:
        order: PlacedOrder = office.world.order()
        card = office.world.card(order.total, stored_credential=True, **capabilities)
        office.world.place(order, tenders=[card])
        story = await office.world.start(order)
        await story.waits_for("the warehouse to pack")
        return story

    return office.do(placed())


class Speaking(Keyboard):
    """Somebody who is asked, and while they think something else happens."""

    def __init__(self, words: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(words)
        self._meanwhile = meanwhile

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # StringIO's own is as this
        self._meanwhile()
        return super().readline(size)


def test_a_quote_shows_before_after_and_the_money_and_changes_nothing(office: Office) -> None:
    story = picking(office)
    told = office("orders", "quote", story.id, "--set-quantity", "1=3", "--json")
    assert told.code == 0, told
    for said in (
        "2 → 3",
        "29.63 EUR → 41.53 EUR (+11.90 EUR)",
        "✓ allowed line 1: 3 units",
        "A new reservation of 41.53 EUR",
        "locked line 1: 2 units in s1, which is requested: the warehouse is asked to stop it",
    ):
        assert said in told.flat, said
    assert (told.last["quote"]["revision"], told.last["after"]["total"]["minor"]) == (1, 4153)
    assert office.do(story.document()).amendments == []


def test_an_order_is_amended_by_whoever_sees_what_it_means(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = picking(office)
    words = ("orders", "amend", story.placed.number, "--set-quantity", "1=3", *WHY)
    unseen = office(*words)
    assert (unseen.code, "without one say --yes" in unseen.flat_err) == (1, True)
    monkeypatch.setattr("sys.stdin", Keyboard("n\n"))
    assert office(*words).code == 1
    assert office.do(story.document()).revision == 1
    monkeypatch.setattr("sys.stdin", Keyboard("y\n"))
    done = office(*words)
    assert (done.code, "✓ amended: revision 2, 41.53 EUR in all" in done.flat) == (0, True), done
    shown = office("orders", "show", story.id).flat
    for said in (
        "anna, customer service",
        "line 1: 3 units",
        "the customer called",
        "1 → 2",
        "29.63 EUR → 41.53 EUR",
        "committed: revision 2",
    ):
        assert said in shown, said


def test_every_change_can_be_said_in_one_amendment(office: Office) -> None:
    story = picking(office)
    other = f"{story.sku}-other"
    office.world.stock(other, 5)
    office.world.price(other, "8.00")
    home = {
        "name": "Jenny Rosen",
        "street": "Kai 7",
        "postal_code": "20457",
        "city": "Hamburg",
        "country": "DE",
    }
    Path("home.json").write_text(json.dumps(home))
    changes = ("--set-quantity", "1=4", "--add", f"{other}=2", "--price", "1=9.00", "--discount", "1=10%")
    beside = ("--shipping", "Express=9.90", "--address", "home.json", "--check-stock")
    done = office("orders", "amend", story.id, *changes, *beside, *WHY, "--yes", "--json")
    assert (done.code, done.last["state"], done.last["revision"]) == (0, "committed", 2), done
    document = office.do(story.document())
    assert str(document.order.total) == "69.38 EUR"  # 36 less 10 %, 16, and freight of 9.90, each with 19 %
    assert done.last["after"]["total"]["minor"] == 6938
    assert document.order.shipping is not None
    assert document.order.shipping.city == "Hamburg"
    assert "Kai 7, 20457 Hamburg" in done.flat
    assert {"sku": other, "needed": 2, "there": 5} in done.last["stock"]
    assert f"+ {document.order.lines[1].line_id} {other} Shade" in done.flat


def test_stock_that_is_missing_is_told_before_it_is_promised(office: Office) -> None:
    story = picking(office)
    office.world.stock(story.sku, 3)
    told = office("orders", "quote", story.id, "--set-quantity", "1=5", "--check-stock")
    assert (told.code, f"{story.sku}: 5 needed, 3 there, 2 missing" in told.flat) == (0, True), told


def test_what_cannot_be_is_refused_with_its_field(office: Office) -> None:
    story = picking(office)
    told = office("orders", "quote", story.id, "--set-quantity", "9=1", "--set-quantity", "1=3")
    assert (told.code, "✗ refused line 9: 1 units: line_id: the order has no line 9" in told.flat) == (
        1,
        True,
    )
    done = office("orders", "amend", story.id, "--remove", "1", *WHY, "--yes")
    assert (done.code, "nothing would be left of the order: cancel it" in done.flat) == (1, True)
    unsold = office("orders", "quote", story.id, "--add", "NOWHERE-1=1")
    assert (unsold.code, "the ERP does not sell NOWHERE-1" in unsold.flat_err) == (1, True), unsold
    assert office.do(story.document()).amendments == []


def test_whoever_comes_second_hears_what_changed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    story = picking(office)

    def first() -> None:
        office.do(story.amend(SetQuantity(line_id=LineId("1"), quantity=3)))

    monkeypatch.setattr("sys.stdin", Speaking("y\n", first))
    second = office("orders", "amend", story.id, "--set-quantity", "1=1", *WHY)
    assert second.code == 1
    assert "the order changed: revision 2, you saw 1 (line 1: 3 units)" in second.flat
    difference = second.flat.partition("what you saw → what it is now")[2]
    assert "2 → 3" in difference
    assert "29.63 EUR → 41.53 EUR (+11.90 EUR)" in difference
    stale = office("orders", "amend", story.id, "--set-quantity", "1=1", *WHY, "--yes", "--revision", "1")
    assert (stale.code, "revision 2, you saw 1" in stale.flat) == (1, True)


def test_the_same_request_told_again_is_the_same_amendment(office: Office) -> None:
    story = picking(office)
    words = ("orders", "amend", story.id, "--set-quantity", "1=3", *WHY, "--yes", "--request", "mail-17")
    first, again = office(*words, "--json"), office(*words, "--json")
    assert (first.code, again.code) == (0, 0), again
    assert first.last["why"] == again.last["why"]
    assert office.do(story.document()).revision == 2


def test_a_declined_card_leaves_the_order_as_it_was_and_says_why(office: Office) -> None:
    story = picking(office)
    declines = {"order_id": story.id, "decline_holds": "insufficient_funds"}
    office.world.simulator.call("PUT", "/world/payments/script", declines)
    done = office("orders", "amend", story.id, "--set-quantity", "1=3", *WHY, "--yes", "--json")
    assert (done.code, done.last["state"], done.last["revision"]) == (1, "undone", 1)
    assert "✗ not amended: the customer's bank declined it" in done.flat
    assert "undone: the customer's bank declined it" in office("orders", "show", story.id).flat


def test_who_has_to_pay_first_is_waited_for(office: Office) -> None:
    order = office.world.order()
    office.world.place(order, tenders=[office.world.card(order.total, pay_link=True)])

    async def placed() -> Story:
        story = await office.world.start(order)
        await story.waits_for("the warehouse to pack")
        return story

    story = office.do(placed())
    done = office("orders", "amend", story.id, "--set-quantity", "1=3", *WHY, "--yes", "--json")
    assert (done.code, done.last["state"]) == (0, "pending"), done
    assert "… waits for the customer" in done.flat


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what is to be changed"),
        (["--set-quantity", "1"], "--set-quantity 1: it takes two things"),
        (["--set-quantity", "1=two"], "--set-quantity 1=two: quantity: "),
        (["--set-quantity", "1=0"], "--set-quantity 1=0: quantity: "),
        (["--add", "A=1@free"], "--add A=1@free: unit_price: "),
        (["--add", "A=1@-2"], "--add A=1@-2: unit_price: "),
        (["--price", "1=-1"], "--price 1=-1: unit_price: "),
        (["--discount", "1=101%"], "--discount 1=101%: percent: "),
        (["--discount", "much"], "--discount much: amount: "),
        (["--shipping", "9.90"], "--shipping 9.90: it takes two things"),
        (["--address", "home.json"], "--address home.json: not usable: country"),
    ],
)
def test_options_that_cannot_be_read_are_told_before_anybody_is_asked(
    office: Office, words: list[str], said: str
) -> None:
    Path("home.json").write_text(json.dumps({"name": "Jenny Rosen"}))
    for command in ("quote", "amend"):
        answer = office("orders", command, "no such order", *words, *(WHY if command == "amend" else ()))
        assert (answer.code, said in answer.flat_err) == (2, True), answer
