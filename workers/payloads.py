"""How payloads are written and read: JSON, by pydantic, encrypted. What open orders have in common is in memory once."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
)

from domain.base import Value
from domain.money import Money
from domain.policies import OrderPolicies
from workers.codec import EncryptedPayloads
from workers.keys import Keys

_POLICIES_MAX = 256  # different ones: a few per channel
_AMOUNTS_MAX = 10_000  # prices repeat, and most discounts are nothing
_FIELDS_GIVEN: dict[frozenset[str], set[str]] = {}


class UnreadablePayload(ValueError):  # noqa: N818  it reads as what it is
    """Says which field does not fit, and nothing of what is in it: it reaches logs."""


class _Json(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        try:
            if type_hint is OrderPolicies:
                return _policies(payload.data)
            value = super().from_payload(payload, type_hint)
        except ValidationError as error:
            raise UnreadablePayload(_words(error)) from None
        _share(value)
        return value


def _words(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    return f"{error.title}: " + "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong)


@lru_cache(maxsize=_POLICIES_MAX)
def _policies(data: bytes) -> OrderPolicies:
    """Every order of a channel carries the same."""
    return OrderPolicies.model_validate_json(data)


@lru_cache(maxsize=_AMOUNTS_MAX)
def _alike(amount: Money) -> Money:
    """The one of these amounts that came first."""
    return amount


def _share(value: Any) -> None:
    """Pydantic keeps with every value a set of the fields that were given: a quarter of what an idle order takes.

    Values never change, so those alike may share one.
    """
    if isinstance(value, Value):
        given = value.model_fields_set
        object.__setattr__(
            value, "__pydantic_fields_set__", _FIELDS_GIVEN.setdefault(frozenset(given), given)
        )
        for name, part in value.__dict__.items():
            if isinstance(part, Money):
                value.__dict__[name] = _alike(part)
            _share(part)
    elif isinstance(value, tuple):
        for part in value:
            _share(part)


_JSON = _Json()
_CONVERTERS = {
    encoding: _JSON if converter.encoding == _JSON.encoding else converter
    for encoding, converter in PydanticPayloadConverter().converters.items()
}


class SharedPayloadConverter(CompositePayloadConverter):
    """The SDK makes one for every open workflow; what pydantic builds for a type serves all of them."""

    def __init__(self) -> None:
        self.converters = _CONVERTERS


data_converter = DataConverter(payload_converter_class=SharedPayloadConverter)


def encrypted(keys: Keys) -> DataConverter:
    """Messages and stack traces of failures are encrypted too: they may quote what an outside system said."""
    return replace(
        data_converter,
        payload_codec=EncryptedPayloads(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
