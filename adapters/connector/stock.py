from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import common, returns
from adapters.connector.protocol import stock as protocol
from adapters.connector.wire import incoming, outgoing
from domain.ids import Location, OrderId, Sku, System
from domain.keys import Key
from domain.reservations import Demand, Reservation, Shelf
from domain.returns import Receipt


class ConnectorStock:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.STOCK, settled_after)

    async def look_up_shelves(self, order: OrderId, skus: tuple[Sku, ...]) -> tuple[Shelf, ...]:
        found: list[Shelf] = []
        for start in range(0, len(skus), protocol.SKUS_MAX):
            some = skus[start : start + protocol.SKUS_MAX]
            told = await self._peer.ask(
                "look_up_shelves", protocol.Shelves, _shelves, order_id=order, sku=some
            )
            found += told or ()
        return tuple(found)

    async def reserve(self, order: OrderId, demand: tuple[Demand, ...], *, key: Key) -> Reservation:
        told = protocol.Reserve(
            order_id=order, demand=tuple(outgoing(protocol.Demand, line) for line in demand)
        )
        return await self._peer.tell("reserve", told, protocol.Reservation, _reservation, key=key)

    async def release(self, order: OrderId, *, key: Key) -> None:
        await self._peer.ensure("release", common.OrderTold(order_id=order), key=key)

    async def look_up_reservation(self, order: OrderId) -> Reservation | None:
        return await self._peer.ask("look_up_reservation", protocol.Reservation, _reservation, order_id=order)

    async def restock(self, receipt: Receipt, location: Location, *, key: Key) -> None:
        told = protocol.Restock(receipt=outgoing(returns.Receipt, receipt), location=location)
        await self._peer.ensure("restock", told, key=key)


def _shelves(told: protocol.Shelves) -> tuple[Shelf, ...]:
    return tuple(incoming(Shelf, shelf) for shelf in told.shelves)


def _reservation(told: protocol.Reservation) -> Reservation:
    return incoming(Reservation, told)
