"""What a person can do about an order that stands still: retry, correct, done outside, skip, cancel."""

from domain.attention import Action, Correction, Reason
from domain.customers import CustomerRecord
from domain.ids import CustomerRef, System
from domain.orders import Address
from tests.workflows import flows
from tests.workflows.books import ON_HAND, settled
from tests.workflows.story import Story
from tests.workflows.world import World

NOWHERE = Address(name="Max Muster", street="Nowhere 1", postal_code="00000", city="Nowhere", country="AQ")
SOMEWHERE = Address(name="Max Muster", street="Ring 1", postal_code="10115", city="Berlin", country="DE")


async def refused_by_the_carrier(world: World) -> Story:
    placed = world.order()
    placed = placed.model_copy(update={"shipping": NOWHERE})
    world.place(placed)
    story = await world.start(placed)
    await story.pack()
    attention = await story.needs_person()
    assert attention.reason is Reason.LABELS_REFUSED
    assert Action.CORRECT in attention.can
    return story


async def test_a_corrected_address_reaches_erp_and_carrier_and_the_order_goes_on(world: World) -> None:
    story = await refused_by_the_carrier(world)
    answer = await story.resolve(Action.CORRECT, correction=Correction(shipping=SOMEWHERE))
    assert (answer.allowed, answer.why) == (True, "done")
    await story.ship()
    await flows.deliver_and_close(story)
    document = await story.document()
    assert document.revision == 2
    assert document.order.shipping == SOMEWHERE
    (sales_order,) = world.of_order(story, "sales_orders")
    assert sales_order["order"]["shipping"]["city"] == "Berlin"
    assert await story.books() == settled(story.placed, operators=("needs_person",))


async def test_labels_that_were_made_by_hand_are_taken_with_their_number(world: World) -> None:
    story = await refused_by_the_carrier(world)
    assert (await story.resolve(Action.DONE, reference="JD0001")).allowed
    await story.ship()
    document = await story.until(lambda document: document.ledger.entries)
    assert document.shipments[0].labels is not None
    assert [label.tracking_number for label in document.shipments[0].labels.labels] == ["JD0001"]
    assert "done (outside as JD0001) by operator: mended" in [h.what for h in document.timeline]


async def test_a_correction_that_does_not_help_is_told_and_asked_about_again(world: World) -> None:
    story = await refused_by_the_carrier(world)
    elsewhere = NOWHERE.model_copy(update={"city": "Elsewhere"})
    answer = await story.resolve(Action.CORRECT, correction=Correction(shipping=elsewhere))
    assert not answer.allowed
    assert (await story.needs_person()).number == 2


async def test_an_article_that_the_erp_does_not_know_is_corrected_to_one_that_it_does(world: World) -> None:
    story = await world.begin(on_hand=None)
    assert (await story.needs_person()).reason is Reason.ORDER_REFUSED
    world.stock("KNOWN", ON_HAND)
    line = story.placed.lines[0].line_id
    answer = await story.resolve(Action.CORRECT, correction=Correction(skus={line: "KNOWN"}))
    assert answer.allowed, answer.why
    await story.waits_for("the warehouse to pack")
    unknown = Correction(skus={"99": "KNOWN"})
    assert not (await story.resolve(Action.CORRECT, correction=unknown)).allowed  # nothing asks any more


async def test_an_answer_to_an_older_question_is_not_taken(world: World) -> None:
    story = await world.begin(on_hand=None)
    first = await story.needs_person()
    assert not (await story.retry()).allowed
    await story.needs_person()
    late = await story.resolve(Action.RETRY, number=first.number)
    assert (late.allowed, late.why) == (False, "that question is answered already")


async def test_what_is_no_answer_to_the_question_is_not_taken(world: World) -> None:
    story = await world.begin(on_hand=None)
    await story.needs_person()
    answer = await story.resolve(Action.SKIP)
    assert not answer.allowed
    assert "skip is no answer to this" in answer.why
    assert (await story.document()).attention is not None


async def test_the_order_is_done_outside_only_if_the_erp_really_has_it(world: World) -> None:
    story = await world.begin(on_hand=None)
    await story.needs_person()
    answer = await story.resolve(Action.DONE, reference="SO-4711")
    assert not answer.allowed
    assert "unknown_sku" in answer.why


async def test_a_customer_that_was_made_by_hand_is_taken_if_the_erp_knows_it(world: World) -> None:
    placed = world.order()
    nameless = placed.customer.model_copy(update={"name": ""})
    placed = placed.model_copy(update={"customer": nameless})
    world.place(placed)
    story = await world.start(placed)
    attention = await story.needs_person()
    assert attention.reason is Reason.CUSTOMER_REFUSED
    assert not (await story.resolve(Action.DONE, reference="C-none")).allowed
    known = world.customer_by_hand(placed.customer.model_copy(update={"name": "Max Muster"}))
    await story.needs_person()
    assert (await story.resolve(Action.DONE, reference=known)).allowed
    document = await story.until(lambda document: document.erp_customer)
    assert document.erp_customer == CustomerRecord(customer=CustomerRef(known)).customer


async def test_retry_now_asks_a_dead_system_at_once_and_begins_the_intervals_anew(world: World) -> None:
    """In the channel `patient` the next try of its own would come after an hour."""
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="patient")
    await story.blocked_on(System.ERP)
    world.simulator.clear_faults()
    answer = await story.retry()
    assert (answer.allowed, answer.why) == (True, "erp: asked again now")
    await story.waits_for("the warehouse to pack")


async def test_retry_now_of_a_system_that_is_still_dead_loses_nothing(world: World) -> None:
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="patient")
    await story.blocked_on(System.ERP)
    for _ in range(3):
        assert (await story.retry()).allowed
    assert [mark.system for mark in (await story.document()).blocked] == [System.ERP]
    world.simulator.clear_faults()
    await story.retry()
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_a_dead_crm_can_be_gone_without(world: World) -> None:
    world.simulator.fault("crm", "down", "note")
    story = await world.begin(channel="patient")
    await story.blocked_on(System.CRM)
    answer = await story.resolve(Action.SKIP)
    assert (answer.allowed, answer.why) == (True, "crm: gone on without it")
    await story.waits_for("the warehouse to pack")
    world.simulator.clear_faults()
    assert (await story.books()).notes == ()


async def test_the_erp_cannot_be_gone_without(world: World) -> None:
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="patient")
    await story.blocked_on(System.ERP)
    answer = await story.resolve(Action.SKIP)
    assert (answer.allowed, answer.why) == (
        False,
        "skip does not help while a system is down: retry or cancel",
    )
    assert (await story.resolve(Action.CANCEL)).allowed


async def test_books_that_differ_can_be_accepted_by_a_person_with_a_reason(world: World) -> None:
    placed = world.order()
    world.place(placed, shop_total=placed.total + placed.total)
    story = await world.start(placed)
    await story.pack()
    await story.ship()
    attention = await story.needs_person()
    assert attention.reason is Reason.BOOKS_DISAGREE
    assert Action.SKIP in attention.can
    assert (await story.resolve(Action.SKIP)).allowed
    await flows.deliver_and_close(story)
