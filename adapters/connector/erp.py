from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import common, returns, shipments
from adapters.connector.protocol import erp as protocol
from adapters.connector.wire import edited, incoming, money, outgoing, plain, priced
from domain.amendments import PricedArticle
from domain.customers import Article, CustomerAccount, CustomerRecord, Page
from domain.erp import Changes, CreditApproved, CreditRefused, Edited, ErpOrder, Invoice, SalesOrder
from domain.ids import CustomerRef, OrderId, Sku, System
from domain.keys import Key
from domain.money import Currency, Money
from domain.orders import Customer
from domain.returns import CreditNote
from domain.shipments import ShipmentReport


class ConnectorErp:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.ERP, settled_after)

    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef:
        return await self._peer.register_customer(customer, key=key)

    async def look_up_account(self, customer: CustomerRef) -> CustomerAccount | None:
        return await self._peer.ask("look_up_account", protocol.CustomerAccount, _account, customer=customer)

    async def approve_credit(
        self, order: OrderId, customer: CustomerRef, amount: Money, *, key: Key
    ) -> CreditApproved | CreditRefused:
        told = protocol.ApproveCredit(order_id=order, customer=customer, amount=money(amount))
        return await self._peer.tell("approve_credit", told, protocol.CreditAnswer, _credit, key=key)

    async def customers(self, after: str | None) -> Page[CustomerRecord]:
        return await self._peer.customers(after)

    async def articles(self, after: str | None) -> Page[Article]:
        return await self._peer.articles(after)

    async def enter_order(self, order: SalesOrder, *, key: Key) -> ErpOrder | Edited:
        told = sales_order(order)
        return await self._peer.tell("enter_order", told, protocol.EnterAnswer, _entered, key=key)

    async def price_article(self, sku: Sku, quantity: int, currency: Currency) -> PricedArticle | None:
        return await self._peer.ask(
            "price_article",
            protocol.PricedArticle,
            lambda told: incoming(PricedArticle, told),
            sku=sku,
            quantity=str(quantity),
            currency=currency,
        )

    async def look_up_order(self, order: OrderId) -> ErpOrder | None:
        return await self._peer.ask("look_up_order", protocol.ErpOrder, _order, order_id=order)

    async def cancel_order(self, order: OrderId, *, key: Key) -> None:
        await self._peer.ensure("cancel_order", common.OrderTold(order_id=order), key=key)

    async def record_shipment(self, report: ShipmentReport, *, key: Key) -> None:
        await self._peer.ensure("record_shipment", outgoing(shipments.ShipmentReport, report), key=key)

    async def post_invoice(self, order: OrderId, *, key: Key) -> Invoice:
        told = common.OrderTold(order_id=order)
        return await self._peer.tell("post_invoice", told, protocol.Invoice, _invoice, key=key)

    async def post_credit_note(self, note: CreditNote, *, key: Key) -> Invoice:
        told = outgoing(returns.CreditNote, note)
        return await self._peer.tell("post_credit_note", told, protocol.Invoice, _invoice, key=key)

    async def changes(self, since: str | None) -> Changes:
        return await self._peer.changes(since)


def sales_order(target: SalesOrder) -> protocol.SalesOrder:
    """The order as the wire carries it: with the totals of its lines spelled out, and without channel and payment."""
    order = target.order
    return protocol.SalesOrder.model_validate(
        {
            "order_id": order.order_id,
            "revision": target.revision,
            "known": target.known,
            "number": order.number,
            "placed_at": order.placed_at,
            "customer": target.customer,
            "billing": plain(order.billing),
            "shipping": plain(order.shipping),
            "secured": plain(target.secured),
            **priced(order),
        }
    )


def _order(told: protocol.ErpOrder) -> ErpOrder:
    return incoming(ErpOrder, told)


def _entered(told: protocol.Entered | common.Edited) -> ErpOrder | Edited:
    return edited(told) if isinstance(told, common.Edited) else _order(told.order)


def _invoice(told: protocol.Invoice) -> Invoice:
    return incoming(Invoice, told)


def _account(told: protocol.CustomerAccount) -> CustomerAccount:
    return incoming(CustomerAccount, told)


def _credit(told: protocol.CreditApproved | protocol.CreditRefused) -> CreditApproved | CreditRefused:
    if isinstance(told, protocol.CreditApproved):
        return CreditApproved()
    return CreditRefused(limit=incoming(Money, told.limit), used=incoming(Money, told.used))
