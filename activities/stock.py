"""The steps at the stock system: an order's units are found, in which warehouse so ever, and kept for it."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from activities.steps import Effect, effect
from domain.allocation import Wanted, allocate
from domain.ids import Location, Sku, System
from domain.keys import Key, effect_key
from domain.ports import Stock
from domain.records import Backorders
from domain.reservations import Demand, PassedOver, Reservation, Reserved, Shelf
from domain.returns import Receipt

_PLANS_MAX = 3  # others may take what a plan is made of


class ReserveStock(Effect):
    """`wanted` is to be found somewhere; `kept` stays where it is, for a shipment that is planned already.

    `warehouses` are preferred in this order. `promised_at`: older orders are served first. `waited`: the order was short
    before. Where goods were looked for in vain they are `passed_over`.
    """

    wanted: tuple[Wanted, ...]
    kept: tuple[Demand, ...] = ()
    warehouses: tuple[Location, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    promised_at: datetime
    waited: bool = False


class ReleaseStock(Effect):
    promised_at: datetime


class Restock(Effect):
    receipt: Receipt
    location: Location


class StockActivities:
    def __init__(self, stocks: Mapping[str, Stock], backorders: Backorders) -> None:
        self._stocks = stocks
        self._backorders = backorders

    @effect(System.STOCK)
    async def reserve_stock(self, effect: ReserveStock) -> Reservation:
        """Keep what is there for the order, less what older orders wait for. Short lines stay on the list."""
        reservation, taken = await self._reserved(effect)
        for _ in range(_PLANS_MAX - 1):
            if taken:
                reservation, taken = await self._reserved(effect)
        short: Counter[Sku] = Counter()
        for line in reservation.short:
            short[line.sku] += line.short
        if short or effect.waited:
            await self._backorders.wait(effect.adapter, effect.order_id, effect.promised_at, short)
        return reservation

    @effect(System.STOCK)
    async def release_stock(self, effect: ReleaseStock) -> None:
        await self._stocks[effect.adapter].release(effect.order_id, key=effect.key)
        await self._backorders.wait(effect.adapter, effect.order_id, effect.promised_at, {})

    @effect(System.STOCK)
    async def restock(self, effect: Restock) -> None:
        await self._stocks[effect.adapter].restock(effect.receipt, effect.location, key=effect.key)

    async def _reserved(self, effect: ReserveStock) -> tuple[Reservation, bool]:
        """And whether others took meanwhile what it was planned with."""
        stock = self._stocks[effect.adapter]
        shelves, not_for_us = await self._shelves(stock, effect)
        plan = allocate(effect.wanted, shelves, warehouses=effect.warehouses)
        # What is missing would be given from what older orders are to have, or from where nobody finds it.
        asked = tuple(_at_most(plan, shelves, not_for_us))
        demand = _together((*effect.kept, *asked))
        reservation = await stock.reserve(effect.order_id, demand, key=_key(effect, demand))
        taken = _taken_meanwhile(reservation, shelves)
        return _with_what_is_missing(reservation, _together((*effect.kept, *plan))), taken

    async def _shelves(self, stock: Stock, effect: ReserveStock) -> tuple[tuple[Shelf, ...], set[Sku]]:
        """What may be planned with: not what is kept already, nor what older orders wait for, nor what is not there.

        And the articles of which something is there that is not for us.
        """
        skus = tuple(sorted({line.sku for line in effect.wanted}))
        if not skus:
            return (), set()
        ahead = Counter(
            await self._backorders.ahead(effect.adapter, effect.order_id, effect.promised_at, skus)
        )
        kept: Counter[tuple[Location, Sku]] = Counter()
        for line in effect.kept:
            kept[line.location, line.sku] += line.quantity
        passed_over = {(place.location, place.sku) for place in effect.passed_over}
        found, not_for_us = [], {place.sku for place in effect.passed_over}
        for shelf in await stock.look_up_shelves(effect.order_id, skus):
            free = max(0, shelf.units - kept[shelf.location, shelf.sku])
            if left := min(free, ahead[shelf.sku]):
                ahead[shelf.sku] -= left
                not_for_us.add(shelf.sku)
            units = 0 if (shelf.location, shelf.sku) in passed_over else free - left
            found.append(shelf.model_copy(update={"units": units}))
        return tuple(found), not_for_us


def _at_most(plan: Sequence[Demand], shelves: Sequence[Shelf], skus: set[Sku]) -> Iterator[Demand]:
    """The plan, of these articles no more than the shelves have."""
    there = Counter({(shelf.location, shelf.sku): shelf.units for shelf in shelves})
    for demand in plan:
        units = demand.quantity
        if demand.sku in skus:
            units = min(units, there[demand.location, demand.sku])
            there[demand.location, demand.sku] -= units
        if units:
            yield demand.model_copy(update={"quantity": units})


def _with_what_is_missing(reservation: Reservation, plan: Sequence[Demand]) -> Reservation:
    """Stock's answer, measured by all that is wanted."""
    kept = {(line.location, line.line_id): line.reserved for line in reservation.lines}
    return Reservation(
        lines=tuple(
            Reserved(
                line_id=one.line_id,
                sku=one.sku,
                location=one.location,
                wanted=one.quantity,
                reserved=min(kept.get((one.location, one.line_id), 0), one.quantity),
            )
            for one in plan
        )
    )


def _together(demand: Sequence[Demand]) -> tuple[Demand, ...]:
    """One demand per line and warehouse."""
    units: dict[tuple[Location, str], Demand] = {}
    for one in demand:
        before = units.get((one.location, one.line_id))
        quantity = one.quantity + (before.quantity if before else 0)
        units[one.location, one.line_id] = one.model_copy(update={"quantity": quantity})
    return tuple(units.values())


def _taken_meanwhile(reservation: Reservation, shelves: Sequence[Shelf]) -> bool:
    """Less is kept in a warehouse than its shelves promised."""
    promised = {(shelf.location, shelf.sku): shelf.units for shelf in shelves}
    kept: Counter[tuple[Location, Sku]] = Counter()
    for line in reservation.lines:
        kept[line.location, line.sku] += line.reserved
    return any(
        line.short and kept[line.location, line.sku] < promised.get((line.location, line.sku), 0)
        for line in reservation.lines
    )


def _key(effect: ReserveStock, demand: tuple[Demand, ...]) -> Key:
    """Another plan is another request."""
    told = ",".join(f"{one.line_id}@{one.location}:{one.quantity}" for one in demand)
    return effect_key(effect.order_id, "reserve", hashlib.sha256(told.encode()).hexdigest()[:12])
