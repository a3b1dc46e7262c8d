"""A mail server that the tests start: SMTP over a real socket, and told in advance what it answers and loses."""

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from domain.notifications import Mail
from tests.contracts.lossy import Fault

HOST = "127.0.0.1"
_ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True)
class Taken:
    """A mail for whose delivery the server answers from now on. `sender` and `to` as the envelope has them."""

    sender: str
    to: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content.replace(b"\r\n", b"\n"), policy=policy.default)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    def mail(self) -> Mail:
        plain, html = (part.get_content() for part in self.message.iter_parts())
        return Mail(to=self.to, subject=str(self.message["Subject"]), plain=plain, html=html.rstrip("\n"))


@dataclass
class MailServer:
    """`answers`: what is said to a command (its first word; `.` is the mail itself; `220` the greeting) instead of the usual.

    An answer that is empty is none: the line is closed. `waits`: what has to happen before it is said. `login`: user and password that it wants first. A fault meets
    the first sending of each mail, as in `Lossy`. `silent`: it takes connections, and never says a word.
    """

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    waits: dict[str, asyncio.Event] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    speaks_utf8: bool = True
    silent: bool = False
    slow_seconds: float = 0
    fault: Fault = Fault.NONE
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    under_way: int = 0
    _met: set[str] = field(default_factory=set)
    _late: list[Taken] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["MailServer"]:
        first = self.tls if self.tls and not self.starttls else None
        server = await asyncio.start_server(self._serve, HOST, self.port, ssl=first)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    def mailbox(self, address: str) -> list[Mail]:
        """What arrived there; of those with the same Message-ID one, as mail stores keep them that know duplicates."""
        arrived = {taken.message_id: taken for taken in self.taken if taken.to == address}
        return [taken.mail() for taken in arrived.values()]

    async def settle(self) -> None:
        self.taken += self._late
        self._late = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError, _Closed):
            pass  # also of the server's own end, which is no news to anybody
        finally:
            writer.close()

    async def receive(self, taken: Taken) -> bool:
        """Whether its sender hears of it."""
        self.under_way += 1
        try:
            await asyncio.sleep(self.slow_seconds)
        finally:
            self.under_way -= 1
        if self.fault is Fault.NONE or taken.message_id in self._met:
            self.taken.append(taken)
            return True
        self._met.add(taken.message_id)
        (self._late if self.fault is Fault.LATE else self.taken).append(taken)
        return False


class _Closed(Exception):  # noqa: N818  it reads as what happened
    """The server has closed the line."""


class _Session:
    def __init__(
        self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._encrypted = server.tls is not None and not server.starttls
        self._let_in = server.login is None
        self._sender = self._to = ""

    async def run(self) -> None:
        if self._server.silent:
            await self._reader.read()
            return
        await self._say("220", "220 mail.example at your service")
        while line := await self._reader.readline():
            written = line.decode().rstrip("\r\n")
            word, _, rest = written.partition(" ")
            word = word.upper()
            self._server.commands.append(f"{word} {rest}".rstrip())
            match word:
                case "EHLO":
                    await self._say("EHLO", self._greeting())
                case "STARTTLS" if self._server.tls:
                    await self._say("STARTTLS", "220 go on")
                    await self._writer.start_tls(self._server.tls)
                    self._encrypted = True
                case "AUTH":
                    await self._auth(rest)
                case "MAIL":
                    self._sender = _address(rest)
                    await self._say("MAIL", "250 2.1.0 ok" if self._let_in else "530 5.7.0 log in first")
                case "RCPT":
                    self._to = _address(rest)
                    await self._say("RCPT", "250 2.1.5 ok")
                case "DATA":
                    await self._data()
                case "QUIT":
                    await self._say("QUIT", "221 2.0.0 bye")
                    return
                case _:
                    await self._say(word, "502 5.5.1 not here")

    def _greeting(self) -> str:
        offers = ["mail.example", "8BITMIME"]
        offers += ["SMTPUTF8"] if self._server.speaks_utf8 else []
        offers += ["STARTTLS"] if self._server.starttls and not self._encrypted else []
        offers += ["AUTH PLAIN"] if self._server.login and self._encrypted else []
        return "\r\n".join([*(f"250-{offer}" for offer in offers), "250 SIZE 1000000"])

    async def _auth(self, told: str) -> None:
        said = base64.b64decode(told.removeprefix("PLAIN ")).decode().split("\0")
        self._let_in = self._encrypted and tuple(said[1:]) == self._server.login
        await self._say("AUTH", "235 2.7.0 welcome" if self._let_in else "535 5.7.8 not you")

    async def _data(self) -> None:
        await self._say("DATA", "354 go on")
        if "DATA" in self._server.answers:
            return
        content = (await self._reader.readuntil(b"\r\n.\r\n"))[:-3]
        content = re.sub(rb"(?m)^\.", b"", content)
        if "." not in self._server.answers and not await self._server.receive(
            Taken(self._sender, self._to, content)
        ):
            raise _Closed
        await self._say(".", "250 2.0.0 taken")

    async def _say(self, to: str, usual: str) -> None:
        if to in self._server.waits:
            await self._server.waits[to].wait()
        answer = self._server.answers.get(to, usual)
        if not answer:
            raise _Closed
        self._writer.write(f"{answer}\r\n".encode())
        await self._writer.drain()


def _address(rest: str) -> str:
    found = _ADDRESS.search(rest)
    return found.group(1) if found else ""
