"""What a stock with several warehouses is held to: every unit is kept where it was asked for, and nowhere else.

A subclass `TestSomeWarehouses(WarehousesContract)` gives two fixtures: `stock`, the adapter, sending all it sends through
the fixture `network`; and `hands`, which fills the shelves and reads the stock's own books.
"""

from typing import NamedTuple, Protocol

import pytest

from domain.ids import LineId, Location, OrderId, Sku
from domain.keys import effect_key
from domain.orders import PlacedOrder
from domain.ports import Stock
from domain.reservations import Demand, Reservation
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, place, unique

Place = tuple[Location, int]


class WarehousesHands(Protocol):
    def warehouses(self) -> tuple[Location, Location]:
        """Two that the merchant has."""

    async def stocked_in(self, units: dict[Location, int]) -> Sku:
        """A SKU that no other test uses, with so many units on hand in each warehouse."""

    async def reserved_in(self, sku: Sku, location: Location) -> int:
        """Units kept for orders there, as the books say."""

    async def enter(self, order: PlacedOrder) -> None:
        """Make the order known where stock wants that first; nothing elsewhere."""


class Both(NamedTuple):
    order: PlacedOrder
    sku: Sku
    north: Location
    south: Location

    async def reserved(self, hands: WarehousesHands) -> list[int]:
        return [await hands.reserved_in(self.sku, location) for location in (self.north, self.south)]


class WarehousesContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def at(self, hands: WarehousesHands, name: str) -> Both:
        """Three units in the north, five in the south, and an order for six."""
        north, south = hands.warehouses()
        sku = await hands.stocked_in({north: 3, south: 5})
        order = place(name, [(sku, 6, "10.00")])
        await hands.enter(order)
        return Both(order=order, sku=sku, north=north, south=south)

    async def test_every_warehouse_tells_what_it_could_give(self, stock: Stock, at: Both) -> None:
        assert await shelves(stock, at.order, at.sku) == {(at.north, at.sku): 3, (at.south, at.sku): 5}

    async def test_an_article_that_nobody_keeps_is_on_no_shelf(self, stock: Stock, at: Both) -> None:
        assert await shelves(stock, at.order, Sku("no-such-sku")) == {}

    async def test_many_articles_are_looked_up_together(self, stock: Stock, at: Both) -> None:
        strangers = [Sku(f"no-such-sku-{number}") for number in range(120)]
        assert (await shelves(stock, at.order, *strangers, at.sku))[at.north, at.sku] == 3

    async def test_a_line_is_kept_in_two_warehouses(
        self, stock: Stock, hands: WarehousesHands, at: Both
    ) -> None:
        first = await keep(stock, at.order, (at.north, 3), (at.south, 3))
        assert kept(first) == {(LineId("1"), at.north): (3, 3), (LineId("1"), at.south): (3, 3)}
        assert await keep(stock, at.order, (at.north, 3), (at.south, 3)) == first
        assert await stock.look_up_reservation(at.order.order_id) == first
        assert await at.reserved(hands) == [3, 3]

    async def test_it_is_kept_once_though_every_reply_is_lost(
        self, stock: Stock, hands: WarehousesHands, network: Lossy, at: Both
    ) -> None:
        network.fault = Fault.REPLY_LOST
        answer = await insist(lambda: keep(stock, at.order, (at.north, 1), (at.south, 5)))
        assert not answer.short
        assert await at.reserved(hands) == [1, 5]

    async def test_what_is_short_in_one_warehouse_is_not_taken_from_the_other(
        self, stock: Stock, hands: WarehousesHands, at: Both
    ) -> None:
        answer = await keep(stock, at.order, (at.north, 6))
        assert [(line.location, line.short) for line in answer.short] == [(at.north, 3)]
        assert await at.reserved(hands) == [3, 0]

    async def test_a_demand_that_moves_leaves_nothing_behind(
        self, stock: Stock, hands: WarehousesHands, at: Both
    ) -> None:
        await keep(stock, at.order, (at.north, 3), (at.south, 3))
        answer = await keep(stock, at.order, (at.south, 5), revision="r2")
        assert kept(answer) == {(LineId("1"), at.south): (5, 5)}
        assert await at.reserved(hands) == [0, 5]

    async def test_what_is_kept_counts_for_its_order_and_for_no_other(
        self, stock: Stock, hands: WarehousesHands, name: str, at: Both
    ) -> None:
        await keep(stock, at.order, (at.north, 2), (at.south, 4))
        other = place(f"{name}-other", [(at.sku, 1, "10.00")])
        await hands.enter(other)
        assert await shelves(stock, at.order, at.sku) == {(at.north, at.sku): 3, (at.south, at.sku): 5}
        assert await shelves(stock, other, at.sku) == {(at.north, at.sku): 1, (at.south, at.sku): 1}

    async def test_released_it_is_free_everywhere(self, stock: Stock, name: str, at: Both) -> None:
        await keep(stock, at.order, (at.north, 3), (at.south, 3))
        await stock.release(at.order.order_id, key=effect_key(at.order.order_id, "release-stock"))
        stranger = OrderId(f"order:contract:{name}-stranger")
        found = {shelf.location: shelf.units for shelf in await stock.look_up_shelves(stranger, (at.sku,))}
        assert found == {at.north: 3, at.south: 5}


async def shelves(stock: Stock, order: PlacedOrder, *skus: Sku) -> dict[tuple[Location, Sku], int]:
    """Shelves that have something to give: an empty one may be left out."""
    found = await stock.look_up_shelves(order.order_id, skus)
    return {(shelf.location, shelf.sku): shelf.units for shelf in found if shelf.units}


async def keep(stock: Stock, order: PlacedOrder, *places: Place, revision: str = "r1") -> Reservation:
    """So many units of the order's first line in each of these warehouses."""
    (line, *_) = order.lines
    demand = tuple(
        Demand(line_id=line.line_id, sku=line.sku, quantity=units, location=location)
        for location, units in places
    )
    key = effect_key(order.order_id, "reserve-stock", revision)
    return await stock.reserve(order.order_id, demand, key=key)


def kept(reservation: Reservation) -> dict[tuple[LineId, Location], tuple[int, int]]:
    return {(line.line_id, line.location): (line.wanted, line.reserved) for line in reservation.lines}
