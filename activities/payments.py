"""The gateway's steps. Whatever moves money is written to our records by the step that moved it."""

from collections.abc import Mapping

from activities.steps import Effect, Look, effect, reading
from domain.ids import PaymentRef, ShipmentId, System
from domain.keys import Key, effect_key
from domain.money import Currency, Money
from domain.payments import Capture, Declined, PayLink, Payment, Payments, PaymentState, Refund, check
from domain.ports import PaymentGateway
from domain.records import MoneyMovement, MovementKind, Records


class LookUpPayments(Look):
    reference: PaymentRef | None
    currency: Currency


class CapturePayment(Effect):
    payment: PaymentRef
    amount: Money
    shipment_id: ShipmentId | None
    final: bool


class RefundPayment(Effect):
    payment: PaymentRef
    amount: Money


class HoldPayment(Effect):
    """A new hold by the stored credential of the payment `like`."""

    like: PaymentRef
    amount: Money


class IncrementHold(Effect):
    """`authorised` is the whole hold, as it is to be."""

    payment: PaymentRef
    authorised: Money


class MakePayLink(Effect):
    amount: Money


class VoidHolds(Effect):
    """`reference` as the order's document gave it; the holds are found from it, whatever is known of them so far.

    With `only` one of them.
    """

    reference: PaymentRef | None
    only: PaymentRef | None = None


class PaymentActivities:
    def __init__(self, gateways: Mapping[str, PaymentGateway], records: Records) -> None:
        self._gateways = gateways
        self._records = records

    @reading(System.PAYMENTS)
    async def look_up_payments(self, look: LookUpPayments) -> Payments:
        found = await self._gateways[look.adapter].look_up(look.order_id, look.reference)
        return Payments(currency=look.currency, payments=tuple(check(payment) for payment in found))

    @effect(System.PAYMENTS)
    async def capture_payment(self, effect: CapturePayment) -> Capture | Declined:
        gateway = self._gateways[effect.adapter]
        answer = await gateway.capture(effect.payment, effect.amount, key=effect.key, final=effect.final)
        if isinstance(answer, Capture):
            await self._moved(effect, MovementKind.CAPTURED, answer, shipment=effect.shipment_id)
        return answer

    @effect(System.PAYMENTS)
    async def refund_payment(self, effect: RefundPayment) -> Refund | Declined:
        gateway = self._gateways[effect.adapter]
        answer = await gateway.refund(effect.payment, effect.amount, key=effect.key)
        if isinstance(answer, Refund):
            await self._moved(effect, MovementKind.REFUNDED, answer)
        return answer

    @effect(System.PAYMENTS)
    async def hold_payment(self, effect: HoldPayment) -> Payment | Declined:
        return await self._gateways[effect.adapter].hold(effect.like, effect.amount, key=effect.key)

    @effect(System.PAYMENTS)
    async def increment_hold(self, effect: IncrementHold) -> Payment | Declined:
        gateway = self._gateways[effect.adapter]
        return await gateway.increment(effect.payment, effect.authorised, key=effect.key)

    @effect(System.PAYMENTS)
    async def make_pay_link(self, effect: MakePayLink) -> PayLink:
        gateway = self._gateways[effect.adapter]
        return await gateway.pay_link(effect.order_id, effect.amount, key=effect.key)

    @effect(System.PAYMENTS)
    async def void_holds(self, effect: VoidHolds) -> None:
        """Every hold of the order goes, and whatever is still pending; or only the one that is meant."""
        gateway = self._gateways[effect.adapter]
        for number, payment in enumerate(await gateway.look_up(effect.order_id, effect.reference)):
            key = effect.key if number == 0 else effect_key(effect.order_id, "void", str(number + 1))
            if effect.only not in (None, payment.reference):
                continue
            if payment.state in {PaymentState.AUTHORISED, PaymentState.PENDING, PaymentState.DECLINED}:
                await gateway.void(payment.reference, key=key)
            await self._released(effect, payment, key)

    async def _released(self, effect: VoidHolds, payment: Payment, key: Key) -> None:
        """A former attempt may have voided it already: what was released is told by the hold, not by what is left."""
        released = payment.authorised - payment.captured
        if payment.state not in {PaymentState.AUTHORISED, PaymentState.VOIDED} or released.minor <= 0:
            return
        movement = MoneyMovement(
            key=key,
            order_id=effect.order_id,
            kind=MovementKind.VOIDED,
            amount=released,
            payment=payment.reference,
            reference=payment.reference,
        )
        await self._records.record_movement(movement)

    async def _moved(
        self,
        effect: CapturePayment | RefundPayment,
        kind: MovementKind,
        answer: Capture | Refund,
        shipment: ShipmentId | None = None,
    ) -> None:
        movement = MoneyMovement(
            key=effect.key,
            order_id=effect.order_id,
            kind=kind,
            amount=answer.amount,
            payment=effect.payment,
            reference=answer.reference,
            shipment=shipment,
        )
        await self._records.record_movement(movement)
