"""What ERP and CRM are held to about customers: one record each, all of them listed, and credit that is spent once.

A subclass `TestSomeRegister(RegisterContract)` gives two fixtures: `register`, an ERP's or CRM's adapter, sending all it
sends through the fixture `network`; and `hands`, which reads the system's own books. `CreditContract` wants `erp` and
hands that set limits.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

import pytest

from domain.customers import Approval, Article, CustomerAccount, CustomerRecord, Page
from domain.erp import CreditApproved, CreditRefused, SalesOrder
from domain.errors import Unavailable
from domain.ids import CustomerRef, OrderId
from domain.keys import Key, effect_key
from domain.money import Money
from domain.orders import Customer, PlacedOrder
from domain.ports import Erp
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import EUR, insist, unique

T = TypeVar("T")

AT_ONCE = 20
_ATTEMPTS_MAX = 20


class Register(Protocol):
    async def register_customer(self, customer: Customer, *, key: Key) -> CustomerRef: ...

    async def customers(self, after: str | None) -> Page[CustomerRecord]: ...


class RegisterHands(Protocol):
    async def customers(self, name: str) -> int:
        """How many active customers of this name the books hold."""


class CreditHands(RegisterHands, Protocol):
    async def limit(self, customer: CustomerRef, limit: Money | None) -> None:
        """From now on this is the customer's credit limit; None: there is none."""

    async def counted(self, order: PlacedOrder) -> Money:
        """How much of an order in its books, not yet invoiced, the ERP counts against the limit."""


class RegisterContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.mark.parametrize(
        "known_by",
        [
            [("vat_id",)],
            [("email",)],
            [("account_number",)],
            [("vat_id", "email")],
            [("email",), ("vat_id", "email")],
        ],
        ids=["vat-id", "e-mail", "account-number", "both", "some-by-e-mail-alone"],
    )
    async def test_first_orders_that_come_together_make_one_customer(
        self, register: Register, hands: RegisterHands, name: str, known_by: list[tuple[str, ...]]
    ) -> None:
        values = {"vat_id": f"DE{name}", "email": f"{name}@example.com", "account_number": f"A-{name}"}
        buyers = [
            Customer(name=f"Buyer {name}", **{by: values[by] for by in kinds})
            for kinds in itertools.islice(itertools.cycle(known_by), AT_ONCE)
        ]
        found = await asyncio.gather(
            *(
                patiently(partial(register.register_customer, buyer, key=_key(f"{name}-{n}", "customer")))
                for n, buyer in enumerate(buyers)
            )
        )
        assert len(set(found)) == 1
        assert await hands.customers(f"Buyer {name}") == 1
        assert await register.register_customer(buyers[0], key=_key(f"{name}-later", "customer")) == found[0]

    async def test_every_customer_is_listed_once_with_what_identifies_it(
        self, register: Register, name: str
    ) -> None:
        known = Customer(
            name=f"Buyer {name}",
            company=f"Buyer {name}",
            email=f"{name}@example.com",
            vat_id=f"DE{name}",
            account_number=f"A-{name}",
        )
        reference = await register.register_customer(known, key=_key(name, "customer"))
        listed = [record async for record in every(register.customers)]
        (record,) = [record for record in listed if record.customer == reference]
        assert (record.account_number, record.email) == (known.account_number, known.email)
        assert record.vat_id.upper() == known.vat_id.upper()
        assert len(listed) == len({repr(record) for record in listed})


class AccountContract:
    """Accounts and articles of an ERP."""

    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return unique(request.node.nodeid)

    @pytest.fixture
    async def buyer(self, erp: Erp, name: str) -> CustomerRef:
        return await registered(erp, name)

    async def test_an_account_that_nobody_stopped_is_approved(self, erp: Erp, buyer: CustomerRef) -> None:
        account = await erp.look_up_account(buyer)
        assert account == CustomerAccount(customer=buyer, approval=Approval.APPROVED)

    async def test_an_account_that_nobody_made_is_not_there(self, erp: Erp) -> None:
        assert await erp.look_up_account(CustomerRef("999999999")) is None

    async def test_without_a_limit_credit_is_approved(
        self, erp: Erp, buyer: CustomerRef, order: PlacedOrder
    ) -> None:
        for _ in range(2):
            assert await ask(erp, order, buyer, order.total) == CreditApproved()

    async def test_every_article_is_listed_once_with_its_sku(self, erp: Erp, order: PlacedOrder) -> None:
        listed: list[Article] = [article async for article in every(erp.articles)]
        assert {line.sku for line in order.lines} <= {article.sku for article in listed}
        references = [article.reference for article in listed]
        assert len(references) == len(set(references))


