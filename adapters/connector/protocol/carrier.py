from enum import StrEnum

from adapters.connector.protocol.common import Address, Model, ShipmentId
from adapters.connector.protocol.shipments import Package


class Parcel(Model):
    shipment_id: ShipmentId
    packages: tuple[Package, ...]
    ship_to: Address | None


class TrackingState(StrEnum):
    LABELLED = "labelled"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    LOST = "lost"


class Tracking(Model):
    """The state of the slowest package."""

    shipment_id: ShipmentId
    state: TrackingState
