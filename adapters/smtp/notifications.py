"""Mail by SMTP: a connection for each.

SMTP knows no idempotency, and a server cannot be asked what it took: a mail whose acknowledgement was lost is sent
once more, under the same Message-ID, by which mailboxes know it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.headerregistry import Address

from adapters.smtp.line import WHAT, Line, Server
from adapters.smtp.messages import address, rendered
from domain.errors import OrderError, OutcomeUnknown, Unavailable
from domain.keys import Key
from domain.notifications import Mail

AT_ONCE_MAX = 16  # connections to the mail server, of one process


class SmtpNotifier:
    """`timeout` bounds a whole mail; `settled_after`: so long the server may still work on one whose line is cut."""

    def __init__(
        self,
        server: Server,
        sender: Address,
        clock: Callable[[], datetime],
        *,
        timeout: timedelta,
        settled_after: timedelta,
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._timeout = timeout.total_seconds()
        self._settled_after = settled_after
        # The library's client waits. Threads of its own, for in the usual ones others look up the addresses of hosts.
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="smtp")
        self._free = asyncio.Semaphore(AT_ONCE_MAX)

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def send(self, mail: Mail, *, key: Key) -> None:
        to = address(mail.to)
        content = rendered(mail, to, self._sender, key=key, at=self._clock())
        line = Line(self._server, self._sender, self._timeout)
        loop = asyncio.get_running_loop()
        async with self._free:
            try:
                async with asyncio.timeout(self._timeout):
                    await loop.run_in_executor(self._threads, line.deliver, to, content)
            except OSError as error:  # a timeout too, and whatever smtplib and ssl raise
                raise self._broken(type(error).__name__, told=line.cut()) from error
            finally:
                line.cut()

    def _broken(self, how: str, *, told: bool) -> OrderError:
        if told:
            return OutcomeUnknown(f"{WHAT}: no answer ({how})", settled_after=self._settled_after)
        return Unavailable(f"{WHAT}: the mail server cannot be used ({how})")
