"""One edit, everywhere: customer service, the ERP or the shop change an order, and every system follows, or none does."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from domain.amendments import (
    AddLine,
    Amended,
    AmendmentState,
    CancelRest,
    Origin,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
    Verdict,
)
from domain.attention import Action, Reason
from domain.document import OrderDocument
from domain.ids import LineId, Sku, System
from domain.money import Money
from domain.orders import Address, PaymentTerm
from domain.records import OrderState
from domain.shipments import PickState
from tests.workflows.story import Story
from tests.workflows.world import World

FIRST = LineId("1")
ELSEWHERE = Address(name="Jenny Rosen", street="Kai 7", postal_code="20457", city="Hamburg", country="DE")


async def picking(world: World, *, channel: str = "shop", **capabilities: object) -> Story:
    """A card order of 2 pieces and freight, 29.63 EUR, that the warehouse has begun to pick."""
    placed = world.order(channel=channel)
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True, **capabilities)])
    story = await world.start(placed)
    await story.waits_for("the warehouse to pack")
    return story


def held(world: World, story: Story, kind: str) -> list[tuple[str, int]]:
    """The lines as a system's own book has them: (line id or SKU, quantity)."""
    (record,) = world.of_order(story, kind)
    order = record["order"] if kind == "sales_orders" else record
    lines = [line for line in order["lines"] if line.get("sku")]
    return sorted((line["line_id"], line["quantity"]) for line in lines)


def total_in(world: World, story: Story, kind: str) -> str:
    (record,) = world.of_order(story, kind)
    order = record["order"] if kind == "sales_orders" else record
    return str(order["total"]["amount"])


def agrees(world: World, story: Story, document: OrderDocument) -> None:
    """ERP and shop hold the order's lines and total, and exactly that is reserved or has left."""
    ours = sorted((str(line.line_id), line.quantity) for line in document.order.lines)
    for kind in ("sales_orders", "orders"):
        assert held(world, story, kind) == ours
        assert total_in(world, story, kind) == f"{document.order.total.major:f}"


async def test_more_of_a_line_while_it_is_picked_is_held_reserved_entered_and_shown(world: World) -> None:
    story = await picking(world)
    amended = await story.amend(SetQuantity(line_id=FIRST, quantity=3))
    assert amended.state is AmendmentState.COMMITTED
    assert (amended.revision, str(amended.total)) == (2, "41.53 EUR")
    document = await story.document()
    agrees(world, story, document)
    assert document.payments.held == amended.total
    assert (await story.books()).reserved == 3
    await story.until(lambda document: len(document.shipments) == 2)
    assert "instead of 29.63 EUR" in world.mail(story, "amended-2")


async def test_less_of_a_line_stops_the_pick_and_plans_it_anew(world: World) -> None:
    story = await picking(world)
    await story.amend(SetQuantity(line_id=FIRST, quantity=1))
    document = await story.until(lambda document: len(document.shipments) == 2)
    agrees(world, story, document)
    assert (await story.books()).picks == ("cancelled", "requested")
    assert (await story.books()).reserved == 1


async def test_several_changes_hold_together(world: World) -> None:
    story = await picking(world)
    other = Sku(f"{story.sku}-more")
    world.stock(other, 5)
    amended = await story.amend(
        AddLine(sku=other, quantity=2, unit_price=Decimal("7.00"), tax_rates=(Decimal("0.19"),)),
        SetUnitPrice(line_id=FIRST, unit_price=Decimal("9.00")),
        SetDiscount(line_id=FIRST, percent=Decimal(10)),
        SetShipping(method="Express", amount=Decimal("9.90")),
        SetAddress(shipping=ELSEWHERE),
    )
    assert amended.state is AmendmentState.COMMITTED, amended.why
    document = await story.until(lambda document: document.shipments[-1].state is PickState.REQUESTED)
    agrees(world, story, document)
    assert str(document.order.total) == "47.72 EUR"  # 18 less 10 %, 14, and freight of 9.90, each with 19 %
    (pick,) = [pick for pick in world.of_order(story, "picks") if pick["state"] == "requested"]
    assert pick["ship_to"]["city"] == "Hamburg"


