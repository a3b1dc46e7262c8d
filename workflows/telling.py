"""What an order tells its customer, the CRM, ERP and shop while it goes its way."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.notifications import CustomerFacts, Units
    from domain.amendments import Amended, AmendmentRecord
    from domain.document import Dropped, Shipment
    from domain.ids import LineId, shipment_number_of
    from domain.money import Money
    from domain.notifications import Occasion
    from domain.orders import PaymentTerm, PlacedOrder
    from domain.shipments import Labels, ShipmentLine, ShipmentReport
    from workflows.attention import Desk
    from workflows.customers import tell_customer
    from workflows.effects import Effects
    from workflows.owner import Owner

_SENDER_IS_TOLD_WITHIN = timedelta(days=3)


class Telling:
    def __init__(self, owner: Owner, effects: Effects, desk: Desk) -> None:
        self.owner = owner
        self.effects = effects
        self.desk = desk
        self.document = owner.document
        self._names = {line.line_id: line.name for line in owner.document.order.lines}  # as it was placed

    async def both(self, occasion: Occasion, facts: CustomerFacts | None = None) -> None:
        """Customer and CRM, at once."""
        notes = [partial(self.effects.crm_note, occasion)] if self.document.crm_customer else []
        await tell_customer(self.desk, occasion, facts, *notes)

    async def shipped(self, shipment: Shipment) -> None:
        report = self._report(shipment)
        number = shipment_number_of(shipment.shipment_id)
        note = partial(self.effects.crm_note, Occasion.SHIPPED, number=number)
        notes = [note] if self.document.crm_customer else []
        facts = CustomerFacts(
            labels=report.labels, captured=report.captured, units=self._part(shipment.lines)
        )
        await tell_customer(
            self.desk,
            Occasion.SHIPPED,
            facts,
            partial(self.effects.record_shipment_in_erp, report),
            partial(self.effects.report_shipment_to_shop, report),
            *notes,
            number=number,
        )
        self.owner.note("ERP and shop know of the shipment")

    async def captured_later(self) -> None:
        """ERP and shop know of what was taken when no shipment was to come any more, as money for the last one."""
        left = [shipment for shipment in self.document.shipments if shipment.left]
        later = self.document.untold
        if not left or later.minor <= 0 or self.document.order.payment.term is PaymentTerm.ON_ACCOUNT:
            return
        report = self._report(left[-1]).model_copy(update={"captured": later})
        await self.desk.together(
            partial(self.effects.record_shipment_in_erp, report, "-rest"),
            partial(self.effects.report_shipment_to_shop, report, "-rest"),
        )
        left[-1].captured = later + (left[-1].captured or Money.zero(later.currency))
        self.owner.note(f"ERP and shop know of {later} more")

    async def delivered(self, shipment: Shipment) -> None:
        facts = CustomerFacts(units=self._part(shipment.lines))
        await tell_customer(
            self.desk, Occasion.DELIVERED, facts, number=shipment_number_of(shipment.shipment_id)
        )

    async def backordered(self, missing: Mapping[LineId, int]) -> None:
        """Once, as long as the same is missing: it comes later, and nothing is charged for it before."""
        lines = lines_of(self.document.order, missing)
        if lines == self.document.backordered:
            return
        self.document.backordered = lines
        self.document.backorders_told += 1
        facts = CustomerFacts(units=self.named(lines))
        await tell_customer(self.desk, Occasion.BACKORDERED, facts, number=self.document.backorders_told)

    def _part(self, lines: tuple[ShipmentLine, ...]) -> tuple[Units, ...]:
        """What a mail is about, where it is not about all of the order."""
        whole = lines_of(
            self.document.order, {line.line_id: line.quantity for line in self.document.order.shippable}
        )
        return () if lines == whole else self.named(lines)

    def named(self, lines: Iterable[ShipmentLine | Dropped]) -> tuple[Units, ...]:
        return tuple(Units(quantity=line.quantity, name=self._names[line.line_id]) for line in lines)

    def learn(self, order: PlacedOrder) -> None:
        """What was added has a name, too."""
        self._names |= {line.line_id: line.name for line in order.lines}

    async def amended(self, record: AmendmentRecord) -> None:
        number = record.revision_after or 0
        notes = [partial(self.effects.crm_note, Occasion.AMENDED, number=number)]
        facts = CustomerFacts(former=record.total_before)
        others = notes if self.document.crm_customer else []
        await tell_customer(self.desk, Occasion.AMENDED, facts, *others, number=number)

    async def sender(self, amended: Amended) -> None:
        """By webhook, for three days: the order itself has the outcome for ever."""
        todo = self.effects.tell_sender(amended, workflow.now())
        try:
            undelivered = await self.owner.attempts(todo, at_most=_SENDER_IS_TOLD_WITHIN)
        except ActivityError:
            self.owner.note(f"whoever sent the amendment {amended.amendment_id} could not be told in time")
            return
        if undelivered is not None:
            self.owner.note(f"whoever sent the amendment could not be told: {undelivered.why}")

    async def cancelled(self) -> None:
        payments, kept = self.document.payments, self.document.kept
        facts = CustomerFacts(
            why=self.document.cancel_reason,
            returned=payments.refunded if payments.refunded.minor > 0 else None,
            captured=kept if kept.minor > 0 else None,
        )
        await self.desk.do(partial(self.effects.cancel_shop_order, self.document.cancel_reason))
        await self.both(Occasion.CANCELLED, facts)

    def _report(self, shipment: Shipment) -> ShipmentReport:
        captures = self.document.payments.captures
        return ShipmentReport(
            order_id=self.document.order.order_id,
            shipment_id=shipment.shipment_id,
            lines=shipment.lines,
            # Somebody may ship without asking us for labels.
            labels=shipment.labels or Labels(carrier="", labels=()),
            captured=shipment.captured or Money.zero(self.document.order.currency),
            capture_reference=captures[-1].reference if captures else "",
        )


def lines_of(order: PlacedOrder, units: Mapping[LineId, int]) -> tuple[ShipmentLine, ...]:
    return tuple(
        ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=units[line.line_id])
        for line in order.shippable
        if units.get(line.line_id)
    )
