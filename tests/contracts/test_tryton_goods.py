"""Tryton held to the contracts on goods in several warehouses, on goods that come back, and on what follows in its books."""

from collections.abc import AsyncIterator, Mapping
from typing import Literal

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.ids import MAIN, LineId, Location, OrderId, ReturnId, Sku, order_of_return
from domain.keys import effect_key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.reservations import Demand
from domain.returns import Condition
from domain.shipments import Labels, ShipmentLine
from entrypoints.demo.clerk import Clerk
from entrypoints.embedded.tryton import TrytonServer
from tests.contracts import tryton_world, warehouse
from tests.contracts.erp_afterwards import CreditNoteContract, PartlyShippedContract, lines_of
from tests.contracts.placing import EUR, pick_request
from tests.contracts.returns import Found, RestockContract, ReturnsContract
from tests.contracts.tryton_world import clerk, server, shelves, tryton
from tests.contracts.warehouse_by_hand import ByHandContract
from tests.contracts.warehouses import WarehousesContract

__all__ = ["clerk", "server", "shelves", "tryton"]
pytestmark = [
    pytest.mark.tryton,
    pytest.mark.long,
]  # Tryton takes seconds for each; test_tryton.py has the first of all

EAST = Location("east")


class Hands(tryton_world.Hands):
    def warehouses(self) -> tuple[Location, Location]:
        return MAIN, EAST

    async def stocked_in(self, units: dict[Location, int]) -> Sku:
        sku = await self.stocked(units[MAIN])
        await super().receive(sku, units[EAST], EAST)
        return sku

    async def reserved_in(self, sku: Sku, location: Location) -> int:
        return await self.reserved(sku, location)

    async def ship_part(self, order: PlacedOrder, number: int, units: Mapping[LineId, int]) -> Labels:
        lines = lines_of(order, units)
        demand = tuple(Demand(line_id=line.line_id, sku=line.sku, quantity=line.quantity) for line in lines)
        await self._stock.reserve(
            order.order_id, demand, key=effect_key(order.order_id, "reserve", f"s{number}")
        )
        pick = pick_request(order, number).model_copy(update={"lines": lines})
        await warehouse.request_pick(self._warehouse, pick)
        return await self.send(pick)

    async def credit_notes(self, order: OrderId) -> list[Money]:
        wanted = [["reference", "like", f"{order}/r%"], ["state", "in", ["posted", "paid"]]]
        found = await self.tryton.search("account.invoice", wanted, ["total_amount"])
        return [-Money.parse(note["total_amount"], EUR) for note in found]

    async def begin_by_hand(
        self, order: PlacedOrder, lines: tuple[ShipmentLine, ...], state: Literal["packed", "shipped"]
    ) -> None:
        wanted = {line.sku: line.quantity for line in lines}
        (found,) = self.sale(order).shipments
        found.click("wait")
        for move in found.inventory_moves:
            move.quantity = float(wanted.get(move.product.code, 0))
        found.save()
        found.click("assign_try")
        self.clerk.pick(found)
        self.clerk.pack(found)
        if state == "shipped":
            found.click("ship")
            found.click("do")

    async def left(self, order: PlacedOrder) -> Location:
        await self.enter(order)
        await self.ship_order(order)
        return MAIN


class ReturnHands(Hands):
    async def receive(self, returned: ReturnId, found: Found, *, complete: bool) -> None:  # type: ignore[override]  # goods that come back
        """A box: received and put away. Where it is not the last one, people first announce another with the rest."""
        (sale,) = self.clerk.model("sale.sale").find([("reference", "=", order_of_return(returned))])
        skus = {line.note.split()[2]: Sku(line.product.code) for line in sale.lines}
        came = {move.product.code: 0 for move in self._return(returned).incoming_moves}
        for (line, _), units in found.items():
            came[skus[line]] += units
        damaged = [skus[line] for line, condition in found if condition is Condition.DAMAGED]
        if not complete:
            self.announce_box(returned, dict.fromkeys(came, 3))
        self.receive_return(returned, came)
        self.put_away(returned, damaged[0] if damaged else None)


@pytest.fixture
async def client(server: TrytonServer) -> AsyncIterator[TrytonClient]:
    async with TrytonClient(server.url, server.database, server.api_key) as client:
        yield client


class Adapters:
    @pytest.fixture
    def hands(self, client: TrytonClient, clerk: Clerk, shelves: dict[int, list[Sku]]) -> Hands:
        return Hands(client, clerk, shelves)

    @pytest.fixture
    def erp(self, tryton: TrytonClient) -> TrytonErp:
        return TrytonErp(tryton)

    @pytest.fixture
    def stock(self, tryton: TrytonClient) -> TrytonStock:
        return TrytonStock(tryton)

    @pytest.fixture
    def warehouse(self, tryton: TrytonClient) -> TrytonWarehouse:
        return TrytonWarehouse(tryton)


class Returning(Adapters):
    @pytest.fixture
    def hands(self, client: TrytonClient, clerk: Clerk, shelves: dict[int, list[Sku]]) -> ReturnHands:
        return ReturnHands(client, clerk, shelves)


class TestTrytonWarehouses(Adapters, WarehousesContract):
    pass


class TestTrytonPartlyShipped(Adapters, PartlyShippedContract):
    pass


class TestTrytonCreditNotes(Adapters, CreditNoteContract):
    pass


class TestTrytonByHand(Adapters, ByHandContract):
    pass


class TestTrytonReturns(Returning, ReturnsContract):
    pass


class TestTrytonRestock(Returning, RestockContract):
    pass
