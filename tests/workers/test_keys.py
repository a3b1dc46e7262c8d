"""The key ring: where keys come from, which one encrypts, and a rotation while processes run."""

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from domain.errors import InvariantBroken, Refused, Unavailable
from tests.entrypoints.terminal import Terminal, terminal
from workers.codec import ENCODING
from workers.keys import GivenKeys, KeyFile, KeyRing, PayloadKey, keys_of, write_keys
from workers.payloads import data_converter, encrypted
from workers.settings import Settings

__all__ = ["terminal"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = "Ada Lovelace, 12 St James's Square"


def ring(*keys: PayloadKey) -> KeyRing:
    return KeyRing(keys or (PayloadKey.drawn(NOON),))


def given(*keys: PayloadKey) -> GivenKeys:
    return GivenKeys(ring(*keys).text())


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    write_keys(tmp_path / "keys", ring())
    return KeyFile(tmp_path / "keys")


async def test_what_is_encrypted_is_not_in_the_payload_and_comes_back_as_it_was() -> None:
    converter = encrypted(given())
    (payload,) = await converter.encode([WORDS])
    assert payload.metadata["encoding"] == ENCODING
    assert b"Ada" not in payload.SerializeToString()
    assert await converter.decode([payload], [str]) == [WORDS]


async def test_the_same_words_never_look_the_same() -> None:
    one, two = await encrypted(given()).encode([WORDS, WORDS])
    assert one.data != two.data


async def test_what_was_written_before_encryption_is_still_read() -> None:
    assert await encrypted(given()).decode(await data_converter.encode([WORDS]), [str]) == [WORDS]


@pytest.mark.parametrize("part", ["data", "encryption-key-id", "encryption-cipher"])
async def test_whatever_is_changed_of_a_payload_it_is_not_read(part: str) -> None:
    one, two = PayloadKey.drawn(NOON), PayloadKey.drawn(NOON)
    converter = encrypted(given(one, two))
    (payload,) = await converter.encode([WORDS])
    if part == "data":
        payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
    else:
        payload.metadata[part] = two.id.encode()
    with pytest.raises(InvariantBroken, match="changed"):
        await converter.decode([payload])


@pytest.mark.parametrize("length", [0, 3, 12, 20])
async def test_a_payload_cut_short_is_not_read(length: int) -> None:
    converter = encrypted(given())
    (payload,) = await converter.encode([WORDS])
    payload.data = payload.data[:length]
    with pytest.raises(InvariantBroken):
        await converter.decode([payload])


async def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    old, new = PayloadKey.drawn(NOON), PayloadKey.drawn(NOON)
    (before,) = await encrypted(given(old)).encode([WORDS])
    rotated = encrypted(given(new, old))
    (after,) = await rotated.encode([WORDS])
    assert after.metadata["encryption-key-id"] == new.id.encode()
    assert await rotated.decode([before, after], [str, str]) == [WORDS, WORDS]
    with pytest.raises(Unavailable, match=new.id):
        await encrypted(given(old)).decode([after])


async def test_a_rotation_reaches_processes_that_run(file: KeyFile) -> None:
    there, here = encrypted(KeyFile(file.path)), encrypted(KeyFile(file.path))
    (before,) = await there.encode([WORDS])
    new = PayloadKey.drawn(NOON)
    file.write(file.ring().with_key(new, encrypts=True))
    (after,) = await there.encode([WORDS])
    assert after.metadata["encryption-key-id"] == new.id.encode()
    assert await here.decode([before, after], [str, str]) == [WORDS, WORDS]


async def test_a_key_file_that_is_gone_for_a_moment_stops_nothing(file: KeyFile) -> None:
    converter = encrypted(file)
    (payload,) = await converter.encode([WORDS])
    file.path.unlink()
    assert await converter.decode([payload], [str]) == [WORDS]


async def test_failures_tell_nothing_in_clear() -> None:
    converter, failure, error = encrypted(given()), Failure(), ApplicationError(WORDS, type="Refused")
    error.__cause__ = ValueError(WORDS)
    await converter.encode_failure(error, failure)
    assert b"Ada" not in failure.SerializeToString()
    assert failure.application_failure_info.type == "Refused"
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert read.message == WORDS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no key"),
        ("no-colon", "not base64|bits"),
        (":c2VjcmV0", "no usable id"),
        ("a:not/base64!", "not base64"),
        ("a:" + base64.b64encode(b"sixteen bytes 16").decode(), "128 bits"),
        ("a:{key}\na:{key}", "two keys with one id"),
    ],
)
def test_a_ring_that_cannot_be_used_is_refused_without_its_words(text: str, why: str) -> None:
    key = base64.b64encode(os.urandom(32)).decode()
    with pytest.raises(Refused, match=why) as refused:
        KeyRing.read(text.format(key=key))
    assert key not in str(refused.value)
    assert "c2VjcmV0" not in str(refused.value)


def test_keys_are_shown_nowhere(file: KeyFile) -> None:
    key = file.ring().encrypts
    secret = base64.b64encode(key.secret).decode()
    for shown in (repr(key), repr(file.ring()), str(Settings(encryption_keys=SecretStr(file.ring().text())))):
        assert secret not in shown
        assert repr(key.secret) not in shown


def test_a_key_file_that_others_may_read_is_refused(file: KeyFile) -> None:
    file.path.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        KeyFile(file.path)


def test_settings_name_one_key_ring_or_none(file: KeyFile) -> None:
    text = SecretStr(file.ring().text())
    assert keys_of(Settings()) is None
    for keys in (keys_of(Settings(encryption_keys=text)), keys_of(Settings(encryption_key_file=file.path))):
        assert keys is not None
        assert keys.ring() == file.ring()
    with pytest.raises(Refused, match="both"):
        keys_of(Settings(encryption_keys=text, encryption_key_file=file.path))
    with pytest.raises(Refused, match="keys generate"):
        keys_of(Settings(encryption_key_file=file.path.with_name("none")))


# --- the commands


def shown(terminal: Terminal, *arguments: str) -> Any:
    answer = terminal("keys", *arguments, "--json")
    assert answer.code == 0, answer.err
    return answer.last


def test_a_key_file_is_made_for_its_owner_alone_and_rotated(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first = shown(terminal, "generate", "--file", str(file))["key"]
    assert file.stat().st_mode & 0o777 == 0o600
    ready = shown(terminal, "generate", "--file", str(file))["key"]
    assert shown(terminal, "list", "--file", str(file))["keys"] == [first, ready]
    shown(terminal, "rotate", "--to", ready, "--file", str(file))
    drawn = shown(terminal, "rotate", "--file", str(file))["key"]
    assert shown(terminal, "list", "--file", str(file))["keys"] == [drawn, ready, first]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_for_the_environment_is_printed_and_nothing_else(terminal: Terminal) -> None:
    answer = terminal("keys", "generate")
    assert len(KeyRing.read(answer.out).keys) == 1
    assert answer.out.count("\n") == 1


def test_a_rotation_to_a_key_that_is_not_there_is_refused(terminal: Terminal, file: KeyFile) -> None:
    answer = terminal("keys", "rotate", "--to", "nobody", "--file", str(file.path))
    assert answer.code == 1
    assert "no key nobody" in answer.flat_err


def test_a_rotation_without_a_key_file_is_told_what_to_do(terminal: Terminal, tmp_path: Path) -> None:
    answer = terminal("keys", "rotate", "--file", str(tmp_path / "none"))
    assert answer.code == 1
    assert "keys generate" in answer.flat_err
