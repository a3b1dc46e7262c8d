"""What of the kept stock goes into shipments, and what is missing."""

from collections import Counter

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.ids import LineId, Location, ShipmentId
    from domain.policies import ShortagePolicy
    from domain.shipments import PickState, ShipmentLine
    from workflows.owner import Owner


class Allotting:
    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.document = owner.document
        self._gone_before: set[ShipmentId] = set()  # when stock was asked: its answer counts the others

    def begin(self) -> None:
        """Stock is asked now; what has left by now is no part of its answer."""
        self._gone_before = {shipment.shipment_id for shipment in self.document.shipments if shipment.left}

    def to_ship(self) -> dict[Location, list[ShipmentLine]]:
        """What is kept and in no shipment yet, per warehouse. By policy nothing as long as anything is missing."""
        waits = self.owner.policies.shortage is ShortagePolicy.WAIT_FOR_ALL
        return {} if waits and self.missing() else self._there()

    def missing(self) -> Counter[LineId]:
        there = (line for lines in self._there().values() for line in lines)
        missing = self.document.unassigned
        for line in there:
            missing[line.line_id] -= line.quantity
        return +missing

    def _there(self) -> dict[Location, list[ShipmentLine]]:
        """What is kept beyond the shipments that are planned already."""
        reservation, wanted = self.document.reservation, self.document.unassigned
        found: dict[Location, list[ShipmentLine]] = {}
        kept = self._kept_for_shipments()
        for line in reservation.lines if reservation else ():
            free = line.reserved - kept[line.location, line.line_id]
            if (units := min(free, wanted[line.line_id])) > 0:
                wanted[line.line_id] -= units
                there = ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=units)
                found.setdefault(line.location, []).append(there)
        return found

    def _kept_for_shipments(self) -> Counter[tuple[Location, LineId]]:
        kept: Counter[tuple[Location, LineId]] = Counter()
        for shipment in self.document.shipments:
            if shipment.shipment_id not in self._gone_before and shipment.state is not PickState.CANCELLED:
                for line in shipment.lines:
                    kept[shipment.location, line.line_id] += line.quantity
        return kept
