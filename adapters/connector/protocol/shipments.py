"""Shipments, as several systems speak of them."""

from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import LineId, Model, Money, OrderId, ShipmentId, Sku, Units


class ShipmentTold(Model):
    shipment_id: ShipmentId


class ShipmentLine(Model):
    line_id: LineId
    sku: Sku
    quantity: Units


class Package(Model):
    package_id: Annotated[str, Field(min_length=1, max_length=128)]
    lines: tuple[ShipmentLine, ...]
    weight_grams: Annotated[int, Field(ge=0)] = 0


class Label(Model):
    package_id: str
    tracking_number: str
    tracking_url: str = ""


class Labels(Model):
    carrier: str
    labels: tuple[Label, ...]


class ShipmentReport(Model):
    """A shipment left, and this much was captured for it; under another capture's reference, so much more since."""

    order_id: OrderId
    shipment_id: ShipmentId
    lines: tuple[ShipmentLine, ...]
    labels: Labels
    captured: Money
    capture_reference: str
