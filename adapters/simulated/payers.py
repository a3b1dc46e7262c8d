"""Who moves money without being asked by us: shoppers, their banks, and people at the gateway itself."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from adapters.connector.protocol.common import KEY_LENGTH_MAX, Money, OrderId
from adapters.connector.protocol.payments import (
    Capabilities,
    Declined,
    PaymentMethod,
    PaymentState,
    RefundState,
    TakeCapture,
)
from adapters.simulated import payments
from adapters.simulated.ledger import GivenBack, Movement, PayLinkRecord, PaymentRecord, PaymentScript
from adapters.simulated.records import ShopOrder
from adapters.simulated.sums import decimal, summed
from adapters.simulated.world import Asked, Refusal, World, world_of

router = APIRouter(prefix="/world/payments", tags=["world"])

_EXPIRING = (PaymentMethod.CARD, PaymentMethod.OTHER)

Reference = Annotated[str, Field(min_length=1, max_length=128)]
Reason = Annotated[str, Field(min_length=1, max_length=128)]


class CheckoutPayment(Asked):
    """What the shopper did at the checkout. `reference` None: the gateway makes one.

    `state` None: a transfer is `pending` and anything else `authorised`. `captured` is a prepaid order, or a gift card
    that was redeemed at once. The amount of a transfer is what the customer is asked to send.
    """

    amount: Money
    method: PaymentMethod = PaymentMethod.CARD
    state: PaymentState | None = None
    reference: Reference | None = None
    multicapture: bool = False
    over_capture: Money | None = None
    increment: bool = False
    stored_credential: bool = False
    pay_link: bool = False
    minimum: Money | None = None
    capture_before: AwareDatetime | None = None

    @property
    def outcome(self) -> PaymentState:
        by_transfer = self.method is PaymentMethod.BANK_TRANSFER
        return self.state or (PaymentState.PENDING if by_transfer else PaymentState.AUTHORISED)

    @model_validator(mode="after")
    def _transfers_take_time(self) -> "CheckoutPayment":
        if self.method is PaymentMethod.BANK_TRANSFER and self.outcome in _SECURED:
            raise ValueError("state: a transfer is pending until its money arrives")
        return self


_SECURED = (PaymentState.AUTHORISED, PaymentState.CAPTURED)


class Pay(CheckoutPayment):
    order_id: OrderId


class FollowLink(Asked):
    """`reference` None: the link that is open. `state` as at the checkout."""

    order_id: OrderId
    reference: Reference | None = None
    method: Literal[PaymentMethod.CARD, PaymentMethod.OTHER] = PaymentMethod.CARD
    state: PaymentState | None = None


class Payer(Asked):
    order_id: OrderId


class Transfer(Asked):
    order_id: OrderId
    amount: Money
    bank_reference: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH_MAX)]


class CaptureByHand(Asked):
    """`amount` None: all that is held. `reference` None: the oldest payment with a hold."""

    order_id: OrderId
    amount: Money | None = None
    reference: Reference | None = None


class Script(Asked):
    """What the gateway does with the order's next requests, until it is told otherwise.

    `refunds`: the state they are answered in. `decline_captures` and `decline_holds` (larger and new ones): the reason,
    or None to take them.
    """

    order_id: OrderId
    refunds: RefundState = RefundState.SUCCEEDED
    decline_captures: Reason | None = None
    decline_holds: Reason | None = None


class RefundsDecided(Asked):
    """`reference` None: all refunds of the order that are pending."""

    order_id: OrderId
    state: Literal[RefundState.SUCCEEDED, RefundState.FAILED]
    reference: Reference | None = None


class Refunds(BaseModel):
    refunds: list[str]


@router.post("/pay")
async def pay_again(request: Request, asked: Pay) -> PaymentRecord:
    """The shopper pays once more: another try after a decline, a pay-link, or another tender."""
    world = world_of(request)
    with world.transaction():
        if world.state.load(ShopOrder, asked.order_id) is None:
            raise Refusal("unknown_order", "the shop has no such order", status=404)
        payment = pay(world, asked.order_id, asked)
        world.hint("payments", f"payment_{payment.state}", asked.order_id)
    return payment


@router.post("/follow-link")
async def follow_link(request: Request, asked: FollowLink) -> PaymentRecord:
    """The shopper opens the page they were sent, and pays. A link is good for one payment, and the last one only."""
    world = world_of(request)
    with world.transaction():
        link = _link(world, asked)
        able = next(p for p in world.state.of_order(PaymentRecord, asked.order_id) if p.pay_link)
        terms = {name: getattr(able, name) for name in Capabilities.model_fields if name != "over_capture"}
        told = CheckoutPayment(amount=link.amount, method=asked.method, state=asked.state, **terms)
        payment = pay(world, asked.order_id, told)
        payment.link = link.reference
        world.state.save(payment, payment.reference)
        if payment.state is not PaymentState.DECLINED:
            link.payment = payment.reference
            world.state.save(link, link.reference)
        world.hint("payments", f"payment_{payment.state}", asked.order_id)
    return payment


@router.post("/authorise")
async def authorise(request: Request, asked: Payer) -> PaymentRecord:
    """The pending payment is confirmed by the shopper's bank."""
    return _decide(world_of(request), asked, PaymentState.AUTHORISED)


