from collections.abc import Mapping

from activities.erp import PostCreditNote, RecordShipment
from activities.steps import Effect, Look, effect, reading
from domain.erp import Edited
from domain.ids import System
from domain.orders import PlacedOrder
from domain.ports import Storefront
from domain.storefront import StorefrontOrder


class CancelShopOrder(Effect):
    reason: str


class AmendShopOrder(Effect):
    """`order` is what the shop is to show; `known` is the version that it told last."""

    order: PlacedOrder
    known: str = ""


class StorefrontActivities:
    def __init__(self, storefronts: Mapping[str, Storefront]) -> None:
        self._storefronts = storefronts

    @reading(System.STOREFRONT)
    async def look_up_shop_order(self, look: Look) -> StorefrontOrder | None:
        return await self._storefronts[look.adapter].look_up_order(look.order_id)

    @effect(System.STOREFRONT)
    async def report_shipment_to_shop(self, effect: RecordShipment) -> None:
        await self._storefronts[effect.adapter].report_shipment(effect.report, key=effect.key)

    @effect(System.STOREFRONT)
    async def amend_shop_order(self, effect: AmendShopOrder) -> StorefrontOrder | Edited:
        shop = self._storefronts[effect.adapter]
        return await shop.amend_order(effect.order, known=effect.known, key=effect.key)

    @effect(System.STOREFRONT)
    async def record_refund_in_shop(self, effect: PostCreditNote) -> None:
        await self._storefronts[effect.adapter].record_refund(effect.note, key=effect.key)

    @effect(System.STOREFRONT)
    async def cancel_shop_order(self, effect: CancelShopOrder) -> None:
        shop = self._storefronts[effect.adapter]
        await shop.cancel_order(effect.order_id, effect.reason, key=effect.key)
