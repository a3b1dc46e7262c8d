"""Mails, rendered from templates and sent once per key."""

from collections.abc import Mapping
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from activities.steps import Effect, effect
from domain.base import Value
from domain.errors import Refused
from domain.ids import System
from domain.money import Money
from domain.notifications import Mail, Occasion
from domain.orders import PlacedOrder
from domain.ports import Notifier
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

    `units`: the part of the order that it is about; none means all of it.
    """

    labels: Labels | None = None
    captured: Money | None = None
    returned: Money | None = None
    missing: Money | None = None
    units: tuple[Units, ...] = ()
    until: datetime | None = None
    url: str = ""
    why: str = ""


class MailCustomer(Effect):
    occasion: Occasion
    order: PlacedOrder
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


class NotificationActivities:
    def __init__(self, notifiers: Mapping[str, Notifier]) -> None:
        self._notifiers = notifiers

    @effect(System.NOTIFICATIONS)
    async def mail_customer(self, effect: MailCustomer) -> Undeliverable | None:
        if not effect.order.customer.email:
            return Undeliverable(why="the order has no address to write to")
        mail = render(effect.occasion, effect.order.customer.email, order=effect.order, facts=effect.facts)
        try:
            await self._notifiers[effect.adapter].send(mail, key=effect.key)
        except Refused as refusal:
            return Undeliverable(why=str(refusal))
        return None

    @effect(System.NOTIFICATIONS)
    async def tell_operators(self, effect: TellOperators) -> None:
        mail = render(effect.occasion, effect.to, tell=effect)
        await self._notifiers[effect.adapter].send(mail, key=effect.key)


def render(occasion: Occasion, to: str, **facts: object) -> Mail:
    """The mail of an occasion. Its plain template's first line is the subject."""
    text = _TEMPLATES.get_template(f"{occasion}.txt").render(facts)
    subject, _, plain = text.partition("\n")
    html = _TEMPLATES.get_template(f"{occasion}.html").render(facts)
    return Mail(to=to, subject=subject.strip(), plain=plain.strip() + "\n", html=html)
