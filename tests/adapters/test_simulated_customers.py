"""The merchant's own people in the simulated world: accounts, credit, records and articles made by hand."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.customers import Approval
from domain.erp import CreditApproved, CreditRefused
from domain.errors import Refused
from domain.ids import CustomerRef
from domain.keys import effect_key
from domain.money import Money
from domain.orders import Customer
from tests.adapters.hint_listener import Listener
from tests.adapters.simulated_scenes import Scene, Systems, systems
from tests.adapters.test_simulated import SECONDS_MAX
from tests.contracts.customers import ask, every
from tests.contracts.simulator_process import SECRET, Simulator, simulator, wait_until

PENDING, APPROVED = {"new_business_accounts": "pending"}, {"new_business_accounts": "approved"}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Simulator]:
    directory = Path(tmp_path_factory.mktemp("merchant"))
    options = {"webhook_url": listener.url, "webhook_secret": SECRET}
    with simulator(directory, pick_seconds="off", deliver_seconds="off", **options) as running:
        yield running


@pytest.fixture
def scene(world: Simulator) -> Scene:
    return Scene(world)


def business(scene: Scene) -> Customer:
    return Customer(name="Buyer", company=f"Company {scene.name}", email=f"{scene.name}@company.example")


async def registered(to: Systems, scene: Scene) -> CustomerRef:
    return await to.erp.register_customer(business(scene), key=scene.key("account"))


async def approval(to: Systems, customer: CustomerRef) -> Approval | None:
    account = await to.erp.look_up_account(customer)
    return account.approval if account else None


def wire(money: Money) -> dict[str, str]:
    return {"amount": f"{money.major:f}", "currency": money.currency}


def limit(world: Simulator, customer: CustomerRef, amount: Money | None) -> None:
    told = {"customer": customer, "limit": wire(amount) if amount else None}
    world.call("PUT", "/world/customers/limit", told)


# -- accounts


async def test_a_new_business_account_waits_for_the_merchant_whose_answer_is_told(
    world: Simulator, scene: Scene, listener: Listener
) -> None:
    world.call("PUT", "/world/customers/policy", PENDING)
    to = systems(world)
    async with to.client:
        customer = await registered(to, scene)
        private = await scene.customer(to)
        world.call("PUT", "/world/customers/policy", APPROVED)
        assert await approval(to, customer) is Approval.PENDING
        assert await approval(to, private) is Approval.APPROVED
        order, before = scene.order.order_id, await to.erp.changes(None)
        for decided in (Approval.REJECTED, Approval.APPROVED, Approval.APPROVED):
            world.call("PUT", "/world/customers/approval", {"customer": customer, "approval": decided})
            assert await approval(to, customer) is decided
        assert (await to.erp.changes(before.cursor)).orders == (order,)
    wait_until(lambda: listener.names(order) == ["account_rejected", "account_approved"], SECONDS_MAX)


async def test_an_account_that_is_known_already_stays_as_it_is(world: Simulator, scene: Scene) -> None:
    to = systems(world)
    async with to.client:
        customer = await registered(to, scene)
        world.call("PUT", "/world/customers/policy", PENDING)
        again = await registered(to, scene)
        world.call("PUT", "/world/customers/policy", APPROVED)
        assert again == customer
        assert await approval(to, customer) is Approval.APPROVED


async def test_the_contact_in_the_crm_is_no_account_of_the_erp(world: Simulator, scene: Scene) -> None:
    to = systems(world)
    async with to.client:
        contact = await scene.contact(to)
        assert await to.erp.look_up_account(contact) is None


# -- credit


async def test_who_was_refused_credit_is_told_when_there_may_be_some(
    world: Simulator, scene: Scene, listener: Listener
) -> None:
    rich, poor = scene.order, Scene(world).order
    to = systems(world)
    async with to.client:
        customer = await registered(to, scene)
        limit(world, customer, rich.total)
        assert await ask(to.erp, rich, customer, rich.total) == CreditApproved()
        assert isinstance(await ask(to.erp, poor, customer, poor.total), CreditRefused)
        limit(world, customer, rich.total)  # as it was: no news
        limit(world, customer, rich.total + Money(minor=1, currency="EUR"))
        await to.erp.cancel_order(rich.order_id, key=effect_key(rich.order_id, "cancel"))
        assert await ask(to.erp, poor, customer, poor.total) == CreditApproved()
        limit(world, customer, None)
    heard = ["credit_limit_changed", "credit_freed"]
    wait_until(lambda: listener.names(poor.order_id) == heard, SECONDS_MAX)
    assert listener.names(rich.order_id) == []


async def test_a_paid_invoice_gives_its_credit_free(
    world: Simulator, scene: Scene, listener: Listener
) -> None:
    order = scene.order
    to = systems(world)
    async with to.client:
        await scene.recorded(to)
        customer = await registered(to, scene)
        limit(world, customer, order.total)
        assert await ask(to.erp, order, customer, order.total) == CreditApproved()
        with pytest.raises(AssertionError, match="not_invoiced"):
            world.call("POST", "/world/invoices/pay", {"order_id": order.order_id})
        await to.erp.post_invoice(order.order_id, key=scene.key("invoice"))
        other = Scene(world).order
        assert isinstance(await ask(to.erp, other, customer, other.total), CreditRefused)
        for _ in range(2):
            paid = world.call("POST", "/world/invoices/pay", {"order_id": order.order_id})
            assert paid["amount"] == wire(order.total)
        assert await ask(to.erp, other, customer, other.total) == CreditApproved()
    wait_until(lambda: listener.names(other.order_id) == ["credit_freed"], SECONDS_MAX)
    wait_until(lambda: "invoice_paid" in listener.names(order.order_id), SECONDS_MAX)


async def test_a_credit_note_gives_its_credit_free_and_leaves_less_to_pay(
    world: Simulator, scene: Scene, listener: Listener
) -> None:
    sold, waiting = scene.order, Scene(world).order
    to = systems(world)
    async with to.client:
        customer = await registered(to, scene)
        limit(world, customer, sold.total)
        assert await ask(to.erp, sold, customer, sold.total) == CreditApproved()
        await scene.recorded(to)
        await to.erp.post_invoice(sold.order_id, key=scene.key("invoice"))
        note = scene.credit_note()
        assert isinstance(await ask(to.erp, waiting, customer, note.amount), CreditRefused)
        await to.erp.post_credit_note(note, key=scene.key("credit-note"))
        assert await ask(to.erp, waiting, customer, note.amount) == CreditApproved()
    wait_until(lambda: "credit_freed" in listener.names(waiting.order_id), SECONDS_MAX)
    paid = world.call("POST", "/world/invoices/pay", {"order_id": sold.order_id})
    assert paid["amount"] == wire(sold.total - note.amount)


async def test_the_books_tell_who_had_how_much_credit_when(world: Simulator, scene: Scene) -> None:
    order = scene.order
    to = systems(world)
    async with to.client:
        customer = await registered(to, scene)
        limit(world, customer, order.total - Money(minor=1, currency="EUR"))
        for _ in range(2):
            await ask(to.erp, order, customer, order.total)
        limit(world, customer, order.total)
        await ask(to.erp, order, customer, order.total)
        page = (await to.client.get("/books", params={"format": "text"})).text
    (credit,) = [kept for kept in world.books()["credits"] if kept["order_id"] == order.order_id]
    assert [event["outcome"] for event in credit["history"]] == ["refused", "approved"]
    assert credit["set_aside"] == wire(order.total)
    assert f"approved {order.total}" in page


async def test_credit_that_makes_no_sense_is_refused(world: Simulator, scene: Scene) -> None:
    order = scene.order
    to = systems(world)
    async with to.client:
        customer = await registered(to, scene)
        limit(world, customer, Money.parse(Decimal(100), "USD"))
        with pytest.raises(Refused, match="currency_differs"):
            await ask(to.erp, order, customer, order.total)
        with pytest.raises(Refused, match="unknown_customer"):
            await ask(to.erp, order, CustomerRef("C1"), order.total, revision=2)
        with pytest.raises(Refused, match="amount"):
            await ask(to.erp, order, customer, -order.total, revision=3)
    with pytest.raises(AssertionError, match="not_on_account"):
        world.call("POST", "/world/invoices/pay", {"order_id": order.order_id})


# -- made by hand


async def test_a_record_made_by_hand_is_a_duplicate_that_the_first_one_outweighs(
    world: Simulator, scene: Scene
) -> None:
    to = systems(world)
    async with to.client:
        first = await registered(to, scene)
        told = {"system": "erp", "customers": [business(scene).model_dump()], "limit": None}
        (second,) = world.call("POST", "/world/customers", told)["customers"]
        assert second != first
        assert await registered(to, scene) == first
        listed = {record.customer: record.email async for record in every(to.erp.customers)}
        assert listed[first] == listed[CustomerRef(second)]


async def test_a_customer_may_be_there_with_a_limit_before_the_first_order(
    world: Simulator, scene: Scene
) -> None:
    order = scene.order
    customer = order.customer.model_dump()
    told = {"system": "erp", "customers": [customer], "limit": wire(order.total), "approval": "pending"}
    (made,) = world.call("POST", "/world/customers", told)["customers"]
    to = systems(world)
    async with to.client:
        assert await scene.customer(to) == made
        assert await approval(to, CustomerRef(made)) is Approval.PENDING
        assert await ask(to.erp, order, CustomerRef(made), order.total) == CreditApproved()
        more = await ask(to.erp, Scene(world).order, CustomerRef(made), order.total)
        assert isinstance(more, CreditRefused)


async def test_long_lists_come_in_pages_and_whole(world: Simulator) -> None:
    people = [{"name": "Somebody", "email": f"many-{n}@example.com"} for n in range(2500)]
    world.call("POST", "/world/customers", {"system": "crm", "customers": people})
    goods: list[dict[str, Any]] = [{"reference": f"hand-{n:05}", "sku": f"H-{n}"} for n in range(1500)]
    world.call("PUT", "/world/articles", {"system": "erp", "articles": goods})
    world.call("PUT", "/world/stock", {"on_hand": {f"S-{n}": 1 for n in range(1500)}})
    to = systems(world)
    async with to.client:
        emails = [record.email async for record in every(to.crm.customers)]
        assert (
            len([email for email in emails if email.startswith("many-")])
            == len(set(emails) & {p["email"] for p in people})
            == 2500
        )
        skus = [article.sku async for article in every(to.erp.articles)]
    for letter in "HS":
        assert {sku for sku in skus if sku and sku.startswith(f"{letter}-")} >= {
            f"{letter}-{n}" for n in range(1500)
        }
    assert len(skus) == len(set(skus))


def test_an_unknown_account_can_neither_be_approved_nor_limited(world: Simulator) -> None:
    for path, decided in (("approval", {"approval": "approved"}), ("limit", {"limit": None})):
        answer = httpx.put(f"{world.url}/world/customers/{path}", json={"customer": "C1"} | decided)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_customer")