async def test_a_price_is_the_erps_to_tell(world: World) -> None:
    story = await picking(world)
    other = Sku(f"{story.sku}-priced")
    world.stock(other, 5)
    world.price(other, "8.00")
    amended = await story.amend(AddLine(sku=other, quantity=1))
    assert amended.state is AmendmentState.COMMITTED, amended.why
    (line,) = [line for line in (await story.document()).order.lines if line.sku == other]
    assert (line.name, str(line.total)) == ("Shade", "9.52 EUR")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (SetQuantity(line_id=LineId("9"), quantity=1), "changes[0].line_id: the order has no line 9"),
        (RemoveLine(line_id=FIRST), "nothing would be left"),
        (SetDiscount(line_id=FIRST, amount=Decimal("99.00")), "changes[0].amount: the line is worth"),
    ],
    ids=["unknown-line", "the-last-line", "more-than-it-is-worth"],
)
async def test_what_cannot_be_is_refused_at_the_door_with_its_field(
    world: World, change: SetQuantity, why: str
) -> None:
    story = await picking(world)
    with pytest.raises(ValueError, match="changes") as refused:
        await story.amend(change)
    assert why in str(refused.value)
    assert not (await story.document()).amendments


async def test_of_two_agents_at_once_one_wins_and_the_other_hears_what_changed(world: World) -> None:
    story = await picking(world)
    await story.amend(SetQuantity(line_id=FIRST, quantity=3))
    with pytest.raises(ValueError, match="the order changed: revision 2, you saw 1") as stale:
        await story.amend(SetQuantity(line_id=FIRST, quantity=1), seen=1)
    assert "line 1: 3 units" in str(stale.value)


async def test_the_same_amendment_again_is_answered_the_same_and_done_once(world: World) -> None:
    story = await picking(world)
    change = SetQuantity(line_id=FIRST, quantity=3)
    first = await story.amend(change, name="call-17", seen=1)
    again = await story.amend(change, name="call-17", seen=1)
    assert first == again
    assert (await story.document()).revision == 2


@pytest.mark.parametrize("system", ["stock", "erp", "storefront"])
async def test_what_one_system_refuses_is_undone_everywhere(world: World, system: str) -> None:
    operation = {"stock": "reserve", "erp": "enter_order", "storefront": "amend_order"}[system]
    story = await picking(world)
    before = await story.document()
    world.simulator.fault(system, "refuse", operation, times=1)
    amended = await story.amend(SetQuantity(line_id=FIRST, quantity=3))
    assert amended.state is AmendmentState.UNDONE
    document = await story.document()
    assert (document.revision, document.order) == (1, before.order)
    agrees(world, story, document)
    assert (await story.books()).reserved == 2
    assert amended.why


async def test_a_declined_hold_leaves_the_order_as_it_was(world: World) -> None:
    story = await picking(world)
    world.holds(story, "insufficient_funds")
    amended = await story.amend(SetQuantity(line_id=FIRST, quantity=3))
    assert (amended.state, amended.revision) == (AmendmentState.UNDONE, 1)
    assert "declined" in amended.why
    document = await story.document()
    agrees(world, story, document)
    assert document.payments.held == document.order.total


async def test_an_edit_in_the_erp_alone_reaches_stock_money_and_shop(world: World) -> None:
    story = await picking(world)
    world.edit_erp(story, set=[{"line_id": "1", "quantity": 3}])
    await story.hint(System.ERP)
    document = await story.until(lambda document: document.revision == 2)
    assert document.amendments[-1].amendment.origin is Origin.ERP
    assert str(document.order.total) == "41.53 EUR"
    agrees(world, story, document)
    assert document.payments.held == document.order.total
    assert (await story.books()).reserved == 3
    (entered,) = world.of_order(story, "sales_orders")
    assert entered["order"]["secured"]["amount"] == "41.53"
    await story.hint(System.ERP)  # an echo of what we wrote
    await story.idle()
    assert (await story.document()).revision == 2


async def test_an_edit_in_the_shop_alone_reaches_erp_stock_and_money(world: World) -> None:
    story = await picking(world)
    world.edit_shop(story, set=[{"line_id": "1", "quantity": 1}])
    await story.hint(System.STOREFRONT)
    document = await story.until(lambda document: document.revision == 2)
    assert document.amendments[-1].amendment.origin is Origin.STOREFRONT
    agrees(world, story, document)


async def test_an_edit_in_the_erp_that_nobody_pays_for_asks_a_person_who_has_it_put_back(
    world: World,
) -> None:
    story = await picking(world)
    world.holds(story, "insufficient_funds")
    world.edit_erp(story, set=[{"line_id": "1", "quantity": 3}])
    await story.hint(System.ERP)
    question = await story.needs_person()
    assert question.reason is Reason.EDIT_NOT_CARRIED
    assert (await story.resolve(Action.REJECT)).allowed
    document = await story.until(lambda document: document.amendments[-1].ended)
    assert document.amendments[-1].state is AmendmentState.UNDONE
    assert document.revision == 1
    agrees(world, story, document)


