"""Amendments: one edit, wherever it was made, and every system follows; or nothing changes.

In this order: the warehouse stops what would be wrong, stock, payment, ERP and shop; then the revision holds, and everybody
is told. Each step states the whole target, so that a repeat changes nothing. What any of them refuses undoes the former
ones by stating the former target again. What people edited in a system meanwhile is found by that system's own version,
and taken in.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from domain.amendments import (
        AddLine,
        Amendment,
        AmendmentRecord,
        AmendmentState,
        Change,
        ChangeRefused,
        Origin,
        Quote,
        in_words,
    )
    from domain.attention import Action, Reason
    from domain.document import OrderDocument
    from domain.edits import in_conflict, owner_of
    from domain.erp import Edited, ErpOrder
    from domain.errors import InvariantBroken, Refused
    from domain.ids import LineId, System
    from domain.ledger import Ledger
    from domain.orders import PlacedOrder
    from domain.phases import Phase
    from domain.quoting import gone, quote, why_closed
    from domain.repricing import Repricing
    from domain.storefront import StorefrontOrder
    from workflows.amendment_records import AmendmentRecords
    from workflows.covering import cover, give_back, restore_credit
    from workflows.elsewhere import SYSTEMS, Elsewhere
    from workflows.fulfilment import Fulfilment
    from workflows.requests import AmendRequest
    from workflows.telling import Telling
    from workflows.todo import Todo


@dataclass
class _Saga:
    """An amendment on its way: the order as it was, and what was begun already.

    `changes` are those of the amendment with what was `taken` in, which people edited in a system meanwhile. What `gave_way`
    to another system's edit still stands where it was made, and is written over.
    """

    order: PlacedOrder
    ledger: Ledger
    begun: set[System] = field(default_factory=set)
    changes: Sequence[Change] = ()
    taken: dict[Origin, tuple[Change, ...]] = field(default_factory=dict)
    gave_way: list[Change] = field(default_factory=list)


class Amending:
    def __init__(self, fulfilment: Fulfilment, tell: Telling) -> None:
        self.owner = owner = fulfilment.owner
        self.effects = fulfilment.effects
        self.desk = fulfilment.desk
        self.payments = fulfilment.payments
        self.fulfilment = fulfilment
        self.tell = tell
        self.elsewhere = Elsewhere(self.desk, lambda: self._saga is not None)
        fulfilment.was_edited = self.elsewhere.was_edited
        self.document = owner.document
        self._queue: list[str] = []
        self._saga: _Saga | None = None
        self._work: asyncio.Task[None] | None = None
        owner.on_amend = self.take
        owner.on_hint[System.ERP] = self.elsewhere.look_into_erp
        self.records = AmendmentRecords(owner, tell, lambda: self.as_it_stands().order)

    # -- doors -------------------------------------------------------------------------------------------------

    def as_it_stands(self) -> OrderDocument:
        """The order at its revision; what an amendment tries meanwhile is not the order yet."""
        if self._saga is None:
            return self.document
        return self.document.model_copy(update={"order": self._saga.order, "ledger": self._saga.ledger})

    def quote(self, changes: Sequence[Change]) -> Quote:
        return quote(self.as_it_stands(), changes, policies=self.owner.policies, now=workflow.now())

    def check(self, amendment: Amendment) -> None:
        """ValueError names the field and says why it cannot be. The same amendment again is no new one."""
        if known := self.records.find(amendment.amendment_id):
            if known.amendment != amendment:
                raise ValueError("amendment_id: it was used for another amendment")
            return
        self._possible(amendment)

    def _possible(self, amendment: Amendment) -> None:
        if seen := self.records.stale(amendment):
            raise ValueError(f"expected_revision: {seen}")
        told = self.quote(amendment.changes)
        for one in told.verdicts:
            if one.why and not told.allowed:
                raise ValueError(f"changes[{one.number}].{one.field}: {one.why}")
        most = self.owner.policies.amendment_increase_max
        if most is not None and told.total_after and amendment.role not in {"operator", "admin"}:
            more = told.total_after - told.total_before
            if more.major > most:
                raise ValueError(f"changes: {more} more need an operator; {most:f} do not")

    def take(self, request: AmendRequest) -> None:
        """It waits for its turn, and whoever asked for its answer; the same again joins the first."""
        amendment = request.amendment
        self.records.wait(request)
        if (known := self.records.find(amendment.amendment_id)) is None:
            self._begin(amendment)
        elif known.state is not AmendmentState.QUEUED:
            self.records.answer(known)

    def _begin(self, amendment: Amendment) -> None:
        record = AmendmentRecord(
            amendment=amendment,
            asked_at=workflow.now(),
            revision_before=self.document.revision,
            total_before=self.as_it_stands().order.total,
            words=in_words(amendment.changes),
        )
        self.document.amendments.append(record)
        if why := self._why_not(amendment):
            self.records.end(record, AmendmentState.REFUSED, why)
            return
        self._queue.append(amendment.amendment_id)
        if self._work is None or self._work.done():
            self._work = self.owner.beside(self._work_off())

    def _why_not(self, amendment: Amendment) -> str:
        """Of what a system holds already a person is asked instead."""
        if amendment.origin is Origin.CUSTOMER_SERVICE:
            try:
                self._possible(amendment)
            except ValueError as error:
                return str(error)
        return why_closed(self.document)

    async def give_up(self, why: str) -> None:
        """The order goes another way: what is on its way is ended, really, and nothing is left of it here.

        What it wrote outside is overwritten, or undone, by whatever comes next.
        """
        self._queue.clear()
        if self._work is not None and not self._work.done():
            await self.owner.cut_off([self._work])
        for record in self.document.amendments:
            if not record.ended:
                self.records.end(record, AmendmentState.UNDONE, why)

    # -- one amendment -----------------------------------------------------------------------------------------

    async def _work_off(self) -> None:
        while self._queue:
            record = self.records.known(self._queue.pop(0))
            await self.owner.until(self._may_start)
            if await self._money_rests():
                async with self.payments.moving, self.owner.editing():
                    committed = await self._amend(record)
                if committed:
                    await self._follow_up(self.records.known(record.amendment.amendment_id))
            else:
                why = "its money is on the move, and that waits for an answer first"
                self.records.end(record, AmendmentState.REFUSED, why)

    def _may_start(self) -> bool:
        return not self.owner.is_deciding and self.document.phase is not Phase.RECEIVED

    async def _money_rests(self) -> bool:
        """What moves comes to its end, unless that waits for a person, or for a system that is down."""
        moving, document = self.payments.moving, self.document
        await self.owner.until(
            lambda: not moving.locked() or document.attention is not None or bool(document.blocked)
        )
        patience = timedelta(seconds=self.owner.policies.request_seconds_max)
        return await self.owner.until(lambda: not moving.locked(), at_most=patience)

    async def _amend(self, record: AmendmentRecord) -> bool:
        """Whether it holds now."""
        document, origin = self.document, record.amendment.origin
        if why := why_closed(document) or self.records.stale(record.amendment):
            self.records.end(record, AmendmentState.REFUSED, why)
            return False
        saga = self._saga = _Saga(document.order, document.ledger)
        self.owner.note(f"being amended by {record.amendment.actor}: {'; '.join(record.words)}")
        try:
            while True:
                try:
                    await self._carry_out(record, saga)
                except (Refused, InvariantBroken) as no:
                    if origin is not Origin.CUSTOMER_SERVICE and await self._try_again(record, str(no)):
                        continue
                    await self._undo(saga, record.amendment)
                    self.records.end(record, AmendmentState.UNDONE, str(no))
                    for taken, changes in saga.taken.items():
                        self.elsewhere.ask_for(taken, changes)
                    return False
                else:
                    self._commit(record)
                    return True
        finally:
            if not self.records.known(record.amendment.amendment_id).ended:  # it was cut off
                document.order, document.ledger = saga.order, saga.ledger
            self._saga = None
            self.elsewhere.look_once_more()

    async def _carry_out(self, record: AmendmentRecord, saga: _Saga) -> None:
        if not saga.changes:
            saga.changes = await self._priced(record.amendment.changes)
        await self._take_what_the_shop_shows(record, saga)
        while True:
            self._aim(saga, saga.changes)
            edited = await self._write(record, saga)
            if edited is None:
                return
            await self._take_edits(edited, record, saga)

    def _aim(self, saga: _Saga, changes: Sequence[Change]) -> None:
        """The order as it is to be, from now on what every effect states."""
        document = self.document
        document.order, document.ledger = saga.order, saga.ledger
        freight = self.owner.policies.freight
        revision = document.revision + 1
        try:
            order = Repricing(saga.order, saga.ledger, gone(document), revision, freight).apply(changes)
        except ChangeRefused as no:
            raise Refused(no.why) from no
        document.ledger = saga.ledger.of_total(order.total)
        document.order = order
        document.edition += 1

    async def _write(self, record: AmendmentRecord, saga: _Saga) -> System | None:
        """Goods, then money, then who shows them. Answers which system people edited meanwhile, and wrote nothing there."""
        document = self.document
        moved = self._units(saga.order) != self._units(document.order)
        readdressed = saga.order.shipping != document.order.shipping
        shipments = len([one for one in document.shipments if one.ended])
        await self.fulfilment.make_room(
            document.order,
            readdressed=readdressed,
            edited_in_erp=record.amendment.origin is Origin.ERP or Origin.ERP in saga.taken,
        )
        stopped = len([one for one in document.shipments if one.ended]) > shipments
        if document.reservation is not None and (moved or stopped):
            saga.begun.add(System.STOCK)
            await self.fulfilment.keep_stock(was_short=bool(document.reservation.short))
        saga.begun.add(System.PAYMENTS)
        why = await cover(self.payments, partial(self._pending, record))
        self.records.change(record, state=AmendmentState.QUEUED, why="")
        if why:
            raise Refused(why)
        return await self._show(saga)

    async def _show(self, saga: _Saga) -> System | None:
        """In ERP and shop at once: what one of them refuses is undone in the other."""
        todos: dict[System, Todo[Any]] = {System.STOREFRONT: self.effects.amend_shop_order()}
        if self.document.erp_order is not None:
            todos[System.ERP] = self.effects.enter_erp_order()
        saga.begun |= todos.keys()
        answers = dict(zip(todos, await self.owner.outcomes(*todos.values()), strict=True))
        for held in answers.values():
            if isinstance(held, ErpOrder | StorefrontOrder):
                self.elsewhere.know(held)
        for no in answers.values():
            if isinstance(no, Refused | InvariantBroken):
                raise no
        return next((system for system, answer in answers.items() if isinstance(answer, Edited)), None)

    def _units(self, order: PlacedOrder) -> dict[LineId, tuple[str, int]]:
        return {line.line_id: (line.sku, line.quantity) for line in order.shippable}

    def _pending(self, record: AmendmentRecord, words: str) -> None:
        """Whoever asked is answered now: it waits for the customer."""
        self.records.answer(self.records.change(record, state=AmendmentState.PENDING, why=words))

    def _commit(self, record: AmendmentRecord) -> None:
        document = self.document
        document.revision += 1
        self.records.change(record, revision_after=document.revision, total_after=document.order.total)
        self.tell.learn(document.order)
        what = f"revision {document.revision}, {document.order.total} in all"
        self.records.end(record, AmendmentState.COMMITTED, what)
        self.owner.answers.take_amendment()

    async def _follow_up(self, record: AmendmentRecord) -> None:
        await give_back(self.payments)
        await self.tell.amended(record)

    # -- undoing -----------------------------------------------------------------------------------------------

    async def _undo(self, saga: _Saga, amendment: Amendment) -> None:
        """The former target, stated again in reverse; an edit that nobody follows is put back where it was made."""
        document = self.document
        document.order, document.ledger = saga.order, saga.ledger
        edited = SYSTEMS.get(amendment.origin)
        begun = saga.begun | ({edited} if edited else set())
        document.edition += 1
        for system in (System.STOREFRONT, System.ERP):
            if system in begun and not (system is System.ERP and document.erp_order is None):
                await self._put_back(system, saga, amendment.changes if system is edited else ())
        if System.PAYMENTS in begun and self.payments.on_account:
            await restore_credit(self.payments)
        if System.STOCK in begun:
            await self.fulfilment.ask_stock()

    async def _put_back(self, system: System, saga: _Saga, refused: Sequence[Change]) -> None:
        """The former order is written over what is `refused`, and over nothing else that people edited there."""
        while isinstance(written := await self._state(system), Edited):
            try:
                now = await self.elsewhere.held_by(system)
                theirs = self.elsewhere.edits(saga.order, now)
            except (Refused, InvariantBroken) as odd:
                self.owner.note(f"nothing was put back: {odd}")
                self.elsewhere.look_later(system)
                return
            if any(one not in refused for one in theirs):
                self.elsewhere.look_later(system)
                return
            self.elsewhere.know(now)
        self.elsewhere.know(written)

    async def _state(self, system: System) -> ErpOrder | StorefrontOrder | Edited:
        if system is System.ERP:
            return await self.desk.do(self.effects.enter_erp_order)
        return await self.desk.do(self.effects.amend_shop_order)

    async def _try_again(self, record: AmendmentRecord, why: str) -> bool:
        """An edit in a system that others do not follow: a person has it tried again, or put back there."""
        origin = record.amendment.origin
        what = f"edited in the {origin}: {'; '.join(record.words)}. It cannot be carried on: {why}"
        request = await self.desk.ask(Reason.EDIT_NOT_CARRIED, (Action.RETRY, Action.REJECT), what)
        return request.resolve.action is Action.RETRY

    async def _take_what_the_shop_shows(self, record: AmendmentRecord, saga: _Saga) -> None:
        """Once, before anything is written there: from then on its version tells of edits."""
        if self.document.shop_order is None:
            await self._take_edits(System.STOREFRONT, record, saga)

    async def _take_edits(self, system: System, record: AmendmentRecord, saga: _Saga) -> None:
        """What people edited in that system meanwhile goes with the amendment. Of two edits of the same thing one holds."""
        ours, origin = saga.changes, record.amendment.origin
        now = await self.elsewhere.held_by(system)
        seen = (*ours, *saga.gave_way)
        theirs = tuple(one for one in self.elsewhere.edits(saga.order, now) if one not in seen)
        conflicts = in_conflict(ours, theirs)
        if conflicts and origin is Origin.CUSTOMER_SERVICE:
            self.elsewhere.look_later(system)
            raise Refused(f"it was edited in the {system} meanwhile: {'; '.join(in_words(conflicts))}")
        self.elsewhere.know(now)
        held = theirs
        if conflicts and SYSTEMS[origin] is not system:
            held, kept = self._settled(system, ours, theirs, conflicts)
            saga.gave_way += [one for one in (*ours, *theirs) if one not in (*held, *kept)]
            ours = kept
        elif conflicts:  # edited there once more: the last one holds
            ours = [one for one in ours if not in_conflict(theirs, [one])]
        saga.changes = (*held, *ours)
        where = next(one for one, edited in SYSTEMS.items() if edited is system)
        if held:
            saga.taken[where] = (*saga.taken.get(where, ()), *held)

    def _settled(
        self,
        system: System,
        ours: Sequence[Change],
        theirs: Sequence[Change],
        conflicts: Sequence[Change],
    ) -> tuple[tuple[Change, ...], Sequence[Change]]:
        """By whom it is owned: of two edits of the same thing one holds, and everybody can read which.

        Theirs and ours that hold.
        """
        order, ownership = self.as_it_stands().order, self.owner.policies.ownership
        owns = partial(owner_of, ours=ours, order=order, ownership=ownership)
        lost = [one for one in conflicts if owns(one) is not system]
        won = [one for one in conflicts if one not in lost]
        for change, holds in [*((one, False) for one in lost), *((one, True) for one in won)]:
            (words,) = in_words([change])
            self.owner.note(
                f"edited in two systems at once; the {system} said {words}, which {'holds' if holds else 'gives way'}"
            )
        kept = [one for one in ours if not in_conflict(won, [one])]
        return tuple(one for one in theirs if one not in lost), kept

    async def _priced(self, changes: Sequence[Change]) -> Sequence[Change]:
        """What is added without a price costs what the ERP says."""
        return [await self._article(one) if isinstance(one, AddLine) else one for one in changes]

    async def _article(self, added: AddLine) -> AddLine:
        if added.unit_price is not None and added.tax_rates is not None:
            return added
        look = self.effects.look_at_article(added.sku, added.quantity)
        article = await self.owner.look(ErpActivities.price_article, look)
        if article is None:
            raise Refused(f"the ERP does not sell {added.sku}")
        try:
            return article.priced(added, taxes_included=self.document.order.lines[0].taxes_included)
        except ValueError as error:
            raise Refused(str(error)) from error
