"""Customer records, as ERP and CRM each keep their own."""

from adapters.connector.protocol import Customer, CustomerRegistered
from adapters.simulated.records import CustomerRecord
from adapters.simulated.world import World

_PREFIXES = {"erp": "C", "crm": "K"}


def register(world: World, system: str, customer: Customer) -> CustomerRegistered:
    """Found by account number, VAT id, e-mail, in that order, or created; what else identifies them is learnt."""
    identities = _identities(system, customer)
    found = next(filter(None, (world.state.linked(*identity) for identity in identities)), None)
    if found is None:
        mark = world.state.mark()
        found = f"{_PREFIXES[system]}{10000 + mark.seq}"
        world.state.save(
            CustomerRecord(reference=found, system=system, customer=customer, created=mark), found
        )
    for name, value in identities:
        world.state.link(name, value, found)
    return CustomerRegistered(customer=found)


def known(world: World, system: str, reference: str) -> bool:
    record = world.state.load(CustomerRecord, reference)
    return record is not None and record.system == system


def _identities(system: str, customer: Customer) -> list[tuple[str, str]]:
    values = {
        "account": customer.account_number.strip(),
        "vat": "".join(customer.vat_id.split()).upper(),
        "email": customer.email.strip().casefold(),
    }
    return [(f"{system}.{name}", value) for name, value in values.items() if value]
