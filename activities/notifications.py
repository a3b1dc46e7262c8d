"""Mails, rendered from templates and sent once per key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from activities.steps import Effect, effect
from domain.amendments import Amended
from domain.base import Value
from domain.errors import Refused
from domain.ids import System
from domain.money import Money
from domain.notifications import Mail, Occasion
from domain.orders import OrderLine, PaymentTerm, PlacedOrder
from domain.ports import Notifier, Subscriber
from domain.shipments import Labels

_TEMPLATES = Environment(
    loader=PackageLoader("activities"),
    autoescape=select_autoescape(["html"], default=False, default_for_string=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Units(Value):
    """So many pieces of something, by the name that the customer knows."""

    quantity: int
    name: str


class CustomerFacts(Value):
    """What a mail to the customer may tell, beside the order itself. `until`: when a payment must have arrived.

    `units`: the part of the order that it is about; none means all of it. `former`: the total before an amendment.
    """

    labels: Labels | None = None
    captured: Money | None = None
    returned: Money | None = None
    missing: Money | None = None
    former: Money | None = None
    units: tuple[Units, ...] = ()
    until: datetime | None = None
    url: str = ""
    why: str = ""


class Item(Value):
    """A line or a surcharge as a mail lists it."""

    name: str
    total: Money
    quantity: int | None = None


class OrderInMail(Value):
    """So much of the order as its mails tell: the whole of it would be kept in the history with every mail."""

    number: str
    customer: str
    email: str
    term: PaymentTerm
    total: Money
    items: tuple[Item, ...] = ()

    @classmethod
    def of(cls, order: PlacedOrder, *, items: bool = True) -> Self:
        """Without `items` for a mail that is about a part of the order."""
        return cls(
            number=order.number,
            customer=order.customer.name,
            email=order.customer.email,
            term=order.payment.term,
            total=order.total,
            items=tuple(
                Item(
                    name=item.name,
                    total=item.total,
                    quantity=item.quantity if isinstance(item, OrderLine) else None,
                )
                for item in (order.priced if items else ())
            ),
        )


class MailCustomer(Effect):
    occasion: Occasion
    order: OrderInMail
    facts: CustomerFacts = CustomerFacts()


class Undeliverable(Value):
    """The mail system will not take it: an address that is none, say. `why` in its words, without personal data."""

    why: str


class TellOperators(Effect):
    """`what` and `ways_out` are whole sentences without personal data."""

    to: str
    occasion: Occasion
    order_number: str
    what: str
    ways_out: tuple[str, ...]


class TellSender(Effect):
    """To whoever only signalled an amendment, which ended so. `adapter` is a subscriber's."""

    amended: Amended
    ended_at: datetime


class NotificationActivities:
    def __init__(self, notifiers: Mapping[str, Notifier], subscribers: Mapping[str, Subscriber]) -> None:
        self._notifiers = notifiers
        self._subscribers = subscribers

    @effect(System.NOTIFICATIONS)
    async def mail_customer(self, effect: MailCustomer) -> Undeliverable | None:
        if not effect.order.email:
            return Undeliverable(why="the order has no address to write to")
        mail = render(effect.occasion, effect.order.email, order=effect.order, facts=effect.facts)
        try:
            await self._notifiers[effect.adapter].send(mail, key=effect.key)
        except Refused as refusal:
            return Undeliverable(why=str(refusal))
        return None

    @effect(System.NOTIFICATIONS)
    async def tell_operators(self, effect: TellOperators) -> None:
        mail = render(effect.occasion, effect.to, tell=effect)
        await self._notifiers[effect.adapter].send(mail, key=effect.key)

    @effect(System.NOTIFICATIONS)
    async def tell_sender(self, effect: TellSender) -> Undeliverable | None:
        subscriber = self._subscribers[effect.adapter]
        try:
            await subscriber.tell(effect.order_id, effect.amended, effect.ended_at, key=effect.key)
        except Refused as refusal:
            return Undeliverable(why=str(refusal))
        return None


def render(occasion: Occasion, to: str, **facts: object) -> Mail:
    """The mail of an occasion. Its plain template's first line is the subject."""
    text = _TEMPLATES.get_template(f"{occasion}.txt").render(facts)
    subject, _, plain = text.partition("\n")
    html = _TEMPLATES.get_template(f"{occasion}.html").render(facts)
    return Mail(to=to, subject=subject.strip(), plain=plain.strip() + "\n", html=html)
