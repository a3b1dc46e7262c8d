"""Customer records, as ERP and CRM each keep their own."""

import re

from adapters.connector.protocol.customers import Customer, CustomerRegistered, Customers
from adapters.connector.protocol.customers import CustomerRecord as Told
from adapters.connector.protocol.erp import Approval, CustomerAccount
from adapters.simulated.records import CustomerRecord, MerchantRecord
from adapters.simulated.world import World

_PREFIXES = {"erp": "C", "crm": "K"}
_ORDER_OF_KEY = re.compile(r"(order:[a-z0-9-]+:[A-Za-z0-9._-]+)/")


def register(world: World, system: str, customer: Customer, key: str) -> CustomerRegistered:
    """Found by account number, VAT id, e-mail, in that order, or created; what else identifies them is learnt."""
    identities = _identities(system, customer)
    found = next(filter(None, (world.state.linked(*identity) for identity in identities)), None)
    record = world.state.load(CustomerRecord, found) if found else None
    if record is None:
        record = create(world, system, customer, _approval(world, system, customer))
    for name, value in identities:
        world.state.link(name, value, record.reference)
    asked_for = _ORDER_OF_KEY.match(key)
    if record.approval is not Approval.APPROVED and asked_for and asked_for[1] not in record.waiting:
        record.waiting.append(asked_for[1])
        world.state.save(record, record.reference)
    return CustomerRegistered(customer=record.reference)


def create(world: World, system: str, customer: Customer, approval: Approval) -> CustomerRecord:
    """One more, whoever is there already. What identifies an older one goes on leading to that one."""
    mark = world.state.mark()
    record = CustomerRecord(
        reference=f"{_PREFIXES[system]}{10000 + mark.seq}",
        system=system,
        customer=customer,
        created=mark,
        approval=approval,
    )
    world.state.save(record, record.reference)
    for name, value in _identities(system, customer):
        world.state.link(name, value, record.reference)
    return record


def kept(world: World, system: str, reference: str) -> CustomerRecord | None:
    record = world.state.load(CustomerRecord, reference)
    return record if record and record.system == system else None


def account(world: World, reference: str) -> CustomerAccount | None:
    record = kept(world, "erp", reference)
    return CustomerAccount(customer=reference, approval=record.approval) if record else None


def page(world: World, system: str, after: str | None) -> Customers:
    records, more = world.state.page([CustomerRecord], _PREFIXES[system], after)
    return Customers(items=tuple(_told(record) for record in records), next_after=more)


def merchant(world: World) -> MerchantRecord:
    return world.state.load(MerchantRecord, MerchantRecord.kind) or MerchantRecord()


def _approval(world: World, system: str, customer: Customer) -> Approval:
    business = customer.company or customer.vat_id or customer.account_number
    return merchant(world).new_business_accounts if business and system == "erp" else Approval.APPROVED


def _told(record: CustomerRecord) -> Told:
    customer = record.customer
    return Told(
        customer=record.reference,
        account_number=customer.account_number,
        vat_id=customer.vat_id,
        email=customer.email,
    )


def _identities(system: str, customer: Customer) -> list[tuple[str, str]]:
    values = {
        "account": customer.account_number.strip(),
        "vat": "".join(customer.vat_id.split()).upper(),
        "email": customer.email.strip().casefold(),
    }
    return [(f"{system}.{name}", value) for name, value in values.items() if value]
