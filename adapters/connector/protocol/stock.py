from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import LineId, Model, OrderId, Sku, Units


class Demand(Model):
    line_id: LineId
    sku: Sku
    quantity: Units


class Reserve(Model):
    order_id: OrderId
    demand: tuple[Demand, ...]


class Reserved(Model):
    """`wanted` less `reserved` is short."""

    line_id: LineId
    sku: Sku
    wanted: Units
    reserved: Annotated[int, Field(ge=0)]


class Reservation(Model):
    lines: tuple[Reserved, ...]
