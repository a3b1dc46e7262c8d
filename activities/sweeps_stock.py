"""Look whether the shelves have more of what orders wait for, and tell those orders.

A stock system that tells nobody of arrivals is found out so, and one that does not know that an order waits: what pickers
did not find, its books still have.
"""

import json
from collections import Counter
from collections.abc import Mapping

from activities.steps import reading
from activities.sweeps import Hints, Register, Sweep, Swept
from domain.ids import OrderId, Sku, System
from domain.ports import Stock
from domain.records import Backorders, Waiting

_NOBODY = OrderId("order:nobody:0")  # what is kept for one of those who wait is nothing new

Units = dict[str, int]  # per article and warehouse


class StockSweepActivities:
    def __init__(
        self, stocks: Mapping[str, Stock], backorders: Backorders, hints: Hints, register: Register
    ) -> None:
        self._stocks = stocks
        self._backorders = backorders
        self._hints = hints
        self._register = register

    @reading(System.DATABASE)
    async def sweep_stock(self, sweep: Sweep) -> Swept:
        """Of an article that came, the oldest promises are told, as far as it goes. The first look only remembers."""
        waiting = await self._backorders.waiting(sweep.adapter)
        before: Units = json.loads(await self._register.cursor(sweep.name) or "{}")
        skus = tuple(dict.fromkeys(one.sku for one in waiting))
        now: Units = {}
        more: Counter[Sku] = Counter()
        for shelf in await self._stocks[sweep.adapter].look_up_shelves(_NOBODY, skus) if skus else ():
            name = f"{shelf.sku}@{shelf.location}"
            now[name] = shelf.units
            more[shelf.sku] += max(0, shelf.units - before.get(name, shelf.units))
        told = dict.fromkeys(one.order_id for one in waiting if _has_some(more, one))
        woken = [await self._hints.look_again(order, System.STOCK) for order in told]
        missed = len(told) - len(await self._register.heard_of(told.keys(), sweep.name, System.STOCK))
        await self._register.count(sweep.name, len(told), missed)
        await self._register.keep_cursor(sweep.name, json.dumps(now))
        return Swept(changed=len(told), woken=sum(woken), missed=missed)


def _has_some(more: Counter[Sku], one: Waiting) -> bool:
    """Of what came, when the older promises have theirs."""
    there = more[one.sku] > 0
    more[one.sku] -= one.units if there else 0
    return there
