from typing import Annotated

from pydantic import Field

from domain.base import Value
from domain.ids import LineId, Sku
from domain.orders import PlacedOrder, Quantity


class Demand(Value):
    """Units of one line that the order wants from stock."""

    line_id: LineId
    sku: Sku
    quantity: Quantity


class Reserved(Value):
    """What stock keeps for one line: at most what was wanted."""

    line_id: LineId
    sku: Sku
    wanted: Quantity
    reserved: Annotated[int, Field(ge=0)]

    @property
    def short(self) -> int:
        return self.wanted - self.reserved


class Reservation(Value):
    """Stock's answer for the whole order, as it stands now."""

    lines: tuple[Reserved, ...]

    @property
    def short(self) -> tuple[Reserved, ...]:
        return tuple(line for line in self.lines if line.short > 0)


def demand_of(order: PlacedOrder) -> tuple[Demand, ...]:
    return tuple(
        Demand(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in order.shippable
    )
