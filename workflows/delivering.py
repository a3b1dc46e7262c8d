"""From the warehouse's door to the customer's."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.fulfilment import FulfilmentActivities
    from domain.attention import Action, Reason
    from domain.document import Shipment
    from domain.ids import System, shipment_name
    from domain.shipments import TrackingState
    from workflows.attention import Desk, asks_a_person

_ENDED = {TrackingState.DELIVERED, TrackingState.LOST}

Told = Callable[[Shipment], Awaitable[None]]


class Delivering:
    """`delivered` tells of a parcel that arrived; `lost` pays one back that never will."""

    def __init__(self, desk: Desk, *, delivered: Told, lost: Told) -> None:
        self.owner = desk.owner
        self.effects = desk.effects
        self.desk = desk
        self.document = desk.owner.document
        self.delivered = delivered
        self.lost = lost

    async def all_arrived(self) -> None:
        """Until the carrier delivered everything, or has had the days for it that the policy gives."""
        on_their_way = [
            shipment
            for shipment in self.document.shipments
            if shipment.left
            and shipment.tracking not in _ENDED
            and workflow.now() <= self._deadline(shipment)
        ]
        arrived: list[Shipment] = []

        async def arrives(shipment: Shipment) -> None:
            await self._deliver(shipment)
            arrived.append(shipment)

        for shipment in on_their_way:
            self.owner.begin(arrives(shipment))
        await self.owner.lanes_ended(or_when=lambda: len(arrived) == len(on_their_way))

    @asks_a_person()
    async def _deliver(self, shipment: Shipment) -> None:
        deadline = self._deadline(shipment)
        look = self.effects.look_at_shipment(System.CARRIER, shipment.shipment_id)
        seen = 0
        while True:
            left = deadline - workflow.now()
            await self.owner.hinted(System.CARRIER, "the delivery", since=seen, at_most=left)
            seen = self.owner.news[System.CARRIER]
            tracking = await self.owner.look(FulfilmentActivities.track_shipment, look)
            shipment.tracking = tracking.state if tracking else None
            if shipment.tracking is TrackingState.DELIVERED:
                self.owner.note(f"{shipment_name(shipment.shipment_id)} delivered")
                return await self.delivered(shipment)
            if shipment.tracking is TrackingState.LOST:
                return await self._lost(shipment)
            if workflow.now() >= deadline:
                return self.owner.note(f"no delivery of {shipment_name(shipment.shipment_id)} was told")

    def _deadline(self, shipment: Shipment) -> datetime:
        latest = workflow.now() + timedelta(days=self.owner.policies.delivery_wait_days_max)
        return self.owner.deadline(f"the delivery of {shipment_name(shipment.shipment_id)}", latest)

    async def _lost(self, shipment: Shipment) -> None:
        what = f"the carrier lost {shipment_name(shipment.shipment_id)}: {len(shipment.packages)} packages"
        request = await self.desk.ask(Reason.PARCEL_LOST, (Action.APPROVE, Action.REJECT), what)
        if request.resolve.action is Action.APPROVE:
            await self.lost(shipment)
