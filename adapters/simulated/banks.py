"""What banks do without being asked by anybody here: holds expire, customers dispute what they paid. Under /world."""

from decimal import Decimal
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from adapters.connector.protocol.common import Money, OrderId
from adapters.connector.protocol.payments import DisputeState, PaymentState, RefundState
from adapters.simulated import payments
from adapters.simulated.ledger import DisputeRecord, Movement, PaymentRecord
from adapters.simulated.payers import Reference
from adapters.simulated.sums import decimal, money, summed
from adapters.simulated.world import Asked, Refusal, World, world_of

router = APIRouter(prefix="/world/payments", tags=["world"])


class Expiry(Asked):
    """`reference` None: every hold of the order."""

    order_id: OrderId
    reference: Reference | None = None


class Expired(BaseModel):
    payments: list[str]


class OpenDispute(Asked):
    """`payment` None: the newest that was captured. `amount` None: all that is left of its newest capture."""

    order_id: OrderId
    payment: Reference | None = None
    amount: Money | None = None


class DecideDispute(Asked):
    """`reference` None: every open dispute of the order."""

    order_id: OrderId
    state: Literal[DisputeState.WON, DisputeState.LOST]
    reference: Reference | None = None


class Disputes(BaseModel):
    disputes: list[str]


@router.post("/expire")
async def expire(request: Request, asked: Expiry) -> Expired:
    """The bank lets go what is held, before its time."""
    world = world_of(request)
    with world.transaction():
        held = [
            payment
            for payment in world.state.of_order(PaymentRecord, asked.order_id)
            if payment.state is PaymentState.AUTHORISED and asked.reference in (None, payment.reference)
        ]
        for payment in held:
            payment.capture_before = world.state.mark().at
            payments.expire(world, payment)
        if held:
            world.hint("payments", "hold_expired", asked.order_id)
    return Expired(payments=[payment.reference for payment in held])


@router.post("/dispute")
async def open_dispute(request: Request, asked: OpenDispute) -> DisputeRecord:
    """The customer takes money back through their bank. It is gone until the dispute is won."""
    world = world_of(request)
    with world.transaction():
        payment, capture = _captured(world, asked)
        most = _undisputed(payment, capture)
        amount = asked.amount or money(most, capture.amount)
        payments.check_money(payment, amount)
        if decimal(amount) > most:
            raise Refusal("amount_too_large", "so much is not left of this capture", status=409)
        mark = world.state.mark()
        dispute = DisputeRecord(
            reference=f"dp_{mark.seq}", capture=capture.reference, amount=amount, opened=mark
        )
        payment.disputes.append(dispute)
        world.state.save(payment, payment.reference)
        world.hint("payments", "dispute_opened", asked.order_id)
    return dispute


@router.post("/dispute/decide")
async def decide_dispute(request: Request, asked: DecideDispute) -> Disputes:
    """Won: the money is back. Lost: it stays away."""
    world = world_of(request)
    decided: list[str] = []
    with world.transaction():
        for payment in world.state.of_order(PaymentRecord, asked.order_id):
            for dispute in payment.disputes:
                if dispute.state is DisputeState.OPEN and asked.reference in (None, dispute.reference):
                    dispute.state, dispute.decided = asked.state, world.state.mark()
                    decided.append(dispute.reference)
            world.state.save(payment, payment.reference)
        if decided:
            world.hint("payments", f"dispute_{asked.state}", asked.order_id)
    return Disputes(disputes=decided)


def _captured(world: World, asked: OpenDispute) -> tuple[PaymentRecord, Movement]:
    for payment in reversed(world.state.of_order(PaymentRecord, asked.order_id)):
        if payment.captures and asked.payment in (None, payment.reference):
            return payment, payment.captures[-1]
    raise Refusal("unknown_payment", "nothing was captured", status=404)


def _undisputed(payment: PaymentRecord, capture: Movement) -> Decimal:
    """What can be disputed of this capture: it is not disputed yet, and still with the merchant."""
    disputed = summed(d.amount for d in payment.disputes if d.capture == capture.reference)
    refunded = summed(m.amount for m in payment.refunds if m.state is not RefundState.FAILED)
    elsewhere = summed(m.amount for m in payment.captures) - decimal(capture.amount)
    return decimal(capture.amount) - disputed - max(Decimal(0), refunded - elsewhere)
