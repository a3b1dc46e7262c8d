"""Webhook signatures: `OrderSaga-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "{t}.{raw body}">`."""

import hashlib
import hmac
from datetime import datetime, timedelta

HEADER = "OrderSaga-Signature"
TOLERANCE = timedelta(seconds=300)


def sign(secret: str, body: bytes, at: datetime) -> str:
    """The header's value. ValueError: no secret, for anybody could sign without one."""
    if not secret:
        raise ValueError("a webhook secret is needed")
    timestamp = str(int(at.timestamp()))
    return f"t={timestamp},v1={_digest(secret, body, timestamp)}"


def verify(secret: str, body: bytes, header: str, now: datetime) -> bool:
    """Whether the body was signed with the secret, within 300 s of now. Of several v1 one is enough (rotation)."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    if not secret or not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(int(now.timestamp()) - int(timestamp)) > TOLERANCE.total_seconds():
        return False
    expected = _digest(secret, body, timestamp)
    given = [value for name, _, value in parts if name == "v1"]
    return any([hmac.compare_digest(expected.encode(), value.encode()) for value in given])  # noqa: C419  all are compared, whatever the first says


def _digest(secret: str, body: bytes, timestamp: str) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
