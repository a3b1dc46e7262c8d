"""A customer whose every word is found wherever it turns up, and the search for it."""

import base64
import re
from typing import Any

NAME, COMPANY = "Zorblina Quaxworth", "Quaxworth & Töchter"
EMAIL = "zorblina@quaxworth.example"
PHONE = "+44 1632 960 7718"
STREET, POSTAL_CODE, CITY = "Mumblecake Lane 77", "QX7 7ZB", "Snoringham"

# Whatever way it may be written: whole, in parts, in other letters.
TRACES = ("zorblina", "quaxworth", "mumblecake", "qx7 7zb", "snoringham", "960 7718")

_ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_DEPTH_MAX = 3  # a payload in a payload in a page of history


def bought_by_her(document: dict[str, Any]) -> dict[str, Any]:
    """Our own order document, placed by this customer."""
    address = {
        "name": NAME,
        "company": COMPANY,
        "street": STREET,
        "postal_code": POSTAL_CODE,
        "city": CITY,
        "country": "GB",
        "phone": PHONE,
    }
    customer = {"name": NAME, "company": COMPANY, "email": EMAIL, "phone": PHONE}
    return document | {"customer": customer, "billing_address": address, "shipping_address": address}


def traces_in(data: bytes, depth: int = _DEPTH_MAX) -> set[str]:
    """What is told of her, in clear or in base64, escaped or not."""
    low = data.lower()
    found = {trace for trace in TRACES if trace.encode() in low}
    if depth:
        for encoded in _ENCODED.findall(data):
            for shift in range(4) if len(encoded) % 4 else (0,):
                found |= traces_in(_decoded(encoded[shift:]), depth - 1)
    return found


def _decoded(encoded: bytes) -> bytes:
    whole = encoded.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    return base64.b64decode(whole + b"=" * (-len(whole) % 4))
