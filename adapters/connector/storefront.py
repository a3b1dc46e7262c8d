from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import common, returns, shipments
from adapters.connector.protocol import storefront as protocol
from adapters.connector.wire import edited, incoming, outgoing, plain, priced
from domain.customers import Article, Page
from domain.erp import Edited
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
        return await self._peer.ask("look_up_order", protocol.StorefrontOrder, _order, order_id=order)

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

    async def amend_order(self, order: PlacedOrder, *, known: str, key: Key) -> StorefrontOrder | Edited:
        told = protocol.AmendShopOrder.model_validate(
            {
                "order_id": order.order_id,
                "known": known,
                "shipping": plain(order.shipping),
                **priced(order),
            }
        )
        return await self._peer.tell("amend_order", told, protocol.AmendAnswer, _amended, key=key)

    async def record_refund(self, note: CreditNote, *, key: Key) -> None:
        await self._peer.ensure("record_refund", outgoing(returns.CreditNote, note), key=key)

    async def cancel_order(self, order: OrderId, reason: str, *, key: Key) -> None:
        told = protocol.CancelShopOrder(order_id=order, reason=reason)
        await self._peer.ensure("cancel_order", told, key=key)


def _order(told: protocol.StorefrontOrder) -> StorefrontOrder:
    return incoming(StorefrontOrder, told)


def _amended(told: protocol.Amended | common.Edited) -> StorefrontOrder | Edited:
    return edited(told) if isinstance(told, common.Edited) else _order(told.order)
