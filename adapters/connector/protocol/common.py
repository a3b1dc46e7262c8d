"""The wire of OrderSaga's open HTTP protocol, used by both of its sides. docs/connector.md teaches it.

Amounts are decimal strings in major units; times carry their zone. Order ids are `order:{channel}:{the shop's own id}`
and stand in queries and bodies, never in paths. A receiver of requests is strict; a reader of answers ignores fields
that it does not know. Each system has a module of its own; what several of them speak of has one as well.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

DecimalText = Annotated[str, Field(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,10})?$", examples=["19.99"])]
OrderId = Annotated[
    str, Field(pattern=r"^order:[a-z0-9-]{1,40}:[A-Za-z0-9._-]{1,100}$", examples=["order:shop-de:1001"])
]
ReturnId = Annotated[str, Field(min_length=1, max_length=160, examples=["order:shop-de:1001/r1"])]
ShipmentId = Annotated[str, Field(min_length=1, max_length=160, examples=["order:shop-de:1001/s1"])]
LineId = Annotated[str, Field(min_length=1, max_length=128)]
Sku = Annotated[str, Field(min_length=1, max_length=128)]
Location = Annotated[str, Field(min_length=1, max_length=128, examples=["main"])]
Units = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Text = Annotated[str, Field(max_length=4000)]

MAIN = "main"  # the warehouse of a merchant who has one only
KEY_HEADER = "Idempotency-Key"
KEY_LENGTH_MAX = 64
PROBLEM_TYPE = "application/problem+json"
NOT_FOUND = "not_found"  # the code that means "there is none", as opposed to a wrong address


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Problem(Model):
    """RFC 9457, why a request was not done. `code` is for machines; `detail` for people, without personal data."""

    title: str
    status: int
    code: str
    detail: str = ""
    field: str | None = None


class Done(Model):
    """The target is reached, and there is nothing more to say."""


class Money(Model):
    amount: DecimalText
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class Address(Model):
    name: Text
    company: Text = ""
    street: Text = ""
    street2: Text = ""
    postal_code: Text = ""
    city: Text = ""
    region: Text = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    phone: Text = ""


class Edited(Model):
    """Nothing was written: somebody edited the order since the version that was `known`. `version` is what it is now."""

    outcome: Literal["edited"] = "edited"
    version: str


class OrderTold(Model):
    order_id: OrderId


class Changes(Model):
    """Orders that changed since the cursor. One may be named again; none may be left out."""

    orders: tuple[str, ...]
    cursor: str
