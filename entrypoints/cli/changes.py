"""The changes that `orders quote` and `orders amend` are told in options. What cannot be read ends the command with 2."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.amendments import (
    AddLine,
    CancelRest,
    Change,
    Changes,
    RemoveLine,
    SetAddress,
    SetDiscount,
    SetQuantity,
    SetShipping,
    SetUnitPrice,
)
from domain.orders import Address
from entrypoints.cli.output import fail

C = TypeVar("C", bound=BaseModel)

Quantities = Annotated[
    list[str] | None,
    typer.Option("--set-quantity", metavar="LINE=N", help="So many units; `orders show` names the lines."),
]
Removed = Annotated[list[str] | None, typer.Option("--remove", metavar="LINE", help="The line goes.")]
Added = Annotated[
    list[str] | None,
    typer.Option(
        "--add",
        metavar="SKU=N[@PRICE]",
        help="A line more. The price with taxes in it where the order's have them; without one the ERP's.",
    ),
]
Prices = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="LINE=PRICE", help="The price of a unit, as the order's are told."),
]
Discounts = Annotated[
    list[str] | None,
    typer.Option(
        "--discount",
        metavar="[LINE=]10%|5.00",
        help="What is off the line, or off all goods: percent or an amount, in place of what was.",
    ),
]
AddressFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="JSON: name, company, street, street2, postal_code, city, region, country, phone.",
    ),
]
Shipping = Annotated[
    str | None,
    typer.Option(metavar="METHOD=PRICE", help="How it is sent, and what the customer pays for that."),
]
Rest = Annotated[bool, typer.Option("--cancel-rest", help="What has not left is not wanted any more.")]


@dataclass(frozen=True)
class Told:
    """The options, as they were typed."""

    quantities: list[str] | None = None
    removed: list[str] | None = None
    added: list[str] | None = None
    prices: list[str] | None = None
    discounts: list[str] | None = None
    address: Path | None = None
    shipping: str | None = None
    cancel_rest: bool = False

    def changes(self) -> tuple[Change, ...]:
        """In the order in which they can be carried out: what goes last cannot be changed any more."""
        found = list(self._each())
        if not found:
            fail("say what is to be changed: --set-quantity, --add, --discount … (--help lists them)", code=2)
        return _valid(Changes, "changes", changes=found).changes

    def _each(self) -> Iterator[Change]:
        for told in self.quantities or ():
            line, count = _two("--set-quantity", told)
            yield _valid(SetQuantity, f"--set-quantity {told}", line_id=line, quantity=_count(count))
        for told in self.added or ():
            yield _added(told)
        for told in self.prices or ():
            line, price = _two("--price", told)
            yield _valid(SetUnitPrice, f"--price {told}", line_id=line, unit_price=_number(price))
        for told in self.discounts or ():
            yield _discount(told)
        if self.shipping is not None:
            method, price = _two("--shipping", self.shipping)
            yield _valid(SetShipping, f"--shipping {self.shipping}", method=method, amount=_number(price))
        if self.address is not None:
            yield SetAddress(shipping=_address(self.address))
        for line in self.removed or ():
            yield _valid(RemoveLine, f"--remove {line}", line_id=line)
        if self.cancel_rest:
            yield CancelRest()


def _added(told: str) -> AddLine:
    sku, rest = _two("--add", told)
    count, at, price = rest.partition("@")
    unit_price = _number(price) if at else None
    return _valid(AddLine, f"--add {told}", sku=sku, quantity=_count(count), unit_price=unit_price)


def _discount(told: str) -> SetDiscount:
    line, _, off = told.rpartition("=")
    percent = off.endswith("%")
    number = _number(off.removesuffix("%").strip())
    what = {"percent": number} if percent else {"amount": number}
    return _valid(SetDiscount, f"--discount {told}", line_id=line or None, **what)


def _address(file: Path) -> Address:
    try:
        return TypeAdapter(Address).validate_json(file.read_bytes())
    except ValidationError as error:  # its own words would repeat what the file says
        fields = sorted({".".join(map(str, e["loc"])) or "the file" for e in error.errors()})
        fail(f"--address {file}: not usable: {', '.join(fields)}", code=2)


def _two(option: str, told: str) -> tuple[str, str]:
    name, _, value = told.rpartition("=")
    if not name or not value:
        fail(f"{option} {told}: it takes two things with = between them; --help shows how", code=2)
    return name, value


def _count(told: str) -> int | str:
    """What is no number is refused with the rest."""
    return int(told) if told.isdecimal() else told


def _number(told: str) -> Decimal | str:
    try:
        return Decimal(told)
    except InvalidOperation:
        return told


def _valid(kind: type[C], option: str, **facts: Any) -> C:
    try:
        return kind.model_validate(facts)
    except ValidationError as error:
        fail(f"{option}: {_why(error.errors())}", code=2)


def _why(errors: Sequence[Any]) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}".removeprefix(": ") for e in errors)
