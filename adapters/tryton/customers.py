"""Customers as parties: what identifies them, where they live, and all of them for a check before go-live."""

import re
from itertools import zip_longest

from adapters.tryton.board import MARK
from adapters.tryton.client import Domain, Record, TrytonClient
from domain.customers import Approval, CustomerRecord, Page
from domain.errors import Refused
from domain.ids import CustomerRef
from domain.keys import Key
from domain.orders import Address, Customer

PARTY = "party.party"
ADDRESS = "party.address"

PAGE_LENGTH = 1000
ADDRESS_FIELDS = ("party_name", "street", "postal_code", "city", "country.code")
_LINES_WITH_COMPANY = 3
_LISTED = ("code", "identifiers.type", "identifiers.code_compact", "contact_mechanisms.type")


async def find(tryton: TrytonClient, customer: Customer, key: Key) -> int | None:
    """The number of the oldest active party, by the first of the identities that leads to one."""
    for domain in identities(customer, key):
        if found := await tryton.search(PARTY, domain, ["id"], limit=1):
            return int(found[0]["id"])
    return None


def identities(customer: Customer, key: Key) -> list[Domain]:
    """By account number, VAT id, e-mail, in that order. Who has none of them is found by the key, for its repeats."""
    domains: list[Domain] = []
    if customer.account_number:
        domains.append([["code", "=", customer.account_number]])
    if customer.vat_id:
        domains.append([["identifiers.code_compact", "=", compact(customer.vat_id)]])
    if customer.email:
        mail = [["type", "=", "email"], ["value", "ilike", _literal(customer.email)]]
        domains.append([["contact_mechanisms", "where", mail]])
    return domains or [[["identifiers.code_compact", "=", f"{MARK}{key}"]]]


async def approval(tryton: TrytonClient, party: int) -> Approval | None:
    """Tryton knows no approvals: a party that somebody deactivated is one that the merchant does not sell to.

    One that was merged into another is what that one is.
    """
    found = await tryton.search(PARTY, [["id", "=", party]], ["active", "replaced_by"], active_test=False)
    if not found:
        return None
    (record,) = found
    if record["active"]:
        return Approval.APPROVED
    return await approval(tryton, record["replaced_by"]) if record["replaced_by"] else Approval.REJECTED


async def listed(tryton: TrytonClient, after: str | None) -> Page[CustomerRecord]:
    """All active parties: Tryton does not say which of them buy. One of several e-mails or VAT ids has several records."""
    domain = [["id", ">", int(after or 0)]]
    fields = [*_LISTED, "contact_mechanisms.value"]
    found = await tryton.search(PARTY, domain, fields, limit=PAGE_LENGTH)
    return Page(
        items=tuple(record for party in found for record in _records(party)),
        next_after=str(found[-1]["id"]) if len(found) == PAGE_LENGTH else None,
    )


async def address(tryton: TrytonClient, party: int, wanted: Address) -> int:
    """The number of the party's address with this content; added when the party has none like it."""
    values: Record = {"party": party, **_stored(wanted), "country": await _country(tryton, wanted.country)}
    known = await tryton.search(ADDRESS, [["party", "=", party]], ["id", *values])
    for candidate in known:
        if all((candidate[field] or "") == (value or "") for field, value in values.items()):
            return int(candidate["id"])
    return int((await tryton.create(ADDRESS, values, ["id"]))["id"])


def told(record: Record | None) -> Address | None:
    """A stored address, read with its `ADDRESS_FIELDS`. None without a country, which ours have."""
    if record is None or record["country"] is None:
        return None
    lines = (record["street"] or "").splitlines()
    company = lines.pop(0) if len(lines) >= _LINES_WITH_COMPANY else ""
    return Address(
        name=record["party_name"] or "",
        company=company,
        street="".join(lines[:1]),
        street2="".join(lines[1:2]),
        region=" ".join(lines[2:]),
        postal_code=record["postal_code"] or "",
        city=record["city"] or "",
        country=record["country"]["code"],
    )


def as_told(wanted: Address) -> Address | None:
    """How Tryton would tell this address: it has one field of some lines for company, street and region."""
    return told({**_stored(wanted), "country": {"code": wanted.country}})


def _stored(wanted: Address) -> dict[str, str]:
    """Tryton strips what it stores."""
    lines = (wanted.company, wanted.street, wanted.street2, wanted.region)
    return {
        "party_name": wanted.name.strip(),
        "street": "\n".join(line.strip() for line in lines if line.strip()),
        "postal_code": wanted.postal_code.strip(),
        "city": wanted.city.strip(),
    }


def compact(vat_id: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", vat_id.upper())


def _records(party: Record) -> list[CustomerRecord]:
    """A VAT id may stand without a type, where its check digits are wrong; other identifiers have a type of their own."""
    vat_ids = [
        identifier["code_compact"]
        for identifier in party["identifiers"]
        if (identifier["type"] or "_vat").endswith("_vat") and not identifier["code_compact"].startswith(MARK)
    ]
    emails = [contact["value"] or "" for contact in party["contact_mechanisms"] if contact["type"] == "email"]
    return [
        CustomerRecord(
            customer=CustomerRef(str(party["id"])), account_number=party["code"], vat_id=vat_id, email=email
        )
        for vat_id, email in list(zip_longest(vat_ids, emails, fillvalue="")) or [("", "")]
    ]


async def _country(tryton: TrytonClient, code: str) -> int:
    found = await tryton.search("country.country", [["code", "=", code]], ["id"], limit=1)
    if not found:
        raise Refused(f"Tryton has no country {code}")
    return int(found[0]["id"])


def _literal(text: str) -> str:
    """For `ilike`: its wildcards taken as they are written."""
    return re.sub(r"([\\%_])", r"\\\1", text)
