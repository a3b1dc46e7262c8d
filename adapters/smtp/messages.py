"""What goes over the line: one mail as RFC 5322 writes it, and the name under which a repeat is the same."""

import hashlib
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from domain.errors import Refused
from domain.keys import Key
from domain.notifications import Mail

_ADDRESS_LENGTH_MAX = 254  # RFC 5321, 4.5.3.1.3
_ID_LENGTH = 32


def address(told: str, name: str = "") -> Address:
    """With its domain as the network writes it. Refused: it is no address; the words do not repeat it."""
    local, _, domain = told.rpartition("@")
    try:
        # The library takes other letters than ASCII, and cannot parse them.
        found = Address(addr_spec=f"{local.encode('ascii', 'replace').decode()}@{domain}")
        domain = found.domain.encode("idna").decode()
        if found.username and domain and len(told) <= _ADDRESS_LENGTH_MAX:
            username = found.username if local.isascii() else local
            return Address(display_name=name, username=username, domain=domain)
    except (ValueError, IndexError, MessageError):  # what the library's parser stumbles over
        pass
    raise Refused("notifications.send: it goes to no address")


def is_international(*addresses: Address) -> bool:
    """Whether only a server that speaks SMTPUTF8 can take it."""
    return not all(one.addr_spec.isascii() for one in addresses)


def rendered(mail: Mail, to: Address, sender: Address, *, key: Key, at: datetime) -> bytes:
    """In seven bits, but for addresses that have more."""
    policy = SMTPUTF8 if is_international(to, sender) else SMTP
    message = EmailMessage(policy=policy.clone(cte_type="7bit"))
    message["From"] = sender
    message["To"] = to
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(at)
    message["Message-ID"] = _message_id(key, sender)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is to answer it
    message.set_content(mail.plain)
    message.add_alternative(mail.html, subtype="html")
    return message.as_bytes()


def _message_id(key: Key, sender: Address) -> str:
    """The same for the same key: by it a mailbox knows a mail that it has already."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:_ID_LENGTH]}@{sender.domain}>"
