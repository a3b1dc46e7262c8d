"""Where the next page begins, in a word that its reader need not understand."""

import base64
import binascii
import json

from entrypoints.api.problems import wrong_field


def cursor(*after: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode().rstrip("=")


def read_cursor(text: str) -> list[str | int]:
    """ApiProblem 422 for what was never a cursor."""
    try:
        after = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise unknown_cursor() from None
    if not isinstance(after, list) or any(type(part) not in (str, int) for part in after):
        raise unknown_cursor()
    return after


def unknown_cursor() -> Exception:
    return wrong_field("cursor", "not a cursor of this list")
