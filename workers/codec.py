"""What Temporal stores of an order is encrypted: inputs, results, messages, answers, failures and the Web UI's story.

Search attributes never pass here; `workflows/visibility.py` keeps personal data out of them.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec, SerializationContext, WithSerializationContext

from domain.errors import InvariantBroken
from workers.keys import Keys

ENCODING = b"binary/encrypted"
CIPHER = b"AES-256-GCM"
_NONCE_BYTES = 12
_ORDER = "encryption-order"
_OF_ORDERS = "order:"


class EncryptedPayloads(PayloadCodec, WithSerializationContext):
    """AES-256-GCM over the whole payload, its own metadata included. What was never encrypted is read as it is.

    What stays readable, cipher, key id and the order that it is of, is authenticated with the rest: nobody can change it
    unseen, nor put it into the place of another order's. `workflow` is whose payloads these are, where that is known:
    a browser's decoder is not told, and shows what it gets.
    """

    def __init__(self, keys: Keys, workflow: str | None = None) -> None:
        self._keys = keys
        self._workflow = workflow

    def with_context(self, context: SerializationContext) -> Self:
        """As the SDK says it at both ends, of activities, signals, queries and updates too."""
        return type(self)(self._keys, getattr(context, "workflow_id", None))

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
        # Others than orders are begun by schedules, which give them another id than they encrypted for.
        if self._workflow and self._workflow.startswith(_OF_ORDERS):
            metadata[_ORDER] = self._workflow.encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = key.cipher.encrypt(nonce, payload.SerializeToString(), _bound(metadata))
        return Payload(metadata=metadata, data=nonce + sealed)

    def _opened(self, payload: Payload) -> Payload:
        """Unavailable: its key is not in the ring yet. InvariantBroken: somebody changed it, or moved it."""
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
        order = order_of(payload)
        if order and self._workflow and order != self._workflow:
            raise InvariantBroken(f"payloads: one of {order} stands in the place of one of {self._workflow}")
        return Payload.FromString(opened)


def order_of(payload: Payload) -> str:
    """Of which order an encrypted payload says that it is; empty: of none."""
    return payload.metadata.get(_ORDER, b"").decode(errors="replace")


def _bound(metadata: Mapping[str, bytes]) -> bytes:
    """Without an order as it was before payloads were of one, for those are still read."""
    named = [metadata.get(name, b"") for name in ("encoding", "encryption-cipher", "encryption-key-id")]
    return b"\0".join([*named, metadata[_ORDER]] if _ORDER in metadata else named)
