"""One connection to the mail server, and the one place that turns its answers into `Refused` and `Unavailable`."""

import re
import smtplib
import socket
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from enum import StrEnum
from threading import Lock

from adapters.smtp.messages import is_international
from domain.errors import Refused, Unavailable

WHAT = "notifications.send"

_GO_AHEAD = 354
_NOT_LET_IN = 530  # RFC 4954: whatever is asked, a login is wanted
_TOO_LARGE = 552
_TAKEN, _NOT_TAKEN = range(200, 300), range(400, 600)
_REFUSALS = frozenset(range(500, 600)) - {_NOT_LET_IN}
_DETAIL = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}\b")
_DOT_FIRST = re.compile(rb"^\.", re.MULTILINE)


class Security(StrEnum):
    STARTTLS = "starttls"  # begun in clear, and nothing is said before it is encrypted
    TLS = "tls"  # from the first byte on
    NONE = "none"


USUAL_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True)
class Server:
    """`username` empty: it lets in whoever reaches it."""

    host: str
    port: int
    security: Security
    trusted: ssl.SSLContext = field(repr=False)
    username: str = ""
    password: str = field(default="", repr=False)


class Line:
    """For one mail. What is sent is sent by one thread; `cut` may be called by another, and is the last word."""

    def __init__(self, server: Server, sender: Address, timeout: float) -> None:
        self._server = server
        self._sender = sender
        self._timeout = timeout
        self._lock = Lock()
        self._smtp: smtplib.SMTP | None = None
        self._cut = self._told = False

    def cut(self) -> bool:
        """Whether the mail itself was on its way before; if not, it never will be."""
        with self._lock:
            self._cut = True
            if self._smtp is not None and self._smtp.sock is not None:
                with suppress(OSError):  # it was never connected, or is not any more
                    socket.socket.shutdown(self._smtp.sock, socket.SHUT_RDWR)
            return self._told

    def deliver(self, to: Address, content: bytes) -> None:
        """The server has taken it when this returns. OSError: the line broke."""
        with self._connected() as smtp:
            international = is_international(to, self._sender)
            if international and not smtp.has_extn("smtputf8"):
                raise Refused(f"{WHAT}: the mail server takes no address with such letters")
            options = ("SMTPUTF8", "BODY=8BITMIME") if international else ()
            # Who may send is a matter of our settings: mails wait until somebody puts them right.
            _check("MAIL", *smtp.mail(self._sender.addr_spec, options), refusals={_TOO_LARGE})
            _check("RCPT", *smtp.rcpt(to.addr_spec))
            code, words = smtp.docmd("DATA")
            if code != _GO_AHEAD:
                _check("DATA", code, words)
                raise smtplib.SMTPResponseException(code, words)
            with self._lock:
                self._ensure_whole()
                self._told = True
            smtp.send(_DOT_FIRST.sub(b"..", content) + b".\r\n")
            _check("the mail", *smtp.getreply())

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        smtp = self._opened()
        try:
            with self._lock:
                self._ensure_whole()
                self._smtp = smtp
            if self._server.security is Security.STARTTLS:
                smtp.starttls(context=self._server.trusted)
            if self._server.username:
                smtp.login(self._server.username, self._server.password)
            smtp.ehlo_or_helo_if_needed()
            yield smtp
        finally:
            with suppress(OSError):
                smtp.putcmd("QUIT")  # no answer is waited for: what the server took, it has
            smtp.close()

    def _opened(self) -> smtplib.SMTP:
        """It says of itself what its mails say: the machine's own name is nobody's business, and slow to find."""
        host, port, ours = self._server.host, self._server.port, self._sender.domain
        if self._server.security is Security.TLS:
            return smtplib.SMTP_SSL(host, port, ours, timeout=self._timeout, context=self._server.trusted)
        return smtplib.SMTP(host, port, ours, timeout=self._timeout)

    def _ensure_whole(self) -> None:
        if self._cut:
            raise ConnectionAbortedError


def _check(step: str, code: int, words: bytes, *, refusals: Collection[int] = _REFUSALS) -> None:
    """Of the answer only its numbers are told: its words, as a rule, name the customer's address."""
    if code in _TAKEN:
        return
    if code not in _NOT_TAKEN:
        raise smtplib.SMTPResponseException(code, "not an answer of the protocol")
    detail = _DETAIL.match(words)
    said = f"{WHAT}: {step} is answered {code}{' ' + detail.group().decode() if detail else ''}"
    raise Refused(said) if code in refusals else Unavailable(said)
