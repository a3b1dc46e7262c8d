"""The steps at the warehouse and at the carrier."""

from collections.abc import Mapping

from activities.steps import Effect, Look, effect, reading
from domain.ids import ReturnId, ShipmentId, System
from domain.ports import Carrier, Warehouse
from domain.returns import Receipt, ReturnNotice, ReturnParcel
from domain.shipments import Labels, Parcel, Pick, PickCancelled, PickRequest, TooLate, Tracking, Unasked


class LookUpShipment(Look):
    shipment_id: ShipmentId


class LookUpPicks(Look):
    shipments: tuple[ShipmentId, ...]


class ShipmentEffect(Effect):
    shipment_id: ShipmentId


class RequestPick(Effect):
    pick: PickRequest


class CreateLabels(Effect):
    parcel: Parcel


class HandOver(ShipmentEffect):
    labels: Labels


class LookUpReturn(Look):
    return_id: ReturnId


class ExpectReturn(Effect):
    notice: ReturnNotice


class CreateReturnLabel(Effect):
    parcel: ReturnParcel


class Adopt(ShipmentEffect):
    """`reference` is the warehouse's own."""

    reference: str


class FulfilmentActivities:
    def __init__(self, warehouses: Mapping[str, Warehouse], carriers: Mapping[str, Carrier]) -> None:
        self._warehouses = warehouses
        self._carriers = carriers

    @effect(System.WAREHOUSE)
    async def request_pick(self, effect: RequestPick) -> None:
        await self._warehouses[effect.adapter].request_pick(effect.pick, key=effect.key)

    @reading(System.WAREHOUSE)
    async def look_up_picks(self, look: LookUpPicks) -> list[Pick | None]:
        """In the order in which they are asked for; None for one that the warehouse does not know."""
        warehouse = self._warehouses[look.adapter]
        return [await warehouse.look_up_pick(shipment) for shipment in look.shipments]

    @effect(System.WAREHOUSE)
    async def cancel_pick(self, effect: ShipmentEffect) -> PickCancelled | TooLate:
        return await self._warehouses[effect.adapter].cancel_pick(effect.shipment_id, key=effect.key)

    @effect(System.WAREHOUSE)
    async def hand_over(self, effect: HandOver) -> None:
        await self._warehouses[effect.adapter].hand_over(effect.shipment_id, effect.labels, key=effect.key)

    @effect(System.CARRIER)
    async def create_labels(self, effect: CreateLabels) -> Labels:
        return await self._carriers[effect.adapter].create_labels(effect.parcel, key=effect.key)

    @reading(System.WAREHOUSE)
    async def look_up_unasked(self, look: Look) -> list[Unasked]:
        return list(await self._warehouses[look.adapter].look_up_unasked(look.order_id))

    @effect(System.WAREHOUSE)
    async def adopt_shipment(self, effect: Adopt) -> None:
        warehouse = self._warehouses[effect.adapter]
        await warehouse.adopt(effect.reference, effect.shipment_id, key=effect.key)

    @effect(System.WAREHOUSE)
    async def expect_return(self, effect: ExpectReturn) -> None:
        await self._warehouses[effect.adapter].expect_return(effect.notice, key=effect.key)

    @reading(System.WAREHOUSE)
    async def look_up_return(self, look: LookUpReturn) -> Receipt | None:
        return await self._warehouses[look.adapter].look_up_return(look.return_id)

    @effect(System.CARRIER)
    async def create_return_label(self, effect: CreateReturnLabel) -> Labels:
        return await self._carriers[effect.adapter].create_return_label(effect.parcel, key=effect.key)

    @effect(System.CARRIER)
    async def void_labels(self, effect: ShipmentEffect) -> None:
        await self._carriers[effect.adapter].void_labels(effect.shipment_id, key=effect.key)

    @reading(System.CARRIER)
    async def track_shipment(self, look: LookUpShipment) -> Tracking | None:
        return await self._carriers[look.adapter].track(look.shipment_id)
