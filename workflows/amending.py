"""Amendments: one edit, wherever it was made, and every system follows; or nothing changes.

In this order: the warehouse stops what would be wrong, stock, payment, ERP, shop; then the revision holds, and everybody
is told. Each step states the whole target, so that a repeat changes nothing. What any of them refuses undoes the former
ones by stating the former target again. What people edited in a system meanwhile is found by that system's own version,
and taken in.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from activities.storefront import StorefrontActivities
    from domain.amendments import (
        AddLine,
        Amended,
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
    from domain.edits import edits_in_erp, edits_in_shop, in_conflict, owner_of
    from domain.erp import Edited, ErpOrder, ErpOrderState
    from domain.errors import InvariantBroken, Refused
    from domain.ids import LineId, System
    from domain.ledger import Ledger
    from domain.orders import PlacedOrder
    from domain.phases import Phase
    from domain.quoting import gone, quote, why_closed
    from domain.repricing import Repricing
    from domain.storefront import StorefrontOrder, StorefrontState
    from workflows.covering import cover, give_back
    from workflows.fulfilment import Fulfilment
    from workflows.requests import AmendRequest, CancelRequest
    from workflows.telling import Telling
    from workflows.todo import Todo

_SYSTEM = {Origin.ERP: System.ERP, Origin.STOREFRONT: System.STOREFRONT}
_EDITABLE = {Phase.ENTERING_ERP, Phase.RESERVING, Phase.FULFILLING}


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
        self.document = owner.document
        self._queue: list[str] = []
        self._waiting: list[AmendRequest] = []
        self._saga: _Saga | None = None
        self._unseen: set[System] = set()  # they had news while the order was being amended
        self._work: asyncio.Task[None] | None = None
        owner.on_amend = self.take
        owner.on_hint[System.ERP] = self.look_into_erp

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
        if known := self._record(amendment.amendment_id):
            if known.amendment != amendment:
                raise ValueError("amendment_id: it was used for another amendment")
            return
        self._possible(amendment)

    def _possible(self, amendment: Amendment) -> None:
        if seen := self._stale(amendment):
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
        self._waiting.append(request)
        if (known := self._record(amendment.amendment_id)) is None:
            self._begin(amendment)
        elif known.state is not AmendmentState.QUEUED:
            self._answer(known)

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
            self._end(record, AmendmentState.REFUSED, why)
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
                self._end(record, AmendmentState.UNDONE, why)

    # -- one amendment -----------------------------------------------------------------------------------------

    async def _work_off(self) -> None:
        while self._queue:
            record = self._known(self._queue.pop(0))
            await self.owner.until(self._may_start)
            if await self._money_rests():
                async with self.payments.moving, self.owner.editing():
                    committed = await self._amend(record)
                if committed:
                    await self._follow_up(self._known(record.amendment.amendment_id))
            else:
                why = "its money is on the move, and that waits for an answer first"
                self._end(record, AmendmentState.REFUSED, why)

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
        if why := why_closed(document) or self._stale(record.amendment):
            self._end(record, AmendmentState.REFUSED, why)
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
                    self._end(record, AmendmentState.UNDONE, str(no))
                    for taken, changes in saga.taken.items():
                        self._ask_for(taken, changes)
                    return False
                else:
                    self._commit(record)
                    return True
        finally:
            if not self._known(record.amendment.amendment_id).ended:  # it was cut off
                document.order, document.ledger = saga.order, saga.ledger
            self._saga = None
            self._look_once_more()

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
        """One system after the other. Answers which one people edited meanwhile, and wrote nothing there."""
        document = self.document
        moved = self._units(saga.order) != self._units(document.order)
        readdressed = saga.order.shipping != document.order.shipping
        shipments = len([one for one in document.shipments if one.ended])
        await self.fulfilment.make_room(document.order, readdressed=readdressed)
        stopped = len([one for one in document.shipments if one.ended]) > shipments
        if document.reservation is not None and (moved or stopped):
            saga.begun.add(System.STOCK)
            await self.fulfilment.keep_stock(was_short=bool(document.reservation.short))
        saga.begun.add(System.PAYMENTS)
        if why := await cover(self.payments, partial(self._pending, record)):
            raise Refused(why)
        if document.erp_order is not None:
            saga.begun.add(System.ERP)
            entered = await self.owner.do(self.effects.enter_erp_order())
            if isinstance(entered, Edited):
                return System.ERP
            document.erp_order = entered
        saga.begun.add(System.STOREFRONT)
        shown = await self.owner.do(self.effects.amend_shop_order())
        if isinstance(shown, Edited):
            return System.STOREFRONT
        document.shop_order = shown
        return None

    def _units(self, order: PlacedOrder) -> dict[LineId, tuple[str, int]]:
        return {line.line_id: (line.sku, line.quantity) for line in order.shippable}

    def _pending(self, record: AmendmentRecord, words: str) -> None:
        """Whoever asked is answered now: it waits for the customer."""
        known = self._known(record.amendment.amendment_id)
        self._put(known.model_copy(update={"state": AmendmentState.PENDING, "why": words}))
        self._answer(self._known(record.amendment.amendment_id))

    def _commit(self, record: AmendmentRecord) -> None:
        document = self.document
        document.revision += 1
        known = self._known(record.amendment.amendment_id)
        self._put(
            known.model_copy(
                update={"revision_after": document.revision, "total_after": document.order.total}
            )
        )
        self.tell.learn(document.order)
        what = f"revision {document.revision}, {document.order.total} in all"
        self._end(self._known(record.amendment.amendment_id), AmendmentState.COMMITTED, what)
        self.owner.answer_by_amendment()

    async def _follow_up(self, record: AmendmentRecord) -> None:
        await give_back(self.payments)
        await self.tell.amended(record)

    # -- undoing -----------------------------------------------------------------------------------------------

    async def _undo(self, saga: _Saga, amendment: Amendment) -> None:
        """The former target, stated again in reverse; an edit that nobody follows is put back where it was made."""
        document = self.document
        document.order, document.ledger = saga.order, saga.ledger
        edited = _SYSTEM.get(amendment.origin)
        begun = saga.begun | ({edited} if edited else set())
        document.edition += 1
        for system in (System.STOREFRONT, System.ERP):
            if system in begun and not (system is System.ERP and document.erp_order is None):
                await self._put_back(system, saga, amendment.changes if system is edited else ())
        if System.PAYMENTS in begun and self.payments.on_account:
            await self.desk.do(self.effects.approve_credit)
        if System.STOCK in begun:
            await self.fulfilment.keep_stock(was_short=True)

    async def _put_back(self, system: System, saga: _Saga, refused: Sequence[Change]) -> None:
        """The former order is written over what is `refused`, and over nothing else that people edited there."""
        while isinstance(written := await self._state(system), Edited):
            try:
                now = await self._as_held_by(system)
            except Refused as gone:
                self.owner.note(f"nothing was put back: {gone}")
                return
            if any(one not in refused for one in self._edits(saga, now)):
                self._unseen.add(system)
                return
            self._know(now)
        self._know(written)

    async def _state(self, system: System) -> ErpOrder | StorefrontOrder | Edited:
        if system is System.ERP:
            return await self.desk.do(self.effects.enter_erp_order)
        return await self.desk.do(self.effects.amend_shop_order)

    def _know(self, held: ErpOrder | StorefrontOrder) -> None:
        if isinstance(held, ErpOrder):
            self.document.erp_order = held
        else:
            self.document.shop_order = held

    async def _try_again(self, record: AmendmentRecord, why: str) -> bool:
        """An edit in a system that others do not follow: a person has it tried again, or put back there."""
        origin = record.amendment.origin
        what = f"edited in the {origin}: {'; '.join(record.words)}. It cannot be carried on: {why}"
        request = await self.desk.ask(Reason.EDIT_NOT_CARRIED, (Action.RETRY, Action.REJECT), what)
        return request.resolve.action is Action.RETRY

    # -- what people edit elsewhere ----------------------------------------------------------------------------

    async def look_into_erp(self) -> None:
        """The ERP has news: an edit is carried to everybody, and an order that was cancelled there is cancelled."""
        document = self.document
        not_entered = document.erp_order is None and document.phase is not Phase.ENTERING_ERP
        if self._later(System.ERP) or not_entered or why_closed(document):
            return
        edition = document.edition
        news: Todo[ErpOrder | None] = Todo(
            ErpActivities.look_up_erp_order,
            self.effects.look_at(System.ERP),
            "erp-news",
            "Look what is new in the ERP",
        )
        try:
            erp = await self.owner.attempts(news)
        except ActivityError:
            return
        if erp is None or self._later(System.ERP) or why_closed(document):
            return
        known = document.erp_order
        if document.edition != edition:
            self.owner.hint(System.ERP)  # what was seen is older than what we wrote meanwhile
        elif erp.state is ErpOrderState.CANCELLED:
            self.owner.mailbox.append(CancelRequest("erp", "it was cancelled in the ERP"))
        elif document.phase in _EDITABLE:
            found = self._carry_on(Origin.ERP, partial(edits_in_erp, document.order, known, erp))
            document.erp_order = known if known and found else erp

    async def entered(self) -> ErpOrder:
        """What the ERP holds, where people edited the order before we heard that it was entered."""
        await self.take_in(System.ERP)
        if self.document.erp_order is None:
            raise InvariantBroken("the ERP says that the order was edited there, and does not have it")
        return self.document.erp_order

    def look_at_shop(self, shop: StorefrontOrder) -> None:
        """Likewise what was edited in the shop."""
        document = self.document
        if self._later(System.STOREFRONT) or why_closed(document):
            return
        if document.shop_order or not document.unshared:
            find = partial(edits_in_shop, document.order, document.shop_order, shop)
            if not self._carry_on(Origin.STOREFRONT, find):
                document.shop_order = shop

    def _later(self, system: System) -> bool:
        """While the order is being amended nobody looks; afterwards."""
        if self._saga is not None:
            self._unseen.add(system)
        return self._saga is not None

    def _carry_on(self, origin: Origin, find: Callable[[], tuple[Change, ...]]) -> bool:
        """Whether there is anything to be carried on."""
        try:
            changes = find()
        except Refused as refusal:
            self.owner.note(f"an edit in the {origin} cannot be carried on: {refusal}")
            self.owner.beside(self._ask_about(origin, str(refusal)))
            return True
        if changes:
            self._ask_for(origin, changes)
        return bool(changes)

    def _ask_for(self, origin: Origin, changes: tuple[Change, ...]) -> None:
        """As a system asks: what was edited there is an amendment of its own."""
        told = "".join(change.model_dump_json() for change in changes)
        digest = hashlib.sha256(told.encode()).hexdigest()[:12]
        amendment = Amendment(
            amendment_id=f"{origin}:{self.document.edition}:{digest}",
            actor=origin.value,
            reason=f"it was edited in the {origin}",
            origin=origin,
            changes=changes,
        )
        self.owner.mailbox.append(AmendRequest(amendment.actor, amendment.reason, amendment=amendment))

    async def _ask_about(self, origin: Origin, why: str) -> None:
        what = f"edited in the {origin}: {why}. Put it right there, and retry looks again"
        await self.desk.ask(Reason.EDIT_NOT_CARRIED, (Action.RETRY,), what)
        self.owner.hint(_SYSTEM[origin])

    def _look_once_more(self) -> None:
        """What came while the order was being amended was not looked at."""
        for system in sorted(self._unseen):
            self.owner.hint(system)
        self._unseen.clear()

    async def _take_what_the_shop_shows(self, record: AmendmentRecord, saga: _Saga) -> None:
        """Once, before anything is written there: from then on its version tells of edits."""
        if self.document.shop_order is None:
            await self._take_edits(System.STOREFRONT, record, saga)

    async def _take_edits(self, system: System, record: AmendmentRecord, saga: _Saga) -> None:
        """What people edited in that system meanwhile goes with the amendment. Of two edits of the same thing one holds."""
        ours, origin = saga.changes, record.amendment.origin
        now = await self._as_held_by(system)
        seen = (*ours, *saga.gave_way)
        theirs = tuple(one for one in self._edits(saga, now) if one not in seen)
        conflicts = in_conflict(ours, theirs)
        if conflicts and origin is Origin.CUSTOMER_SERVICE:
            self._unseen.add(system)
            raise Refused(f"it was edited in the {system} meanwhile: {'; '.join(in_words(conflicts))}")
        self._know(now)
        held = theirs
        if conflicts and _SYSTEM[origin] is not system:
            held, kept = self._settled(system, ours, theirs, conflicts)
            saga.gave_way += [one for one in (*ours, *theirs) if one not in (*held, *kept)]
            ours = kept
        elif conflicts:  # edited there once more: the last one holds
            ours = [one for one in ours if not in_conflict(theirs, [one])]
        saga.changes = (*held, *ours)
        where = next(one for one, edited in _SYSTEM.items() if edited is system)
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

    async def _as_held_by(self, system: System) -> ErpOrder | StorefrontOrder:
        look = self.effects.look_at(system)
        if system is System.ERP:
            erp = await self.owner.look(ErpActivities.look_up_erp_order, look)
            if erp is None or erp.state is not ErpOrderState.ENTERED:
                raise Refused("the ERP does not hold the order as open any more")
            return erp
        shop = await self.owner.look(StorefrontActivities.look_up_shop_order, look)
        if shop is None or shop.state is StorefrontState.CANCELLED:
            raise Refused("the shop does not show the order as open any more")
        return shop

    def _edits(self, saga: _Saga, now: ErpOrder | StorefrontOrder) -> tuple[Change, ...]:
        if isinstance(now, StorefrontOrder):
            return edits_in_shop(saga.order, self.document.shop_order, now)
        return edits_in_erp(saga.order, self.document.erp_order, now)

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
        return article.priced(added, taxes_included=self.document.order.lines[0].taxes_included)

    async def take_in(self, system: System) -> None:
        """What people edited there is carried on, before anything of ours is written over it."""
        if system is System.ERP:
            await self.look_into_erp()
        else:
            shop = await self._as_held_by(system)
            if isinstance(shop, StorefrontOrder):
                self.look_at_shop(shop)
        await self.owner.until(self._is_idle)

    def _is_idle(self) -> bool:
        asked = any(isinstance(request, AmendRequest) for request in self.owner.mailbox)
        return not asked and all(record.ended for record in self.document.amendments)

    # -- records -----------------------------------------------------------------------------------------------

    def _stale(self, amendment: Amendment) -> str:
        """What changed since whoever asks has looked; empty when nothing did."""
        seen, revision = amendment.expected_revision, self.document.revision
        if seen is None or seen == revision:
            return ""
        since = [one for one in self.document.amendments if (one.revision_after or 0) > seen]
        words = "; ".join(words for one in since for words in one.words)
        return f"the order changed: revision {revision}, you saw {seen}" + (f" ({words})" if words else "")

    def _record(self, amendment_id: str) -> AmendmentRecord | None:
        found = (one for one in self.document.amendments if one.amendment.amendment_id == amendment_id)
        return next(found, None)

    def _known(self, amendment_id: str) -> AmendmentRecord:
        """KeyError for one that was never asked for."""
        record = self._record(amendment_id)
        if record is None:
            raise KeyError(amendment_id)
        return record

    def _put(self, record: AmendmentRecord) -> None:
        at = [one.amendment.amendment_id for one in self.document.amendments]
        self.document.amendments[at.index(record.amendment.amendment_id)] = record

    def _end(self, record: AmendmentRecord, state: AmendmentState, why: str) -> None:
        ended = record.model_copy(update={"state": state, "why": why, "ended_at": workflow.now()})
        self._put(ended)
        self.owner.note(f"amendment by {record.amendment.actor} {state}: {why}")
        self._answer(ended)

    def _answer(self, record: AmendmentRecord) -> None:
        standing = self.as_it_stands().order if not record.ended else self.document.order
        told = Amended(
            amendment_id=record.amendment.amendment_id,
            state=record.state,
            revision=self.document.revision,
            total=standing.total,
            why=record.why,
        )
        for request in self._waiting:
            if request.amendment.amendment_id == record.amendment.amendment_id:
                request.told = told
        self._waiting = [request for request in self._waiting if request.told is None]
