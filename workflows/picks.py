"""What the warehouse tells of an order's picks."""

import asyncio
from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.fulfilment import FulfilmentActivities
    from domain.document import Shipment
    from domain.errors import InvariantBroken, Refused
    from domain.ids import ShipmentId, System
    from domain.shipments import Pick, PickState
    from workflows.effects import Effects
    from workflows.owner import Owner


@dataclass
class _LookAtPicks:
    """One look for several shipments. `news`: so many hints had come when it began."""

    asked: tuple[ShipmentId, ...]
    news: int
    found: list[Pick | None] = field(default_factory=list)
    refused: Refused | InvariantBroken | None = None
    task: asyncio.Task[None] | None = None

    def has_ended(self) -> bool:
        return self.task is not None and self.task.done()

    def pick_of(self, shipment: ShipmentId) -> Pick | None:
        """Refused and InvariantBroken as the warehouse said it."""
        if self.refused is not None:
            raise self.refused
        return self.found[self.asked.index(shipment)]


class Picks:
    """One look serves all shipments that want to know at the same moment."""

    def __init__(self, owner: Owner, effects: Effects) -> None:
        self.owner = owner
        self.effects = effects
        self.document = owner.document
        self._looking: _LookAtPicks | None = None
        self._seen: dict[ShipmentId, int] = {}  # hints that had come when its pick was seen last

    def seen(self, shipment: Shipment) -> int | None:
        """So many hints had come when its pick was seen last; None: it is to be looked at now."""
        return self._seen.get(shipment.shipment_id)

    def is_seen(self, shipment: Shipment) -> None:
        self._seen[shipment.shipment_id] = self.owner.news[System.WAREHOUSE]

    def forget(self, shipment: Shipment) -> None:
        self._seen.pop(shipment.shipment_id, None)

    async def of(self, shipment: Shipment) -> Pick | None:
        """As the warehouse tells it now."""
        while True:
            if self._looking is None or self._looking.has_ended():
                self._looking = _LookAtPicks(self._requested(), self.owner.news[System.WAREHOUSE])
                self._looking.task = self.owner.begin(self._look_at_picks(self._looking))
            look = self._looking
            told_now = look.news == self.owner.news[System.WAREHOUSE] and shipment.shipment_id in look.asked
            await self.owner.until(look.has_ended)
            if told_now:
                self._seen[shipment.shipment_id] = look.news
                return look.pick_of(shipment.shipment_id)

    def _requested(self) -> tuple[ShipmentId, ...]:
        return tuple(
            one.shipment_id for one in self.document.shipments if one.state is not None and not one.ended
        )

    async def _look_at_picks(self, look: "_LookAtPicks") -> None:
        try:
            asked = self.effects.look_at_picks(look.asked)
            look.found = await self.owner.look(FulfilmentActivities.look_up_picks, asked)
        except (Refused, InvariantBroken) as error:
            look.refused = error

    async def cut_off(self) -> set[ShipmentId]:
        """Of what the warehouse was asked to pick, that which it will not pick any more."""
        if not (asked := self._requested()):
            return set()
        picks = await self.owner.look(FulfilmentActivities.look_up_picks, self.effects.look_at_picks(asked))
        return {
            one
            for one, pick in zip(asked, picks, strict=True)
            if pick is None or pick.state is PickState.CANCELLED
        }