@router.post("/decline")
async def decline(request: Request, asked: Payer) -> PaymentRecord:
    return _decide(world_of(request), asked, PaymentState.DECLINED)


@router.post("/transfer")
async def transfer(request: Request, asked: Transfer) -> PaymentRecord:
    """A transfer arrives, as much as the customer chose to send, even after a void: a bank cannot refuse it.

    It is booked once per bank reference; told again it changes nothing, and the hint goes out again.
    """
    world = world_of(request)
    with world.transaction():
        payment = _of_transfer(world, asked)
        known = next((taken for taken in payment.captures if taken.reference == asked.bank_reference), None)
        if known is None:
            _arrive(world, payment, asked)
        elif known.amount != asked.amount:
            raise Refusal("transfer_differs", "another amount arrived under this bank reference", status=409)
        world.hint("payments", "transfer_arrived", asked.order_id)
    return payment


@router.post("/capture")
async def capture(request: Request, asked: CaptureByHand) -> PaymentRecord:
    """Somebody captures at the gateway itself; what is left of the hold is released. The gateway's rules hold."""
    world = world_of(request)
    with world.transaction():
        held = _payment(world, asked.order_id, asked.reference, PaymentState.AUTHORISED)
        wanted = TakeCapture(payment=held.reference, amount=asked.amount or payments.held(held), final=True)
        answer = payments.capture(world, wanted, f"by-hand/{world.state.mark().seq}")
        if isinstance(answer, Declined):
            raise Refusal(answer.reason, "the gateway declined", status=409)
        world.hint("payments", "payment_captured", asked.order_id)
        return _payment(world, asked.order_id, held.reference)


@router.put("/script")
async def script(request: Request, asked: Script) -> Script:
    world = world_of(request)
    with world.transaction():
        world.state.save(PaymentScript(**asked.model_dump()), asked.order_id)
    return asked


@router.post("/refunds")
async def decide_refunds(request: Request, asked: RefundsDecided) -> Refunds:
    """Pending refunds come to their end. By its reference one that had succeeded may fail after all."""
    world = world_of(request)
    with world.transaction():
        decided = [
            refund
            for payment in world.state.of_order(PaymentRecord, asked.order_id)
            for refund in _decide_refunds(world, payment, asked)
        ]
        if decided:
            world.hint("payments", f"refund_{asked.state}", asked.order_id)
    return Refunds(refunds=decided)


def pay(world: World, order_id: str, asked: CheckoutPayment) -> PaymentRecord:
    mark = world.state.mark()
    reference = asked.reference or f"pay_{mark.seq}"
    if world.state.load(PaymentRecord, reference):
        raise Refusal("payment_differs", "there is another payment under this reference", status=409)
    taken = Movement(
        key=f"checkout/cap_{mark.seq}", reference=f"cap_{mark.seq}", amount=asked.amount, mark=mark
    )
    expires = mark.at + timedelta(days=payments.HOLD_DAYS) if asked.method in _EXPIRING else None
    record = PaymentRecord(
        reference=reference,
        order_id=order_id,
        method=asked.method,
        state=asked.outcome,
        authorised=asked.amount,
        **{name: getattr(asked, name) for name in Capabilities.model_fields},
        capture_before=asked.capture_before or expires,
        captures=[taken] if asked.outcome is PaymentState.CAPTURED else [],
        opened=mark,
    )
    world.state.save(record, reference)
    return record


