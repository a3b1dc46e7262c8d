from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import crm as protocol
from domain.customers import CustomerRecord, Page
from domain.ids import CustomerRef, OrderId, System
from domain.keys import Key
from domain.orders import Customer


class ConnectorCrm:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.CRM, settled_after)

    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef:
        return await self._peer.register_customer(customer, key=key)

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        return await self._peer.customers(after)

    async def note(self, customer: CustomerRef, order: OrderId, text: str, *, key: Key) -> None:
        await self._peer.ensure("note", protocol.Note(customer=customer, order_id=order, text=text), key=key)
