"""The keys that encrypt payloads: from the environment, or from a file that only its owner may read.

A key ring is text: one `id:key` per line, or between commas. The first key encrypts, all of them decrypt. A key's id
goes with every payload in clear; the key is 32 bytes in base64.
"""

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Refused, Unavailable
from workers.settings import Settings

_KEY_BITS = 256
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class PayloadKey:
    id: str
    secret: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False, compare=False)

    @classmethod
    def of(cls, key_id: str, secret: bytes) -> Self:
        return cls(key_id, secret, AESGCM(secret))

    @classmethod
    def drawn(cls, now: datetime) -> Self:
        """A new one; its id tells when it was made, and a digest of it tells it from others of that day."""
        secret = AESGCM.generate_key(_KEY_BITS)
        return cls.of(f"{now:%Y%m%d}-{hashlib.sha256(secret).hexdigest()[:8]}", secret)


@dataclass(frozen=True)
class KeyRing:
    """`keys[0]` encrypts. There is at least one, and no two have the same id."""

    keys: tuple[PayloadKey, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """Refused says which entry is wrong, and never what it holds."""
        entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
        keys = tuple(_key(number, entry) for number, entry in enumerate(entries, start=1))
        if not keys:
            raise Refused("the key ring holds no key; `ordersaga keys generate` makes one")
        if len({key.id for key in keys}) < len(keys):
            raise Refused("the key ring holds two keys with one id")
        return cls(keys)

    @property
    def encrypts(self) -> PayloadKey:
        return self.keys[0]

    def find(self, key_id: str) -> PayloadKey:
        """Unavailable when the ring does not hold it: once it does, whatever waits for it goes on."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise Unavailable(f"payloads: the key ring has no key {key_id!r}")

    def with_key(self, key: PayloadKey, *, encrypts: bool) -> "KeyRing":
        others = tuple(known for known in self.keys if known.id != key.id)
        return KeyRing((key, *others) if encrypts else (*others, key))

    def text(self) -> str:
        """All keys in clear."""
        return "".join(f"{key.id}:{base64.b64encode(key.secret).decode()}\n" for key in self.keys)


class Keys(Protocol):
    def ring(self) -> KeyRing:
        """As it is now: it may change while a process runs."""


class GivenKeys:
    """From the environment: the same as long as the process runs."""

    def __init__(self, text: str) -> None:
        self._ring = KeyRing.read(text)

    def ring(self) -> KeyRing:
        return self._ring


class KeyFile:
    """Looked at before every use, so that a key which was put there by a rotation is known at once, everywhere."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, ...] = ()
        self._ring = self._read()

    def ring(self) -> KeyRing:
        try:
            if self._look() != self._seen:
                self._ring = self._read()
        except OSError:  # it is gone for the moment: what was read of it still encrypts and decrypts
            pass
        return self._ring

    def write(self, ring: KeyRing) -> None:
        """As a whole or not at all, and on the disk before anything is encrypted with it."""
        write_keys(self.path, ring)
        self._ring = self._read()

    def _look(self) -> tuple[int, ...]:
        found = self.path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> KeyRing:
        if not self.path.is_file():
            raise Refused(f"there is no key file {self.path}; `ordersaga keys generate` makes one")
        if self.path.stat().st_mode & _FOR_OTHERS:
            raise Refused(f"others may read the key file {self.path}; chmod 600 {self.path}")
        self._seen = self._look()
        return KeyRing.read(self.path.read_text())


def write_keys(path: Path, ring: KeyRing) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(ring.text())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def keys_of(settings: Settings) -> Keys | None:
    """None where these settings let payloads go unencrypted. Refused when there are two rings, or one is not usable."""
    given, file = settings.encryption_keys.get_secret_value(), settings.encryption_key_file
    if given and file:
        raise Refused("encryption_keys and encryption_key_file are both set: one key ring is enough")
    if file:
        return KeyFile(file)
    return GivenKeys(given) if given else None


def ids(keys: Iterable[PayloadKey]) -> list[str]:
    return [key.id for key in keys]


def _key(number: int, entry: str) -> PayloadKey:
    key_id, _, encoded = entry.partition(":")
    if not _ID.fullmatch(key_id):
        raise Refused(f"key {number} of the key ring has no usable id: it is written id:key")
    try:
        secret = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        raise Refused(f"key {key_id} of the key ring is not base64") from None
    if len(secret) * 8 != _KEY_BITS:
        raise Refused(f"key {key_id} of the key ring has {len(secret) * 8} bits instead of {_KEY_BITS}")
    return PayloadKey.of(key_id, secret)
