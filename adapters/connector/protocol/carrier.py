from enum import StrEnum

from adapters.connector.protocol.common import Address, Model, OrderId, ReturnId, ShipmentId
from adapters.connector.protocol.shipments import Package


class Parcel(Model):
    shipment_id: ShipmentId
    packages: tuple[Package, ...]
    ship_to: Address | None


class ReturnParcel(Model):
    """For the label that the customer sticks on the box."""

    return_id: ReturnId
    order_id: OrderId
    ship_from: Address | None


class TrackingState(StrEnum):
    LABELLED = "labelled"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    LOST = "lost"


class Tracking(Model):
    """The state of the slowest package."""

    shipment_id: ShipmentId
    state: TrackingState
