from collections.abc import Mapping

from activities.steps import Effect, Look, effect, reading
from domain.amendments import PricedArticle
from domain.customers import CustomerAccount
from domain.erp import CreditApproved, CreditRefused, Edited, ErpOrder, Invoice, SalesOrder
from domain.ids import CustomerRef, Sku, System
from domain.money import Currency, Money
from domain.orders import Customer
from domain.ports import Erp
from domain.returns import CreditNote
from domain.shipments import ShipmentReport


class RegisterCustomer(Effect):
    customer: Customer


class LookUpAccount(Look):
    customer: CustomerRef


class PriceArticle(Look):
    sku: Sku
    quantity: int
    currency: Currency


class ApproveCredit(Effect):
    customer: CustomerRef
    amount: Money


class EnterOrder(Effect):
    sales_order: SalesOrder


class RecordShipment(Effect):
    report: ShipmentReport


class PostCreditNote(Effect):
    note: CreditNote


class ErpActivities:
    def __init__(self, erps: Mapping[str, Erp]) -> None:
        self._erps = erps

    @effect(System.ERP)
    async def register_customer_in_erp(self, effect: RegisterCustomer) -> CustomerRef:
        return await self._erps[effect.adapter].register_customer(effect.customer, key=effect.key)

    @reading(System.ERP)
    async def look_up_account(self, look: LookUpAccount) -> CustomerAccount | None:
        return await self._erps[look.adapter].look_up_account(look.customer)

    @effect(System.ERP)
    async def approve_credit(self, effect: ApproveCredit) -> CreditApproved | CreditRefused:
        erp = self._erps[effect.adapter]
        return await erp.approve_credit(effect.order_id, effect.customer, effect.amount, key=effect.key)

    @effect(System.ERP)
    async def enter_erp_order(self, effect: EnterOrder) -> ErpOrder | Edited:
        return await self._erps[effect.adapter].enter_order(effect.sales_order, key=effect.key)

    @effect(System.ERP)
    async def cancel_erp_order(self, effect: Effect) -> None:
        await self._erps[effect.adapter].cancel_order(effect.order_id, key=effect.key)

    @effect(System.ERP)
    async def record_shipment_in_erp(self, effect: RecordShipment) -> None:
        await self._erps[effect.adapter].record_shipment(effect.report, key=effect.key)

    @effect(System.ERP)
    async def post_invoice(self, effect: Effect) -> Invoice:
        return await self._erps[effect.adapter].post_invoice(effect.order_id, key=effect.key)

    @effect(System.ERP)
    async def post_credit_note(self, effect: PostCreditNote) -> Invoice:
        return await self._erps[effect.adapter].post_credit_note(effect.note, key=effect.key)

    @reading(System.ERP)
    async def look_up_erp_order(self, look: Look) -> ErpOrder | None:
        return await self._erps[look.adapter].look_up_order(look.order_id)

    @reading(System.ERP)
    async def price_article(self, look: PriceArticle) -> PricedArticle | None:
        return await self._erps[look.adapter].price_article(look.sku, look.quantity, look.currency)
