"""Ways that an order goes, from its start to its end, for the tests that go them again with something in the way."""

from datetime import timedelta
from decimal import Decimal

from domain.amendments import SetQuantity, SetShipping
from domain.attention import Action, Correction
from domain.ids import System
from domain.money import Money
from domain.orders import PaymentTerm
from tests.workflows.story import Story
from tests.workflows.world import World


async def settled(world: World, *, channel: str = "shop") -> Story:
    """Paid, shipped, captured, invoiced, delivered, and over."""
    story = await world.begin(channel=channel)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def deliver_and_close(story: Story) -> None:
    await story.deliver()
    await story.waits_for("the return window to end")
    await story.until_closed()


async def cancelled_while_picking(world: World) -> Story:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    await story.cancel()
    await story.result()
    return story


async def cancelled_with_labels(world: World, *, channel: str = "shop") -> Story:
    """As late as it can be: everything is done, and only the hand-over to the driver does not get through."""
    world.simulator.fault("warehouse", "down", "hand_over")
    story = await world.begin(channel=channel)
    await story.pack()
    await story.until(lambda document: document.shipments[0].labels)
    await story.cancel()
    await story.result()
    return story


async def cancelled_at_the_deadline(world: World) -> Story:
    story = await world.begin(payment="pending")
    await story.waits_for("the payment, which is pending")
    await story.until_closed()
    return story


async def erp_down_for_a_while(world: World, *, channel: str = "hasty") -> Story:
    """`channel` is one that soon calls an effect blocked."""
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel=channel)
    await story.blocked_on(System.ERP)
    world.simulator.clear_faults()
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def capture_declined_and_mended(world: World) -> Story:
    story = await world.begin()
    await story.pack()
    world.hold_is(story, "declined")
    await story.ship()
    await story.needs_person()
    world.hold_is(story, "authorised")
    await story.retry()
    await deliver_and_close(story)
    return story


async def refused_by_the_erp(world: World, *, channel: str = "shop") -> Story:
    """The ERP does not know the article; a person is asked, and cancels."""
    story = await world.begin(channel=channel, on_hand=None)
    await story.needs_person()
    await story.operators_know("needs_person")
    await story.idle()
    await story.cancel()
    await story.result()
    return story


async def prepaid(world: World) -> Story:
    story = await world.begin(term=PaymentTerm.PREPAID, payment="captured")
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def prepaid_and_cancelled(world: World, *, channel: str = "shop") -> Story:
    story = await world.begin(channel=channel, term=PaymentTerm.PREPAID, payment="captured")
    await story.waits_for("the warehouse to pack")
    await story.cancel()
    await story.result()
    return story


async def asked_to_transfer(world: World) -> Story:
    """An order whose customer is to send its total by bank."""
    placed = world.order(term=PaymentTerm.BANK_TRANSFER)
    amount = {"amount": f"{placed.total.major:f}", "currency": placed.total.currency}
    world.place(placed, tenders=[{"amount": amount, "method": "bank_transfer"}])
    return await world.start(placed)


async def paid_after_it_was_cancelled(world: World) -> Story:
    story = await asked_to_transfer(world)
    await story.waits_for("the payment, which is pending")
    await story.cancel()
    await story.waits_for("money that may still arrive")
    world.transfer(story, "29.63")
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: document.payments.refunds)
    await story.pass_time(timedelta(days=31))
    await story.result()
    return story