def _decide(world: World, asked: Payer, state: PaymentState) -> PaymentRecord:
    with world.transaction():
        cards = [
            payment
            for payment in world.state.of_order(PaymentRecord, asked.order_id)
            if payment.method is not PaymentMethod.BANK_TRANSFER
        ]
        if not cards:
            raise Refusal("unknown_payment", "there is no such payment", status=404)
        payment = next((card for card in cards if card.state is PaymentState.PENDING), cards[-1])
        if payment.state is not PaymentState.PENDING:
            raise Refusal("not_pending", f"the payment is {payment.state}", status=409)
        payment.state = state
        world.state.save(payment, payment.reference)
        world.hint("payments", f"payment_{state}", asked.order_id)
    return payment


def _of_transfer(world: World, asked: Transfer) -> PaymentRecord:
    """Where this money was booked before; else the oldest transfer that is waited for, or the newest there was."""
    transfers = [
        payment
        for payment in world.state.of_order(PaymentRecord, asked.order_id)
        if payment.method is PaymentMethod.BANK_TRANSFER
    ]
    if not transfers:
        raise Refusal("unknown_payment", "the order waits for no transfer", status=404)
    booked = world.state.linked("transfer", asked.bank_reference)
    waiting = next((p for p in transfers if p.state is PaymentState.PENDING), transfers[-1])
    payment = next((p for p in transfers if p.reference == booked), None) if booked else waiting
    if payment is None:
        raise Refusal("transfer_differs", "this bank reference belongs to another order", status=409)
    return payment


def _arrive(world: World, payment: PaymentRecord, asked: Transfer) -> None:
    payments.check_money(payment, asked.amount)
    name = asked.bank_reference
    payment.captures.append(Movement(key=name, reference=name, amount=asked.amount, mark=world.state.mark()))
    enough = summed(m.amount for m in payment.captures) >= decimal(payment.authorised)
    if enough or payment.state is not PaymentState.PENDING:
        payment.state = PaymentState.CAPTURED
    world.state.link("transfer", name, payment.reference)
    world.state.save(payment, payment.reference)


def _payment(
    world: World, order_id: str, reference: str | None, state: PaymentState | None = None
) -> PaymentRecord:
    """The oldest payment of the order that is the one meant."""
    for payment in world.state.of_order(PaymentRecord, order_id):
        if reference in (None, payment.reference) and state in (None, payment.state):
            return payment
    raise Refusal("unknown_payment", "there is no such payment", status=404)


def _link(world: World, asked: FollowLink) -> PayLinkRecord:
    links = world.state.of_order(PayLinkRecord, asked.order_id)
    if asked.reference is not None:
        links = [link for link in links if link.reference == asked.reference]
    if not links:
        raise Refusal("unknown_link", "there is no such link", status=404)
    link = links[-1]
    if link.payment is not None:
        raise Refusal("already_paid", "it was paid by this link", status=409)
    if link.closed:
        raise Refusal("link_closed", "another link took its place", status=409)
    return link


def _decide_refunds(world: World, payment: PaymentRecord, asked: RefundsDecided) -> list[str]:
    """The refunds of this payment that came to another end. A failed one stays failed."""
    decided = [refund for refund in payment.refunds if _is_meant(refund, asked)]
    for refund in decided:
        refund.state, refund.decided = asked.state, world.state.mark()
    world.state.save(payment, payment.reference)
    return [refund.reference for refund in decided]


def _is_meant(refund: GivenBack, asked: RefundsDecided) -> bool:
    if asked.reference is None:
        return refund.state is RefundState.PENDING
    return refund.reference == asked.reference and refund.state not in (RefundState.FAILED, asked.state)
