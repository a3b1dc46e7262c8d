"""Every occasion has its mail, plain and HTML, and a mail says what it must."""

import pytest

from activities.notifications import CustomerFacts, NotificationActivities, TellOperators, render
from domain.ids import System
from domain.keys import Key
from domain.money import Money
from domain.notifications import Mail, Occasion
from domain.shipments import Label, Labels
from tests.domain.placed import line, order

OPERATORS = frozenset({Occasion.SYSTEM_DOWN, Occasion.SYSTEM_UP, Occasion.NEEDS_PERSON})
FACTS = CustomerFacts(
    labels=Labels(
        carrier="Parcels & Co",
        labels=(Label(package_id="1", tracking_number="TRK1", tracking_url="https://parcels.example/TRK1"),),
    ),
    captured=Money(minor=1190, currency="EUR"),
    why="the customer <asked>",
)


def mail_of(occasion: Occasion) -> Mail:
    placed = order(line())
    if occasion in OPERATORS:
        told = TellOperators(
            adapter="",
            order_id=placed.order_id,
            key=Key("k"),
            to="operators@example.com",
            occasion=occasion,
            order_number=placed.number,
            system=System.ERP,
            what="erp does not answer",
            next_step="It is tried until it answers.",
        )
        return render(occasion, told.to, tell=told)
    return render(occasion, "buyer@example.com", order=placed, facts=FACTS)


@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_occasion_has_a_subject_a_plain_text_and_a_page_that_name_the_order(occasion: Occasion) -> None:
    mail = mail_of(occasion)
    number = order(line()).number
    assert number in mail.subject
    assert number in mail.plain
    assert number in mail.html
    assert "{" not in mail.subject + mail.plain


def test_the_shipped_mail_tells_tracking_and_what_was_charged() -> None:
    mail = mail_of(Occasion.SHIPPED)
    for body in (mail.plain, mail.html):
        assert "TRK1" in body
        assert "11.90 EUR" in body


def test_what_people_write_is_escaped_on_the_page_and_plain_in_the_text() -> None:
    mail = mail_of(Occasion.CANCELLED)
    assert "the customer <asked>" in mail.plain
    assert "the customer &lt;asked&gt;" in mail.html


def test_the_total_and_every_line_are_in_the_customers_mail() -> None:
    placed = order(line())
    mail = mail_of(Occasion.CONFIRMED)
    for body in (mail.plain, mail.html):
        assert str(placed.total) in body
        assert placed.lines[0].name in body


class Post:
    def __init__(self) -> None:
        self.sent: list[tuple[Mail, Key]] = []

    async def send(self, mail: Mail, *, key: Key) -> None:
        self.sent.append((mail, key))


async def test_operators_are_written_to_at_the_address_of_the_policies() -> None:
    post = Post()
    told = TellOperators(
        adapter="post",
        order_id=order(line()).order_id,
        key=Key("k"),
        to="operators@example.com",
        occasion=Occasion.NEEDS_PERSON,
        order_number="1",
        system=None,
        what="the capture was declined",
        next_step="Retry or cancel.",
    )
    await NotificationActivities({"post": post}).tell_operators(told)
    ((mail, key),) = post.sent
    assert (mail.to, key) == ("operators@example.com", Key("k"))
    assert "the capture was declined" in mail.plain
