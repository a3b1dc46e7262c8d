"""The gateway's steps. Whatever moves money is written to our records by the step that moved it."""

from collections.abc import Mapping

from activities.steps import Effect, Look, effect, reading
from domain.ids import PaymentRef, ShipmentId, System
from domain.money import Money
from domain.payments import Capture, Declined, Payment, PaymentState, check
from domain.ports import PaymentGateway
from domain.records import MoneyMovement, MovementKind, Records


class LookUpPayment(Look):
    reference: PaymentRef | None


class CapturePayment(Effect):
    payment: PaymentRef
    amount: Money
    shipment_id: ShipmentId | None
    final: bool


class VoidHold(Effect):
    """`reference` as the order's document gave it; the hold is found from it, whatever is known of it so far."""

    reference: PaymentRef | None


class PaymentActivities:
    def __init__(self, gateways: Mapping[str, PaymentGateway], records: Records) -> None:
        self._gateways = gateways
        self._records = records

    @reading(System.PAYMENTS)
    async def look_up_payment(self, look: LookUpPayment) -> Payment | None:
        payment = await self._gateways[look.adapter].look_up(look.order_id, look.reference)
        return check(payment) if payment else None

    @effect(System.PAYMENTS)
    async def capture_payment(self, effect: CapturePayment) -> Capture | Declined:
        gateway = self._gateways[effect.adapter]
        answer = await gateway.capture(effect.payment, effect.amount, key=effect.key, final=effect.final)
        if isinstance(answer, Capture):
            await self._records.record_movement(
                MoneyMovement(
                    key=effect.key,
                    order_id=effect.order_id,
                    kind=MovementKind.CAPTURED,
                    amount=answer.amount,
                    payment=effect.payment,
                    reference=answer.reference,
                    shipment=effect.shipment_id,
                )
            )
        return answer

    @effect(System.PAYMENTS)
    async def void_hold(self, effect: VoidHold) -> None:
        gateway = self._gateways[effect.adapter]
        payment = await gateway.look_up(effect.order_id, effect.reference)
        if payment is None:
            return
        await gateway.void(payment.reference, key=effect.key)
        # A former attempt may have voided it already: what was released is told by the hold, not by what is left.
        released = payment.authorised - payment.captured
        if payment.state in {PaymentState.AUTHORISED, PaymentState.VOIDED} and released:
            await self._records.record_movement(
                MoneyMovement(
                    key=effect.key,
                    order_id=effect.order_id,
                    kind=MovementKind.VOIDED,
                    amount=released,
                    payment=payment.reference,
                    reference=payment.reference,
                )
            )