class CreditContract(AccountContract):
    """Limits, of an ERP that keeps them. `order` and `other` are orders of articles that the ERP has."""

    async def test_credit_is_approved_up_to_the_limit_and_refused_beyond(
        self, erp: Erp, hands: CreditHands, buyer: CustomerRef, order: PlacedOrder, other: PlacedOrder
    ) -> None:
        counted = await hands.counted(order)
        limit = counted + other.total - cent()
        await hands.limit(buyer, limit)
        assert await ask(erp, order, buyer, order.total) == CreditApproved()
        await into_the_books(erp, order, buyer)
        assert await ask(erp, order, buyer, order.total) == CreditApproved()
        assert await ask(erp, other, buyer, other.total) == CreditRefused(limit=limit, used=counted)
        await hands.limit(buyer, limit + cent())
        assert await ask(erp, other, buyer, other.total) == CreditApproved()

    async def test_a_cancelled_order_gives_its_credit_free(
        self, erp: Erp, hands: CreditHands, buyer: CustomerRef, order: PlacedOrder, other: PlacedOrder
    ) -> None:
        await hands.limit(buyer, order.total)
        await ask(erp, order, buyer, order.total)
        await into_the_books(erp, order, buyer)
        assert isinstance(await ask(erp, other, buyer, other.total), CreditRefused)
        await erp.cancel_order(order.order_id, key=effect_key(order.order_id, "cancel-order"))
        assert await ask(erp, other, buyer, other.total) == CreditApproved()

    async def test_credit_is_set_aside_once_though_every_reply_is_lost(
        self,
        erp: Erp,
        hands: CreditHands,
        network: Lossy,
        buyer: CustomerRef,
        order: PlacedOrder,
    ) -> None:
        await hands.limit(buyer, order.total)
        network.fault = Fault.REPLY_LOST
        assert await insist(lambda: ask(erp, order, buyer, order.total)) == CreditApproved()

    async def test_orders_at_once_never_get_more_than_the_limit_together(
        self, erp: Erp, hands: CreditHands, buyer: CustomerRef, order: PlacedOrder, name: str
    ) -> None:
        limit = Money(minor=order.total.minor * 3, currency=EUR)
        await hands.limit(buyer, limit)
        orders = [order.model_copy(update={"platform_id": f"{name}-{n}"}) for n in range(AT_ONCE)]
        answers = await asyncio.gather(
            *(patiently(partial(ask, erp, one, buyer, one.total)) for one in orders)
        )
        assert Counter(type(answer) for answer in answers) == {CreditApproved: 3, CreditRefused: AT_ONCE - 3}
        again = await asyncio.gather(*(patiently(partial(ask, erp, one, buyer, one.total)) for one in orders))
        assert again == answers

    async def test_credit_is_free_again_where_no_sales_order_was_entered(
        self, erp: Erp, hands: CreditHands, buyer: CustomerRef, order: PlacedOrder, other: PlacedOrder
    ) -> None:
        await hands.limit(buyer, order.total)
        await ask(erp, order, buyer, order.total)
        for _ in range(2):
            await erp.cancel_order(order.order_id, key=effect_key(order.order_id, "cancel-order"))
        assert await ask(erp, other, buyer, other.total) == CreditApproved()

    async def test_another_amount_takes_the_place_of_the_first(
        self, erp: Erp, hands: CreditHands, buyer: CustomerRef, order: PlacedOrder, other: PlacedOrder
    ) -> None:
        await hands.limit(buyer, order.total)
        await ask(erp, order, buyer, order.total)
        assert await ask(erp, order, buyer, cent(), revision=2) == CreditApproved()
        assert await ask(erp, other, buyer, order.total - cent()) == CreditApproved()
        beyond = await ask(erp, order, buyer, cent() + cent(), revision=3)
        assert beyond == CreditRefused(limit=order.total, used=order.total - cent())
        assert isinstance(await ask(erp, other, buyer, order.total, revision=2), CreditRefused)


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """As the workflow does it: whoever says that nothing happened is asked again."""
    for _ in range(_ATTEMPTS_MAX):
        try:
            return await call()
        except Unavailable:
            continue
    raise AssertionError(f"still unavailable after {_ATTEMPTS_MAX} attempts")


async def every(page: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    after: str | None = None
    while True:
        found = await page(after)
        for item in found.items:
            yield item
        if found.next_after is None:
            return
        assert found.next_after != after
        after = found.next_after


async def registered(erp: Erp, name: str) -> CustomerRef:
    buyer = Customer(name=f"Buyer {name}", company=f"Buyer {name}", email=f"{name}@example.com")
    return await erp.register_customer(buyer, key=_key(name, "customer"))


async def ask(
    erp: Erp, order: PlacedOrder, buyer: CustomerRef, amount: Money, *, revision: int = 1
) -> CreditApproved | CreditRefused:
    key = effect_key(order.order_id, "approve-credit", f"r{revision}")
    return await erp.approve_credit(order.order_id, buyer, amount, key=key)


async def into_the_books(erp: Erp, order: PlacedOrder, buyer: CustomerRef) -> None:
    key = effect_key(order.order_id, "enter-order", "r1")
    await erp.enter_order(SalesOrder(order=order, customer=buyer), key=key)


def cent() -> Money:
    return Money(minor=1, currency=EUR)


def _key(name: str, step: str) -> Key:
    return effect_key(OrderId(f"order:contract:{name}"), step)
