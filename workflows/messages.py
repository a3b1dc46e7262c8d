"""What an order tells: its customer, the CRM, operators; and how every call of an order is made."""

from datetime import datetime
from typing import TypedDict

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.crm import CrmActivities, NoteInCrm
    from activities.incidents import CountOutage, IncidentActivities
    from activities.notifications import (
        CustomerFacts,
        MailCustomer,
        NotificationActivities,
        OrderInMail,
        TellOperators,
        TellSender,
        Undeliverable,
    )
    from domain.amendments import Amended
    from domain.attention import Attention, Blocked, ways_out
    from domain.errors import InvariantBroken
    from domain.ids import OrderId, System
    from domain.keys import Key, effect_key
    from domain.notifications import Occasion
    from domain.orders import PlacedOrder
    from domain.records import Outage
    from workflows.owner import Owner
    from workflows.todo import Todo


class Call(TypedDict):
    adapter: str
    order_id: OrderId
    key: Key


class Calls:
    """What every call says: which adapter, which order, under which key."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._document = owner.document

    @property
    def _order(self) -> PlacedOrder:
        return self._document.order

    @property
    def _id(self) -> OrderId:
        return self._document.order.order_id

    def key(self, step: str, target: str = "") -> Key:
        return effect_key(self._id, step, target)

    def _adapter(self, system: System) -> str:
        return self._owner.policies.adapters.get(system, "")

    def _call(self, system: System, step: str, target: str = "") -> Call:
        return Call(adapter=self._adapter(system), order_id=self._id, key=self.key(step, target))


class Messages(Calls):
    def mail(
        self, occasion: Occasion, facts: CustomerFacts | None = None, *, number: int = 1
    ) -> Todo[Undeliverable | None]:
        """`number` where there may be several of an occasion."""
        target = occasion if number == 1 else f"{occasion}-{number}"
        call = MailCustomer(
            **self._call(System.NOTIFICATIONS, "mail", target),
            occasion=occasion,
            order=OrderInMail.of(self._order, items=not (facts and facts.units)),
            facts=facts or CustomerFacts(),
        )
        return Todo(
            NotificationActivities.mail_customer,
            call,
            f"mail-{target}",
            f"Mail the customer: {occasion.replace('_', ' ')}",
            may_skip=True,
        )

    def crm_note(self, what: str, *, number: int = 1) -> Todo[None]:
        """`number` where there may be several of it."""
        customer = self._document.crm_customer
        if customer is None:
            raise InvariantBroken("a note in the CRM needs its customer")
        text = f"Order {self._order.number}: {what}"
        target = what if number == 1 else f"{what}-{number}"
        call = NoteInCrm(**self._call(System.CRM, "crm-note", target), customer_ref=customer, text=text)
        return Todo(
            CrmActivities.note_in_crm, call, f"crm-{target}", f"Note in the CRM: {what}", may_skip=True
        )

    def tell_sender(self, amended: Amended, ended_at: datetime) -> Todo[Undeliverable | None]:
        target = amended.amendment_id
        call = TellSender(
            adapter=self._owner.policies.amendments_told_to,
            order_id=self._id,
            key=self.key("tell-sender", target),
            amended=amended,
            ended_at=ended_at,
        )
        summary = "Tell the sender what became of the amendment"
        return Todo(NotificationActivities.tell_sender, call, f"tell-sender-{target}", summary)

    def tell_operators(self, question: Attention, occasion: Occasion = Occasion.NEEDS_PERSON) -> Todo[None]:
        """Once per question of the order; a reminder is another occasion."""
        target = f"{occasion}-{question.number}"
        call = TellOperators(
            **self._call(System.NOTIFICATIONS, "operators", target),
            to=self._owner.policies.operators,
            occasion=occasion,
            order_number=self._order.number,
            what=question.what,
            ways_out=tuple(ways_out(self._id, question.can)),
        )
        return Todo(
            NotificationActivities.tell_operators, call, f"operators-{target}", f"Tell operators: {occasion}"
        )

    def begin_outage(self, blocked: Blocked, number: int) -> Todo[None]:
        """`number`: of the order's outages; the same step may be stopped again before the end of a former one is told."""
        call = self._outage("begin", blocked, number)
        return Todo(IncidentActivities.begin_outage, call, f"outage-{number}-begin", "Count the outage")

    def end_outage(self, blocked: Blocked, number: int) -> Todo[None]:
        call = self._outage("end", blocked, number)
        return Todo(IncidentActivities.end_outage, call, f"outage-{number}-end", "Count it no longer")

    def _outage(self, which: str, blocked: Blocked, number: int) -> CountOutage:
        outage = Outage(
            order_id=self._id,
            system=blocked.system,
            adapter=self._adapter(blocked.system),
            step=f"{blocked.step} ({number})",
            operators=self._owner.policies.operators,
            notifier=self._adapter(System.NOTIFICATIONS),
        )
        return CountOutage(**self._call(System.DATABASE, f"outage-{which}", str(number)), outage=outage)
