"""Customers as parties: found by account number, VAT id, e-mail, in that order; created once otherwise."""

import re
from typing import Any

from adapters.tryton.client import Domain, Record, TrytonClient
from domain.errors import Refused
from domain.keys import Key
from domain.orders import Address, Customer

PARTY = "party.party"
ADDRESS = "party.address"


async def register(tryton: TrytonClient, customer: Customer, key: Key) -> int:
    """The party's number. A customer without any identifier is found by the key, so a repeat makes no second one."""
    for domain in _identities(customer, key):
        if found := await _oldest(tryton, domain):
            return found
    try:
        created = await _create(tryton, customer, key)
    except Refused:
        # The account number is unique in Tryton: someone else may have created the party a moment ago.
        if found := await _oldest(tryton, _identities(customer, key)[0]):
            return found
        raise
    return await _without_twin(tryton, created, _identities(customer, key)[0])


async def address(tryton: TrytonClient, party: int, wanted: Address) -> int:
    """The number of the party's address with this content; added when the party has none like it."""
    values: Record = {
        "party": party,
        "party_name": wanted.name,
        "street": "\n".join(filter(None, (wanted.company, wanted.street, wanted.street2, wanted.region))),
        "postal_code": wanted.postal_code,
        "city": wanted.city,
        "country": await _country(tryton, wanted.country),
    }
    known = await tryton.search(ADDRESS, [["party", "=", party]], ["id", *values])
    for candidate in known:
        if all((candidate[field] or "") == (value or "") for field, value in values.items()):
            return int(candidate["id"])
    return int((await tryton.create(ADDRESS, values, ["id"]))["id"])


def _identities(customer: Customer, key: Key) -> list[Domain]:
    domains: list[Domain] = []
    if customer.account_number:
        domains.append([["code", "=", customer.account_number]])
    if customer.vat_id:
        domains.append([["identifiers.code_compact", "=", _compact(customer.vat_id)]])
    if customer.email:
        mail = [["type", "=", "email"], ["value", "ilike", _literal(customer.email)]]
        domains.append([["contact_mechanisms", "where", mail]])
    return domains or [[["identifiers.code_compact", "=", key]]]


async def _oldest(tryton: TrytonClient, domain: Domain) -> int | None:
    found = await tryton.search(PARTY, domain, ["id"], limit=1)
    return int(found[0]["id"]) if found else None


async def _create(tryton: TrytonClient, customer: Customer, key: Key) -> int:
    """A VAT id that fails Tryton's check digits is kept as an identifier without a type.

    A mistyped number is no reason not to sell, and finds the customer again all the same; but it must not count as
    a valid one in the VAT reports, which read the typed identifiers.
    """
    if not customer.vat_id:
        marker = [] if customer.account_number or customer.email else [{"code": key}]
        return await _post(tryton, customer, marker)
    code = _compact(customer.vat_id)
    try:
        return await _post(tryton, customer, [{"type": "eu_vat", "code": code}])
    except Refused:
        return await _post(tryton, customer, [{"code": code}])


async def _post(tryton: TrytonClient, customer: Customer, identifiers: list[Record]) -> int:
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


async def _without_twin(tryton: TrytonClient, created: int, domain: Domain) -> int:
    """Look once more: of two made at the same time the younger goes, whoever sees it first."""
    oldest = await _oldest(tryton, domain)
    if oldest is None or oldest == created:
        return created
    await tryton.write(PARTY, created, {"active": False})
    return oldest


async def _country(tryton: TrytonClient, code: str) -> int:
    found = await tryton.search("country.country", [["code", "=", code]], ["id"], limit=1)
    if not found:
        raise Refused(f"Tryton has no country {code}")
    return int(found[0]["id"])


def _compact(vat_id: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", vat_id.upper())


def _literal(text: str) -> str:
    """For `ilike`: its wildcards taken as they are written."""
    return re.sub(r"([\\%_])", r"\\\1", text)
