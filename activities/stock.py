from collections.abc import Mapping

from activities.steps import Effect, effect
from domain.ids import System
from domain.ports import Stock
from domain.reservations import Demand, Reservation


class ReserveStock(Effect):
    demand: tuple[Demand, ...]


class StockActivities:
    def __init__(self, stocks: Mapping[str, Stock]) -> None:
        self._stocks = stocks

    @effect(System.STOCK)
    async def reserve_stock(self, effect: ReserveStock) -> Reservation:
        return await self._stocks[effect.adapter].reserve(effect.order_id, effect.demand, key=effect.key)

    @effect(System.STOCK)
    async def release_stock(self, effect: Effect) -> None:
        await self._stocks[effect.adapter].release(effect.order_id, key=effect.key)
