"""Credit by Tryton's limits, against a stand-in that keeps parties and identifiers: the modules are not everywhere.

tests/contracts/test_tryton_credit.py holds the same adapter to the contract at a real Tryton that has them.
"""

import base64
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import count
from typing import Any

import httpx
import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from domain.erp import CreditApproved, CreditRefused
from domain.errors import Refused
from domain.ids import CustomerRef, OrderId
from domain.keys import effect_key
from domain.money import Money

BUYER = CustomerRef("7")
MERCHANT = 1
NOW = {"__class__": "datetime", "year": 2026, "month": 3, "day": 1, "hour": 12}


class StandIn:
    """The few models that are asked for credit, each with just the domains that it is asked by."""

    def __init__(self) -> None:
        self.modules = {"account_credit_limit"}
        self.limit: Decimal | None = Decimal(100)
        self.used = Decimal(0)
        self.sales: list[dict[str, Any]] = []
        self.identifiers: dict[int, dict[str, Any]] = {}
        self._numbers = count(1)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        model, _, record = request.url.path.removeprefix("/erp/rest/model/").partition("/")
        if request.method == "DELETE":
            del self.identifiers[int(record)]
            return httpx.Response(204)
        if request.method == "POST":
            made = json.loads(request.content) | {"id": next(self._numbers), "create_date": NOW}
            self.identifiers[made["id"]] = made
            return httpx.Response(200, json=made)
        domain = json.loads(base64.urlsafe_b64decode(request.url.params["d"]))
        return httpx.Response(200, json=self._found(model, {name: value for name, _, value in domain}))

    def _found(self, model: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        match model:
            case "ir.model.field":
                return [{"id": 1}] if "account_credit_limit" in self.modules else []
            case "ir.module":
                return [{"id": 1}] if asked["name"] in self.modules else []
            case "company.company":
                return [{"party": MERCHANT}]
            case "party.party":
                shown = {"credit_limit_amount": _decimal(self.limit), "credit_amount": _decimal(self.used)}
                return [shown | {"currency": {"code": "EUR"}}] if asked["id"] == int(BUYER) else []
            case "sale.sale":
                return [sale for sale in self.sales if sale["reference"] in asked["reference"]]
            case _:
                begins = asked["code"].removesuffix("%")
                return [
                    notice
                    for notice in self.identifiers.values()
                    if notice["code"].startswith(begins)
                    and notice["party"] == asked.get("party", notice["party"])
                ]

    def enter(self, order: str, state: str, *invoices: str) -> None:
        invoiced = [{"state": state} for state in invoices]
        self.sales.append({"reference": f"order:shop:{order}", "state": state, "invoices": invoiced})

    @property
    def notices(self) -> list[str]:
        return [notice["code"] for notice in self.identifiers.values() if notice["party"] == int(BUYER)]


def _decimal(value: Decimal | None) -> Any:
    return value if value is None else {"__class__": "Decimal", "decimal": str(value)}


@pytest.fixture
def books() -> StandIn:
    return StandIn()


@pytest.fixture
async def erp(books: StandIn) -> AsyncIterator[TrytonErp]:
    async with TrytonClient("http://erp", "erp", "key", transport=httpx.MockTransport(books)) as client:
        yield TrytonErp(client)


async def ask(
    erp: TrytonErp, order: str, amount: str, currency: str = "EUR"
) -> CreditApproved | CreditRefused:
    order_id = OrderId(f"order:shop:{order}")
    key = effect_key(order_id, "approve-credit", amount)
    return await erp.approve_credit(order_id, BUYER, Money.parse(amount, currency), key=key)


def refused(used: str) -> CreditRefused:
    return CreditRefused(limit=Money.parse("100.00", "EUR"), used=Money.parse(used, "EUR"))


async def test_what_was_approved_counts_until_it_is_in_the_books(erp: TrytonErp, books: StandIn) -> None:
    assert await ask(erp, "1", "60.00") == CreditApproved()
    assert await ask(erp, "2", "60.00") == refused("60.00")
    assert await ask(erp, "2", "40.00") == CreditApproved()
    books.enter("1", "processing", "draft")
    assert await ask(erp, "3", "0.01") == refused("100.00")
    books.sales.clear()
    books.enter("1", "done", "posted")
    books.used = Decimal("60.00")
    assert await ask(erp, "3", "0.01") == refused("100.00")
    books.used = Decimal("50.00")  # some of it was paid
    assert await ask(erp, "3", "10.00") == CreditApproved()
    assert len(books.notices) == 2


async def test_with_the_sales_module_confirmed_sales_are_in_the_books(erp: TrytonErp, books: StandIn) -> None:
    books.modules.add("sale_credit_limit")
    assert await ask(erp, "1", "60.00") == CreditApproved()
    books.enter("1", "quotation")
    assert await ask(erp, "2", "50.00") == refused("60.00")
    books.sales.clear()
    books.enter("1", "confirmed")
    books.used = Decimal("50.42")  # Tryton counts them without their taxes
    assert await ask(erp, "2", "49.58") == CreditApproved()
    assert await ask(erp, "1", "60.00") == CreditApproved()
    assert [notice.rpartition("order:shop:")[2] for notice in books.notices] == ["2: 49.58 EUR"]


async def test_a_cancel_gives_free_what_was_never_entered(erp: TrytonErp, books: StandIn) -> None:
    await ask(erp, "1", "60.00")
    await ask(erp, "11", "40.00")
    order = OrderId("order:shop:1")
    for _ in range(2):
        await erp.cancel_order(order, key=effect_key(order, "cancel"))
    assert [notice.rpartition("order:shop:")[2] for notice in books.notices] == ["11: 40.00 EUR"]


async def test_another_amount_takes_the_place_of_the_first_and_a_refused_one_does_not(
    erp: TrytonErp, books: StandIn
) -> None:
    await ask(erp, "1", "60.00")
    assert await ask(erp, "1", "100.01") == refused("0.00")
    assert await ask(erp, "2", "50.00") == refused("60.00")
    assert await ask(erp, "1", "50.00") == CreditApproved()
    assert await ask(erp, "2", "50.00") == CreditApproved()
    assert len(books.notices) == 2


@pytest.mark.parametrize("missing", ["module", "limit"])
async def test_without_a_limit_nothing_is_set_aside(erp: TrytonErp, books: StandIn, missing: str) -> None:
    if missing == "module":
        books.modules.clear()
    books.limit = None
    assert await ask(erp, "1", "1000.00") == CreditApproved()
    assert books.identifiers == {}


async def test_what_cannot_be_compared_is_refused(erp: TrytonErp, books: StandIn) -> None:
    with pytest.raises(Refused, match="limit is in EUR, order:shop:1 in CHF"):
        await ask(erp, "1", "10.00", "CHF")
    books.enter("2", "cancelled")
    with pytest.raises(Refused, match="order:shop:2 is cancelled"):
        await ask(erp, "2", "10.00")
    order = OrderId("order:shop:3")
    for stranger in ("8", "K10001"):
        with pytest.raises(Refused, match="no"):
            await erp.approve_credit(
                order, CustomerRef(stranger), Money.parse("1.00", "EUR"), key=effect_key(order, "credit")
            )
    assert books.identifiers == {}
