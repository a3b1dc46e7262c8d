"""Goods that come back: asked for, approved, labelled, received, and paid back to the cent that was charged for them.

Each return is a lane of its own, whatever else the order does meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.fulfilment import FulfilmentActivities
    from activities.notifications import CustomerFacts, Units
    from domain.attention import Action, Reason
    from domain.charges import credit_shares
    from domain.document import Shipment, units_of
    from domain.ids import LineId, ReturnId, System, return_id, return_name, return_number_of
    from domain.ledger import Cause, Entry, EntryKind
    from domain.money import Money, total
    from domain.notifications import Occasion
    from domain.returns import (
        Condition,
        CreditNote,
        Receipt,
        ReceivedLine,
        Return,
        ReturnAsked,
        ReturnLine,
        ReturnState,
    )
    from workflows.attention import Desk, asks_a_person
    from workflows.customers import tell_customer
    from workflows.effects import Effects
    from workflows.owner import Owner
    from workflows.payments import OrderPayments
    from workflows.requests import ReturnRequest
    from workflows.todo import Todo


class Returns:
    def __init__(self, owner: Owner, effects: Effects, desk: Desk, payments: OrderPayments) -> None:
        self.owner = owner
        self.effects = effects
        self.desk = desk
        self.payments = payments
        self.document = owner.document
        self._under_way: dict[ReturnId, asyncio.Task[None]] = {}
        self._told: dict[ReturnId, int] = {}  # so many hints had come when the warehouse was told of it
        self.too_late: str | None = None  # why no return is taken any more

    # -- what can come back ------------------------------------------------------------------------------------

    def check(self, asked: ReturnAsked) -> None:
        """ValueError names the line and says why it cannot come back."""
        if self._known(asked.request):
            return
        if self.too_late is not None:
            raise ValueError(self.too_late)
        can, known = self.returnable, {line.line_id for line in self.document.order.shippable}
        for line_id, units in asked.units.items():
            if line_id not in known:
                raise ValueError(f"units.{line_id}: the order has no such line of goods")
            if units > can[line_id]:
                raise ValueError(f"units.{line_id}: {units} asked for, {can[line_id]} can be sent back")

    @property
    def returnable(self) -> Counter[LineId]:
        """Units that have left and are in no other return; of one that is over, what really came."""
        left = units_of(shipment for shipment in self.document.shipments if shipment.left)
        for back in self.document.returns:
            if back.receipt is not None and back.receipt.complete:
                taken = Counter({line.line_id: 0 for line in back.lines})
                for line in back.receipt.lines:
                    taken[line.line_id] += line.quantity
                left -= taken
            elif not back.ended:
                left -= Counter({line.line_id: line.quantity for line in back.lines})
        return left

    def take(self, request: ReturnRequest) -> None:
        """A return begins; the same request again is answered with the one that it began."""
        asked = request.asked
        if known := self._known(asked.request):
            request.granted(f"it is return {return_name(known.return_id)}")
            return
        try:
            self.check(asked)
        except ValueError as error:
            request.refused(str(error))
            return
        back = self._begun(asked.request, asked.reason, asked.units)
        self.owner.note(f"return {return_name(back.return_id)} asked for by {asked.actor}: {asked.reason}")
        self._begin(back)
        request.granted(f"it is return {return_name(back.return_id)}")

    def resume(self) -> None:
        """Go on with those that were cut off, if any were."""
        for back in self.document.returns:
            if not back.ended:
                self._begin(back)

    def _begin(self, back: Return) -> None:
        known = self._under_way.get(back.return_id)
        if known is None or known.done():
            self._under_way[back.return_id] = self.owner.begin(self._carry(back))

    def _known(self, request: str) -> Return | None:
        return next((back for back in self.document.returns if back.request == request), None)

    def _begun(self, request: str, reason: str, units: Mapping[LineId, int]) -> Return:
        order = self.document.order
        gone = [shipment for shipment in self.document.shipments if shipment.left]
        back = Return(
            return_id=return_id(order.order_id, len(self.document.returns) + 1),
            request=request,
            reason=reason,
            lines=tuple(
                ReturnLine(line_id=line.line_id, sku=line.sku, quantity=units[line.line_id])
                for line in order.shippable
                if units.get(line.line_id)
            ),
            location=gone[0].location,
        )
        self.document.returns.append(back)
        return back

    # -- one return --------------------------------------------------------------------------------------------

    @asks_a_person()
    async def _carry(self, back: Return) -> None:
        """Begun again it goes on where it stood."""
        if back.state is ReturnState.ASKED and await self._approved(back):
            await self._expect(back)
        if back.state is ReturnState.EXPECTED:
            await self._receive(back)
        if back.state is ReturnState.RECEIVED and back.receipt is not None:
            await self._credit(back, await self._refundable(back, back.receipt), Cause.RETURN)
        if back.state is ReturnState.CREDITED and back.receipt is not None:
            await self._tell(back, back.receipt)
            back.state = ReturnState.CLOSED

    async def _approved(self, back: Return) -> bool:
        if not self.owner.policies.return_approval:
            return True
        what = f"return {return_name(back.return_id)}: {self._in_words(back.lines)} ({back.reason})"
        request = await self.desk.ask(Reason.RETURN_ASKED, (Action.APPROVE, Action.REJECT), what)
        if request.resolve.action is Action.APPROVE:
            return True
        back.state = ReturnState.REJECTED
        facts = CustomerFacts(units=self._named(back.lines), why=request.reason)
        await self._mail(Occasion.RETURN_REJECTED, back, facts)
        return False

    async def _expect(self, back: Return) -> None:
        """The warehouse knows of it, and the customer has a label."""
        self._told[back.return_id] = self.owner.news[System.WAREHOUSE]
        _, back.labels = await self.desk.together(
            partial(self.effects.expect_return, back), partial(self.effects.create_return_label, back)
        )
        facts = CustomerFacts(units=self._named(back.lines), labels=back.labels)
        await self._mail(Occasion.RETURN_EXPECTED, back, facts)
        back.state = ReturnState.EXPECTED

    async def _receive(self, back: Return) -> None:
        """Until the warehouse has all that came; what never came is not paid for."""
        waits_for = f"the goods of return {return_name(back.return_id)}"
        latest = workflow.now() + timedelta(days=self.owner.policies.return_wait_days_max)
        deadline = self.owner.deadline(waits_for, latest)
        look = self.effects.look_at_return(back.return_id)
        since = self._told.pop(back.return_id, None)
        while True:
            if since is not None:
                left = deadline - workflow.now()
                await self.owner.hinted(System.WAREHOUSE, waits_for, since=since, at_most=left)
            since = self.owner.news[System.WAREHOUSE]
            receipt = await self.owner.look(FulfilmentActivities.look_up_return, look)
            back.receipt = receipt
            late = workflow.now() >= deadline
            if receipt and receipt.lines and (receipt.complete or late):
                back.state = ReturnState.RECEIVED
                self.owner.note(f"return {return_name(back.return_id)}: {self._in_words(receipt.lines)} came")
                return
            if late or (receipt and receipt.complete):
                back.state = ReturnState.NOT_SENT
                self.owner.note(f"return {return_name(back.return_id)}: nothing came")
                return

    async def _refundable(self, back: Return, receipt: Receipt) -> Counter[LineId]:
        """What came in good order; of what is damaged a person decides. Never more than was asked to come back."""
        most = Counter({line.line_id: line.quantity for line in back.lines})
        lines = list(receipt.lines)
        if damaged := [line for line in lines if line.condition is Condition.DAMAGED]:
            what = f"return {return_name(back.return_id)}: {self._in_words(damaged)} damaged"
            request = await self.desk.ask(Reason.RETURN_DAMAGED, (Action.APPROVE, Action.REJECT), what)
            if request.resolve.action is Action.REJECT:
                lines = [line for line in lines if line.condition is Condition.GOOD]
        return most & _units(lines)

    # -- money that goes back ----------------------------------------------------------------------------------

    async def _credit(self, back: Return, units: Counter[LineId], cause: Cause) -> None:
        """Exactly what was charged for these units, less a fee; once, whatever happens meanwhile."""
        await self.payments.credit(partial(self._entry, back, units, cause))
        (entry,) = [entry for entry in self.document.ledger.entries if entry.return_id == back.return_id]
        back.credited, back.state = entry.amount, ReturnState.CREDITED

    def _entry(self, back: Return, units: Counter[LineId], cause: Cause) -> Entry:
        """As the ledger has it already, or as it stands now."""
        for known in self.document.ledger.entries:
            if known.return_id == back.return_id:
                return known
        fee = self.owner.policies.restocking_fee_percent if cause is Cause.RETURN else Decimal(0)
        shares = credit_shares(
            self.document.order,
            self.document.ledger,
            units,
            freight=self.owner.policies.freight_return,
            fee_percent=fee,
        )
        return Entry(
            key=self.effects.key("credit", return_name(back.return_id)),
            kind=EntryKind.CREDIT,
            amount=total((share.amount for share in shares), self.document.order.currency),
            shares=shares,
            cause=cause,
            return_id=back.return_id,
        )

    async def lost(self, shipment: Shipment) -> None:
        """A parcel that the carrier lost, and that a person wants paid back: a return of goods that never come."""
        request = f"lost {shipment.shipment_id}"
        if self._known(request):
            return
        back = self._begun(request, "the carrier lost it", units_of([shipment]))
        lines = tuple(ReceivedLine(**dict(line), condition=Condition.DAMAGED) for line in back.lines)
        back.receipt = Receipt(return_id=back.return_id, lines=lines, complete=True)
        await self._credit(back, units_of([shipment]), Cause.LOST_PARCEL)
        await self._tell(back, back.receipt)
        back.state = ReturnState.CLOSED

    async def _tell(self, back: Return, receipt: Receipt) -> None:
        """Stock, ERP, shop and customer."""
        refunds = self.document.payments.refunds
        came = _units(receipt.lines)
        note = CreditNote(
            return_id=back.return_id,
            order_id=self.document.order.order_id,
            lines=tuple(
                line.model_copy(update={"quantity": came[line.line_id]})
                for line in back.lines
                if came[line.line_id]
            ),
            amount=back.credited or Money.zero(self.document.order.currency),
            reference=refunds[-1].reference if refunds else "",
        )
        good = any(line.condition is Condition.GOOD for line in receipt.lines)
        shelf = [partial(self.effects.restock, back, receipt)] if good else []
        facts = CustomerFacts(units=self._named(receipt.lines), returned=back.credited)
        await self._mail(
            Occasion.RETURN_CREDITED,
            back,
            facts,
            partial(self.effects.post_credit_note, note),
            partial(self.effects.record_refund_in_shop, note),
            *shelf,
        )

    # -- in words ----------------------------------------------------------------------------------------------

    async def _mail(
        self, occasion: Occasion, back: Return, facts: CustomerFacts, *others: Callable[[], Todo[Any]]
    ) -> None:
        number = return_number_of(back.return_id)
        await tell_customer(self.desk, occasion, facts, *others, number=number)

    def _named(self, lines: Iterable[ReturnLine]) -> tuple[Units, ...]:
        names = {line.line_id: line.name for line in self.document.order.lines}
        return tuple(Units(quantity=line.quantity, name=names[line.line_id]) for line in lines)

    def _in_words(self, lines: Iterable[ReturnLine]) -> str:
        return ", ".join(f"{line.quantity} × {line.sku}" for line in lines)


def _units(lines: Iterable[ReturnLine]) -> Counter[LineId]:
    units: Counter[LineId] = Counter()
    for line in lines:
        units[line.line_id] += line.quantity
    return units
