"""Orders that ship in several parts: each is charged when it has left, and all of them sum to the total."""

from datetime import timedelta
from typing import Any

import pytest

from domain.document import OrderDocument
from domain.ids import Location, System
from domain.money import Money
from domain.shipments import PickState
from tests.workflows.books import settled
from tests.workflows.story import Story
from tests.workflows.world import World


async def begin(
    world: World,
    *,
    channel: str = "shop",
    on_hand: dict[str, dict[int, int]],
    more: tuple[tuple[int, str], ...] = (),
    **capabilities: Any,
) -> Story:
    """`on_hand`: per warehouse so many units of each line, which are counted from 1."""
    placed = world.order(channel=channel, more=more)
    for location, shelves in on_hand.items():
        for number, units in shelves.items():
            world.stock(placed.lines[number - 1].sku, units, location)
    world.place(placed, on_hand=None, tenders=[world.card(placed.total, **capabilities)])
    return await world.start(placed)


def charges(document: OrderDocument) -> list[str]:
    return [str(entry.amount) for entry in document.ledger.entries]


async def test_two_warehouses_ship_side_by_side_and_each_part_is_charged_when_it_left(world: World) -> None:
    story = await begin(world, on_hand={"north": {1: 5, 2: 0}, "south": {1: 0, 2: 5}}, more=((3, "7.77"),))
    document = await story.until(lambda document: len(document.shipments) == 2)
    assert {shipment.location for shipment in document.shipments} == {Location("north"), Location("south")}
    await story.leaves(2)
    first = (await story.books()).captured
    await story.leaves(1)
    await story.arrive(1, 2)
    books = await story.books()
    assert len(first) == 1
    assert len(books.captured) == 2
    assert sum(map(float, books.captured)) == pytest.approx(float(story.placed.total.major))
    assert books == settled(
        story.placed,
        shop_told=2,
        erp_told=2,
        captured=books.captured,
        movements=books.movements,
        on_hand=3,
        picks=("shipped", "shipped"),
        parcels=("delivered", "delivered"),
        labels=2,
        notes=("confirmed", "shipped", "shipped"),
        mails=("confirmed", "delivered", "delivered-2", "shipped", "shipped-2"),
    )
    kept = await story.document()
    assert sum(entry.amount.minor for entry in kept.ledger.entries) == story.placed.total.minor
    assert charges(kept) == [str(shipment.captured) for shipment in reversed(kept.shipments)]


async def test_what_is_missing_follows_when_it_arrives_and_is_not_charged_before(world: World) -> None:
    story = await begin(world, on_hand={"main": {1: 1}})
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    assert (await story.books()).mails == ("backordered", "confirmed", "shipped")
    assert charges(await story.document()) == ["17.73 EUR"]  # 10.00, its VAT, and the freight with its own
    await story.pass_time(timedelta(days=5))
    assert charges(await story.document()) == ["17.73 EUR"]
    world.arrive(story.sku, 3)
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.arrive(1, 2)
    books = await story.books()
    assert books.captured == ("11.90", "17.73")
    assert (books.on_hand, books.reserved, books.invoiced) == (2, 0, ("29.63",))


async def test_a_hold_that_can_be_taken_from_only_once_is_taken_with_the_last_shipment(world: World) -> None:
    story = await begin(world, on_hand={"main": {1: 1}}, multicapture=False)
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    books = await story.books()
    assert (books.captured, books.payment) == ((), ("authorised",))
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.arrive(1, 2)
    assert (await story.books()).captured == ("29.63",)
    assert charges(await story.document()) == ["17.73 EUR", "11.90 EUR"]


async def test_freight_may_be_charged_by_the_value_of_what_ships(world: World) -> None:
    story = await begin(world, channel="pro-rata", on_hand={"main": {1: 1}})
    await story.leaves(1)
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.arrive(1, 2)
    assert (await story.books()).captured == ("14.81", "14.82")


async def test_an_order_that_is_to_ship_complete_waits_for_the_last_unit(world: World) -> None:
    story = await begin(world, channel="complete", on_hand={"main": {1: 1}})
    await story.waits_for("stock: 1 × ")
    assert (await story.document()).shipments == []
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.leaves(1)
    await story.arrive(1)
    assert await story.books() == settled(
        story.placed, on_hand=0, mails=("backordered", "confirmed", "delivered", "shipped")
    )


