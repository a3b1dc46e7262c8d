from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import carrier as protocol
from adapters.connector.protocol import shipments
from adapters.connector.wire import incoming, outgoing
from domain.ids import ShipmentId, System
from domain.keys import Key
from domain.returns import ReturnParcel
from domain.shipments import Labels, Parcel, Tracking


class ConnectorCarrier:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.CARRIER, settled_after)

    async def create_labels(self, parcel: Parcel, *, key: Key) -> Labels:
        told = outgoing(protocol.Parcel, parcel)
        return await self._peer.tell("create_labels", told, shipments.Labels, _labels, key=key)

    async def create_return_label(self, parcel: ReturnParcel, *, key: Key) -> Labels:
        told = outgoing(protocol.ReturnParcel, parcel)
        return await self._peer.tell("create_return_label", told, shipments.Labels, _labels, key=key)

    async def void_labels(self, shipment: ShipmentId, *, key: Key) -> None:
        await self._peer.ensure("void_labels", shipments.ShipmentTold(shipment_id=shipment), key=key)

    async def track(self, shipment: ShipmentId) -> Tracking | None:
        return await self._peer.ask(
            "track", protocol.Tracking, lambda told: incoming(Tracking, told), shipment_id=shipment
        )


def _labels(told: shipments.Labels) -> Labels:
    return incoming(Labels, told)
