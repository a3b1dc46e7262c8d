"""What stock has, and what it keeps for an order, per warehouse."""

from typing import Annotated

from pydantic import Field

from domain.base import Value
from domain.ids import MAIN, LineId, Location, Sku
from domain.orders import Quantity

Units = Annotated[int, Field(ge=0)]


class Shelf(Value):
    """How many units of an article one order may have from a warehouse: free ones, and those kept for it already."""

    location: Location = MAIN
    sku: Sku
    units: Units


class PassedOver(Value):
    """A place where goods were looked for in vain, whatever the stock system says."""

    location: Location
    sku: Sku


class Demand(Value):
    """Units of one line that the order wants kept in one warehouse. A line may be wanted from several."""

    line_id: LineId
    sku: Sku
    quantity: Quantity
    location: Location = MAIN


class Reserved(Value):
    """What stock keeps for one line in one warehouse: at most what was wanted there."""

    line_id: LineId
    sku: Sku
    location: Location = MAIN
    wanted: Quantity
    reserved: Units

    @property
    def short(self) -> int:
        return self.wanted - self.reserved


class Reservation(Value):
    """Stock's answer for the whole order, as it stands now. What has shipped is no part of it any more."""

    lines: tuple[Reserved, ...]

    @property
    def short(self) -> tuple[Reserved, ...]:
        return tuple(line for line in self.lines if line.short > 0)
