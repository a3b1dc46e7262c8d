"""Tryton with its modules for credit limits, which are no part of every Tryton, held to the contract over real HTTP.

tests/adapters/test_tryton_credit.py has the Tryton that knows limits but does not count sales, and the one without any.
"""

from collections.abc import AsyncIterator

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from domain.ids import CustomerRef, Sku
from domain.money import Money, total
from domain.orders import PlacedOrder
from entrypoints.demo.clerk import Clerk
from entrypoints.embedded.tryton import TrytonServer
from tests.contracts import tryton_world
from tests.contracts.customers import CreditContract
from tests.contracts.placing import EUR, place
from tests.contracts.tryton_world import clerk, server, shelves, tryton

__all__ = ["clerk", "server", "shelves", "tryton"]

pytestmark = [pytest.mark.tryton, pytest.mark.long]


class Hands(tryton_world.Hands):
    async def limit(self, customer: CustomerRef, limit: Money | None) -> None:
        party = self.clerk.model("party.party")(int(customer))
        party.credit_limit_amount = limit.major if limit else None
        party.save()

    async def counted(self, order: PlacedOrder) -> Money:
        """Tryton counts confirmed sales without their taxes."""
        return total((item.net for item in order.priced), EUR)


@pytest.fixture
async def hands(server: TrytonServer, clerk: Clerk, shelves: dict[int, list[Sku]]) -> AsyncIterator[Hands]:
    async with TrytonClient(server.url, server.database, server.api_key) as client:
        yield Hands(client, clerk, shelves)


class TestTrytonCredit(CreditContract):
    @pytest.fixture
    def erp(self, tryton: TrytonClient) -> TrytonErp:
        return TrytonErp(tryton)

    @pytest.fixture
    async def order(self, hands: Hands, name: str) -> PlacedOrder:
        return place(name, [(await hands.stocked(100), 3, "19.99")])

    @pytest.fixture
    def other(self, order: PlacedOrder, name: str) -> PlacedOrder:
        return order.model_copy(update={"platform_id": f"{name}-other"})
