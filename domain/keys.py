"""Idempotency keys: derived from what the effect is, never drawn, so that every repeat carries the same."""

import hashlib
from typing import NewType

from domain.ids import OrderId

Key = NewType("Key", str)

KEY_LENGTH_MAX = 64  # the shortest limit among the gateways in use (Adyen)
_DIGEST_LENGTH = 16


def effect_key(order: OrderId, step: str, target: str = "") -> Key:
    """`{order}/{step}/{target}`, its end replaced by a digest of the whole where that is over 64 characters."""
    key = "/".join(part for part in (order, step, target) if part)
    if len(key) <= KEY_LENGTH_MAX:
        return Key(key)
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST_LENGTH]
    return Key(f"{key[: KEY_LENGTH_MAX - _DIGEST_LENGTH - 1]}~{digest}")
