"""What people edit in the ERP or the shop, found there: it is an amendment of its own, or goes with the one on its way."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.erp import ErpActivities
    from activities.storefront import StorefrontActivities
    from domain.amendments import Amendment, Change, Origin
    from domain.attention import Action, Reason
    from domain.edits import edits_in_erp, edits_in_shop
    from domain.erp import Edited, ErpOrder, ErpOrderState
    from domain.errors import InvariantBroken, Refused
    from domain.ids import System
    from domain.orders import PlacedOrder
    from domain.phases import Phase
    from domain.quoting import why_closed
    from domain.storefront import StorefrontOrder, StorefrontState
    from workflows.attention import Desk
    from workflows.requests import AmendRequest, CancelRequest
    from workflows.todo import Todo

SYSTEMS = {Origin.ERP: System.ERP, Origin.STOREFRONT: System.STOREFRONT}
_EDITABLE = {Phase.ENTERING_ERP, Phase.RESERVING, Phase.FULFILLING}


class Elsewhere:
    """While the order is `being_amended` nobody looks: what is new is looked at afterwards."""

    def __init__(self, desk: Desk, being_amended: Callable[[], bool]) -> None:
        self.owner = desk.owner
        self.effects = desk.effects
        self.desk = desk
        self.document = desk.owner.document
        self.being_amended = being_amended
        self._unseen: set[System] = set()  # they had news that was not looked at
        self._looking = asyncio.Lock()  # a hint may come while somebody asks

    async def look_into_erp(self, *, edited: bool = False) -> None:
        """The ERP has news: an edit is carried to everybody, and an order that was cancelled there is cancelled.

        What it holds while the order is being entered is our own, and half done, unless entering found it `edited`.
        """
        document = self.document
        if document.erp_order is None and not edited:
            if document.phase is Phase.ENTERING_ERP:
                self._unseen.add(System.ERP)
            return
        if self._later(System.ERP) or why_closed(document):
            return
        edition = document.edition
        news: Todo[ErpOrder | None] = Todo(
            ErpActivities.look_up_erp_order,
            self.effects.look_at(System.ERP),
            "erp-news",
            "Look what is new in the ERP",
        )
        try:
            async with self._looking:
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

    async def was_edited(self) -> bool:
        """Whether the order is being amended for the ERP's sake: then all that has not left is planned anew."""
        if self._is_idle():
            try:
                now = await self.held_by(System.ERP)  # a look of its own: a hint's may be on its way
            except (Refused, InvariantBroken):
                return False
            if self._is_idle():
                self._carry_on(Origin.ERP, partial(self.edits, self.document.order, now))
        return not self._is_idle()

    async def entered(self, answer: ErpOrder | Edited) -> ErpOrder:
        """The ERP has the order. People may have edited it before we heard of that, or since it answered."""
        if isinstance(answer, ErpOrder):
            self.document.erp_order = answer
        else:
            await self.take_in(System.ERP)
        if self.document.erp_order is None:
            raise InvariantBroken("the ERP says that the order was edited there, and does not have it")
        self.look_once_more()
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
        if later := self.being_amended():
            self._unseen.add(system)
        return later

    def _carry_on(self, origin: Origin, find: Callable[[], tuple[Change, ...]]) -> bool:
        """Whether there is anything to be carried on."""
        try:
            changes = find()
        except Refused as refusal:
            self.owner.note(f"an edit in the {origin} cannot be carried on: {refusal}")
            self.owner.beside(self._ask_about(origin, str(refusal)))
            return True
        if changes:
            self.ask_for(origin, changes)
        return bool(changes)

    def ask_for(self, origin: Origin, changes: tuple[Change, ...]) -> None:
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
        self.owner.hint(SYSTEMS[origin])

    def look_once_more(self) -> None:
        """What came while the order was being amended was not looked at."""
        for system in sorted(self._unseen):
            self.owner.hint(system)
        self._unseen.clear()

    async def take_in(self, system: System) -> None:
        """What people edited there is carried on, before anything of ours is written over it."""
        if system is System.ERP:
            await self.look_into_erp(edited=True)
        else:
            shop = await self.held_by(system)
            if isinstance(shop, StorefrontOrder):
                self.look_at_shop(shop)
        await self.owner.until(self._is_idle)

    def _is_idle(self) -> bool:
        asked = any(isinstance(request, AmendRequest) for request in self.owner.mailbox)
        return not asked and all(record.ended for record in self.document.amendments)

    # -- what a system holds -----------------------------------------------------------------------------------

    async def held_by(self, system: System) -> ErpOrder | StorefrontOrder:
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

    def edits(self, order: PlacedOrder, now: ErpOrder | StorefrontOrder) -> tuple[Change, ...]:
        if isinstance(now, StorefrontOrder):
            return edits_in_shop(order, self.document.shop_order, now)
        return edits_in_erp(order, self.document.erp_order, now)

    def know(self, held: ErpOrder | StorefrontOrder) -> None:
        if isinstance(held, ErpOrder):
            self.document.erp_order = held
        else:
            self.document.shop_order = held

    def look_later(self, system: System) -> None:
        self._unseen.add(system)