async def test_an_edit_in_the_erp_is_carried_once_the_customer_can_pay(world: World) -> None:
    story = await picking(world)
    world.holds(story, "insufficient_funds")
    world.edit_erp(story, set=[{"line_id": "1", "quantity": 3}])
    await story.hint(System.ERP)
    await story.needs_person()
    world.holds(story, None)
    await story.retry()
    document = await story.until(lambda document: document.revision == 2)
    agrees(world, story, document)
    assert document.payments.held == document.order.total


async def test_erp_and_shop_edited_at_once_meet_where_they_touch_nothing_of_each_other(world: World) -> None:
    placed = world.order(more=((3, "7.77"),))
    world.stock(placed.lines[1].sku, 9)
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True)])
    story = await world.start(placed)
    await story.waits_for("the warehouse to pack")
    world.edit_shop(story, set=[{"line_id": "2", "quantity": 1}])
    world.edit_erp(story, set=[{"line_id": "1", "quantity": 3}])
    await story.hint(System.ERP)
    document = await story.until(lambda document: document.revision == 2)
    assert [line.quantity for line in document.order.lines] == [3, 1]
    agrees(world, story, document)


async def test_of_two_edits_of_one_line_the_owners_holds_and_the_timeline_says_so(world: World) -> None:
    story = await picking(world)
    world.edit_shop(story, set=[{"line_id": "1", "quantity": 1}])
    world.edit_erp(story, set=[{"line_id": "1", "quantity": 3}])
    await story.hint(System.ERP)
    document = await story.until(lambda document: document.revision == 2)
    assert document.order.line(FIRST).quantity == 3
    agrees(world, story, document)
    assert any("edited in two systems at once" in one.what for one in document.timeline)


@pytest.mark.parametrize(("channel", "price"), [("shop", "9.00"), ("own-prices", "8.00")])
async def test_of_two_prices_of_one_line_that_of_their_owner_holds(
    world: World, channel: str, price: str
) -> None:
    story = await picking(world, channel=channel)
    world.edit_shop(story, set=[{"line_id": "1", "unit_price": "8.00"}])
    world.edit_erp(story, set=[{"line_id": "1", "unit_price": "9.00"}])
    await story.hint(System.ERP)
    document = await story.until(lambda document: document.revision == 2)
    line = document.order.line(FIRST)
    assert (line.quantity, f"{line.discounted.major / 2:f}") == (2, price)
    agrees(world, story, document)


async def test_an_edit_made_a_moment_after_our_write_is_not_lost(world: World) -> None:
    story = await picking(world)
    await story.amend(SetQuantity(line_id=FIRST, quantity=3))
    world.edit_erp(story, set=[{"line_id": "1", "unit_price": "9.00"}])
    await story.hint(System.ERP)
    document = await story.until(lambda document: document.revision == 3)
    assert str(document.order.line(FIRST).total) == "32.13 EUR"
    agrees(world, story, document)


async def test_on_hold_an_order_is_amended_and_goes_on_as_amended(world: World) -> None:
    story = await picking(world)
    await story.hold()
    amended = await story.amend(SetAddress(shipping=ELSEWHERE))
    assert amended.state is AmendmentState.COMMITTED, amended.why
    assert len((await story.document()).shipments) == 1
    await story.release()
    document = await story.until(lambda document: len(document.shipments) == 2)
    agrees(world, story, document)


async def test_what_is_blocked_on_the_erp_is_amended_and_entered_as_amended(world: World) -> None:
    world.simulator.fault("erp", "down", "enter_order")
    placed = world.order(channel="hasty")
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True)])
    story = await world.start(placed)
    await story.blocked_on(System.ERP)
    amended = await story.amend(SetQuantity(line_id=FIRST, quantity=3))
    assert amended.state is AmendmentState.COMMITTED, amended.why
    world.simulator.clear_faults()
    await story.retry()
    await story.waits_for("the warehouse to pack")
    agrees(world, story, await story.document())


async def test_before_it_is_paid_an_order_asks_for_what_it_is_by_then(world: World) -> None:
    placed = world.order()
    world.place(placed, payment="pending")
    story = await world.start(placed)
    await story.waits_for("the payment, which is pending")
    amended = await story.amend(SetQuantity(line_id=FIRST, quantity=1))
    assert amended.state is AmendmentState.COMMITTED, amended.why
    world.bank(story, "authorise")
    await story.hint(System.PAYMENTS)
    await story.waits_for("the warehouse to pack")
    agrees(world, story, await story.document())


