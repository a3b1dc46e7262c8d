"""What every CRM is held to: one record per customer, and each line of the story once.

A subclass `TestSomeCrm(CrmContract)` gives two fixtures: `crm`, the adapter, sending all it sends through the fixture
`network`; and `hands`, which reads the CRM's own books.
"""

import asyncio
from typing import Protocol

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.ids import ChannelId, CustomerRef, OrderId, PlatformId, order_id
from domain.keys import effect_key
from domain.orders import Customer
from domain.ports import Crm
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import customer, insist, unique

TEXT = "The order was shipped."


class CrmHands(Protocol):
    async def customers(self, name: str) -> int:
        """How many active customers of this name the books hold."""

    async def notes(self, customer: CustomerRef) -> list[str]:
        """The customer's timeline."""


class CrmContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    async def test_a_customer_is_registered_once(self, crm: Crm, hands: CrmHands, name: str) -> None:
        first = await register(crm, customer(name))
        assert await register(crm, customer(name)) == first
        assert await hands.customers(customer(name).name) == 1

    async def test_a_customer_is_registered_once_though_every_reply_is_lost(
        self, crm: Crm, hands: CrmHands, network: Lossy, name: str
    ) -> None:
        network.fault = Fault.REPLY_LOST
        await insist(lambda: register(crm, customer(name)))
        assert await hands.customers(customer(name).name) == 1

    async def test_a_customer_whose_first_request_arrives_late_is_registered_once(
        self, crm: Crm, hands: CrmHands, network: Lossy, name: str
    ) -> None:
        network.fault = Fault.LATE
        with pytest.raises(OutcomeUnknown):
            await register(crm, customer(name))
        await insist(lambda: register(crm, customer(name)))
        await network.settle()
        assert await hands.customers(customer(name).name) == 1

    async def test_two_orders_at_the_same_moment_make_one_customer(
        self, crm: Crm, hands: CrmHands, name: str
    ) -> None:
        found = await asyncio.gather(*(register(crm, customer(name), f"{name}-{n}") for n in range(5)))
        assert len(set(found)) == 1
        assert await hands.customers(customer(name).name) == 1

    @pytest.mark.parametrize("by", ["account_number", "vat_id", "email"])
    async def test_a_known_customer_is_found(self, crm: Crm, hands: CrmHands, name: str, by: str) -> None:
        value = {"account_number": f"A-{name}", "vat_id": f"DE{name}", "email": f"{name}@example.com"}[by]
        first = await register(crm, Customer(name=f"Buyer {name}", **{by: value}), f"{name}-first")
        again = Customer(name=f"Buyer {name} junior", **{by: value})
        assert await register(crm, again, f"{name}-again") == first
        assert await hands.customers(again.name) == 0

    async def test_the_account_number_comes_before_the_email(self, crm: Crm, name: str) -> None:
        numbered = Customer(name=f"Number {name}", account_number=f"A-{name}")
        first = await register(crm, numbered, f"{name}-number")
        other = await register(crm, customer(name), f"{name}-email")
        both = Customer(name="Both", account_number=f"A-{name}", email=f"{name}@example.com")
        assert first != other
        assert await register(crm, both, f"{name}-both") == first

    async def test_a_note_told_twice_stands_once(self, crm: Crm, hands: CrmHands, name: str) -> None:
        reference = await register(crm, customer(name))
        for _ in range(2):
            await tell(crm, reference, name)
        assert await hands.notes(reference) == [TEXT]

    async def test_a_note_stands_once_though_every_reply_is_lost(
        self, crm: Crm, hands: CrmHands, network: Lossy, name: str
    ) -> None:
        reference = await register(crm, customer(name))
        network.fault = Fault.REPLY_LOST
        await insist(lambda: tell(crm, reference, name))
        assert await hands.notes(reference) == [TEXT]

    async def test_a_note_whose_first_telling_arrives_late_stands_once(
        self, crm: Crm, hands: CrmHands, network: Lossy, name: str
    ) -> None:
        reference = await register(crm, customer(name))
        network.fault = Fault.LATE
        with pytest.raises(OutcomeUnknown):
            await tell(crm, reference, name)
        await insist(lambda: tell(crm, reference, name))
        await network.settle()
        assert await hands.notes(reference) == [TEXT]

    async def test_a_note_to_nobody_is_refused(self, crm: Crm, name: str) -> None:
        with pytest.raises(Refused):
            await tell(crm, CustomerRef("no-such-customer"), name)


async def register(crm: Crm, buyer: Customer, name: str | None = None) -> CustomerRef:
    key = effect_key(_order(name or unique(buyer.name)), "register-customer")
    return await crm.register_customer(buyer, key=key)


async def tell(crm: Crm, reference: CustomerRef, name: str) -> None:
    await crm.note(reference, _order(name), TEXT, key=effect_key(_order(name), "note", "shipped"))


def _order(name: str) -> OrderId:
    return order_id(ChannelId("contract"), PlatformId(name))
