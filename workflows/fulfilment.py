"""From reserved to delivered, in as many shipments as it takes, side by side.

Each shipment is a lane of its own: picked, packed, labelled, gone, paid, told of, delivered. One more lane plans: it begins
shipments as stock allows, and waits for what is missing.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.fulfilment import FulfilmentActivities
    from domain.attention import Action, Reason
    from domain.document import Shipment, units_in, units_of
    from domain.errors import InvariantBroken, Refused
    from domain.ids import LineId, Location, System, shipment_id, shipment_name
    from domain.orders import PlacedOrder
    from domain.policies import ShortagePolicy
    from domain.reservations import PassedOver, Reservation
    from domain.shipments import Pick, PickCancelled, PickState, ShipmentLine, Unasked
    from workflows.allotting import Allotting
    from workflows.attention import Desk, asks_a_person
    from workflows.compensations import Compensations
    from workflows.effects import Effects
    from workflows.owner import Owner
    from workflows.payments import OrderPayments
    from workflows.picks import Picks
    from workflows.requests import CancelRequest, CancelWanted
    from workflows.todo import Todo

R = TypeVar("R")

_PACKED = {PickState.PACKED, PickState.SHIPPED}

Shipped = Callable[[Shipment], Awaitable[None]]
Missing = Callable[[Mapping[LineId, int], str], None]


class _Stopped(Exception):  # noqa: N818  a turn that the business takes, not an error
    """The shipment was stopped, and is not to go on."""


def _unless_stopped(make: Callable[[Shipment], Todo[R]], shipment: Shipment) -> Todo[R]:
    if shipment.ended:
        raise _Stopped
    return make(shipment)


async def _nothing(_why: str) -> None:
    """Nothing is to be ended before a cancel."""


async def _never() -> bool:
    """Nobody edits the order elsewhere."""
    return False


def _is_stopped(shipment: Shipment) -> bool:
    return shipment.stopping or shipment.ended


class Fulfilment:
    """What an order's goods do.

    `shipped` is what happens once a shipment has left, `backordered` when units must be waited for, and `dropped` when
    they never will leave; `share` tells everybody of that, and `resume` goes on with what else was cut off.
    """

    def __init__(
        self,
        owner: Owner,
        effects: Effects,
        desk: Desk,
        undo: Compensations,
        payments: OrderPayments,
        *,
        shipped: Shipped,
        backordered: Callable[[Mapping[LineId, int]], Awaitable[None]],
        dropped: Missing,
        share: Callable[[], Awaitable[None]],
        resume: Callable[[], None],
    ) -> None:
        self.owner = owner
        self.effects = effects
        self.desk = desk
        self.undo = undo
        self.payments = payments
        self.shipped = shipped
        self.dropped = dropped
        self.share = share
        self.resume = resume
        self.backordered = backordered
        self.document = owner.document
        self.before_cancel: Callable[[str], Awaitable[None]] = _nothing
        self.was_edited: Callable[[], Awaitable[bool]] = _never
        self._requesting: defaultdict[Location, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._planned = True  # nothing changed since stock was asked
        self._stock_news = self._goods_news = (
            0  # so many hints of stock and warehouse had come when stock was asked last
        )
        self._asked = 0
        self._shipping = False
        self.picks = Picks(owner, effects)
        self.allot = Allotting(owner)

    def take_up(self) -> None:
        """In a run that goes on with an order: what was done of it can be undone, and stock was asked before."""
        self._asked = 2 if self.document.reservation else 0
        if self.document.shipments:
            self.undo.add(self._stop_all)
            self.undo.add(self._void_labels)

    # -- stock -------------------------------------------------------------------------------------------------

    @asks_a_person()
    async def reserve(self) -> None:
        """Until there is something to ship, or somebody began to ship it by hand."""
        if not self.document.unassigned:
            return
        await self.ask_stock()
        while not self.allot.to_ship() and not self.document.shipments:
            if self.owner.policies.shortage is ShortagePolicy.CANCEL_MISSING:
                raise CancelWanted(CancelRequest("stock", "nothing of it is in stock"))
            await self.backordered(self.allot.missing())
            await self._await_stock()
        self.owner.note("stock reserved")

    async def ask_stock(self) -> None:
        self.document.reservation = await self.desk.do(partial(self._counted, self.effects.reserve_stock))
        self._planned = False

    def _counted(self, reserve: Callable[[], Todo[Reservation]]) -> Todo[Reservation]:
        """As the order stands at this moment; what has left by now is no part of the answer."""
        self._asked += 1
        self._stock_news, self._goods_news = self.owner.news[System.STOCK], self.owner.news[System.WAREHOUSE]
        self.allot.begin()
        return reserve()

    async def _await_stock(self) -> None:
        """It is looked again where goods were not found before: somebody may have put them right."""
        before, news = self.document.unassigned, self.owner.news
        with self.owner.hears(System.WAREHOUSE):
            await self.owner.hinted(
                System.STOCK,
                f"stock: {self._in_words(self.allot.missing())} missing",
                since=self._stock_news,
                unless=lambda: (
                    self.document.unassigned != before or news[System.WAREHOUSE] > self._goods_news
                ),
            )
        if self.document.unassigned == before:
            self.document.passed_over = ()
            await self._take_over()
        await self.ask_stock()

    async def _take_over(self) -> None:
        """What people in the warehouse began to ship without being asked is a shipment like any other."""
        look = self.effects.look_at(System.WAREHOUSE)
        for found in await self.owner.look(FulfilmentActivities.look_up_unasked, look):
            beyond = units_in(found.lines) - self.document.unassigned
            if beyond:
                raise InvariantBroken(
                    f"{found.reference} in the warehouse holds {self._in_words(beyond)} more than is to ship"
                )
            self.undo.add(self._stop_all)
            shipment = self._add_shipment(found.location, found.lines)
            await self._adopt(found, shipment)
            shipment.state = PickState.REQUESTED
            if self._shipping:
                self.owner.begin(self._carry(shipment))

    # -- shipments ---------------------------------------------------------------------------------------------

    async def ship(self) -> None:
        """Until everything has left that is still wanted. A cancel meanwhile is answered by what can be stopped."""
        self._shipping = True
        while not self._everybody_knows():
            try:
                self.resume()
                for shipment in self.document.shipments:
                    if not shipment.ended:
                        self.owner.begin(self._carry(shipment))
                self.owner.begin(self._plan())
                self.owner.begin(self.payments.holds.keep_secured())
                await self.owner.lanes_ended(or_when=self._everybody_knows)
            except CancelWanted as wanted:
                with self.owner.deciding():
                    await self._cancel_rest(wanted)
        if self._asked > 1:  # something may have left while stock was asked to keep it
            await self.desk.do(self.effects.release_stock)

    def _everybody_knows(self) -> bool:
        """Of an order whose goods have all left, and of what never will."""
        return self.document.all_left and not self.document.unshared

    @asks_a_person()
    async def _plan(self) -> None:
        """Begin shipments as stock allows, until every unit is in one that has left."""
        document = self.document
        while not self._everybody_knows():
            if document.unshared:
                await self.share()
            if document.unassigned and self._planned:
                await self.ask_stock()
            await self.owner.until(lambda: self.payments.holds.secured)
            self._begin_shipments()
            missing = self.allot.missing()
            if not document.unassigned:
                await self.owner.until(lambda: bool(document.unassigned) or document.all_left)
            elif self.owner.policies.shortage is ShortagePolicy.CANCEL_MISSING:
                self.dropped(missing, "it is not in stock")
            else:
                await self.backordered(missing)
                await self._await_stock()

    def _begin_shipments(self) -> None:
        for location, lines in self.allot.to_ship().items():
            self.owner.begin(self._carry(self._add_shipment(location, tuple(lines))))
        self._planned = True

    def _add_shipment(self, location: Location, lines: tuple[ShipmentLine, ...]) -> Shipment:
        shipments = self.document.shipments
        name = shipment_id(self.document.order.order_id, len(shipments) + 1)
        shipments.append(Shipment(shipment_id=name, location=location, lines=lines))
        return shipments[-1]

    async def _carry(self, shipment: Shipment) -> None:
        """One shipment, as far as it goes: an amendment may stop it, and plan it anew."""
        try:
            await self._carried(shipment)
        except _Stopped:
            return

    @asks_a_person(Reason.PICK_REFUSED)
    async def _carried(self, shipment: Shipment) -> None:
        """From its pick to what follows when it has left. Begun again it goes on where it stood."""
        self.undo.add(self._stop_all)
        self.picks.forget(shipment)
        if shipment.state is None:
            self.picks.is_seen(shipment)
            await self.owner.pauses()
            await self._request(shipment)
            shipment.state = PickState.REQUESTED
        if not shipment.left:
            await self._until(shipment, _PACKED, "the warehouse to pack")
        if shipment.state is PickState.PACKED and not shipment.handed_over:
            self.undo.add(self._void_labels)
            await self.owner.pauses()
            labels = await self.desk.do(partial(_unless_stopped, self.effects.create_labels, shipment))
            shipment.labels = labels
            await self.desk.do(partial(_unless_stopped, self.effects.hand_over, shipment))
            shipment.handed_over = True
        if shipment.state is PickState.PACKED:
            await self._until(shipment, {PickState.SHIPPED}, "the goods to leave the warehouse")
        if self._nothing_can_be_stopped():
            self.owner.too_late = "it has shipped; a return is the way back"
        if shipment.left and not shipment.told:
            await self.shipped(shipment)
            shipment.told = True

    async def _request(self, shipment: Shipment) -> None:
        """What people began by hand before the warehouse was asked for it is what it was to be asked for.

        One after the other in a warehouse: where it parts what it keeps for the order, two at once would take the same.
        """
        request = partial(_unless_stopped, self.effects.request_pick, shipment)
        async with self._requesting[shipment.location]:
            await self.desk.do(request, unless=partial(self._was_begun_by_hand, shipment))

    async def _was_begun_by_hand(self, shipment: Shipment) -> bool:
        """With these goods and no others, there; it is ours from now on."""
        look = self.effects.look_at(System.WAREHOUSE)
        wanted = units_in(shipment.lines)
        for found in await self.owner.look(FulfilmentActivities.look_up_unasked, look):
            if found.location == shipment.location and units_in(found.lines) <= wanted:
                shipment.lines = found.lines
                self.picks.forget(shipment)  # it may have left already
                await self._adopt(found, shipment)
                return True
        return False

    async def _adopt(self, found: Unasked, shipment: Shipment) -> None:
        await self.desk.do(partial(self.effects.adopt_shipment, found.reference, shipment))
        self.owner.note(f"{shipment_name(shipment.shipment_id)} was begun by hand in the warehouse")

    def _nothing_can_be_stopped(self) -> bool:
        alive = [one for one in self.document.shipments if one.state is not PickState.CANCELLED]
        return bool(alive) and not self.document.unassigned and all(one.left for one in alive)

    async def _until(self, shipment: Shipment, wanted: set[PickState], waits_for: str) -> None:
        """Until the pick is in one of these states, or the warehouse gave it back and a person was asked.

        What the warehouse told of it last is not asked for again before there may be something else to see.
        """
        while True:
            if (since := self.picks.seen(shipment)) is not None:
                await self.owner.hinted(
                    System.WAREHOUSE, waits_for, since=since, unless=partial(_is_stopped, shipment)
                )
            await self.owner.until(lambda: not shipment.stopping)
            if shipment.ended:
                return
            pick = await self.picks.of(shipment)
            if shipment.stopping or shipment.ended:
                continue
            if pick is None or pick.state is PickState.CANCELLED:
                if not await self.was_edited():
                    await self.desk.ask(
                        Reason.PICK_REFUSED,
                        (Action.RETRY,),
                        "the warehouse cancelled the pick: a retry asks it to pick anew",
                    )
                shipment.state = PickState.CANCELLED
                return
            shipment.state = pick.state
            if pick.state in wanted:
                if await self._packed(shipment, pick):
                    return
                self.picks.forget(shipment)

    async def _packed(self, shipment: Shipment, pick: Pick) -> bool:
        """Only what is in the boxes ships; the rest is looked for elsewhere. Other goods than ours need a person."""
        asked = Counter({line.line_id: line.quantity for line in shipment.lines})
        packed: Counter[LineId] = Counter()
        for package in pick.packages:
            for line in package.lines:
                packed[line.line_id] += line.quantity
        if packed - asked:
            what = "the warehouse packed something else: what does not belong there must be taken out"
            await self.desk.ask(Reason.SHORT_PICK, (Action.RETRY,), what)
            return False
        if missing := asked - packed:
            await self._picked_short(shipment, missing, empty=not packed)
        shipment.packages = pick.packages
        return True

    async def _picked_short(self, shipment: Shipment, missing: Counter[LineId], *, empty: bool) -> None:
        self.owner.note(f"picked short in {shipment.location}: {self._in_words(missing)} not found")
        skus = {line.sku for line in shipment.lines if missing[line.line_id]}
        self.document.passed_over += tuple(
            PassedOver(location=shipment.location, sku=sku) for sku in sorted(skus)
        )
        if empty:
            if (why := await self._stop(shipment)) is not None:
                raise Refused(
                    f"nothing was found for {shipment.shipment_id}, and it cannot be stopped: {why}"
                )
            shipment.state = PickState.CANCELLED
            return
        left = ((line, line.quantity - missing[line.line_id]) for line in shipment.lines)
        shipment.lines = tuple(line.model_copy(update={"quantity": units}) for line, units in left if units)

    # -- amending ----------------------------------------------------------------------------------------------

    async def make_room(self, order: PlacedOrder, *, readdressed: bool, edited_in_erp: bool) -> None:
        """What is picked for the order as it was, and is wrong for this one, is stopped. Refused: it is too late.

        `readdressed`: all of it goes elsewhere. `edited_in_erp`: one that is the warehouse too may have cut picks off.
        """
        shipments = [one for one in self.document.shipments if one.state is not PickState.CANCELLED]
        wanted = {line.line_id: line.quantity for line in order.shippable}
        beyond = units_of(shipments) - Counter(wanted)
        cut_off = await self.picks.cut_off() if edited_in_erp else set()
        for shipment in reversed(shipments):
            wrong = units_in(shipment.lines) & beyond or shipment.shipment_id in cut_off
            if shipment.left or not (wrong or readdressed):
                continue
            beyond -= units_in(shipment.lines)
            await self._stop_for_amendment(shipment)

    async def _stop_for_amendment(self, shipment: Shipment) -> None:
        shipment.stopping = True
        try:
            if (why := await self._stop(shipment)) is not None:
                raise Refused(f"{shipment_name(shipment.shipment_id)} cannot be stopped: {why}")
            shipment.state = PickState.CANCELLED
            self.owner.note(f"{shipment_name(shipment.shipment_id)} was stopped")
            if shipment.labels is not None:
                await self.desk.do(partial(self.effects.void_labels, shipment))
        finally:
            shipment.stopping = False

    async def keep_stock(self, *, was_short: bool) -> None:
        """Exactly what the order needs now is kept. Refused where the merchant wants nothing to wait for."""
        self.document.reservation = await self.owner.do(self._counted(self.effects.reserve_stock))
        self._planned = False
        cancels = self.owner.policies.shortage is ShortagePolicy.CANCEL_MISSING
        if cancels and self.allot.missing() and not was_short:
            raise Refused(f"{self._in_words(self.allot.missing())} not in stock")

    @property
    def is_short(self) -> bool:
        return bool(self.allot.missing())

    # -- undoing -----------------------------------------------------------------------------------------------

    async def _cancel_rest(self, wanted: CancelWanted) -> None:
        """What has not left is stopped where the warehouse can. CancelWanted again when all of it is: then all is undone."""
        await self.before_cancel("a cancel came first")
        late = []
        for shipment in self.document.shipments:
            if shipment.left or shipment.ended:
                continue
            if why := await self._stop(shipment):
                late.append(why)
            else:
                shipment.state = PickState.CANCELLED
        gone = [shipment for shipment in self.document.shipments if shipment.state is not PickState.CANCELLED]
        if not gone:
            raise wanted
        rest = self.document.unassigned
        if not rest:
            wanted.request.refused("; ".join(late) or "it has shipped; a return is the way back")
            self.owner.note("a cancel came too late: the warehouse cannot stop what is on its way")
            return
        wanted.request.granted(
            f"{self._in_words(rest)} cancelled; the rest has left, a return is the way back for it"
        )
        self.owner.note(f"cancel of the rest wanted by {wanted.request.actor}: {wanted.request.reason}")
        await self.owner.settled()
        self.dropped(rest, wanted.request.reason)

    async def _stop(self, shipment: Shipment) -> str | None:
        """None when nothing leaves the warehouse, otherwise why it is too late."""
        with self.owner.deciding():
            try:
                answer = await self.owner.do(self.effects.cancel_pick(shipment), despite_hold=True)
            except Refused as refusal:
                return str(refusal)
        return None if isinstance(answer, PickCancelled) else answer.why

    async def _stop_all(self) -> None:
        for shipment in self.document.shipments:
            why = await self._stop(shipment)
            if why is not None:
                raise Refused(f"the warehouse cannot stop shipment {shipment.shipment_id}: {why}")
            shipment.state = PickState.CANCELLED

    async def _void_labels(self) -> None:
        for shipment in self.document.shipments:
            await self.owner.do(self.effects.void_labels(shipment))

    # -- in words ----------------------------------------------------------------------------------------------

    def _in_words(self, units: Mapping[LineId, int]) -> str:
        return ", ".join(
            f"{units[line.line_id]} × {line.sku}"
            for line in self.document.order.lines
            if units.get(line.line_id)
        )
