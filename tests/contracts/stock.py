"""What every stock is held to: the reservation is a target, never more than there is, and gone when released.

A subclass `TestSomeStock(StockContract)` gives two fixtures: `stock`, the adapter, sending all it sends through the
fixture `network`; and `hands`, which sets the scene and reads the stock's own books.
"""

import asyncio
from typing import Protocol

import pytest

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import LineId, OrderId, Sku
from domain.keys import effect_key
from domain.orders import PlacedOrder
from domain.ports import Stock
from domain.reservations import Demand, Reservation
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import demand_of, insist, place, unique

_ATTEMPTS_MAX = 20


class StockHands(Protocol):
    async def stocked(self, units: int) -> Sku:
        """A SKU that no other test uses, with so many units on hand."""

    async def receive(self, sku: Sku, units: int) -> None:
        """So many units more on hand."""

    async def reserved(self, sku: Sku) -> int:
        """Units kept for orders, as the books say."""

    async def enter(self, order: PlacedOrder) -> None:
        """Make the order known where stock wants that first; nothing elsewhere."""


class StockContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    async def test_nothing_is_reserved_for_an_order_nobody_knows(self, stock: Stock, name: str) -> None:
        unknown = OrderId(f"order:contract:{name}")
        assert _kept(await stock.look_up_reservation(unknown)) == 0
        await stock.release(unknown, key=effect_key(unknown, "release-stock"))

    async def test_the_same_reservation_twice_reserves_once(
        self, stock: Stock, hands: StockHands, name: str
    ) -> None:
        first_sku, second_sku = await hands.stocked(10), await hands.stocked(10)
        order = await _entered(hands, name, (first_sku, 3), (second_sku, 2))
        first = await reserve(stock, order)
        assert await reserve(stock, order) == first == await stock.look_up_reservation(order.order_id)
        assert [(line.line_id, line.wanted, line.reserved) for line in first.lines] == [
            ("1", 3, 3),
            ("2", 2, 2),
        ]
        assert [await hands.reserved(sku) for sku in (first_sku, second_sku)] == [3, 2]

    async def test_a_reservation_is_made_once_though_every_reply_is_lost(
        self, stock: Stock, hands: StockHands, network: Lossy, name: str
    ) -> None:
        sku = await hands.stocked(10)
        order = await _entered(hands, name, (sku, 3))
        network.fault = Fault.REPLY_LOST
        reserved = await insist(lambda: reserve(stock, order))
        assert not reserved.short
        assert await hands.reserved(sku) == 3

    async def test_what_is_short_is_told_and_the_rest_is_kept(
        self, stock: Stock, hands: StockHands, name: str
    ) -> None:
        plenty, scarce = await hands.stocked(10), await hands.stocked(2)
        order = await _entered(hands, name, (plenty, 1), (scarce, 5))
        answer = await reserve(stock, order)
        assert [(line.line_id, line.short) for line in answer.short] == [("2", 3)]
        assert [await hands.reserved(sku) for sku in (plenty, scarce)] == [1, 2]

    async def test_a_shortage_is_filled_when_stock_has_arrived(
        self, stock: Stock, hands: StockHands, name: str
    ) -> None:
        sku = await hands.stocked(2)
        order = await _entered(hands, name, (sku, 5))
        assert (await reserve(stock, order)).short
        await hands.receive(sku, 10)
        assert not (await reserve(stock, order)).short
        assert await hands.reserved(sku) == 5

    async def test_nothing_on_hand_reserves_nothing(self, stock: Stock, hands: StockHands, name: str) -> None:
        sku = await hands.stocked(0)
        order = await _entered(hands, name, (sku, 1))
        assert [line.reserved for line in (await reserve(stock, order)).lines] == [0]
        assert await hands.reserved(sku) == 0

    async def test_a_reservation_is_a_target_and_not_a_sum(
        self, stock: Stock, hands: StockHands, name: str
    ) -> None:
        sku = await hands.stocked(10)
        order = await _entered(hands, name, (sku, 3))
        for quantity in (3, 2, 3, 1):
            answer = await reserve(stock, order, quantity, revision=f"r{quantity}")
            assert [line.reserved for line in answer.lines] == [quantity]
            assert await hands.reserved(sku) == quantity

    async def test_two_orders_never_share_a_unit(self, stock: Stock, hands: StockHands, name: str) -> None:
        sku = await hands.stocked(3)
        orders = [await _entered(hands, f"{name}{number}", (sku, 2)) for number in range(2)]
        answers = await asyncio.gather(*(_patiently_reserve(stock, order) for order in orders))
        kept = sorted(_kept(answer) for answer in answers)
        assert kept == [1, 2], kept
        assert await hands.reserved(sku) == 3

    async def test_released_twice_is_released(self, stock: Stock, hands: StockHands, name: str) -> None:
        sku = await hands.stocked(3)
        order = await _entered(hands, name, (sku, 3))
        await reserve(stock, order)
        for _ in range(2):
            await release(stock, order)
        assert _kept(await stock.look_up_reservation(order.order_id)) == 0
        assert await hands.reserved(sku) == 0

    async def test_stock_is_released_though_every_reply_is_lost(
        self, stock: Stock, hands: StockHands, network: Lossy, name: str
    ) -> None:
        sku = await hands.stocked(3)
        order = await _entered(hands, name, (sku, 3))
        await reserve(stock, order)
        network.fault = Fault.REPLY_LOST
        await insist(lambda: release(stock, order))
        assert await hands.reserved(sku) == 0

    async def test_an_unknown_sku_is_refused(self, stock: Stock, hands: StockHands, name: str) -> None:
        order = await _entered(hands, name, (await hands.stocked(3), 1))
        demand = (Demand(line_id=LineId("9"), sku=Sku("no-such-sku"), quantity=1),)
        with pytest.raises(Refused, match="no-such-sku"):
            await stock.reserve(order.order_id, demand, key=effect_key(order.order_id, "reserve-stock"))


async def reserve(
    stock: Stock, order: PlacedOrder, quantity: int | None = None, *, revision: str = "r1"
) -> Reservation:
    demand = demand_of(order)
    if quantity is not None:
        demand = tuple(line.model_copy(update={"quantity": quantity}) for line in demand)
    key = effect_key(order.order_id, "reserve-stock", revision)
    return await stock.reserve(order.order_id, demand, key=key)


async def release(stock: Stock, order: PlacedOrder) -> None:
    await stock.release(order.order_id, key=effect_key(order.order_id, "release-stock"))


async def _patiently_reserve(stock: Stock, order: PlacedOrder) -> Reservation:
    """A stock may refuse to serve two at once: then it is asked again, as the workflow does."""
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await reserve(stock, order)
        except (Unavailable, OutcomeUnknown):
            continue
    raise AssertionError(f"still unavailable after {_ATTEMPTS_MAX} attempts")


async def _entered(hands: StockHands, name: str, *wanted: tuple[Sku, int]) -> PlacedOrder:
    order = place(name, [(sku, quantity, "10.00") for sku, quantity in wanted])
    await hands.enter(order)
    return order


def _kept(reservation: Reservation | None) -> int:
    return sum(line.reserved for line in reservation.lines) if reservation else 0