async def test_after_a_part_has_left_what_has_not_is_amended_and_the_rest_keeps_its_value(
    world: World,
) -> None:
    placed = world.order(more=((3, "7.77"),))
    world.stock(placed.lines[1].sku, 2)
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True)])
    story = await world.start(placed)
    await story.leaves(1)
    await story.waits_for("stock:")
    before = (await story.document()).ledger.charged
    amended = await story.amend(
        SetUnitPrice(line_id=LineId("2"), unit_price=Decimal("7.00")), SetQuantity(line_id=FIRST, quantity=4)
    )
    assert amended.state is AmendmentState.COMMITTED, amended.why
    document = await story.document()
    assert document.ledger.charged == before
    assert [(line.line_id, line.quantity) for line in document.order.lines] == [
        ("1", 4),
        ("2", 2),
        ("r2-1", 1),
    ]
    agrees(world, story, document)
    with pytest.raises(ValueError, match="2 units of line 1 have left already"):
        await story.amend(SetQuantity(line_id=FIRST, quantity=1))


async def test_prepaid_money_for_what_is_taken_out_goes_back(world: World) -> None:
    story = await world.begin(term=PaymentTerm.PREPAID, payment="captured")
    await story.waits_for("the warehouse to pack")
    await story.amend(SetQuantity(line_id=FIRST, quantity=1))
    document = await story.until(lambda document: document.payments.refunded)
    assert str(document.payments.refunded) == "11.90 EUR"
    agrees(world, story, document)


async def test_a_cancel_ends_an_amendment_that_waits_for_a_dead_system(world: World) -> None:
    story = await picking(world)
    world.simulator.fault("storefront", "down", "amend_order")
    asked = asyncio.create_task(story.amend(SetQuantity(line_id=FIRST, quantity=3)))
    await story.until(lambda document: document.edition == 2)
    assert (await story.cancel()).allowed
    assert (await asked).state is AmendmentState.UNDONE
    assert await story.result() is OrderState.CANCELLED
    books = await story.books()
    assert (books.reserved, books.erp, books.shop) == (0, ("cancelled",), ("cancelled",))


async def test_a_quote_tells_the_verdict_the_totals_and_how_the_money_would_follow(world: World) -> None:
    story = await picking(world)
    told = await story.quote(SetQuantity(line_id=FIRST, quantity=3), CancelRest())
    assert [one.verdict for one in told.verdicts] == [Verdict.ALLOWED, Verdict.REFUSED]
    told = await story.quote(SetQuantity(line_id=FIRST, quantity=3))
    assert told.allowed
    assert (told.total_before, told.total_after) == (
        Money(minor=2963, currency="EUR"),
        Money(minor=4153, currency="EUR"),
    )
    assert "A new reservation of 41.53 EUR" in told.words
    assert [lock.units for lock in told.locked] == [2]
    assert (await story.document()).revision == 1


async def refused_last(world: World, story: Story, meanwhile: Callable[[], object]) -> asyncio.Task[Amended]:
    """An amendment that the shop refuses, after `meanwhile` has happened elsewhere."""
    world.simulator.fault("storefront", "down", "amend_order")
    asked = asyncio.create_task(story.amend(SetQuantity(line_id=FIRST, quantity=3)))
    await story.blocked_on(System.STOREFRONT)
    meanwhile()
    world.simulator.clear_faults()
    world.simulator.fault("storefront", "refuse", "amend_order", times=1)
    return asked


async def test_a_system_that_refuses_the_way_back_too_asks_a_person(world: World) -> None:
    placed = world.order(channel="hasty")
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True)])
    story = await world.start(placed)
    await story.waits_for("the warehouse to pack")
    asked = await refused_last(world, story, lambda: None)
    world.simulator.fault("stock", "refuse", "reserve", times=1)
    assert (await story.needs_person()).reason is Reason.STOCK_REFUSED
    await story.retry()
    assert (await asked).state is AmendmentState.UNDONE
    agrees(world, story, await story.document())
    assert (await story.books()).reserved == 2


async def test_credit_that_others_used_meanwhile_is_a_persons_to_decide(world: World) -> None:
    buyer = world.buyer(limit="100.00")
    story = await world.begin(channel="hasty", term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    await story.waits_for("the warehouse to pack")
    asked = await refused_last(world, story, lambda: world.set_limit(story, "20.00"))
    assert (await story.needs_person()).reason is Reason.CREDIT_REFUSED
    await story.resolve(Action.SKIP)
    assert (await asked).state is AmendmentState.UNDONE
    assert any("beyond the customer's credit limit" in one.what for one in (await story.document()).timeline)


async def test_an_article_that_the_erp_prices_with_taxes_in_it_is_refused_where_the_orders_have_none(
    world: World,
) -> None:
    story = await picking(world)
    other = Sku(f"{story.sku}-gross")
    world.stock(other, 5)
    world.price(other, "9.52", taxes_included=True)
    amended = await story.amend(AddLine(sku=other, quantity=1))
    assert amended.state is AmendmentState.UNDONE
    assert "with taxes in it" in amended.why
    agrees(world, story, await story.document())
