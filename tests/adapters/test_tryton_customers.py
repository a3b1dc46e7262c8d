"""Customers in Tryton beyond the contracts: several workers at once, claims of the dead, and what the merchant's people do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from itertools import cycle, islice

import pytest
from proteus import Wizard

from adapters.tryton import claims
from adapters.tryton.board import MARK, Board
from adapters.tryton.claims import Claims
from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from domain.customers import Approval, CustomerAccount
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import CustomerRef, OrderId
from domain.keys import Key, effect_key
from domain.orders import Customer
from entrypoints.embedded.tryton import TrytonServer
from tests.contracts.customers import AT_ONCE, every, patiently
from tests.contracts.lossy import Lossy
from tests.contracts.placing import unique
from tests.contracts.tryton_world import Hands, clerk, hands, server, shelves, tryton

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]

WORKERS = 4


@pytest.fixture
def network() -> Lossy:
    return Lossy()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique(request.node.nodeid)


@pytest.fixture
def erp(tryton: TrytonClient) -> TrytonErp:
    return TrytonErp(tryton)


@pytest.fixture
async def workers(server: TrytonServer) -> AsyncIterator[list[TrytonErp]]:
    """Adapters that know nothing of each other."""
    async with AsyncExitStack() as stack:
        clients = [TrytonClient(server.url, server.database, server.api_key) for _ in range(WORKERS)]
        yield [TrytonErp(await stack.enter_async_context(client)) for client in clients]


def key(name: str, step: str = "customer") -> Key:
    return effect_key(OrderId(f"order:contract:{name}"), step)


def claims_of(tryton: TrytonClient, *, settled_after: timedelta = timedelta(hours=1)) -> Claims:
    return Claims(Board(tryton), settled_after)


async def left_standing(tryton: TrytonClient, thing: str, name: str) -> None:
    """A worker that does not know what became of its work."""
    with pytest.raises(OutcomeUnknown):
        async with claims_of(tryton).alone([thing], key(name)):
            raise OutcomeUnknown("no answer", settled_after=timedelta())


# -- one at a time


async def test_first_orders_at_several_workers_make_one_customer(
    workers: list[TrytonErp], tryton: TrytonClient, hands: Hands, name: str
) -> None:
    both = Customer(name=f"Buyer {name}", email=f"{name}@example.com", vat_id=f"DE{name}")
    by_email = both.model_copy(update={"vat_id": ""})
    registrations = zip(cycle(workers), islice(cycle([both, by_email]), AT_ONCE), strict=False)
    found = await asyncio.gather(
        *(
            patiently(partial(erp.register_customer, buyer, key=key(f"{name}-{n}")))
            for n, (erp, buyer) in enumerate(registrations)
        )
    )
    assert len(set(found)) == 1
    assert await hands.customers(both.name) == 1
    assert await Board(tryton).anywhere(f"at work on order:contract:{name}-") == []


async def test_different_customers_do_not_wait_for_each_other(
    tryton: TrytonClient, erp: TrytonErp, hands: Hands, name: str
) -> None:
    await left_standing(tryton, f"email another-{name}@example.com", f"{name}-dead")
    buyer = Customer(name=f"Buyer {name}", email=f"{name}@example.com")
    await erp.register_customer(buyer, key=key(name))
    assert await hands.customers(buyer.name) == 1


async def test_who_waits_for_somebody_that_does_not_come_to_an_end_is_told_so(
    tryton: TrytonClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(claims, "_WAIT_SECONDS_MAX", 0.3)
    monkeypatch.setattr(claims, "_PATIENCE_SECONDS", 0.1)
    await left_standing(tryton, name, f"{name}-dead")
    with pytest.raises(Unavailable, match="does not come to an end"):
        async with claims_of(tryton).alone([name], key(name)):
            pytest.fail("it is not alone")
    assert len(await Board(tryton).anywhere(f"at work on {key(f'{name}-dead')}")) == 1
    assert await Board(tryton).anywhere(f"at work on {key(name)} ") == []


async def test_the_repeat_of_what_was_left_standing_goes_on_at_once(tryton: TrytonClient, name: str) -> None:
    await left_standing(tryton, name, name)
    async with claims_of(tryton).alone([name], key(name)):
        assert len(await Board(tryton).anywhere(f"at work on {key(name)} ")) == 2
    assert await Board(tryton).anywhere(f"at work on {key(name)} ") == []


async def test_what_was_left_standing_for_long_is_taken_for_dead(tryton: TrytonClient, name: str) -> None:
    await left_standing(tryton, name, f"{name}-dead")
    async with claims_of(tryton, settled_after=timedelta()).alone([name], key(name)):
        assert await Board(tryton).anywhere(f"at work on {key(f'{name}-dead')} ") == []
        assert len(await Board(tryton).anywhere(f"at work on {key(name)} ")) == 1


async def test_work_of_which_nothing_is_left_leaves_no_claim(tryton: TrytonClient, name: str) -> None:
    with pytest.raises(Refused):
        async with claims_of(tryton).alone([name], key(name)):
            raise Refused("no")
    assert await Board(tryton).anywhere(f"at work on {key(name)} ") == []


# -- what the merchant's people do


async def test_a_party_that_somebody_deactivated_is_a_rejected_account(
    erp: TrytonErp, hands: Hands, name: str
) -> None:
    reference = await registered(erp, name)
    party = hands.clerk.model("party.party")(int(reference))
    party.active = False
    party.save()
    rejected = CustomerAccount(customer=reference, approval=Approval.REJECTED)
    assert await erp.look_up_account(reference) == rejected
    assert await erp.look_up_account(CustomerRef("K10001")) is None


async def test_a_party_that_was_merged_into_another_is_what_that_one_is(
    erp: TrytonErp, hands: Hands, name: str
) -> None:
    reference, other = await registered(erp, name), await registered(erp, name, "second")
    parties = hands.clerk.model("party.party")
    replace = Wizard("party.replace", [parties(int(reference))], config=parties._config)
    replace.form.destination = parties(int(other))
    replace.execute("replace")
    approved = CustomerAccount(customer=reference, approval=Approval.APPROVED)
    assert await erp.look_up_account(reference) == approved


async def test_a_customer_is_listed_with_everything_that_identifies_it_and_nothing_else(
    tryton: TrytonClient, erp: TrytonErp, hands: Hands, name: str
) -> None:
    nameless = await erp.register_customer(Customer(name=f"Nobody {name}"), key=key(f"{name}-nobody"))
    reference = await registered(erp, name)
    await Board(tryton).pin("credit set aside for order:contract:1: 1.00 EUR", int(reference))
    party = hands.clerk.model("party.party")(int(reference))
    party.contact_mechanisms.new(type="email", value=f"second-{name}@example.com")
    party.contact_mechanisms.new(type="phone", value="+49 30 901820")
    party.identifiers.new(type="eu_vat", code="DE136695976")
    party.identifiers.new(type="de_handelsregisternummer", code="Aachen HRA 11223")
    party.save()
    listed = [record async for record in every(erp.customers)]
    assert [(record.vat_id, record.email) for record in listed if record.customer == reference] == [
        ("DE136695976", f"first-{name}@example.com"),
        ("", f"second-{name}@example.com"),
    ]
    (bare,) = [record for record in listed if record.customer == nameless]
    assert (bare.vat_id, bare.email, bool(bare.account_number)) == ("", "", True)
    assert not any(MARK in repr(record) for record in listed)


async def test_only_what_is_sold_and_has_a_code_is_listed(
    tryton: TrytonClient, erp: TrytonErp, hands: Hands
) -> None:
    sku = await hands.stocked(1)
    (product,) = await tryton.search("product.product", [["code", "=", sku]], ["template"])
    listed = {article.sku: article async for article in every(erp.articles)}
    assert "FREIGHT" in listed
    assert listed[sku].name.startswith("Goods ")
    await tryton.write("product.template", product["template"], {"salable": False})
    assert sku not in {article.sku async for article in every(erp.articles)}


async def test_long_lists_come_in_pages(erp: TrytonErp, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    references = {await registered(erp, f"{name}{n}") for n in range(3)}
    whole = [record async for record in every(erp.customers)]
    monkeypatch.setattr("adapters.tryton.customers.PAGE_LENGTH", 2)
    paged = [record async for record in every(erp.customers)]
    assert paged == whole
    assert references <= {record.customer for record in paged}


async def registered(erp: TrytonErp, name: str, mail: str = "first") -> CustomerRef:
    buyer = Customer(name=f"Buyer {name}", email=f"{mail}-{name}@example.com")
    return await erp.register_customer(buyer, key=key(name))
