"""What a mail server's answers mean, and what is said to it on which line."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.smtp.line import Security
from adapters.smtp.notifications import AT_ONCE_MAX, SmtpNotifier
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import ChannelId, PlatformId, order_id
from domain.keys import Key, effect_key
from domain.notifications import Mail
from tests.certificates import Authority
from tests.contracts.test_smtp import LOGIN, SETTLED_AFTER, guarded, sending
from tests.mail_server import HOST, MailServer
from workers.settings import SECRETS_DIR, Settings, SmtpSettings
from workers.wiring import systems

KEY = effect_key(order_id(ChannelId("shop"), PlatformId("1")), "mail", "shipped")
MAIL = Mail(
    to="jane@example.com",
    subject="Ihre Bestellung: verschickt ✓",
    plain=".\n..Grüße\n.\n" + "lang " * 500 + "\n",
    html="<p>Grüße</p>\n",
)
SHORT = timedelta(seconds=0.3)


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer().listening() as server:
        yield server


@pytest.fixture
async def notifier(server: MailServer) -> AsyncIterator[SmtpNotifier]:
    async with sending(server, Security.NONE) as notifier:
        yield notifier


async def test_a_mail_says_whose_it_is_and_that_nobody_wrote_it_by_hand(
    server: MailServer, notifier: SmtpNotifier
) -> None:
    await notifier.send(MAIL, key=KEY)
    (taken,) = server.taken
    assert (taken.sender, taken.to) == ("orders@shop.example", "jane@example.com")
    assert str(taken.message["From"]) == "Shop & Söhne <orders@shop.example>"
    assert taken.message["Date"] == "Sun, 22 Nov 2026 09:00:00 +0000"
    assert taken.message["Auto-Submitted"] == "auto-generated"
    assert taken.mail().plain == MAIL.plain
    assert taken.content.isascii()
    assert max(map(len, taken.content.splitlines())) <= 998
    assert server.commands[0] == "EHLO shop.example"


async def test_a_repeat_bears_the_same_id_and_another_mail_another(
    server: MailServer, notifier: SmtpNotifier
) -> None:
    for key in (KEY, KEY, Key(f"{KEY}-2")):
        await notifier.send(MAIL, key=key)
    first, repeat, other = (taken.message_id for taken in server.taken)
    assert first == repeat != other
    assert re.fullmatch(r"<[0-9a-f]{32}@shop\.example>", first)


@pytest.mark.parametrize("step", ["RCPT", "DATA", "."])
async def test_a_mail_that_is_refused_is_not_sent_again_and_the_address_is_not_repeated(
    server: MailServer, notifier: SmtpNotifier, step: str
) -> None:
    server.answers[step] = "550 5.1.1 <jane@example.com>: no such user"
    with pytest.raises(Refused) as refused:
        await notifier.send(MAIL, key=KEY)
    assert "550 5.1.1" in str(refused.value)
    assert "jane" not in str(refused.value)
    assert server.taken == []


@pytest.mark.parametrize("step", ["220", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "451 4.7.1 <jane@example.com> grey"])
async def test_what_a_server_takes_later_is_sent_again_later(
    server: MailServer, notifier: SmtpNotifier, step: str, answer: str
) -> None:
    server.answers[step] = answer
    with pytest.raises(Unavailable) as later:
        await notifier.send(MAIL, key=KEY)
    assert "jane" not in str(later.value)
    server.answers.clear()
    await notifier.send(MAIL, key=KEY)
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("220", "554 no service"),
        ("MAIL", "550 5.7.1 not your address"),
        ("MAIL", "530 5.7.0 log in"),
        ("RCPT", "530 5.7.0 log in"),
        ("EHLO", "500 what"),
        ("220", ""),
        ("RCPT", ""),
        ("DATA", ""),
        ("DATA", "250 what"),
        ("RCPT", "hello"),
    ],
)
async def test_what_our_settings_or_the_line_are_to_blame_for_costs_no_mail(
    server: MailServer, notifier: SmtpNotifier, step: str, answer: str
) -> None:
    server.answers[step] = answer
    with pytest.raises(Unavailable):
        await notifier.send(MAIL, key=KEY)
    server.answers.clear()
    await notifier.send(MAIL, key=KEY)
    assert len(server.taken) == 1


async def test_a_mail_too_large_is_refused(server: MailServer, notifier: SmtpNotifier) -> None:
    server.answers["MAIL"] = "552 5.3.4 too big"
    with pytest.raises(Refused):
        await notifier.send(MAIL, key=KEY)


@pytest.mark.parametrize("answer", ["", "hello", "354 more"])
async def test_a_mail_without_an_acknowledgement_may_have_been_taken(
    server: MailServer, notifier: SmtpNotifier, answer: str
) -> None:
    server.answers["."] = answer
    with pytest.raises(OutcomeUnknown) as unknown:
        await notifier.send(MAIL, key=KEY)
    assert unknown.value.settled_after == SETTLED_AFTER


async def test_a_server_that_has_acknowledged_may_go_at_once(
    server: MailServer, notifier: SmtpNotifier
) -> None:
    server.answers["QUIT"] = ""
    await notifier.send(MAIL, key=KEY)
    assert len(server.taken) == 1


async def test_who_says_nothing_is_not_waited_for(server: MailServer) -> None:
    server.silent = True
    async with asyncio.timeout(30), sending(server, Security.NONE, patience=SHORT) as notifier:
        with pytest.raises(Unavailable):
            await notifier.send(MAIL, key=KEY)


async def test_who_is_not_there_is_unavailable() -> None:
    gone = MailServer()
    async with gone.listening():
        pass
    async with sending(gone, Security.NONE) as nowhere:
        with pytest.raises(Unavailable):
            await nowhere.send(MAIL, key=KEY)


async def test_what_is_cancelled_before_the_mail_is_sent_is_never_sent(
    server: MailServer, notifier: SmtpNotifier
) -> None:
    server.waits["RCPT"] = asyncio.Event()
    under_way = asyncio.create_task(notifier.send(MAIL, key=KEY))
    await until(lambda: any(command.startswith("RCPT") for command in server.commands))
    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    server.waits.pop("RCPT").set()
    await notifier.send(MAIL, key=KEY)
    assert [command for command in server.commands if command == "DATA"] == ["DATA"]
    assert len(server.taken) == 1


async def test_many_mails_at_once_open_no_more_lines_than_that(server: MailServer) -> None:
    server.waits["."] = asyncio.Event()
    keys = [Key(f"{KEY}-{number}") for number in range(AT_ONCE_MAX + 3)]
    async with sending(server, Security.NONE, patience=timedelta(seconds=30)) as notifier:
        sent = asyncio.gather(*(notifier.send(MAIL, key=key) for key in keys))
        await until(lambda: len(server.taken) == AT_ONCE_MAX)
        assert sum(command.startswith("EHLO") for command in server.commands) == AT_ONCE_MAX
        server.waits.pop(".").set()
        await sent
    assert len({taken.message_id for taken in server.taken}) == len(keys)


@pytest.mark.parametrize("starttls", [True, False])
async def test_a_server_whose_certificate_is_a_strangers_learns_nothing(
    tmp_path: Path, *, starttls: bool
) -> None:
    ours, strangers = (Authority.in_folder(tmp_path / name, name) for name in ("ours", "strangers"))
    security = Security.STARTTLS if starttls else Security.TLS
    async with guarded(strangers, starttls=starttls).listening() as server:
        async with sending(server, security, ours) as notifier:
            with pytest.raises(Unavailable):
                await notifier.send(MAIL, key=KEY)
        assert set(server.commands) <= {"EHLO shop.example", "STARTTLS"}


async def test_where_starttls_is_wanted_nothing_is_said_in_clear(server: MailServer) -> None:
    server.login = LOGIN
    async with sending(server, Security.STARTTLS) as notifier:
        with pytest.raises(Unavailable):
            await notifier.send(MAIL, key=KEY)
    assert set(server.commands) <= {"EHLO shop.example", "QUIT"}


async def test_a_wrong_password_waits_until_somebody_puts_it_right(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path / "ca", "ours")
    async with guarded(authority, starttls=True).listening() as server:
        async with sending(server, Security.STARTTLS, authority) as notifier:
            server.login = ("shop", "another")
            with pytest.raises(Unavailable) as wrong:
                await notifier.send(MAIL, key=KEY)
            assert LOGIN[1] not in f"{wrong.value!r} {wrong.value.__cause__!r}"
            server.login = LOGIN
            await notifier.send(MAIL, key=KEY)
        assert len(server.taken) == 1


async def test_letters_of_all_the_world_where_the_server_knows_them(
    server: MailServer, notifier: SmtpNotifier
) -> None:
    mail = MAIL.model_copy(update={"to": "jörg@bücher.example"})
    await notifier.send(mail, key=KEY)
    (taken,) = server.taken
    assert taken.to == "jörg@xn--bcher-kva.example"
    assert any("SMTPUTF8" in command for command in server.commands)
    server.speaks_utf8 = False
    with pytest.raises(Refused):
        await notifier.send(mail, key=KEY)
    await notifier.send(MAIL.model_copy(update={"to": "jorg@bücher.example"}), key=KEY)
    assert server.taken[-1].to == "jorg@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "told",
    [
        *("", "jane", "jane@", "@example.com", "Jane <jane@example.com>", "a@b@c", "jane@exa mple.com"),
        *("jane@example.com\r\nBcc: all@example.com", "jane@example..com", f"{'j' * 250}@example.com"),
    ],
)
async def test_what_is_no_address_never_reaches_the_server(
    server: MailServer, notifier: SmtpNotifier, told: str
) -> None:
    with pytest.raises(Refused):
        await notifier.send(MAIL.model_copy(update={"to": told}), key=KEY)
    assert server.commands == []


async def test_a_subject_cannot_add_a_header(server: MailServer, notifier: SmtpNotifier) -> None:
    await notifier.send(MAIL.model_copy(update={"subject": "It\r\nBcc: all@example.com"}), key=KEY)
    assert server.taken[0].message["Subject"] == "It Bcc: all@example.com"
    assert server.taken[0].message["Bcc"] is None


async def test_the_settings_choose_it(
    server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "kind": "smtp",
        "host": HOST,
        "port": server.port,
        "security": "none",
        "sender": "us@shop.example",
    }
    found = Settings.model_validate({"adapters": {"mail": told}})
    async with systems(found) as wired:
        await wired.notifiers["mail"].send(MAIL, key=KEY)
    assert server.taken[0].sender == "us@shop.example"
    (tmp_path / "ordersaga_adapters__mail__password").write_text("from a file")
    monkeypatch.setenv(SECRETS_DIR, str(tmp_path))
    for name, value in {"kind": "smtp", "host": HOST, "username": "us", "sender": "us@shop.example"}.items():
        monkeypatch.setenv(f"ORDERSAGA_ADAPTERS__MAIL__{name.upper()}", value)
    mail = Settings().adapters["mail"]
    assert isinstance(mail, SmtpSettings)
    assert mail.password.get_secret_value() == "from a file"
    assert "from a file" not in repr(mail)


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "us", "password": "x", "security": "none"},
        {"username": "us"},
        {"password": "x"},
        {"username": "us", "password": "€"},
        {"sender": "us"},
        {"security": "ssl"},
    ],
)
def test_settings_that_cannot_work_are_said_at_once(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SmtpSettings.model_validate({"kind": "smtp", "host": HOST, "sender": "us@shop.example"} | wrong)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110  the server is plain
            await asyncio.sleep(0.01)
