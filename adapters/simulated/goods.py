"""What stock, warehouse and carrier keep."""

from typing import Any

from pydantic import BaseModel, Field, computed_field, model_validator

from adapters.connector.protocol.carrier import TrackingState
from adapters.connector.protocol.common import MAIN, Address
from adapters.connector.protocol.returns import Condition, ReceivedLine, ReturnLine
from adapters.connector.protocol.shipments import Label, Labels, Package, ShipmentLine
from adapters.connector.protocol.stock import Reserved
from adapters.connector.protocol.warehouse import PickState
from adapters.simulated.records import Mark, Record


class ShelfRecord(BaseModel):
    """The units of one article in one warehouse."""

    on_hand: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        return self.on_hand - self.reserved


class StockRecord(Record):
    """One article: its shelves by warehouse, and how many units there are in all of them."""

    kind = "stock"
    sku: str
    shelves: dict[str, ShelfRecord] = Field(default_factory=dict)

    def at(self, location: str) -> ShelfRecord:
        return self.shelves.setdefault(location, ShelfRecord())

    @computed_field  # type: ignore[prop-decorator]  # mypy#1362
    @property
    def on_hand(self) -> int:
        return sum(shelf.on_hand for shelf in self.shelves.values())

    @computed_field  # type: ignore[prop-decorator]  # mypy#1362
    @property
    def reserved(self) -> int:
        return sum(shelf.reserved for shelf in self.shelves.values())

    @model_validator(mode="before")
    @classmethod
    def _of_one_warehouse(cls, kept: Any) -> Any:
        """A state of the time when there was one warehouse."""
        if isinstance(kept, dict) and "on_hand" in kept and "shelves" not in kept:
            return {**kept, "shelves": {MAIN: {name: kept[name] for name in ("on_hand", "reserved")}}}
        return kept


class ReservationRecord(Record):
    kind = "reservations"
    order_id: str
    lines: list[Reserved]
    mark: Mark


class WholesaleLine(BaseModel):
    sku: str
    quantity: int
    location: str


class WholesaleRecord(Record):
    """An order of another business, that people entered in the ERP: its units are gone from the shelves at once."""

    kind = "wholesale"
    reference: str
    lines: list[WholesaleLine]
    mark: Mark


class PickEvent(BaseModel):
    state: PickState
    mark: Mark


class PickRecord(Record):
    """`lines` were asked for, `packages` really packed. No `order_id`: cancelled before it was requested.

    `by_hand` is the warehouse's own reference of what people began themselves; until somebody gives it an id of theirs,
    it is the `shipment_id` as well.
    """

    kind = "picks"
    shipment_id: str
    order_id: str
    lines: list[ShipmentLine] = Field(default_factory=list)
    location: str = MAIN
    ship_to: Address | None = None
    state: PickState
    packages: list[Package] = Field(default_factory=list)
    labels: Labels | None = None
    unstoppable: bool = False
    by_hand: str | None = None
    history: list[PickEvent] = Field(default_factory=list)

    @property
    def unasked(self) -> bool:
        return self.by_hand == self.shipment_id


class ShelfGap(Record):
    """Units that the books have and the pickers will not find."""

    kind = "shelf_gaps"
    sku: str
    location: str = MAIN
    units: int


class PickersWait(Record):
    """An order that the pickers leave where it is, for as long as they were told to."""

    kind = "pickers_wait"
    order_id: str
    wait: bool = True


class ReturnEvent(BaseModel):
    """What was found in a box."""

    lines: list[ReceivedLine]
    mark: Mark


class ReturnRecord(Record):
    """`lines` were announced, `events` tell what came."""

    kind = "returns"
    return_id: str
    order_id: str
    order_number: str
    lines: list[ReturnLine]
    location: str
    events: list[ReturnEvent] = Field(default_factory=list)
    complete: bool = False
    expected: Mark

    @property
    def received(self) -> list[ReceivedLine]:
        """By line and condition, whatever the number of boxes."""
        units: dict[tuple[str, str, Condition], int] = {}
        for line in (line for event in self.events for line in event.lines):
            what = (line.line_id, line.sku, line.condition)
            units[what] = units.get(what, 0) + line.quantity
        return [
            ReceivedLine(line_id=line_id, sku=sku, quantity=quantity, condition=condition)
            for (line_id, sku, condition), quantity in units.items()
        ]


class RestockRecord(Record):
    """The good units of a return, on the shelf again."""

    kind = "restocks"
    return_id: str
    location: str
    lines: list[ReceivedLine]
    mark: Mark


class ReturnParcelRecord(Record):
    kind = "return_parcels"
    return_id: str
    order_id: str
    label: Label
    labelled: Mark


class VoidedLabel(BaseModel):
    label: Label
    mark: Mark


class ParcelRecord(Record):
    """`order_id` where the shipment's id does not tell it: of what people sent off by hand."""

    kind = "parcels"
    shipment_id: str
    order_id: str | None = None
    labels: list[Label]
    voided: list[VoidedLabel] = Field(default_factory=list)
    state: TrackingState
    labelled: Mark
    in_transit: Mark | None = None
    delivered: Mark | None = None
    lost: Mark | None = None


class DoomedParcel(Record):
    """A parcel that will never arrive, whether it is on its way yet or not."""

    kind = "doomed_parcels"
    shipment_id: str
