"""A shipment: what the warehouse picks, packs and hands to a carrier, in packages."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.base import Value
from domain.ids import MAIN, LineId, Location, OrderId, ShipmentId, Sku
from domain.money import Money
from domain.orders import Address, Quantity


class PickState(StrEnum):
    REQUESTED = "requested"
    PICKING = "picking"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class ShipmentLine(Value):
    line_id: LineId
    sku: Sku
    quantity: Quantity


class PickRequest(Value):
    """What the warehouse is to pick, and where it goes."""

    shipment_id: ShipmentId
    order_id: OrderId
    order_number: str
    lines: tuple[ShipmentLine, ...]
    location: Location = MAIN
    ship_to: Address | None


class Package(Value):
    """One box. `package_id` is the warehouse's own; weight in grams, 0 where the warehouse does not weigh."""

    package_id: str
    lines: tuple[ShipmentLine, ...]
    weight_grams: Annotated[int, Field(ge=0)] = 0


class Pick(Value):
    """A pick as the warehouse tells it now. Packages are known from `packed` on."""

    shipment_id: ShipmentId
    state: PickState
    packages: tuple[Package, ...] = ()


class Unasked(Value):
    """A shipment of the order that people began by hand in the warehouse. `reference` is the warehouse's own."""

    reference: str
    state: PickState
    location: Location = MAIN
    lines: tuple[ShipmentLine, ...]


class PickCancelled(Value):
    """The goods stay: nothing of this shipment leaves the warehouse."""


class TooLate(Value):
    """The warehouse will not stop it any more; `why` in its own words, without personal data."""

    why: str


class Parcel(Value):
    """What a carrier needs for its labels: one label per package."""

    shipment_id: ShipmentId
    packages: tuple[Package, ...]
    ship_to: Address | None


class Label(Value):
    package_id: str
    tracking_number: str
    tracking_url: str = ""


class Labels(Value):
    """The carrier's labels of one shipment, in the order of its packages."""

    carrier: str
    labels: tuple[Label, ...]


class TrackingState(StrEnum):
    LABELLED = "labelled"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    LOST = "lost"


class Tracking(Value):
    """The state of the slowest package: delivered means all of them."""

    shipment_id: ShipmentId
    state: TrackingState


class ShipmentReport(Value):
    """What ERP and storefront are told once a shipment left and its money was captured.

    The same shipment under another capture's reference: so much more was captured for it since.
    """

    order_id: OrderId
    shipment_id: ShipmentId
    lines: tuple[ShipmentLine, ...]
    labels: Labels
    captured: Money
    capture_reference: str
