from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from adapters.connector.protocol.common import MAIN, Address, Location, Model, OrderId, ShipmentId, Text
from adapters.connector.protocol.shipments import Labels, Package, ShipmentLine


class PickRequest(Model):
    shipment_id: ShipmentId
    order_id: OrderId
    order_number: Text
    lines: Annotated[tuple[ShipmentLine, ...], Field(min_length=1)]
    location: Location = MAIN
    ship_to: Address | None


class PickState(StrEnum):
    REQUESTED = "requested"
    PICKING = "picking"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class Pick(Model):
    """Packages are known from `packed` on."""

    shipment_id: ShipmentId
    state: PickState
    packages: tuple[Package, ...] = ()


class Unasked(Model):
    """A shipment that people began by hand, and that bears no shipment id of OrderSaga's. `reference` is your own."""

    reference: Annotated[str, Field(min_length=1, max_length=128)]
    state: PickState
    location: Location = MAIN
    lines: tuple[ShipmentLine, ...]


class UnaskedShipments(Model):
    """Oldest first; empty where everything was asked for."""

    shipments: tuple[Unasked, ...]


class Adopt(Model):
    reference: Annotated[str, Field(min_length=1, max_length=128)]
    shipment_id: ShipmentId


class PickCancelled(Model):
    outcome: Literal["cancelled"] = "cancelled"


class TooLate(Model):
    """The warehouse will not stop it any more; `why` without personal data."""

    outcome: Literal["too_late"] = "too_late"
    why: str


CancelPickAnswer = Annotated[PickCancelled | TooLate, Field(discriminator="outcome")]


class HandOver(Model):
    shipment_id: ShipmentId
    labels: Labels
