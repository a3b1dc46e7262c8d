"""From reserved to delivered: the warehouse picks and packs, the carrier's labels go on, the goods leave and arrive."""

from collections import Counter
from datetime import timedelta
from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.fulfilment import FulfilmentActivities
    from domain.attention import Action, Reason
    from domain.document import Shipment
    from domain.errors import Refused
    from domain.ids import System, shipment_id
    from domain.shipments import Pick, PickCancelled, PickState, ShipmentLine, TrackingState
    from workflows.attention import Desk, asks_a_person
    from workflows.compensations import Compensations
    from workflows.effects import Effects
    from workflows.owner import Owner
    from workflows.requests import CancelWanted


class Fulfilment:
    """One shipment of everything that ships."""

    def __init__(self, owner: Owner, effects: Effects, desk: Desk, undo: Compensations) -> None:
        self.owner = owner
        self.effects = effects
        self.desk = desk
        self.undo = undo

    @property
    def shipment(self) -> Shipment | None:
        """The one under way or gone; None when nothing ships. A pick that the warehouse cancelled is replaced."""
        shipments = self.owner.document.shipments
        return shipments[-1] if shipments else None

    async def ship(self) -> None:
        """Until the goods have left. A cancel meanwhile is the warehouse's to answer: it stops them, or cannot."""
        if not self.owner.document.order.shippable:
            return
        while True:
            try:
                await self._pick_and_hand_over()
            except CancelWanted as wanted:
                why = await self._stop(self.shipment) if self.shipment else None
                if why is None:
                    raise
                wanted.request.refused(why)
                self.owner.note("a cancel came too late: the warehouse cannot stop the shipment any more")
            else:
                return

    @asks_a_person(Reason.PICK_REFUSED)
    async def _pick_and_hand_over(self) -> None:
        shipment = self._planned()
        self.undo.add(self._stop_all)
        if shipment.state is None:
            await self.desk.do(partial(self.effects.request_pick, shipment))
            shipment.state = PickState.REQUESTED
        pick = await self._until(shipment, {PickState.PACKED, PickState.SHIPPED}, "the warehouse to pack")
        if pick.state is not PickState.SHIPPED:
            self.undo.add(self._void_labels)
            shipment.labels = await self.desk.do(partial(self.effects.create_labels, shipment))
            await self.desk.do(partial(self.effects.hand_over, shipment))
            await self._until(shipment, {PickState.SHIPPED}, "the goods to leave the warehouse")
        self.owner.note(f"shipped in {len(shipment.packages)} packages")

    async def await_delivery(self) -> None:
        """Until the carrier delivered, or has had the days for it that the policy gives."""
        shipment = self.shipment
        if shipment is None or shipment.tracking is TrackingState.DELIVERED:
            return
        deadline = workflow.now() + timedelta(days=self.owner.policies.delivery_wait_days_max)
        look = self.effects.look_at_shipment(System.CARRIER, shipment.shipment_id)
        while True:
            self.owner.hints.discard(System.CARRIER)
            tracking = await self.owner.look(FulfilmentActivities.track_shipment, look)
            shipment.tracking = tracking.state if tracking else None
            if shipment.tracking is TrackingState.DELIVERED or workflow.now() >= deadline:
                break
            await self.owner.hinted(System.CARRIER, "the delivery", at_most=deadline - workflow.now())
        self.owner.note(
            "delivered" if shipment.tracking is TrackingState.DELIVERED else "no delivery was told"
        )

    def _planned(self) -> Shipment:
        shipments = self.owner.document.shipments
        if not shipments or shipments[-1].state is PickState.CANCELLED:
            order = self.owner.document.order
            lines = tuple(
                ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity)
                for line in order.shippable
            )
            shipments.append(
                Shipment(shipment_id=shipment_id(order.order_id, len(shipments) + 1), lines=lines)
            )
        return shipments[-1]

    async def _until(self, shipment: Shipment, wanted: set[PickState], waits_for: str) -> Pick:
        look = self.effects.look_at_shipment(System.WAREHOUSE, shipment.shipment_id)
        while True:
            self.owner.hints.discard(System.WAREHOUSE)
            pick = await self.owner.look(FulfilmentActivities.look_up_pick, look)
            if pick is None or pick.state is PickState.CANCELLED:
                shipment.state = PickState.CANCELLED
                raise Refused("the warehouse cancelled the pick: a retry asks it to pick anew")
            shipment.state = pick.state
            if pick.state in wanted:
                shipment.packages = pick.packages
                if (short := _short_of(shipment, pick)) is None:
                    return pick
                await self.desk.ask(Reason.SHORT_PICK, (Action.RETRY,), short)
            else:
                await self.owner.hinted(System.WAREHOUSE, waits_for)

    # -- undoing -----------------------------------------------------------------------------------------------

    async def _stop(self, shipment: Shipment) -> str | None:
        """None when nothing leaves the warehouse, otherwise why it is too late."""
        with self.owner.deciding():
            try:
                answer = await self.owner.do(self.effects.cancel_pick(shipment), despite_hold=True)
            except Refused as refusal:
                return str(refusal)
        return None if isinstance(answer, PickCancelled) else answer.why

    async def _stop_all(self) -> None:
        for shipment in self.owner.document.shipments:
            why = await self._stop(shipment)
            if why is not None:
                raise Refused(f"the warehouse cannot stop shipment {shipment.shipment_id}: {why}")
            shipment.state = PickState.CANCELLED

    async def _void_labels(self) -> None:
        for shipment in self.owner.document.shipments:
            await self.owner.do(self.effects.void_labels(shipment))


def _short_of(shipment: Shipment, pick: Pick) -> str | None:
    """What is wrong when the boxes hold other units than were asked for: only what ships may be charged."""
    asked = Counter({line.line_id: line.quantity for line in shipment.lines})
    packed: Counter[str] = Counter()
    for package in pick.packages:
        for line in package.lines:
            packed[line.line_id] += line.quantity
    if packed == asked:
        return None
    short = ", ".join(
        f"{packed[line.line_id]} of {line.quantity} × {line.sku}"
        for line in shipment.lines
        if packed[line.line_id] != line.quantity
    )
    return f"the warehouse packed {short or 'something else'}: what is missing must be packed, too"
