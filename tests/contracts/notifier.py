"""What every sender of mail is held to: each mail once, as it was written.

A subclass `TestSomeNotifier(NotifierContract)` gives two fixtures: `notifier`, the adapter, sending all it sends through
the fixture `network`; and `hands`, which opens the recipient's mailbox.
"""

from typing import Protocol

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.ids import ChannelId, OrderId, PlatformId, order_id
from domain.keys import effect_key
from domain.notifications import Mail
from domain.ports import Notifier
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, unique


class NotifierHands(Protocol):
    async def mailbox(self, address: str) -> list[Mail]:
        """What arrived there, the oldest first."""


class Network(Protocol):
    """As `Lossy`, whatever protocol the mail is sent by."""

    fault: Fault

    async def settle(self) -> None: ...


class NotifierContract:
    @pytest.fixture
    def network(self) -> Network:
        return Lossy()

    @pytest.fixture
    def mail(self, request: pytest.FixtureRequest) -> Mail:
        name = unique(request.node.nodeid)
        return Mail(
            to=f"{name}@example.com",
            subject="Your order – shipped ✓",
            plain="Grüße,\nyour shop\n",
            html="<p>Grüße,<br>your shop</p>",
        )

    async def test_a_mail_arrives_as_it_was_written(
        self, notifier: Notifier, hands: NotifierHands, mail: Mail
    ) -> None:
        await send(notifier, mail)
        assert await hands.mailbox(mail.to) == [mail]

    async def test_a_mail_sent_twice_arrives_once(
        self, notifier: Notifier, hands: NotifierHands, mail: Mail
    ) -> None:
        for _ in range(2):
            await send(notifier, mail)
        assert await hands.mailbox(mail.to) == [mail]

    async def test_a_mail_arrives_once_though_every_reply_is_lost(
        self, notifier: Notifier, hands: NotifierHands, network: Network, mail: Mail
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: send(notifier, mail))
        assert await hands.mailbox(mail.to) == [mail]

    async def test_a_mail_whose_first_request_arrives_late_arrives_once(
        self, notifier: Notifier, hands: NotifierHands, network: Network, mail: Mail
    ) -> None:
        network.fault = Fault.LATE
        with pytest.raises(OutcomeUnknown):
            await send(notifier, mail)
        await insist(lambda: send(notifier, mail))
        await network.settle()
        assert await hands.mailbox(mail.to) == [mail]

    async def test_another_key_is_another_mail(
        self, notifier: Notifier, hands: NotifierHands, mail: Mail
    ) -> None:
        await send(notifier, mail, "shipped-s1")
        await send(notifier, mail, "shipped-s2")
        assert await hands.mailbox(mail.to) == [mail, mail]

    async def test_what_is_no_address_is_refused(self, notifier: Notifier, mail: Mail) -> None:
        with pytest.raises(Refused) as refused:
            await send(notifier, mail.model_copy(update={"to": "jane doe at home"}))
        assert "jane" not in str(refused.value)


async def send(notifier: Notifier, mail: Mail, occasion: str = "shipped") -> None:
    await notifier.send(mail, key=effect_key(_order(mail), "notify", occasion))


def _order(mail: Mail) -> OrderId:
    return order_id(ChannelId("contract"), PlatformId(unique(mail.to)))
