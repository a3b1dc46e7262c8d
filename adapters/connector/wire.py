"""Between the domain's values and the wire's models, which carry the same facts under the same names.

Only money is written differently: minor units here, a decimal string there. `protocol/` names every field, so a
value that grows a field fails loudly instead of leaking onto the wire.
"""

from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel

from adapters.connector.protocol import common
from domain.base import Value
from domain.erp import Edited
from domain.money import Money
from domain.orders import PlacedOrder

M = TypeVar("M", bound=common.Model)
V = TypeVar("V", bound=Value)


def money(amount: Money) -> common.Money:
    return common.Money(amount=f"{amount.major:f}", currency=amount.currency)


def priced(order: PlacedOrder) -> dict[str, Any]:
    """Lines, surcharges and total, with the totals of lines and surcharges spelled out."""
    return {
        "lines": tuple({**plain(line), "total": plain(line.total)} for line in order.lines),
        "surcharges": tuple({**plain(extra), "total": plain(extra.total)} for extra in order.surcharges),
        "total": plain(order.total),
    }


def outgoing(model: type[M], value: Value) -> M:
    """ValidationError: the value does not fit the protocol (more lines or longer texts than it carries)."""
    return model.model_validate(plain(value))


def incoming(kind: type[V], model: BaseModel) -> V:
    """ValidationError: the answer fits the protocol but not our rules (19.999 EUR)."""
    return kind.model_validate(_parsed(model))


def edited(told: common.Edited) -> Edited:
    return Edited(version=told.version)


def plain(value: Any) -> Any:
    match value:
        case Money():
            return money(value).model_dump()
        case Value():
            return {name: plain(getattr(value, name)) for name in type(value).model_fields}
        case tuple():
            return tuple(plain(item) for item in value)
        case Decimal():
            return f"{value:f}"
        case _:
            return value


def _parsed(value: Any) -> Any:
    match value:
        case common.Money():
            return Money.parse(value.amount, value.currency)
        case BaseModel():
            return {name: _parsed(getattr(value, name)) for name in type(value).model_fields}
        case tuple():
            return tuple(_parsed(item) for item in value)
        case _:
            return value
