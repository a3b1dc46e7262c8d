"""A customer becomes a party once, also when first orders arrive together: who makes it is alone with what identifies it."""

from collections.abc import Sequence
from typing import Any

from adapters.tryton.board import MARK
from adapters.tryton.claims import Claims
from adapters.tryton.client import TrytonClient
from adapters.tryton.customers import PARTY, compact, find
from domain.errors import Refused
from domain.keys import Key
from domain.orders import Customer


async def register(tryton: TrytonClient, claims: Claims, customer: Customer, key: Key) -> int:
    """The party's number. A customer without any identifier is found by the key, so a repeat makes no second one."""
    if found := await find(tryton, customer, key):
        return found
    async with claims.alone(_identities(customer, key), key):
        return await find(tryton, customer, key) or await _create(tryton, customer, key)


def _identities(customer: Customer, key: Key) -> list[str]:
    """As Tryton compares them, so that whoever would be found is waited for."""
    identities = {
        "code": customer.account_number,
        "vat": compact(customer.vat_id),
        "email": customer.email.casefold(),
    }
    return [f"{kind} {value}" for kind, value in identities.items() if value] or [f"key {key}"]


async def _create(tryton: TrytonClient, customer: Customer, key: Key) -> int:
    """A VAT id that fails Tryton's check digits is kept as an identifier without a type.

    A mistyped number is no reason not to sell, and finds the customer again all the same; but it must not count as
    a valid one in the VAT reports, which read the typed identifiers.
    """
    if not customer.vat_id:
        marker = [] if customer.account_number or customer.email else [{"code": f"{MARK}{key}"}]
        return await _post(tryton, customer, marker)
    code = compact(customer.vat_id)
    try:
        return await _post(tryton, customer, [{"type": "eu_vat", "code": code}])
    except Refused:
        return await _post(tryton, customer, [{"code": code}])


async def _post(tryton: TrytonClient, customer: Customer, identifiers: Sequence[dict[str, Any]]) -> int:
    contacts = [
        {"type": kind, "value": value}
        for kind, value in (("email", customer.email), ("phone", customer.phone))
        if value
    ]
    values: dict[str, Any] = {
        "name": customer.company or customer.name,
        "identifiers": [["create", [{"type": None} | identifier for identifier in identifiers]]],
        "contact_mechanisms": [["create", contacts]],
    }
    if customer.account_number:
        values["code"] = customer.account_number
    return int((await tryton.create(PARTY, values, ["id"]))["id"])
