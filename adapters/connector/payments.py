from datetime import timedelta

import httpx

from adapters.connector.client import Peer
from adapters.connector.protocol import payments as protocol
from adapters.connector.wire import incoming, money
from domain.erp import Changes
from domain.ids import OrderId, PaymentRef, System
from domain.keys import Key
from domain.money import Money
from domain.payments import Capture, Declined, PayLink, Payment, Refund


class ConnectorPayments:
    def __init__(self, client: httpx.AsyncClient, settled_after: timedelta) -> None:
        self._peer = Peer(client, System.PAYMENTS, settled_after)

    async def look_up(self, order: OrderId, reference: PaymentRef | None) -> tuple[Payment, ...]:
        told = await self._peer.ask(
            "look_up", protocol.Payments, _payments, order_id=order, reference=reference
        )
        return told or ()

    async def changes(self, since: str | None) -> Changes:
        return await self._peer.changes(since)

    async def capture(
        self, payment: PaymentRef, amount: Money, *, key: Key, final: bool
    ) -> Capture | Declined:
        told = protocol.TakeCapture(payment=payment, amount=money(amount), final=final)
        return await self._peer.tell("capture", told, protocol.CaptureAnswer, _capture, key=key)

    async def increment(self, payment: PaymentRef, authorised: Money, *, key: Key) -> Payment | Declined:
        told = protocol.IncrementHold(payment=payment, authorised=money(authorised))
        return await self._peer.tell("increment", told, protocol.HoldAnswer, _hold, key=key)

    async def hold(self, like: PaymentRef, amount: Money, *, key: Key) -> Payment | Declined:
        told = protocol.TakeHold(like=like, amount=money(amount))
        return await self._peer.tell("hold", told, protocol.HoldAnswer, _hold, key=key)

    async def pay_link(self, order: OrderId, amount: Money, *, key: Key) -> PayLink:
        told = protocol.OfferPayLink(order_id=order, amount=money(amount))
        return await self._peer.tell("pay_link", told, protocol.PayLink, _pay_link, key=key)

    async def void(self, payment: PaymentRef, *, key: Key) -> None:
        await self._peer.ensure("void", protocol.PaymentTold(payment=payment), key=key)

    async def refund(self, payment: PaymentRef, amount: Money, *, key: Key) -> Refund | Declined:
        told = protocol.GiveRefund(payment=payment, amount=money(amount))
        return await self._peer.tell("refund", told, protocol.RefundAnswer, _refund, key=key)


def _payments(answer: protocol.Payments) -> tuple[Payment, ...]:
    return tuple(incoming(Payment, told) for told in answer.payments)


def _capture(answer: protocol.CaptureAnswer) -> Capture | Declined:
    if isinstance(answer, protocol.Declined):
        return Declined(reason=answer.reason)
    return incoming(Capture, answer.capture)


def _hold(answer: protocol.HoldAnswer) -> Payment | Declined:
    if isinstance(answer, protocol.Declined):
        return Declined(reason=answer.reason)
    return incoming(Payment, answer.payment)


def _pay_link(told: protocol.PayLink) -> PayLink:
    return incoming(PayLink, told)


def _refund(answer: protocol.RefundAnswer) -> Refund | Declined:
    if isinstance(answer, protocol.Declined):
        return Declined(reason=answer.reason)
    return incoming(Refund, answer.refund)
