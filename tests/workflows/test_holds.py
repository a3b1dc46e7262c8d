"""Holds that run out before everything has left, and shipments that nobody asked for."""

from datetime import timedelta
from functools import partial
from typing import Any

from domain.attention import Action, Reason
from domain.document import OrderDocument
from domain.ids import System
from domain.ledger import Cause, EntryKind
from domain.payments import PaymentState
from tests.workflows.story import Story
from tests.workflows.test_split import begin
from tests.workflows.world import World


async def waits_for_stock(world: World, **capabilities: Any) -> Story:
    """One of two units has left, and the rest of the hold lasts for a week."""
    story = await begin(world, on_hand={"main": {1: 1}}, **capabilities)
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    return story


def renewed(times: int, document: OrderDocument) -> bool:
    return document.holds_asked == times


async def the_rest_ships(story: Story) -> None:
    story.world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.arrive(1, 2)


async def test_a_backorder_of_forty_days_outlives_its_holds(world: World) -> None:
    story = await waits_for_stock(world, stored_credential=True)
    try:
        for renewal in range(1, 7):
            world.clock_is_ahead(timedelta(days=6 * renewal))
            await story.pass_time(timedelta(days=6, minutes=1))
            await story.until(partial(renewed, renewal))
        assert "held anew" in (await story.document()).timeline[-1].what
        await the_rest_ships(story)
    finally:
        world.clock_is_ahead(timedelta(0))
    books = await story.books()
    assert books.captured == ("11.90", "17.73")
    assert books.payment == ("captured", "captured", *["voided"] * 5)
    assert (await story.document()).payments.held.minor == 0


async def test_without_a_stored_credential_the_customer_is_sent_a_page_to_pay(world: World) -> None:
    story = await waits_for_stock(world, pay_link=True)
    world.simulator.call("POST", "/world/payments/expire", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: "by a link" in document.timeline[-1].what)
    assert "Please pay\n11.90 EUR here" in world.mail(story, "pay_link-1190")
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.idle()
    assert len((await story.document()).shipments) == 1, "nothing leaves that is not paid for"
    world.simulator.call("POST", "/world/payments/follow-link", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    await story.leaves(2)
    await story.arrive(1, 2)
    assert (await story.books()).captured == ("11.90", "17.73")


async def test_where_nothing_else_is_possible_a_person_is_asked_and_nothing_leaves(world: World) -> None:
    story = await waits_for_stock(world)
    world.simulator.call("POST", "/world/payments/expire", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    attention = await story.needs_person()
    assert attention.reason is Reason.PAYMENT_UNSECURED
    assert "11.90 EUR are missing" in attention.what
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.idle()
    assert len((await story.document()).shipments) == 1
    world.pay(story, amount={"amount": "11.90", "currency": "EUR"})
    assert (await story.retry()).allowed
    await story.leaves(2)
    await story.arrive(1, 2)
    assert (await story.books()).captured == ("11.90", "17.73")


async def test_an_expiry_that_is_told_after_all_was_taken_changes_nothing(world: World) -> None:
    story = await waits_for_stock(world, stored_credential=True)
    await the_rest_ships(story)
    before = await story.books()
    world.simulator.call("POST", "/world/payments/expire", {"order_id": story.id})
    assert await story.books() == before


async def test_what_was_begun_by_hand_in_the_warehouse_is_taken_over(world: World) -> None:
    story = await waits_for_stock(world)
    world.stock(story.sku, 1)
    line = {"line_id": "1", "sku": story.sku, "quantity": 1}
    by_hand = {"order_id": story.id, "lines": [line], "state": "shipped"}
    world.simulator.call("POST", "/world/warehouse/by-hand", by_hand)
    await story.hint(System.WAREHOUSE)
    await story.until(lambda document: len(document.shipments) == 2 and document.shipments[1].told)
    await story.waits_for("the delivery")
    world.simulator.deliver(story.shipment)
    await story.hint(System.CARRIER)
    await story.until_closed()
    books = await story.books()
    assert books.captured == ("11.90", "17.73")
    assert (books.shop, books.erp, books.invoiced) == (("fulfilled",), ("invoiced",), ("29.63",))


async def test_all_of_it_may_be_begun_by_hand_before_stock_could_be_kept(world: World) -> None:
    story = await world.begin(on_hand=0)
    await story.waits_for("stock: 2 × ")
    world.stock(story.sku, 2)
    line = {"line_id": story.placed.lines[0].line_id, "sku": story.sku, "quantity": 2}
    by_hand = {"order_id": story.id, "lines": [line], "state": "shipped"}
    world.simulator.call("POST", "/world/warehouse/by-hand", by_hand)
    await story.hint(System.WAREHOUSE)
    await story.arrive(1)
    books = await story.books()
    assert (books.captured, books.picks, books.shop_told) == (("29.63",), ("shipped",), 1)


async def test_what_people_began_before_the_warehouse_was_asked_for_it_is_taken_over(world: World) -> None:
    world.simulator.fault("warehouse", "down", "request_pick")
    story = await world.begin(channel="hasty")
    await story.blocked_on(System.WAREHOUSE)
    line = {"line_id": story.placed.lines[0].line_id, "sku": story.sku, "quantity": 2}
    by_hand = {"order_id": story.id, "lines": [line], "state": "shipped"}
    world.simulator.call("POST", "/world/warehouse/by-hand", by_hand)
    world.simulator.clear_faults()
    world.simulator.fault("warehouse", "refuse", "request_pick", times=1)
    await story.retry()
    await story.arrive(1)
    books = await story.books()
    assert (books.captured, books.picks, books.shop_told) == (("29.63",), ("shipped",), 1)
    assert (await story.document()).questions == 0


async def test_disputed_money_is_booked_and_nothing_is_refunded_of_it_until_it_is_decided(
    world: World,
) -> None:
    story = await world.begin()
    await story.leaves(1)
    await story.deliver()
    await story.waits_for("the return window to end")
    world.simulator.call("POST", "/world/payments/dispute", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    assert (await story.needs_person()).reason is Reason.DISPUTED
    document = await story.document()
    assert [(entry.kind, entry.cause) for entry in document.ledger.entries] == [
        (EntryKind.CHARGE, Cause.SHIPMENT),
        (EntryKind.CREDIT, Cause.DISPUTE),
    ]
    assert (document.kept.minor, document.ledger.balance.minor) == (0, 0)
    world.simulator.call("POST", "/world/payments/dispute/decide", {"order_id": story.id, "state": "won"})
    assert (await story.resolve(Action.RETRY)).allowed
    await story.hint(System.PAYMENTS)
    document = await story.until(lambda document: len(document.ledger.entries) == 3)
    assert document.ledger.balance == document.order.total
    await story.until_closed()
    books = await story.books()
    assert (books.captured, books.refunded) == (("29.63",), ())
    assert (await story.document()).payments.payments[0].state is PaymentState.CAPTURED


async def test_an_order_stays_open_until_a_dispute_over_it_is_decided(world: World) -> None:
    story = await world.begin()
    await story.leaves(1)
    await story.deliver()
    await story.waits_for("the return window to end")
    world.simulator.call("POST", "/world/payments/dispute", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    await story.needs_person()
    assert (await story.resolve(Action.RETRY)).allowed
    await story.pass_time(timedelta(days=15))
    await story.waits_for("the end of a dispute")
    world.simulator.call("POST", "/world/payments/dispute/decide", {"order_id": story.id, "state": "won"})
    await story.hint(System.PAYMENTS)
    await story.until_closed()
    document = await story.document()
    assert document.kept == document.ledger.balance == document.order.total
