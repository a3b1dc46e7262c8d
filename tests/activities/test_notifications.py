"""Every occasion has its mail, plain and HTML, and a mail says what it must."""

from datetime import UTC, datetime

import pytest

from activities.notifications import CustomerFacts, NotificationActivities, OrderInMail, TellOperators, render
from domain.ids import System
from domain.keys import Key
from domain.money import Money
from domain.notifications import Mail, Occasion
from domain.orders import PaymentTerm
from domain.records import Incident
from domain.shipments import Label, Labels
from tests.domain.placed import line, order

OPERATORS = frozenset({Occasion.NEEDS_PERSON, Occasion.STILL_WAITING})
INCIDENTS = (Occasion.SYSTEM_DOWN, Occasion.SYSTEM_UP)
FACTS = CustomerFacts(
    returned=Money(minor=500, currency="EUR"),
    missing=Money(minor=300, currency="EUR"),
    until=datetime(2026, 3, 4, tzinfo=UTC),
    labels=Labels(
        carrier="Parcels & Co",
        labels=(Label(package_id="1", tracking_number="TRK1", tracking_url="https://parcels.example/TRK1"),),
    ),
    captured=Money(minor=1190, currency="EUR"),
    why="the customer <asked>",
)


def mail_of(occasion: Occasion) -> Mail:
    placed = order(line())
    if occasion in INCIDENTS:
        opened = datetime(2026, 3, 1, 12, tzinfo=UTC)
        incident = Incident(number=1, system=System.ERP, adapter="tryton", opened_at=opened, orders=100)
        return render(occasion, "operators@example.com", incident=incident)
    if occasion in OPERATORS:
        told = TellOperators(
            adapter="",
            order_id=placed.order_id,
            key=Key("k"),
            to="operators@example.com",
            occasion=occasion,
            order_number=placed.number,
            what="the capture was declined",
            ways_out=("`retry`: it is tried again now",),
        )
        return render(occasion, told.to, tell=told)
    return render(occasion, "buyer@example.com", order=OrderInMail.of(placed), facts=FACTS)


@pytest.mark.parametrize("occasion", [occasion for occasion in Occasion if occasion not in INCIDENTS])
def test_every_occasion_has_a_subject_a_plain_text_and_a_page_that_name_the_order(occasion: Occasion) -> None:
    mail = mail_of(occasion)
    number = order(line()).number
    assert number in mail.subject
    assert number in mail.plain
    assert number in mail.html
    assert "{" not in mail.subject + mail.plain


@pytest.mark.parametrize("occasion", INCIDENTS)
def test_an_incident_is_told_of_its_system_whatever_the_number_of_orders(occasion: Occasion) -> None:
    mail = mail_of(occasion)
    for text in (mail.subject, mail.plain, mail.html):
        assert "erp" in text
    assert "2026-03-01 12:00 UTC" in mail.plain
    assert "100" not in mail.plain  # it changes while the message is on its way


@pytest.mark.parametrize(
    ("term", "confirmed", "shipped"),
    [
        (
            PaymentTerm.AUTHORIZE_THEN_CAPTURE,
            "You will be charged when they ship.",
            "11.90 EUR were charged.",
        ),
        (PaymentTerm.PREPAID, "Your payment has arrived.", "It is paid already."),
        (PaymentTerm.BANK_TRANSFER, "Your payment has arrived.", "It is paid already."),
        (PaymentTerm.ON_ACCOUNT, "The invoice follows when they ship.", "The invoice follows."),
    ],
)
def test_what_is_said_of_the_money_is_true_for_every_term(
    term: PaymentTerm, confirmed: str, shipped: str
) -> None:
    placed = order(line())
    placed = placed.model_copy(update={"payment": placed.payment.model_copy(update={"term": term})})
    for occasion, said in ((Occasion.CONFIRMED, confirmed), (Occasion.SHIPPED, shipped)):
        mail = render(occasion, "buyer@example.com", order=OrderInMail.of(placed), facts=FACTS)
        assert said in mail.plain
        assert said in mail.html


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (CustomerFacts(why="x"), "No money is kept"),
        (CustomerFacts(why="x", returned=Money(minor=500, currency="EUR")), "5.00 EUR go back to you"),
        (
            CustomerFacts(why="x", captured=Money(minor=500, currency="EUR")),
            "About the 5.00 EUR that you paid",
        ),
    ],
)
def test_a_cancelled_customer_is_told_what_becomes_of_the_money(facts: CustomerFacts, said: str) -> None:
    mail = render(Occasion.CANCELLED, "buyer@example.com", order=OrderInMail.of(order(line())), facts=facts)
    assert said in mail.plain
    assert said in mail.html


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
        what="the capture was declined",
        ways_out=("`retry`: it is tried again now",),
    )
    await NotificationActivities({"post": post}, {}).tell_operators(told)
    ((mail, key),) = post.sent
    assert (mail.to, key) == ("operators@example.com", Key("k"))
    assert "the capture was declined" in mail.plain


def test_a_return_without_a_label_is_told_all_the_same() -> None:
    """The carrier may have refused one, and a person gone on without it."""
    placed = OrderInMail.of(order(line()))
    mail = render(Occasion.RETURN_EXPECTED, "buyer@example.com", order=placed, facts=CustomerFacts())
    for text in (mail.plain, mail.html):
        assert "send these goods" in text
        assert "label" not in text
