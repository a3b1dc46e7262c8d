from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import returns, shipments
from adapters.connector.protocol import storefront as protocol
from adapters.connector.wire import incoming, outgoing, priced
from domain.customers import Article, Page
from domain.ids import ChannelId, OrderId, System
from domain.keys import Key
from domain.orders import PlacedOrder
from domain.returns import CreditNote
from domain.shipments import ShipmentReport
from domain.storefront import ShopNews, StorefrontOrder


class ConnectorStorefront:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.STOREFRONT, settled_after)

    async def look_up_order(self, order: OrderId) -> StorefrontOrder | None:
        return await self._peer.ask(
            "look_up_order",
            protocol.StorefrontOrder,
            lambda told: incoming(StorefrontOrder, told),
            order_id=order,
        )

    async def orders_since(self, channel: ChannelId, cursor: str | None) -> ShopNews:
        return await self._peer.list_of(
            "orders_since",
            protocol.ShopNews,
            lambda told: incoming(ShopNews, told),
            channel=channel,
            since=cursor,
        )

    async def articles(self, after: str | None) -> Page[Article]:
        return await self._peer.articles(after)

    async def report_shipment(self, report: ShipmentReport, *, key: Key) -> None:
        await self._peer.ensure("report_shipment", outgoing(shipments.ShipmentReport, report), key=key)

    async def amend_order(self, order: PlacedOrder, *, key: Key) -> None:
        told = protocol.AmendShopOrder.model_validate({"order_id": order.order_id, **priced(order)})
        await self._peer.ensure("amend_order", told, key=key)

    async def record_refund(self, note: CreditNote, *, key: Key) -> None:
        await self._peer.ensure("record_refund", outgoing(returns.CreditNote, note), key=key)

    async def cancel_order(self, order: OrderId, reason: str, *, key: Key) -> None:
        told = protocol.CancelShopOrder(order_id=order, reason=reason)
        await self._peer.ensure("cancel_order", told, key=key)
