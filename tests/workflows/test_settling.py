"""Settling compares everybody's books; a difference is named by line and waits for a person."""

from typing import Any

from domain.attention import Reason
from domain.money import Money
from tests.workflows import flows
from tests.workflows.books import settled
from tests.workflows.world import World


def priced(line: str, total: str) -> Any:
    """The clerk's edit of a sales order: one line and the total."""

    def change(record: dict[str, Any]) -> None:
        record["order"]["lines"][0]["total"]["amount"] = line
        record["order"]["total"]["amount"] = total

    return change


async def test_an_erp_total_off_by_a_cent_needs_a_person_with_the_line_named(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    assert str(story.placed.total) == "29.63 EUR"
    world.edit("sales_orders", story.id, priced("23.81", "29.64"))
    await story.ship()
    attention = await story.needs_person()
    assert attention.reason is Reason.BOOKS_DISAGREE
    assert "the ERP's total is 29.64 EUR, the order's 29.63 EUR" in attention.what
    assert "line 1: the ERP says 23.81 EUR, the order 23.80 EUR" in attention.what
    assert (await story.books()).invoiced == ()

    world.edit("sales_orders", story.id, priced("23.80", "29.63"))
    await story.retry()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed, operators=("needs_person",))


async def test_a_shop_that_shows_another_total_needs_a_person(world: World) -> None:
    placed = world.order()
    world.place(placed, shop_total=Money.parse("29.62", "EUR"))
    story = await world.start(placed)
    await story.pack()
    await story.ship()
    attention = await story.needs_person()
    assert "the storefront's total is 29.62 EUR, the order's 29.63 EUR" in attention.what
    assert (await story.books()).invoiced == ()


async def test_money_that_the_gateway_gave_back_by_itself_needs_a_person(world: World) -> None:
    story = await world.begin()
    await story.pack()
    world.simulator.fault("storefront", "down", "report_shipment")
    await story.ship()
    await story.until(lambda document: document.ledger.entries)
    (payment,) = world.of_order(story, "payments")
    given_back = {"key": "chargeback", "reference": "ref", "amount": {"amount": "1.00", "currency": "EUR"}}
    given_back["mark"] = payment["opened"]
    world.edit("payments", payment["reference"], lambda record: record.update(refunds=[given_back]))
    world.simulator.clear_faults()
    attention = await story.needs_person()
    assert "the gateway took 28.63 EUR, the ledger says 29.63 EUR" in attention.what