async def on_account(world: World, *, channel: str = "shop") -> Story:
    buyer = world.buyer(limit="100.00")
    story = await world.begin(channel=channel, term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def declined_then_paid(world: World) -> Story:
    story = await world.begin(payment="declined")
    await story.waits_for("another try to pay")
    world.pay(story)
    await story.hint(System.PAYMENTS)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def gift_card_and_card_cancelled(world: World) -> Story:
    gift_card = {"amount": {"amount": "20.00", "currency": "EUR"}, "method": "gift_card", "state": "captured"}
    card = {"amount": {"amount": "9.63", "currency": "EUR"}, "method": "card"}
    story = await world.begin(tenders=(gift_card, card))
    await story.waits_for("the warehouse to pack")
    await story.cancel()
    await story.result()
    return story


async def held_and_released(world: World) -> Story:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    await story.hold()
    await story.ship()
    await story.until(lambda document: document.shipments[0].state == "shipped")
    await story.release()
    await deliver_and_close(story)
    return story


async def cancelled_in_the_shop(world: World) -> Story:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.edit("orders", story.id, lambda order: order.update(state="cancelled"))
    await story.hint(System.STOREFRONT)
    await story.result()
    return story


async def approved_by_the_merchant(world: World) -> Story:
    story = await world.begin(channel="wholesale", customer=world.buyer(approval="pending"))
    await story.needs_person()
    world.approval(story, "approved")
    await story.hint(System.ERP)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def credit_granted_later(world: World) -> Story:
    buyer = world.buyer(limit="20.00")
    story = await world.begin(term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    await story.needs_person()
    world.set_limit(story, "100.00")
    await story.hint(System.ERP)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def corrected_at_the_desk(world: World) -> Story:
    """The carrier does not go there; an operator corrects the address."""
    placed = world.order()
    assert placed.shipping is not None
    nowhere = placed.shipping.model_copy(update={"country": "AQ", "city": "Nowhere"})
    placed = placed.model_copy(update={"shipping": nowhere})
    world.place(placed)
    story = await world.start(placed)
    await story.pack()
    await story.needs_person()
    somewhere = nowhere.model_copy(update={"country": "DE", "city": "Berlin"})
    await story.resolve(Action.CORRECT, correction=Correction(shipping=somewhere))
    await story.ship()
    await deliver_and_close(story)
    return story


async def refund_failed_and_repeated(world: World) -> Story:
    story = await world.begin(term=PaymentTerm.PREPAID, payment="captured")
    await story.waits_for("the warehouse to pack")
    world.refunds(story, "failed")
    await story.cancel()
    await story.needs_person()
    world.refunds(story, "succeeded")
    await story.retry()
    await story.result()
    return story


async def gone_on_without_the_crm(world: World) -> Story:
    world.simulator.fault("crm", "down", "note")
    story = await world.begin(channel="patient")
    await story.blocked_on(System.CRM)
    await story.resolve(Action.SKIP)
    await story.waits_for("the warehouse to pack")
    world.simulator.clear_faults()
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story


async def in_parts(world: World, parts: int) -> Story:
    """A line per warehouse, so that each ships by itself; a hold that can be taken in parts."""
    placed = world.order(more=[(1, "5.00")] * (parts - 1))
    for number, line in enumerate(placed.lines, 1):
        world.stock(line.sku, line.quantity, f"warehouse-{number}")
    world.place(placed, on_hand=None, tenders=[world.card(placed.total)])
    story = await world.start(placed)
    await story.until(lambda document: len(document.shipments) == parts)
    return story


async def disputed_after_it_closed(world: World, *, channel: str = "shop") -> Story:
    """The bank takes the money back for good; the order is open until that is known."""
    story = await settled(world, channel=channel)
    world.simulator.call("POST", "/world/payments/dispute", {"order_id": story.id})
    await world.look_after(story)
    await story.needs_person()
    await story.operators_know("needs_person")
    await story.retry()
    decision = {"order_id": story.id, "state": "lost"}
    world.simulator.call("POST", "/world/payments/dispute/decide", decision)
    await story.hint(System.PAYMENTS)
    await story.result()
    return story


async def five_shipments_and_two_returns(world: World) -> Story:
    """People take a breath between two parcels."""
    story = await in_parts(world, 5)
    for number in range(1, 6):
        await story.leaves(number)
        await story.idle()
    for number in range(1, 6):
        await story.delivers(number)
        await story.idle()
    await story.waits_for("the return window to end")
    for number, line in enumerate(story.placed.lines[:2], 1):
        await story.send_back({line.line_id: 1}, f"request {number}")
        await story.comes_back(number, {line.line_id: 1})
        await story.until(lambda document: all(back.ended for back in document.returns))
    await story.until_closed()
    return story


async def backorder_and_return(world: World, *, channel: str = "shop") -> Story:
    """One of two units is there, and the hold is renewed before the other one comes. One of them comes back."""
    placed = world.order(channel=channel)
    world.place(placed, on_hand=1, tenders=[world.card(placed.total, stored_credential=True)])
    story = await world.start(placed)
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    await story.pass_time(timedelta(days=6, minutes=1))
    await story.until(lambda document: document.holds_asked == 1)
    world.arrive(story.sku, 1)
    await story.hint(System.STOCK)
    await story.leaves(2)
    await story.delivers(1)
    await story.delivers(2)
    await story.waits_for("the return window to end")
    await story.send_back({story.placed.lines[0].line_id: 1})
    await story.comes_back(1, {story.placed.lines[0].line_id: 1})
    await story.until(lambda document: document.returns[0].ended)
    await story.until_closed()
    return story


async def paid_by_a_link_and_sent_by_hand(world: World, *, channel: str = "shop") -> Story:
    """The hold is gone before the rest can leave, and the customer pays by a link. People send it off unasked."""
    placed = world.order(channel=channel)
    world.place(placed, on_hand=1, tenders=[world.card(placed.total, pay_link=True)])
    story = await world.start(placed)
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    world.simulator.call("POST", "/world/payments/expire", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: "by a link" in document.timeline[-1].what)
    world.simulator.call("POST", "/world/payments/follow-link", {"order_id": story.id})
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: document.payments.held.minor == 1190)
    world.stock(story.sku, 1)
    line = {"line_id": story.placed.lines[0].line_id, "sku": story.sku, "quantity": 1}
    by_hand = {"order_id": story.id, "lines": [line], "state": "shipped"}
    world.simulator.call("POST", "/world/warehouse/by-hand", by_hand)
    await story.hint(System.WAREHOUSE)
    await story.until(lambda document: len(document.shipments) == 2 and document.shipments[1].told)
    await story.arrive(1, 2)
    return story


async def hold_made_larger_and_rest_cancelled(world: World, *, channel: str = "shop") -> Story:
    """Paid with two cards. Before the rest can leave one hold is gone and the other made larger; then it is cancelled."""
    placed = world.order(channel=channel)
    first = Money(minor=2000, currency=placed.currency)
    cards = [
        world.card(first, reference=f"first-{placed.number}"),
        world.card(placed.total - first, increment=True),
    ]
    world.place(placed, on_hand=1, tenders=cards)
    story = await world.start(placed)
    await story.leaves(1)
    await story.waits_for("stock: 1 × ")
    gone = {"order_id": story.id, "reference": f"first-{placed.number}"}
    world.simulator.call("POST", "/world/payments/expire", gone)
    await story.hint(System.PAYMENTS)
    await story.until(lambda document: document.holds_asked == 1 and document.payments.held.minor == 1190)
    await story.cancel()
    await story.arrive(1)
    return story


async def amended_by_phone_and_in_the_erp(world: World) -> Story:
    """Less by phone while it is picked, so that the pick is stopped; then more in the ERP alone, which needs a new hold."""
    placed = world.order()
    world.place(placed, tenders=[world.card(placed.total, stored_credential=True)])
    story = await world.start(placed)
    await story.waits_for("the warehouse to pack")
    line = placed.lines[0].line_id
    await story.amend(SetQuantity(line_id=line, quantity=1))
    await story.until(lambda document: len(document.shipments) == 2)
    world.edit_erp(story, set=[{"line_id": line, "quantity": 3}])
    await story.hint(System.ERP)
    await story.until(lambda document: len(document.shipments) == 3)
    await story.leaves(2)
    await story.leaves(3)
    await story.arrive(2, 3)
    return story


async def an_amendment_that_the_shop_refuses(world: World) -> Story:
    """Everything that was written before is written back."""
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    world.simulator.fault("storefront", "refuse", "amend_order", times=1)
    await story.amend(SetQuantity(line_id=story.placed.lines[0].line_id, quantity=1))
    await story.leaves(2)
    await story.arrive(2)
    return story


async def amended_by_a_signal(world: World, *, channel: str = "shop") -> Story:
    """Whoever sent it hears by webhook how it ended."""
    story = await world.begin(channel=channel)
    await story.waits_for("the warehouse to pack")
    await story.signal_amendment(SetShipping(method="express", amount=Decimal("4.90")))
    await story.until(lambda document: document.revision == 2)
    await story.pack()
    await story.ship()
    await deliver_and_close(story)
    return story
