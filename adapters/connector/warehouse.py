from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import returns, shipments
from adapters.connector.protocol import warehouse as protocol
from adapters.connector.wire import incoming, outgoing
from domain.erp import Changes
from domain.ids import OrderId, ReturnId, ShipmentId, System
from domain.keys import Key
from domain.returns import Receipt, ReturnNotice
from domain.shipments import Labels, Pick, PickCancelled, PickRequest, TooLate, Unasked


class ConnectorWarehouse:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.WAREHOUSE, settled_after)

    async def request_pick(self, pick: PickRequest, *, key: Key) -> None:
        await self._peer.ensure("request_pick", outgoing(protocol.PickRequest, pick), key=key)

    async def look_up_pick(self, shipment: ShipmentId) -> Pick | None:
        return await self._peer.ask(
            "look_up_pick", protocol.Pick, lambda told: incoming(Pick, told), shipment_id=shipment
        )

    async def look_up_unasked(self, order: OrderId) -> tuple[Unasked, ...]:
        found = await self._peer.ask("look_up_unasked", protocol.UnaskedShipments, _unasked, order_id=order)
        return found or ()

    async def adopt(self, reference: str, shipment: ShipmentId, *, key: Key) -> None:
        told = protocol.Adopt(reference=reference, shipment_id=shipment)
        await self._peer.ensure("adopt", told, key=key)

    async def expect_return(self, notice: ReturnNotice, *, key: Key) -> None:
        await self._peer.ensure("expect_return", outgoing(returns.ReturnNotice, notice), key=key)

    async def look_up_return(self, returned: ReturnId) -> Receipt | None:
        return await self._peer.ask(
            "look_up_return", returns.Receipt, lambda told: incoming(Receipt, told), return_id=returned
        )

    async def cancel_pick(self, shipment: ShipmentId, *, key: Key) -> PickCancelled | TooLate:
        told = shipments.ShipmentTold(shipment_id=shipment)
        return await self._peer.tell("cancel_pick", told, protocol.CancelPickAnswer, _cancelled, key=key)

    async def hand_over(self, shipment: ShipmentId, labels: Labels, *, key: Key) -> None:
        told = protocol.HandOver(shipment_id=shipment, labels=outgoing(shipments.Labels, labels))
        await self._peer.ensure("hand_over", told, key=key)

    async def changes(self, since: str | None) -> Changes:
        return await self._peer.changes(since)


def _unasked(told: protocol.UnaskedShipments) -> tuple[Unasked, ...]:
    return tuple(incoming(Unasked, shipment) for shipment in told.shipments)


def _cancelled(answer: protocol.CancelPickAnswer) -> PickCancelled | TooLate:
    if isinstance(answer, protocol.TooLate):
        return TooLate(why=answer.why)
    return PickCancelled()
