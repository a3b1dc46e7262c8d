"""Tryton 8.2 as ERP, stock and warehouse, held to the contracts over real HTTP."""

import pytest

from adapters.tryton.client import TrytonClient
from adapters.tryton.erp import TrytonErp
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.orders import PlacedOrder
from tests.contracts.customers import AccountContract, RegisterContract
from tests.contracts.erp import ErpContract
from tests.contracts.erp_edits import EditedErpContract
from tests.contracts.placing import place
from tests.contracts.stock import StockContract
from tests.contracts.tryton_world import Hands, clerk, hands, server, shelves, tryton
from tests.contracts.warehouse import WarehouseContract

__all__ = ["clerk", "hands", "server", "shelves", "tryton"]
pytestmark = [pytest.mark.tryton, pytest.mark.long]


class TestTrytonErp(ErpContract):
    @pytest.fixture
    def erp(self, tryton: TrytonClient) -> TrytonErp:
        return TrytonErp(tryton)


class TestTrytonEdited(EditedErpContract):
    @pytest.fixture
    def erp(self, tryton: TrytonClient) -> TrytonErp:
        return TrytonErp(tryton)


class TestTrytonCustomers(RegisterContract):
    @pytest.fixture
    def register(self, tryton: TrytonClient) -> TrytonErp:
        return TrytonErp(tryton)


class TestTrytonAccounts(AccountContract):
    @pytest.fixture
    def erp(self, tryton: TrytonClient) -> TrytonErp:
        return TrytonErp(tryton)

    @pytest.fixture
    async def order(self, hands: Hands, name: str) -> PlacedOrder:
        return place(name, [(await hands.stocked(100), 3, "19.99")])


class TestTrytonStock(StockContract):
    @pytest.fixture
    def stock(self, tryton: TrytonClient) -> TrytonStock:
        return TrytonStock(tryton)


class TestTrytonWarehouse(WarehouseContract):
    @pytest.fixture
    def warehouse(self, tryton: TrytonClient) -> TrytonWarehouse:
        return TrytonWarehouse(tryton)
