"""What the parsers of all platforms share: strict shapes, exact amounts, and every problem with its field path."""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.ids import Sku
from domain.intake import Problem, SkuMap, UnusableDocument
from domain.money import Money, digits_of

_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_INTEGER_DIGITS_MAX = 15
_FRACTION_DIGITS_MAX = 30
_RATE_DIGITS = Decimal("0.0001")

S = TypeVar("S", bound=BaseModel)
Item = TypeVar("Item")


class Shape(BaseModel):
    """A platform's document as it is: types are strict, fields that we do not read are let be."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


def exact_number(value: object) -> Decimal:
    """An exact number from a string or a JSON number. The reason never repeats the text: it may be anything."""
    if isinstance(value, float):
        raise ValueError("a binary float is not exact: read the document with adapters.documents.load")  # noqa: TRY004  pydantic collects ValueErrors only
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("an amount is needed: a decimal string or a number")  # noqa: TRY004  the same
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("not an amount")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("not an amount")
    exponent = number.as_tuple().exponent
    if number.adjusted() >= _INTEGER_DIGITS_MAX or int(exponent) < -_FRACTION_DIGITS_MAX:
        raise ValueError("more digits than any amount has")
    return number


def _shortest(value: object) -> object:
    return repr(value) if isinstance(value, float) else value


def _instant(value: object) -> datetime:
    """ISO 8601; without a zone it is taken as UTC, which only the fields that promise GMT may use."""
    if not isinstance(value, str):
        raise ValueError("a time in ISO 8601 is needed")  # noqa: TRY004  pydantic collects ValueErrors only
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("not a time in ISO 8601") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _zoned(value: object) -> datetime:
    instant = _instant(value)
    if isinstance(value, str) and datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("a time with its zone is needed")
    return instant


def _currency(value: object) -> str:
    try:
        digits_of(str(value))
    except ValueError:
        raise ValueError("not a currency of ISO 4217") from None
    return str(value)


def _none_is(empty: Callable[[], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: empty() if value is None else value)


def _clean(value: object) -> object:
    """HTML entities resolved, control characters gone; what is no string is left for pydantic to refuse."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return "".join(sign if sign.isprintable() else " " for sign in html.unescape(value)).strip()


Amount = Annotated[Decimal, BeforeValidator(exact_number)]
Price = Annotated[Amount, Field(ge=0)]
MaybeAmount = Annotated[
    Decimal | None, BeforeValidator(lambda value: None if value in (None, "") else exact_number(value))
]
Measure = Annotated[
    Decimal | None,
    BeforeValidator(lambda value: None if value in (None, "") else exact_number(_shortest(value))),
]  # a number that is no money (a rate, a computed unit price) may come as a binary float
Instant = Annotated[datetime, BeforeValidator(_instant)]
ZonedInstant = Annotated[datetime, BeforeValidator(_zoned)]
CurrencyCode = Annotated[str, BeforeValidator(_currency)]
Text = Annotated[str, BeforeValidator(_clean)]
Listed = Annotated[list[Item], _none_is(list)]


class Problems:
    """Collects everything that keeps a document from being used, so that a person sees all of it at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, field: str, reason: str) -> None:
        self._found.append(Problem(field=field, reason=reason))

    def check(self) -> None:
        if self._found:
            raise UnusableDocument(tuple(self._found))

    @property
    def none(self) -> bool:
        return not self._found

    @property
    def count(self) -> int:
        return len(self._found)

    def at(self, field: str) -> "_Field":
        """What the domain refuses inside is a problem of this field; the rest of the document is still looked at."""
        return _Field(self, field)

    def differs(self, field: str, stated: Money, added_up: Money) -> None:
        self.add(
            field,
            f"the document says {stated}, its lines add up to {added_up}: a difference of {stated - added_up}",
        )


class _Field:
    def __init__(self, problems: Problems, field: str) -> None:
        self._problems = problems
        self._field = field

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, ValidationError):
            for problem in _problems_of(error):
                self._problems.add(f"{self._field}.{problem.field}".removesuffix(".document"), problem.reason)
        elif isinstance(error, ValueError):
            self._problems.add(self._field, str(error))
        return isinstance(error, ValueError)


def read_shape(shape: type[S], document: Mapping[str, Any]) -> S:
    """The document in the platform's shape, or UnusableDocument with the path of every field that is not."""
    with refusing():
        return shape.model_validate(dict(document))


@contextmanager
def refusing() -> Iterator[None]:
    """What is refused inside makes the document unusable; the cause is cut off, it would carry the customer's values."""
    try:
        yield
    except ValidationError as error:
        raise UnusableDocument(_problems_of(error)) from None


def _problems_of(error: ValidationError) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            field=_path(found["loc"]) or "document",
            reason=found["msg"].removeprefix("Value error, "),
        )
        for found in error.errors(include_input=False, include_url=False, include_context=False)
    )


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def settle(
    exact: Sequence[Fraction], target: int, *, due: Sequence[Fraction] | None = None
) -> list[int] | None:
    """Whole minor units that sum to `target`, each the floor or the ceiling of its exact share.

    Who is furthest below what is `due` (its exact share, unless told otherwise) is raised first. None when rounding
    alone cannot explain the target.
    """
    parts = [floor(share) for share in exact]
    missing = target - sum(parts)
    broken = [index for index, share in enumerate(exact) if share != parts[index]]
    if not 0 <= missing <= len(broken):
        return None
    wanted = due or exact
    broken.sort(key=lambda index: (parts[index] - wanted[index], index))
    for index in broken[:missing]:
        parts[index] += 1
    return parts


def in_minor(amount: Decimal, currency: str) -> Fraction:
    """Minor units, exact: 0.4275 EUR is 42.75 cents."""
    return Fraction(amount) * Fraction(10) ** digits_of(currency)


def unit_price(amount: Money, quantity: int) -> Decimal:
    """The price of one unit with as many digits as it takes for `quantity` of them to round to `amount` again."""
    digits = digits_of(amount.currency) + len(str(quantity)) + 2
    scaled = round(Fraction(amount.minor, quantity) * 10 ** (digits - digits_of(amount.currency)))
    return _plain(Decimal(scaled).scaleb(-digits))


def rate_of(tax: Fraction, base: Fraction) -> Decimal:
    """The rate that a tax is of its base, to four digits; zero of nothing."""
    if not base:
        return Decimal(0)
    share = tax / base
    return _plain((Decimal(share.numerator) / Decimal(share.denominator)).quantize(_RATE_DIGITS))


def _plain(number: Decimal) -> Decimal:
    """Without trailing zeros, and without an exponent: 20, not 2E+1."""
    short = number.normalize()
    return short.quantize(Decimal(1)) if int(short.as_tuple().exponent) > 0 else short


def find_sku(sku: str, keys: Sequence[str], skus: SkuMap) -> Sku | None:
    """The line's own SKU, else the first of its keys that the merchant mapped."""
    return Sku(sku) if sku else next((skus[key] for key in keys if key in skus), None)


def unmapped(keys: Sequence[str]) -> str:
    return f"no SKU, and none is mapped for {' or '.join(keys)}"


def full_name(*candidates: str) -> str:
    return next((name for candidate in candidates if (name := " ".join(candidate.split()))), "")


def is_country(code: str) -> bool:
    """Whether it has the form of ISO 3166-1 alpha-2."""
    return re.fullmatch(r"[A-Z]{2}", code) is not None
