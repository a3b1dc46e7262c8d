"""The documents that platforms send: read exactly from their bytes, and parsed by the platform they come from."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from adapters.connector import documents as ordersaga
from adapters.shopify import documents as shopify
from adapters.woocommerce import documents as woocommerce
from domain.intake import DocumentParser, Problem, UnusableDocument

BODY_BYTES_MAX = 4 * 1024 * 1024  # a Shopify order of 500 lines is about 2 MB
DEPTH_MAX = 64
_SUSPECT = re.compile(
    rb"\\u(?:[dD][89a-fA-F]|0000)"
)  # such escapes are rare, and looking at every text is not cheap

PARSERS: Mapping[str, DocumentParser] = {
    "shopify": shopify.parse,
    "woocommerce": woocommerce.parse,
    "ordersaga": ordersaga.parse,
}


def load(body: bytes) -> Mapping[str, Any]:
    """The JSON object in `body`, its numbers exact decimals.

    UnusableDocument: not JSON, not an object, NaN or Infinity, a key twice in one object, more than `BODY_BYTES_MAX`
    bytes or deeper than `DEPTH_MAX`; a text that cannot be written down.
    """
    if len(body) > BODY_BYTES_MAX:
        raise _unusable(f"more than {BODY_BYTES_MAX} bytes")
    try:
        document = json.loads(
            body, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_without_twins
        )
    except RecursionError:
        raise _unusable(f"deeper than {DEPTH_MAX} levels") from None
    except json.JSONDecodeError as error:
        raise _unusable(f"not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, ArithmeticError) as error:  # not UTF-8, or a number of thousands of digits
        raise _unusable(f"not JSON: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise _unusable("not a JSON object")
    _check_depth(document)
    if _SUSPECT.search(body):
        _check_texts(document)
    return document


def _check_depth(document: object) -> None:
    level: list[object] = [document]
    for _ in range(DEPTH_MAX):
        level = [
            child
            for parent in level
            for child in (
                parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ()
            )
        ]
        if not level:
            return
    raise _unusable(f"deeper than {DEPTH_MAX} levels")


def _check_texts(value: object) -> None:
    """Half a character, and the one numbered zero, are JSON; but no database and no other system takes them."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise _unusable("a text holds a character that is none")
    elif isinstance(value, dict):
        _check_texts([*value, *value.values()])
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _unusable("a key stands twice in one object")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise _unusable("NaN and Infinity are not JSON")


def _unusable(reason: str) -> UnusableDocument:
    return UnusableDocument((Problem(field="document", reason=reason),))
