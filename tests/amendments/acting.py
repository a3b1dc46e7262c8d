"""One case of the matrix, acted out: an order is brought to its moment, amended, and goes on."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from domain.amendments import (
    Amended,
    AmendmentRecord,
    AmendmentState,
    SetShipping,
)
from domain.attention import Action, Answer, Attention, Reason
from domain.document import OrderDocument
from domain.ids import Sku, System
from domain.orders import PaymentTerm
from domain.phases import Phase
from domain.shipments import PickState
from tests.amendments.agreeing import Lines, disagreements, lines_in, lines_of, unsettled
from tests.amendments.matrix import (
    Case,
    How,
    Money,
    Outcome,
    Step,
    What,
    When,
    Where,
    outcome,
)
from tests.amendments.wishes import OVER, TERMS, changes_of, edit_of, operation_of, tender_of
from tests.workflows.story import Story
from tests.workflows.world import World

PATIENCE_SECONDS = 120.0  # of a busy machine
LATE_SECONDS = 0.8


class Acting:
    def __init__(self, world: World, case: Case) -> None:
        self.world = world
        self.case = case
        self.other = Sku("")
        self.story: Story
        self.before: OrderDocument
        self.target: tuple[Lines, str] | None = None  # the lines and the street that somebody edited
        self.answers: list[asyncio.Task[Answer]] = []
        self.first: asyncio.Task[Amended]

    async def act(self, *, to_the_end: bool) -> Outcome:
        """AssertionError tells what is not as it is to be."""
        await self._begin()
        await self._come_to()
        self.before = await self.story.document()
        await self._make_trouble()
        found = await self._amend()
        assert found is outcome(self.case), (
            f"{found}: {[one.why for one in (await self._document()).amendments]}"
        )
        await self._go_on()
        await self._agrees(found)
        assert self._met(), "the trouble was never met"
        await asyncio.gather(*self.answers)
        if to_the_end:
            await self._to_the_end()
        return found

    # -- the order ---------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        case, world = self.case, self.world
        customer = world.buyer(limit="1000.00") if case.money is Money.ON_ACCOUNT else None
        late = case.trouble is not None and case.trouble.how is How.LATE_COMMIT
        blocks = case.when in {When.ENTERING_ERP, When.BLOCKED}
        channel = {(True, True): "rash", (True, False): "impatient", (False, True): "hasty"}.get(
            (late, blocks), "shop"
        )
        term = TERMS.get(case.money, PaymentTerm.AUTHORIZE_THEN_CAPTURE)
        placed = world.order(channel=channel, more=[(2, "5.00")], term=term, customer=customer)
        on_hand = {When.BACKORDERED: 0, When.PARTLY_SHIPPED: 1}.get(case.when, 10)
        for line in placed.lines:
            world.stock(line.sku, on_hand)
        self.other = Sku(f"{placed.lines[0].sku}-more")
        world.stock(self.other, 10)
        world.price(self.other, "7.00")
        whole = f"{placed.total.major:f}"
        tenders = [] if case.money is Money.ON_ACCOUNT else [tender_of(case, whole)]
        world.place(placed, payment=None, tenders=tenders, on_hand=None)
        self._fault_before(placed.order_id)
        self.story = await world.start(placed)

    def _fault_before(self, order_id: str) -> None:
        down = {When.ENTERING_ERP: ("erp", "enter_order"), When.BLOCKED: ("warehouse", "request_pick")}
        if self.case.when in down:
            system, operation = down[self.case.when]
            self.world.simulator.fault(system, "down", operation, key=f"{order_id}/")
        if self.case.when is When.NEEDS_PERSON:
            self.world.simulator.fault("erp", "refuse", "enter_order", times=1, key=f"{order_id}/")

    async def _come_to(self) -> None:
        """The moment at which it is amended."""
        story, case = self.story, self.case
        if case.money is Money.BANK_TRANSFER and case.when is not When.AWAITING_PAYMENT:
            await self._waits_for("the payment")
            self.world.transfer(story, f"{story.placed.total.major:f}")
            await story.hint(System.PAYMENTS)
        waits = {When.AWAITING_PAYMENT: "the payment", When.BACKORDERED: "stock"}
        blocked = {When.ENTERING_ERP: System.ERP, When.BLOCKED: System.WAREHOUSE}
        if case.when in blocked:
            await self._blocked_on(blocked[case.when])
        elif case.when is When.NEEDS_PERSON:
            await self._until(lambda document: document.attention)
        else:
            await self._waits_for(waits.get(case.when, "the warehouse to pack"))
        then: dict[When, Callable[[], Awaitable[object]]] = {
            When.PACKED: self._is_packed,
            When.PARTLY_SHIPPED: self._part_leaves,
            When.ON_HOLD: story.hold,
            When.IN_FLIGHT: self._first_of_two,
        }
        if case.when in then:
            await then[case.when]()
        await self._idle_unless_blocked()

    async def _is_packed(self) -> None:
        self.world.simulator.pack(self.story.shipment)
        await self.story.hint(System.WAREHOUSE)
        await self._waits_for("the goods to leave")

    async def _part_leaves(self) -> None:
        await self._leaves(1)
        await self._waits_for("stock")
        for line in self.story.placed.lines:
            self.world.arrive(line.sku, 9)
        await self.story.hint(System.STOCK)
        await self._until(
            lambda document: (
                len(document.shipments) == 2 and document.shipments[1].state is PickState.REQUESTED
            )
        )

    async def _leaves(self, number: int) -> None:
        name = f"{self.story.id}/s{number}"
        self.world.simulator.pack(name)
        await self.story.hint(System.WAREHOUSE)
        await self._until(lambda document: document.shipments[number - 1].labels)
        await self.story.eventually(lambda: name in self.world.simulator.ship(name))
        await self.story.hint(System.WAREHOUSE)
        await self._until(lambda document: document.shipments[number - 1].told)

    async def _idle_unless_blocked(self) -> None:
        if self.case.when not in {When.ENTERING_ERP, When.BLOCKED, When.IN_FLIGHT}:
            await self.story.idle()

    async def _first_of_two(self) -> None:
        """It has come as far as the shop, which is down."""
        self._fault("storefront", "down", "amend_order")
        change = SetShipping(method="Slow", amount=Decimal("4.50"))
        self.first = asyncio.create_task(self.story.amend(change, name="first"))
        await self.story.eventually(lambda: self._has_met("storefront", "down"))

    # -- trouble -----------------------------------------------------------------------------------------------

    def _fault(self, system: str, kind: str, operation: str, **more: float) -> None:
        self.world.simulator.fault(system, kind, operation, key=f"{self.story.id}/", **more)

    async def _make_trouble(self) -> None:
        trouble = self.case.trouble
        if trouble is None:
            return
        if trouble.how is not How.REFUSED:
            system, operation = operation_of(self.case, trouble.step)
            late = trouble.how is How.LATE_COMMIT
            kind = "late_commit" if late else "reply_lost"
            self._fault(system, kind, operation, times=1, seconds=LATE_SECONDS if late else 0)
        elif trouble.step is Step.PAYMENT:
            self._decline()
        elif trouble.step is Step.WAREHOUSE and self.case.when is not When.BLOCKED:
            for shipment in self.before.shipments:
                if not shipment.left:
                    self.world.simulator.call(
                        "POST", "/world/warehouse/lock", {"shipment_id": shipment.shipment_id}
                    )
        else:
            system, operation = operation_of(self.case, trouble.step)
            self._fault(system, "refuse", operation, times=1)

    def _decline(self) -> None:
        if self.case.money is Money.ON_ACCOUNT:
            self.world.set_limit(self.story, "1.00")
        elif self.case.money is not Money.PAY_LINK:
            script = {"order_id": self.story.id, "decline_holds": "insufficient_funds"}
            self.world.simulator.call("PUT", "/world/payments/script", script)

    def _met(self) -> bool:
        trouble = self.case.trouble
        if trouble is None or (trouble.how is How.REFUSED and trouble.step in {Step.PAYMENT, Step.WAREHOUSE}):
            return True  # the answer itself tells
        kinds = {How.REFUSED: "refuse", How.REPLY_LOST: "reply_lost", How.LATE_COMMIT: "late_commit"}
        system, _ = operation_of(self.case, trouble.step)
        return self._has_met(system, kinds[trouble.how])

    def _has_met(self, system: str, kind: str) -> bool:
        return (system, kind) in self.world.outcomes(self.story)

    # -- the amendment -----------------------------------------------------------------------------------------

    async def _amend(self) -> Outcome:
        if self.case.where is Where.CUSTOMER_SERVICE:
            return await self._by_customer_service()
        return await self._by_hand()

    async def _by_customer_service(self) -> Outcome:
        change = changes_of(self.case, self.other)
        told = await self.story.quote(*change)
        try:
            asked = asyncio.create_task(self.story.amend(*change, name="the-case"))
            if self.case.when is When.IN_FLIGHT:
                await self._until(lambda document: len(document.amendments) == 2)
                self._fault("storefront", "refuse", "amend_order", times=1)
                self._clear("storefront", "down")
                assert (await self.first).state is AmendmentState.UNDONE
            amended: Amended = await asyncio.wait_for(asked, PATIENCE_SECONDS)
        except ValueError:
            return Outcome.UNDONE if told.allowed else Outcome.REFUSED
        assert told.allowed
        if amended.state is AmendmentState.PENDING:
            await self._follow_link()
        record = await self._ended("the-case")
        if record.state is not AmendmentState.COMMITTED:
            return Outcome.UNDONE if record.state is AmendmentState.UNDONE else Outcome.REFUSED
        assert told.total_after is None or told.total_after == record.total_after, "the quote was another"
        return Outcome.COMMITTED

    async def _follow_link(self) -> None:
        """The customer pays, or lets it be until it is too late."""
        declined = self.case.trouble == (Step.PAYMENT, How.REFUSED)
        if declined:
            await self.story.pass_time(timedelta(hours=24, minutes=5))
            return
        await self.story.eventually(lambda: self.world.records(self.story)["pay_links"])
        if self._link_is_open():
            self.world.simulator.call("POST", "/world/payments/follow-link", {"order_id": self.story.id})
        await self.story.hint(System.PAYMENTS)

    def _link_is_open(self) -> bool:
        links = self.world.records(self.story)["pay_links"]
        return any(not link["closed"] and link["payment"] is None for link in links)

    async def _by_hand(self) -> Outcome:
        system = System.ERP if self.case.where is Where.ERP else System.STOREFRONT
        edit = self.world.edit_erp if system is System.ERP else self.world.edit_shop
        edit(self.story, **edit_of(self.case, self.other))
        records = self.world.records(self.story)
        kept = records["sales_orders"][0]["order"] if system is System.ERP else records["orders"][0]
        self.target = lines_in(kept), kept["shipping"]["street"]
        await self.story.hint(system)
        if self.case.when is When.IN_FLIGHT:
            self._clear("storefront", "down")
        return await self._carried()

    async def _carried(self) -> Outcome:
        """The edit holds, or a person was asked and had it tried again, or put back."""
        asked: Outcome | None = None
        while True:
            document = await self._until(self._decided)
            question = document.attention
            if question is not None and self._asks(document):
                self.before = document  # as it stands without the edit; the first of two may have changed it
                asked = Outcome.TRIED_AGAIN if outcome(self.case) is Outcome.TRIED_AGAIN else Outcome.PUT_BACK
                action = Action.RETRY if asked is Outcome.TRIED_AGAIN else Action.REJECT
                await self.story.resolve(action, number=question.number)
            elif question is not None:
                await self._answer(question)
            elif self._pending(document):
                await self._follow_link()
                await self._until(partial(self._other_than, self._pending(document)))
            else:
                return asked or (Outcome.COMMITTED if self._at_target(document) else Outcome.UNDONE)

    async def _answer(self, question: Attention) -> None:
        """One that stands before: its answer comes when the order may go on."""
        retry = self.story.resolve(Action.RETRY, number=question.number)
        self.answers.append(asyncio.create_task(retry))
        await self._until(lambda document: document.attention != question)

    def _asks(self, document: OrderDocument) -> bool:
        question = document.attention
        return question is not None and question.reason is Reason.EDIT_NOT_CARRIED

    def _other_than(self, pending: set[str], document: OrderDocument) -> bool:
        return self._pending(document) != pending or self._asks(document)

    def _pending(self, document: OrderDocument) -> set[str]:
        pending = (one for one in document.amendments if one.state is AmendmentState.PENDING)
        return {one.amendment.amendment_id for one in pending}

    def _decided(self, document: OrderDocument) -> bool:
        """Or a question is open, of this edit or one that stands before it."""
        by_hand = [one for one in document.amendments if one.amendment.amendment_id != "first"]
        queued = any(one.state is AmendmentState.QUEUED for one in document.amendments)
        if document.attention is not None and (self._asks(document) or queued):
            return True
        all_ended = all(one.ended for one in document.amendments)
        ended = all_ended and (bool(by_hand) or self._at_target(document))
        return ended or bool(self._pending(document))

    def _at_target(self, document: OrderDocument) -> bool:
        """Its goods and its address are those of the edit; so is its freight, unless the first of two set another."""
        if self.target is None or document.order.shipping is None:
            return False
        goods, street = self.target
        ours = lines_of(document.order)
        if self.case.when is When.IN_FLIGHT and self.case.what is not What.SHIPPING:
            goods, ours = (Counter({one: n for one, n in lines.items() if one[0]}) for lines in (goods, ours))
        return (ours, document.order.shipping.street) == (goods, street)

    def _clear(self, system: str, kind: str) -> None:
        self.world.simulator.call("DELETE", f"/faults/{system}?kind={kind}&key={self.story.id}/")

    # -- afterwards --------------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        """What stood in the way goes."""
        case = self.case
        if case.when in {When.ENTERING_ERP, When.BLOCKED}:
            self._clear("erp" if case.when is When.ENTERING_ERP else "warehouse", "down")
            await self.story.resolve(Action.RETRY)
        if case.when is When.ON_HOLD:
            await self.story.release()
        if case.when is When.NEEDS_PERSON and (await self._document()).attention:
            await self.story.resolve(Action.RETRY)
        if case.trouble == (Step.PAYMENT, How.REFUSED) and case.money is Money.ON_ACCOUNT:
            self.world.set_limit(self.story, "1000.00")

    async def _agrees(self, found: Outcome) -> None:
        """At the new revision, or entirely at the old; everywhere."""
        changed = found in {Outcome.COMMITTED, Outcome.TRIED_AGAIN}
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            document, records = await self._document(), self.world.records(self.story)
            over = OVER if self.case.money is Money.OVER_CAPTURE else Decimal(0)
            apart = disagreements(document, records, over=over)
            if not apart and all(one.ended for one in document.amendments):
                break
            assert asyncio.get_running_loop().time() < deadline, apart
            await asyncio.sleep(0.3)
        if changed:
            assert document.order != self.before.order
            assert self.target is None or self._at_target(document), "it is not what was edited"
        else:
            assert document.order == self.before.order, "it is not as it was"

    async def _to_the_end(self) -> None:
        """Whatever it waits for comes; then it is settled to the cent."""
        story, world = self.story, self.world
        for line in (await self._document()).order.shippable:
            world.arrive(line.sku, 20)
        await story.hint(System.STOCK)
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (document := await self._document()).phase is not Phase.AFTER_SALES:
            assert asyncio.get_running_loop().time() < deadline, (
                f"{document.phase}: {document.waits_for}; {document.attention}"
            )
            if document.phase is Phase.AWAITING_PAYMENT:
                self._pay(document)
            if document.attention is not None:
                await self._answer(document.attention)
            for shipment in document.shipments:
                if shipment.state is PickState.REQUESTED and not shipment.stopping:
                    world.simulator.pack(shipment.shipment_id)
                elif shipment.state is PickState.PACKED:
                    world.simulator.ship(shipment.shipment_id)
            await story.hint(System.WAREHOUSE, System.PAYMENTS)
            await asyncio.sleep(1)
        assert not (apart := unsettled(document, world.records(story))), apart

    def _pay(self, document: OrderDocument) -> None:
        """The customer pays what is missing, by whatever way they began with."""
        missing = document.order.total - document.payments.secured
        if self.case.money is Money.BANK_TRANSFER and missing.minor > 0:
            self.world.transfer(self.story, f"{missing.major:f}", f"{missing.minor}")
        elif not document.payments.secured:
            self.world.bank(self.story, "authorise")
        elif missing.minor > 0 and document.attention is not None:
            self.world.pay(self.story, amount={"amount": f"{missing.major:f}", "currency": "EUR"})
        elif self._link_is_open():
            self.world.simulator.call("POST", "/world/payments/follow-link", {"order_id": self.story.id})

    # -- small words -------------------------------------------------------------------------------------------

    async def _document(self) -> OrderDocument:
        return await self.story.document()

    async def _until(self, true: Callable[[OrderDocument], Any]) -> OrderDocument:
        return await self.story.until(true, PATIENCE_SECONDS)

    async def _waits_for(self, what: str) -> OrderDocument:
        return await self._until(lambda document: what in document.waits_for)

    async def _blocked_on(self, system: System) -> None:
        await self._until(lambda document: system in [mark.system for mark in document.blocked])

    async def _ended(self, name: str) -> AmendmentRecord:
        document = await self._until(
            lambda document: any(
                one.ended for one in document.amendments if one.amendment.amendment_id == name
            )
        )
        return next(one for one in document.amendments if one.amendment.amendment_id == name)
