from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import MAIN, LineId, Location, Model, OrderId, Sku, Units
from adapters.connector.protocol.returns import Receipt

SKUS_MAX = 50  # that are asked for at once, so that the address stays short

Count = Annotated[int, Field(ge=0)]


class Shelf(Model):
    """How many units the order may have from this warehouse: free ones, and those kept for it already."""

    location: Location = MAIN
    sku: Sku
    units: Count


class Shelves(Model):
    """An article that is in no warehouse is left out."""

    shelves: tuple[Shelf, ...]


class Demand(Model):
    """Units of one line that are wanted from one warehouse. A line may be wanted from several."""

    line_id: LineId
    sku: Sku
    quantity: Units
    location: Location = MAIN


class Reserve(Model):
    order_id: OrderId
    demand: tuple[Demand, ...]


class Reserved(Model):
    """`wanted` less `reserved` is short."""

    line_id: LineId
    sku: Sku
    location: Location = MAIN
    wanted: Units
    reserved: Count


class Reservation(Model):
    """What has shipped is no part of it any more."""

    lines: tuple[Reserved, ...]


class Restock(Model):
    """The good units of the return go back on the shelf at `location`."""

    receipt: Receipt
    location: Location = MAIN
