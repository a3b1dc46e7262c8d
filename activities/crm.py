from collections.abc import Mapping

from activities.erp import RegisterCustomer
from activities.steps import Effect, effect
from domain.ids import CustomerRef, System
from domain.ports import Crm


class NoteInCrm(Effect):
    customer_ref: CustomerRef
    text: str


class CrmActivities:
    def __init__(self, crms: Mapping[str, Crm]) -> None:
        self._crms = crms

    @effect(System.CRM)
    async def register_customer_in_crm(self, effect: RegisterCustomer) -> CustomerRef:
        return await self._crms[effect.adapter].register_customer(effect.customer, key=effect.key)

    @effect(System.CRM)
    async def note_in_crm(self, effect: NoteInCrm) -> None:
        crm = self._crms[effect.adapter]
        await crm.note(effect.customer_ref, effect.order_id, effect.text, key=effect.key)
