"""Mail by SMTP, to a server of its own, on each of the lines that the settings may ask for."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.smtp.line import Security, Server
from adapters.smtp.messages import address
from adapters.smtp.notifications import SmtpNotifier
from domain.notifications import Mail
from domain.ports import Notifier
from tests.certificates import Authority
from tests.contracts.notifier import Network, NotifierContract, NotifierHands
from tests.mail_server import HOST, MailServer

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LOGIN = ("shop", "a password")
SENDER = address("orders@shop.example", "Shop & Söhne")
PATIENCE = timedelta(seconds=20)  # the machine may be busy
SETTLED_AFTER = timedelta(seconds=5)


@asynccontextmanager
async def sending(
    to: MailServer, security: Security, authority: Authority | None = None, patience: timedelta = PATIENCE
) -> AsyncIterator[SmtpNotifier]:
    server = Server(
        host=HOST,
        port=to.port,
        security=security,
        trusted=ssl.create_default_context(cafile=authority.folder / "ca.pem" if authority else None),
        username=to.login[0] if to.login else "",
        password=to.login[1] if to.login else "",
    )
    notifier = SmtpNotifier(server, SENDER, lambda: NOW, timeout=patience, settled_after=SETTLED_AFTER)
    yield notifier
    notifier.close()


def guarded(authority: Authority, *, starttls: bool) -> MailServer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign("mail.example"))
    return MailServer(tls=context, starttls=starttls, login=LOGIN)


class Hands:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def mailbox(self, address: str) -> list[Mail]:
        return self._server.mailbox(address)


class SmtpContract(NotifierContract):
    security: Security

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority.in_folder(tmp_path / "ca", "our authority")

    @pytest.fixture
    async def network(self, authority: Authority) -> AsyncIterator[Network]:
        server = guarded(authority, starttls=self.security is Security.STARTTLS)
        if self.security is Security.NONE:
            server.tls = server.login = None
        async with server.listening():
            yield server

    @pytest.fixture
    def hands(self, network: MailServer) -> NotifierHands:
        return Hands(network)

    @pytest.fixture
    async def notifier(self, network: MailServer, authority: Authority) -> AsyncIterator[Notifier]:
        async with sending(network, self.security, authority) as notifier:
            yield notifier


class TestStarttls(SmtpContract):
    security = Security.STARTTLS


class TestTls(SmtpContract):
    security = Security.TLS


class TestInClear(SmtpContract):
    security = Security.NONE
