from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import common
from adapters.connector.protocol import stock as protocol
from adapters.connector.wire import incoming, outgoing
from domain.ids import OrderId, System
from domain.keys import Key
from domain.reservations import Demand, Reservation


class ConnectorStock:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.STOCK, settled_after)

    async def reserve(self, order: OrderId, demand: tuple[Demand, ...], *, key: Key) -> Reservation:
        told = protocol.Reserve(
            order_id=order, demand=tuple(outgoing(protocol.Demand, line) for line in demand)
        )
        return await self._peer.tell("reserve", told, protocol.Reservation, _reservation, key=key)

    async def release(self, order: OrderId, *, key: Key) -> None:
        await self._peer.ensure("release", common.OrderTold(order_id=order), key=key)

    async def look_up_reservation(self, order: OrderId) -> Reservation | None:
        return await self._peer.ask("look_up_reservation", protocol.Reservation, _reservation, order_id=order)


def _reservation(told: protocol.Reservation) -> Reservation:
    return incoming(Reservation, told)
