"""How an order gets into the state that a section of the runbook is about, and what mends it before each answer."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.attention import Action, Reason
from domain.ids import System
from domain.orders import PaymentTerm
from tests.contracts.simulator_process import wait_until
from tests.entrypoints.office import Office
from tests.workflows.books import ON_HAND
from tests.workflows.story import PATIENCE_SECONDS, Story
from tests.workflows.test_holds import waits_for_stock
from tests.workflows.test_resolutions import NOWHERE
from tests.workflows.test_returns import LINE, delivered
from tests.workflows.world import World

Mend = Callable[[World, Story], object]


@dataclass(frozen=True)
class Scene:
    """`begin` brings an order there. `mend` is what somebody does outside before the action of that name.

    What `mend` returns replaces the number that the runbook's example gives to --reference.
    """

    begin: Callable[[Office], Story]
    mend: Mapping[str, Mend] = field(default_factory=dict)


def _packed(office: Office, **how: Any) -> Story:
    story = office.do(office.world.begin(**how))
    office.do(story.pack())
    office.do(story.waits_for("the goods to leave"))
    return story


def _edit(kind: str, **changed: object) -> Mend:
    """Somebody edits the one record of the order."""
    return lambda world, story: world.edit(kind, _name(world, story, kind), lambda r: r.update(changed))


def _name(world: World, story: Story, kind: str) -> str:
    if kind == "picks":
        return story.shipment
    if kind == "customers":
        email = story.placed.customer.email
        records = world.simulator.books()["customers"]
        (known,) = [
            record["reference"]
            for record in records
            if record["customer"]["email"] == email and record["reference"].startswith("K")  # the CRM's
        ]
        return str(known)
    return story.id


def _asked(office: Office, story: Story) -> Story:
    office.do(story.needs_person())
    return story


# -- blocked and on hold -----------------------------------------------------------------------------------------------


def blocked(office: Office) -> Story:
    office.world.simulator.fault("erp", "down", "enter_order")
    story = office.do(office.world.begin(channel="patient"))
    office.do(story.blocked_on(System.ERP))
    _waits_an_hour(office, story)
    return story


def blocked_without_need(office: Office) -> Story:
    office.world.simulator.fault("crm", "down", "note")
    story = office.do(office.world.begin(channel="patient"))
    office.do(story.blocked_on(System.CRM))
    _waits_an_hour(office, story)
    return story


def _waits_an_hour(office: Office, story: Story) -> None:
    """Once it is blocked it asks again, and then no more: only a person makes it go on before that."""

    def asked_twice() -> bool:
        mine = [
            r
            for r in office.world.simulator.books(story.id)["requests"]
            if r["key"].startswith(f"{story.id}/")
        ]
        return any(request["outcomes"].get("down", 0) > 1 for request in mine)

    wait_until(asked_twice, PATIENCE_SECONDS)


def goes_its_way(office: Office) -> Story:
    story = office.do(office.world.begin())
    office.do(story.waits_for("the warehouse to pack"))
    return story


def held(office: Office) -> Story:
    story = goes_its_way(office)
    assert office.do(story.hold()).allowed
    return story


# -- questions before anything is picked -------------------------------------------------------------------------------


def customer_refused(office: Office) -> Story:
    placed = office.world.order()
    placed = placed.model_copy(update={"customer": placed.customer.model_copy(update={"name": ""})})
    office.world.place(placed)
    return _asked(office, office.do(office.world.start(placed)))


def _customer_by_hand(world: World, story: Story) -> str:
    return world.customer_by_hand(story.placed.customer.model_copy(update={"name": "Erika Mustermann"}))


def approval_needed(office: Office) -> Story:
    buyer = office.world.buyer(approval="pending")
    return _asked(office, office.do(office.world.begin(channel="wholesale", customer=buyer)))


def captured_early(office: Office) -> Story:
    return _asked(office, office.do(office.world.begin(payment="captured")))


def credit_refused(office: Office) -> Story:
    buyer = office.world.buyer(limit="20.00")
    begun = office.world.begin(term=PaymentTerm.ON_ACCOUNT, payment=None, customer=buyer)
    return _asked(office, office.do(begun))


def order_refused(office: Office) -> Story:
    office.world.stock("LAMP-2", ON_HAND)
    return _asked(office, office.do(office.world.begin(on_hand=None)))


def stock_refused(office: Office) -> Story:
    """The article is taken off the books between the ERP and the reservation."""
    office.world.simulator.fault("stock", "down", "reserve")
    story = office.do(office.world.begin(channel="hasty"))
    office.do(story.blocked_on(System.STOCK))
    _rename_article(office.world, story.sku, f"{story.sku}-gone")
    office.world.simulator.clear_faults()
    return _asked(office, story)


def _rename_article(world: World, sku: str, other: str) -> None:
    with sqlite3.connect(world._state, timeout=5) as database:
        database.execute("UPDATE documents SET id = ? WHERE kind = 'stock' AND id = ?", (other, sku))
    database.close()


def message_refused(office: Office) -> Story:
    """The customer vanishes from the CRM before it is told that the order is confirmed."""
    story = office.do(office.world.begin(payment="pending"))
    office.do(story.waits_for("the payment"))
    _edit("customers", system="elsewhere")(office.world, story)
    office.world.bank(story, "authorise")
    office.do(story.hint(System.PAYMENTS))
    return _asked(office, story)


# -- questions of warehouse and carrier --------------------------------------------------------------------------------


def pick_refused(office: Office) -> Story:
    story = goes_its_way(office)
    _edit("picks", state="cancelled")(office.world, story)
    office.do(story.hint(System.WAREHOUSE))
    return _asked(office, story)


def short_pick(office: Office) -> Story:
    """One piece too many is in the box."""
    story = goes_its_way(office)
    office.world.simulator.pack(story.shipment)
    _put_into_the_box(office.world, story, story.placed.lines[0].quantity + 1)
    office.do(story.hint(System.WAREHOUSE))
    return _asked(office, story)


def _take_it_out(world: World, story: Story) -> None:
    _put_into_the_box(world, story, story.placed.lines[0].quantity)


def _put_into_the_box(world: World, story: Story, units: int) -> None:
    def so_many(record: dict[str, Any]) -> None:
        record["packages"][0]["lines"][0]["quantity"] = units

    world.edit("picks", story.shipment, so_many)


def labels_refused(office: Office) -> Story:
    placed = office.world.order().model_copy(update={"shipping": NOWHERE})
    office.world.place(placed)
    story = office.do(office.world.start(placed))
    office.do(story.pack())
    return _asked(office, story)


# -- questions after the goods have left -------------------------------------------------------------------------------


def capture_refused(office: Office) -> Story:
    story = _packed(office)
    office.world.hold_is(story, "declined")
    office.do(story.ship())
    return _asked(office, story)


def _captured_by_hand(world: World, story: Story) -> None:
    world.hold_is(story, "authorised")
    world.simulator.call("POST", "/world/payments/capture", {"order_id": story.id})


def payment_unsecured(office: Office) -> Story:
    """One of two pieces has left when the bank lets the hold for the other one go."""
    story = office.do(waits_for_stock(office.world))
    office.world.simulator.call("POST", "/world/payments/expire", {"order_id": story.id})
    office.do(story.hint(System.PAYMENTS))
    return _asked(office, story)


def _pays_the_rest(world: World, story: Story) -> None:
    world.pay(story, amount={"amount": "11.90", "currency": "EUR"})


def return_asked(office: Office) -> Story:
    story = office.do(delivered(office.world, channel="careful"))
    office.do(story.send_back({LINE: 1}))
    return _asked(office, story)


def return_damaged(office: Office) -> Story:
    story = office.do(delivered(office.world))
    office.do(story.send_back({LINE: 2}))
    office.do(story.comes_back(1, {LINE: 1}, damaged={LINE: 1}))
    return _asked(office, story)


def parcel_lost(office: Office) -> Story:
    story = office.do(office.world.begin())
    office.do(story.leaves(1))
    office.do(story.waits_for("the delivery"))
    office.world.simulator.call("POST", "/world/carrier/lose", {"shipment_id": story.shipment})
    office.do(story.hint(System.CARRIER))
    return _asked(office, story)


def disputed(office: Office) -> Story:
    story = office.do(delivered(office.world))
    office.world.simulator.call("POST", "/world/payments/dispute", {"order_id": story.id})
    office.do(story.hint(System.PAYMENTS))
    return _asked(office, story)


def _is_won(world: World, story: Story) -> None:
    decision = {"order_id": story.id, "state": "won"}
    world.simulator.call("POST", "/world/payments/dispute/decide", decision)


def shipment_not_taken(office: Office) -> Story:
    story = _packed(office)
    _edit("sales_orders", state="cancelled")(office.world, story)
    office.do(story.ship())
    return _asked(office, story)


def invoice_refused(office: Office) -> Story:
    """Somebody cancels the sales order in the ERP after the shipment, before it is invoiced."""
    story = _packed(office)
    office.world.simulator.fault("storefront", "down", "report_shipment")
    office.do(story.ship())
    office.do(_until_erp_knows(story))
    _edit("sales_orders", state="cancelled")(office.world, story)
    office.world.simulator.clear_faults()
    return _asked(office, story)


async def _until_erp_knows(story: Story) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await story.books()).erp_told:  # noqa: ASYNC110  it is told in another process
            await asyncio.sleep(0.05)


def edit_not_carried(office: Office) -> Story:
    """A representative enters a third piece in the ERP, and the customer's bank holds no more."""
    placed = office.world.order()
    office.world.place(placed, tenders=[office.world.card(placed.total, stored_credential=True)])
    story = office.do(office.world.start(placed))
    office.do(story.waits_for("the warehouse to pack"))
    office.world.holds(story, "insufficient_funds")
    office.world.edit_erp(story, set=[{"line_id": LINE, "quantity": 3}])
    office.do(story.hint(System.ERP))
    return _asked(office, story)


