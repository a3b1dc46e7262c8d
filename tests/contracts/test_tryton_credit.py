"""Tryton with its modules for credit limits, which are no part of every Tryton, held to the contract over real HTTP."""

from collections.abc import AsyncIterator
from importlib.metadata import PackageNotFoundError, version

import pytest
import pytest_asyncio

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from domain.ids import CustomerRef, Sku
from domain.money import Money, total
from domain.orders import PlacedOrder
from entrypoints.demo.clerk import Clerk
from entrypoints.embedded import tryton as embedded
from entrypoints.embedded.tryton import TrytonServer, tryton_server
from tests.contracts import tryton_world
from tests.contracts.customers import CreditContract
from tests.contracts.placing import EUR, place
from tests.contracts.tryton_world import clerk, shelves, tryton

__all__ = ["clerk", "shelves", "tryton"]

LIMITS = "account_credit_limit"
LIMITS_WITH_SALES = (LIMITS, "sale_credit_limit")


def _missing() -> str:
    """The packages that are not installed."""
    missing = []
    for module in LIMITS_WITH_SALES:
        try:
            version(f"trytond-{module.replace('_', '-')}")
        except PackageNotFoundError:
            missing.append(module)
    return ", ".join(missing)


pytestmark = [
    pytest.mark.tryton,
    pytest.mark.slow,
    pytest.mark.timeout(600),  # a Tryton with other modules is initialised anew, once
    pytest.mark.skipif(bool(_missing()), reason=f"Tryton's modules {_missing()} are not installed"),
]


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[(LIMITS,), LIMITS_WITH_SALES], ids=["limits", "with-sales"]
)
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TrytonServer]:
    modules = (*embedded.MODULES, *request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "MODULES", modules)
        async with tryton_server(tmp_path_factory.mktemp("tryton")) as started:
            yield started


class Hands(tryton_world.Hands):
    by_sales = False

    async def limit(self, customer: CustomerRef, limit: Money | None) -> None:
        party = self.clerk.model("party.party")(int(customer))
        party.credit_limit_amount = limit.major if limit else None
        party.save()

    async def counted(self, order: PlacedOrder) -> Money:
        net = (item.net for item in order.priced)
        return total(net, EUR) if self.by_sales else order.total


@pytest.fixture
async def hands(
    request: pytest.FixtureRequest,
    server: TrytonServer,
    clerk: Clerk,
    shelves: dict[int, list[Sku]],
) -> AsyncIterator[Hands]:
    async with TrytonClient(server.url, server.database, server.api_key) as client:
        made = Hands(client, clerk, shelves)
        made.by_sales = "with-sales" in request.node.name
        yield made


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