async def test_what_is_not_in_stock_is_cancelled_where_the_channel_wants_that(world: World) -> None:
    story = await begin(world, channel="at-once", on_hand={"main": {1: 1}})
    await story.leaves(1)
    await story.arrive(1)
    books = await story.books()
    assert (books.captured, books.voided, books.invoiced) == (("17.73",), (), ("17.73",))
    assert (books.shop, books.erp, books.reserved) == (("fulfilled",), ("invoiced",), 0)
    assert books.mails == ("confirmed", "delivered", "partly_cancelled-2", "shipped")
    document = await story.document()
    assert [(one.quantity, one.why) for one in document.dropped] == [(1, "it is not in stock")]
    assert document.order.total == Money(minor=1773, currency="EUR")


async def test_what_the_warehouse_does_not_find_comes_from_another_one(world: World) -> None:
    story = await begin(world, on_hand={"north": {1: 2}, "south": {1: 1}})
    gap = {"sku": story.sku, "units": 1, "location": "north"}
    world.simulator.call("PUT", "/world/stock/missing", gap)
    await story.leaves(1)
    document = await story.until(lambda document: len(document.shipments) == 2)
    assert [shipment.location for shipment in document.shipments] == ["north", "south"]
    assert [line.quantity for shipment in document.shipments for line in shipment.lines] == [1, 1]
    await story.leaves(2)
    await story.arrive(1, 2)
    assert (await story.books()).captured == ("11.90", "17.73")


async def test_a_cancel_after_the_first_part_has_left_cancels_the_rest(world: World) -> None:
    story = await begin(world, on_hand={"main": {1: 1}})
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    answer = await story.cancel()
    assert answer.allowed
    assert answer.why == f"1 × {story.sku} cancelled; the rest has left, a return is the way back for it"
    await story.arrive(1)
    books = await story.books()
    assert (books.captured, books.payment) == (("17.73",), ("captured",))
    assert (books.shop, books.erp, books.invoiced, books.reserved) == (
        ("fulfilled",),
        ("invoiced",),
        ("17.73",),
        0,
    )
    assert (await story.document()).cancel_reason == ""


async def test_what_is_taken_at_the_end_alone_is_told_to_erp_and_shop(world: World) -> None:
    """The hold can be taken from once only, so it waits for the last shipment, which then does not come."""
    story = await world.begin(on_hand=1)
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    assert ((await story.books()).captured, world.told_money(story)) == ((), ("0.00", "0.00"))
    assert (await story.cancel()).allowed
    await story.arrive(1)
    assert (await story.books()).captured == ("17.73",)
    assert world.told_money(story) == ("17.73", "17.73")


async def test_a_return_between_two_shipments_takes_nothing_from_what_the_second_is_told_to_bring(
    world: World,
) -> None:
    story = await begin(world, on_hand={"main": {1: 1}})
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    await story.send_back({story.placed.lines[0].line_id: 1})
    await story.comes_back(1, {story.placed.lines[0].line_id: 1})
    await story.until(lambda document: document.returns[0].ended)
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.arrive(1, 2)
    books = await story.books()
    assert (books.captured, books.refunded) == (("11.90", "17.73"), ("11.90",))
    assert world.told_money(story) == ("29.63", "29.63")


async def test_a_cancel_stops_the_part_that_is_still_picked(world: World) -> None:
    story = await begin(world, on_hand={"north": {1: 5, 2: 0}, "south": {1: 0, 2: 5}}, more=((3, "7.77"),))
    await story.until(lambda document: len(document.shipments) == 2)
    await story.leaves(1)
    assert (await story.cancel()).allowed
    await story.arrive(1)
    document = await story.document()
    assert [shipment.state for shipment in document.shipments] == [PickState.SHIPPED, PickState.CANCELLED]
    books = await story.books()
    assert books.captured == (f"{document.order.total.major:f}",)
    assert books.reserved == 0


async def test_the_oldest_promise_is_served_first(world: World) -> None:
    older = await begin(world, on_hand={"main": {1: 0}})
    await older.waits_for("stock: 2 × ")
    later = {"lines": older.placed.lines, "placed_at": older.placed.placed_at + timedelta(minutes=1)}
    placed = world.order().model_copy(update=later)
    world.place(placed, on_hand=None, tenders=[world.card(placed.total)])
    younger = await world.start(placed)
    await younger.waits_for("stock: 2 × ")
    world.arrive(older.sku, 3)
    await younger.hint(System.STOCK)
    document = await younger.until(lambda document: document.shipments)
    assert [line.quantity for line in document.shipments[0].lines] == [1]
    await older.hint(System.STOCK)
    document = await older.until(lambda document: document.shipments)
    assert [line.quantity for line in document.shipments[0].lines] == [2]
    assert (await older.books()).reserved == 3
