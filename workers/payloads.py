"""How payloads are written and read: JSON, by pydantic. What open orders have in common is in memory once."""

from functools import lru_cache
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter, DataConverter

from domain.base import Value
from domain.money import Money
from domain.policies import OrderPolicies

_POLICIES_MAX = 256  # different ones: a few per channel
_AMOUNTS_MAX = 10_000  # prices repeat, and most discounts are nothing
_FIELDS_GIVEN: dict[frozenset[str], set[str]] = {}


class _Json(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        if type_hint is OrderPolicies:
            return _policies(payload.data)
        value = super().from_payload(payload, type_hint)
        _share(value)
        return value


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