def books_disagree(office: Office) -> Story:
    story = _packed(office)
    office.world.edit("sales_orders", story.id, _total("29.64"))
    office.do(story.ship())
    return _asked(office, story)


def _total(amount: str) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["order"]["total"].update(amount=amount)


# -- questions of a cancelled order ------------------------------------------------------------------------------------


def refund_failed(office: Office) -> Story:
    story = office.do(office.world.begin(term=PaymentTerm.PREPAID, payment="captured"))
    office.do(story.waits_for("the warehouse to pack"))
    office.world.refunds(story, "failed")
    assert office.do(story.cancel()).allowed
    return _asked(office, story)


def compensating(office: Office) -> Story:
    story = goes_its_way(office)
    _edit("sales_orders", state="invoiced")(office.world, story)
    assert office.do(story.cancel()).allowed
    return _asked(office, story)


def _all_is_well(world: World, story: Story) -> None:
    del story
    world.simulator.clear_faults()


_REOPEN = _edit("sales_orders", state="entered")

# By the heading in the runbook.
SCENES: Mapping[str, Scene] = {
    "Where to look": Scene(blocked),
    "Blocked": Scene(blocked, {Action.RETRY: _all_is_well}),
    "Blocked on what can be gone without": Scene(blocked_without_need),
    "On hold": Scene(held),
    "Many at once": Scene(
        order_refused, {Action.RETRY: lambda world, story: world.stock(story.sku, ON_HAND)}
    ),
    Reason.CUSTOMER_REFUSED: Scene(customer_refused, {Action.DONE: _customer_by_hand}),
    Reason.APPROVAL_NEEDED: Scene(
        approval_needed, {Action.RETRY: lambda world, story: world.approval(story, "approved")}
    ),
    Reason.CAPTURED_EARLY: Scene(captured_early),
    Reason.CREDIT_REFUSED: Scene(
        credit_refused, {Action.RETRY: lambda world, story: world.set_limit(story, "100.00")}
    ),
    Reason.ORDER_REFUSED: Scene(
        order_refused, {Action.RETRY: lambda world, story: world.stock(story.sku, ON_HAND)}
    ),
    Reason.STOCK_REFUSED: Scene(
        stock_refused, {Action.RETRY: lambda world, story: world.stock(story.sku, ON_HAND)}
    ),
    Reason.PICK_REFUSED: Scene(pick_refused),
    Reason.SHORT_PICK: Scene(short_pick, {Action.RETRY: _take_it_out}),
    Reason.LABELS_REFUSED: Scene(labels_refused),
    Reason.CAPTURE_REFUSED: Scene(
        capture_refused,
        {
            Action.RETRY: lambda world, story: world.hold_is(story, "authorised"),
            Action.DONE: _captured_by_hand,
        },
    ),
    Reason.REFUND_FAILED: Scene(
        refund_failed, {Action.RETRY: lambda world, story: world.refunds(story, "succeeded")}
    ),
    Reason.PAYMENT_UNSECURED: Scene(payment_unsecured, {Action.RETRY: _pays_the_rest}),
    Reason.RETURN_ASKED: Scene(return_asked),
    Reason.RETURN_DAMAGED: Scene(return_damaged),
    Reason.PARCEL_LOST: Scene(parcel_lost),
    Reason.DISPUTED: Scene(disputed, {Action.RETRY: _is_won}),
    Reason.SHIPMENT_NOT_TAKEN: Scene(shipment_not_taken, {Action.RETRY: _REOPEN}),
    Reason.INVOICE_REFUSED: Scene(invoice_refused, {Action.RETRY: _REOPEN, Action.DONE: _REOPEN}),
    Reason.MESSAGE_REFUSED: Scene(message_refused, {Action.RETRY: _edit("customers", system="crm")}),
    Reason.EDIT_NOT_CARRIED: Scene(
        edit_not_carried, {Action.RETRY: lambda world, story: world.holds(story, None)}
    ),
    Reason.BOOKS_DISAGREE: Scene(
        books_disagree,
        {
            Action.RETRY: lambda world, story: world.edit(
                "sales_orders", story.id, _total(f"{story.placed.total.major}")
            )
        },
    ),
    Reason.COMPENSATING: Scene(compensating, {Action.RETRY: _REOPEN}),
}
