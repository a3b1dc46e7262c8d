"""What Temporal stores of an order is encrypted: inputs, results, messages, answers, failures and the Web UI's story.

Search attributes never pass here; `workflows/visibility.py` keeps personal data out of them.
"""

import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from domain.errors import InvariantBroken
from workers.keys import Keys

ENCODING = b"binary/encrypted"
CIPHER = b"AES-256-GCM"
_NONCE_BYTES = 12


class EncryptedPayloads(PayloadCodec):
    """AES-256-GCM over the whole payload, its own metadata included. What was never encrypted is read as it is.

    What stays readable, cipher and key id, is authenticated with the rest: nobody can change it unseen.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._opened(payload) for payload in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        key = self._keys.ring().encrypts
        metadata = {
            "encoding": ENCODING,
            "encryption-cipher": CIPHER,
            "encryption-key-id": key.id.encode(),
        }
        nonce = os.urandom(_NONCE_BYTES)
        sealed = key.cipher.encrypt(nonce, payload.SerializeToString(), _bound(metadata))
        return Payload(metadata=metadata, data=nonce + sealed)

    def _opened(self, payload: Payload) -> Payload:
        """Unavailable: its key is not in the ring yet. InvariantBroken: somebody changed it."""
        metadata = dict(payload.metadata)
        if metadata.get("encoding") != ENCODING:
            return payload
        key_id = metadata.get("encryption-key-id", b"").decode(errors="replace")
        key = self._keys.ring().find(key_id)
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            opened = key.cipher.decrypt(nonce, sealed, _bound(metadata))
        except (InvalidTag, ValueError):
            raise InvariantBroken(f"payloads: one was changed after key {key_id} encrypted it") from None
        return Payload.FromString(opened)


def _bound(metadata: Mapping[str, bytes]) -> bytes:
    names = ("encoding", "encryption-cipher", "encryption-key-id")
    return b"\0".join(metadata.get(name, b"") for name in names)
