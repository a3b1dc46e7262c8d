"""Customers and articles as ERP, CRM and storefront keep them: what a check before go-live compares."""

from enum import StrEnum
from typing import Generic, TypeVar

from domain.base import Value
from domain.ids import CustomerRef, Sku

T = TypeVar("T")


class Approval(StrEnum):
    """Whether the merchant does business with an account."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"


class CustomerAccount(Value):
    customer: CustomerRef
    approval: Approval


class CustomerRecord(Value):
    """What identifies a customer, as one system keeps it. Personal data: for the terminal of who may see it, no logs."""

    customer: CustomerRef
    account_number: str = ""
    vat_id: str = ""
    email: str = ""


class Article(Value):
    """Something that is sold; `reference` is the system's own id of it. Without `sku` nobody can match it."""

    reference: str
    sku: Sku | None
    name: str = ""


class Page(Value, Generic[T]):
    """Some of a list; `next_after` asks for what follows and is None at the end."""

    items: tuple[T, ...]
    next_after: str | None = None
