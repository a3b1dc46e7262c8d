from fastapi import APIRouter

from adapters.connector.protocol.common import Done
from adapters.connector.protocol.crm import Note
from adapters.connector.protocol.customers import CustomerRegistered, Customers, RegisterCustomer
from adapters.simulated import customers as registry
from adapters.simulated.desk import effect, read
from adapters.simulated.records import NoteRecord
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/crm")


@effect(router)
def register_customer(world: World, told: RegisterCustomer, key: str) -> CustomerRegistered:
    """Find the customer by account number, VAT id, e-mail, in that order; create one otherwise. Never a second."""
    return registry.register(world, "crm", told.customer, key)


@read(router)
def customers(world: World, after: str | None = None) -> Customers | None:
    """All customer records, in pages, in an order that stays: `after` is the former page's `next_after`."""
    return registry.page(world, "crm", after)


@effect(router, once=True)
def note(world: World, told: Note, key: str) -> Done:
    """Put a line on the customer's timeline, once per key."""
    if not registry.kept(world, "crm", told.customer):
        raise Refusal("unknown_customer", "the CRM has no such customer", field="customer")
    record = NoteRecord(
        key=key, customer=told.customer, order_id=told.order_id, text=told.text, mark=world.state.mark()
    )
    world.state.save(record, key)
    return Done()
