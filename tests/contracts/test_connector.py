"""The connector's adapters but payments, over real HTTP, against the simulated world in a process of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from adapters.connector.carrier import ConnectorCarrier
from adapters.connector.crm import ConnectorCrm
from adapters.connector.erp import ConnectorErp
from adapters.connector.notifications import ConnectorNotifier
from adapters.connector.stock import ConnectorStock
from adapters.connector.storefront import ConnectorStorefront
from adapters.connector.warehouse import ConnectorWarehouse
from domain.errors import Refused
from domain.ids import CustomerRef, LineId
from domain.keys import effect_key
from domain.money import Money
from domain.orders import PlacedOrder
from domain.ports import Carrier, Crm, Erp, Notifier, Stock, Storefront, Warehouse
from domain.returns import Receipt, ReturnNotice
from domain.shipments import Parcel, PickRequest, ShipmentLine, Tracking, TrackingState
from tests.contracts.carrier import CarrierContract
from tests.contracts.connector_hands import (
    SETTLED_AFTER,
    AccountHands,
    CarrierHands,
    ClerkHands,
    CrmHands,
    ErpHands,
    Hands,
    NotifierHands,
    ReturnHands,
    SeveralHands,
    StockHands,
    StorefrontHands,
    WarehouseHands,
    ship_all,
)
from tests.contracts.crm import CrmContract
from tests.contracts.customers import CreditContract, RegisterContract, ask
from tests.contracts.erp import ErpContract, cancel, enter
from tests.contracts.erp_afterwards import CreditNoteContract, PartlyShippedContract, credit, credit_note
from tests.contracts.erp_edits import EditedErpContract
from tests.contracts.lossy import Lossy
from tests.contracts.notifier import NotifierContract
from tests.contracts.placing import place
from tests.contracts.returns import RestockContract, ReturnLabelContract, ReturnsContract, restock
from tests.contracts.simulator_process import Simulator, simulator
from tests.contracts.stock import StockContract
from tests.contracts.storefront import StorefrontContract
from tests.contracts.storefront_afterwards import AmendedShopContract, RefundShownContract
from tests.contracts.storefront_edits import EditedShopContract
from tests.contracts.warehouse import WarehouseContract
from tests.contracts.warehouse_by_hand import ByHandContract, adopt, held
from tests.contracts.warehouses import WarehousesContract


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One for all: every test has ids of its own."""
    with simulator(
        Path(tmp_path_factory.mktemp("world")), pick_seconds="off", deliver_seconds="off"
    ) as running:
        yield running


@pytest.fixture
async def client(world: Simulator, network: Lossy) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=network, base_url=world.url) as client:
        yield client


@pytest.fixture
def hands(request: pytest.FixtureRequest, world: Simulator) -> Hands:
    made: Hands = request.cls.hands_of(world)
    return made


class TestStorefront(StorefrontContract):
    hands_of = StorefrontHands

    @pytest.fixture
    def shop(self, client: httpx.AsyncClient) -> Storefront:
        return ConnectorStorefront(client, SETTLED_AFTER)


class TestAmendedShop(AmendedShopContract):
    hands_of = StorefrontHands

    @pytest.fixture
    def shop(self, client: httpx.AsyncClient) -> Storefront:
        return ConnectorStorefront(client, SETTLED_AFTER)


class TestEditedShop(EditedShopContract):
    hands_of = StorefrontHands

    @pytest.fixture
    def shop(self, client: httpx.AsyncClient) -> Storefront:
        return ConnectorStorefront(client, SETTLED_AFTER)


class TestRefundShown(RefundShownContract):
    hands_of = StorefrontHands

    @pytest.fixture
    def shop(self, client: httpx.AsyncClient) -> Storefront:
        return ConnectorStorefront(client, SETTLED_AFTER)


class TestWarehouse(WarehouseContract):
    hands_of = WarehouseHands

    @pytest.fixture
    def warehouse(self, client: httpx.AsyncClient) -> Warehouse:
        return ConnectorWarehouse(client, SETTLED_AFTER)

    async def test_what_ships_leaves_the_shelf_and_the_reservation(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        await ship_all(hands, warehouse, pick)
        for line in pick.lines:
            (article,) = await hands.find("stock", sku=line.sku)
            assert (article["on_hand"], article["reserved"]) == (10 - line.quantity, 0)

    async def test_a_pick_that_finds_too_little_packs_what_is_there(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        hands.world.call("PUT", "/world/stock/missing", {"sku": pick.lines[0].sku, "units": 1})
        await warehouse.request_pick(pick, key=effect_key(pick.order_id, "request-pick", "s1"))
        await hands.pack(pick.shipment_id)
        packed = await warehouse.look_up_pick(pick.shipment_id)
        assert packed is not None
        assert [line.quantity for package in packed.packages for line in package.lines] == [1, 1]


class TestByHand(ByHandContract):
    hands_of = WarehouseHands

    @pytest.fixture
    def warehouse(self, client: httpx.AsyncClient) -> Warehouse:
        return ConnectorWarehouse(client, SETTLED_AFTER)

    async def test_units_that_left_by_hand_left_the_shelf_and_the_reservation(
        self, hands: WarehouseHands, order: PlacedOrder, some: tuple[ShipmentLine, ...]
    ) -> None:
        await hands.begin_by_hand(order, some, "shipped")
        (article,) = await hands.find("stock", sku=some[0].sku)
        assert (article["on_hand"], article["reserved"]) == (9, 1)

    async def test_the_parcel_of_what_left_by_hand_is_taken_over_with_its_label(
        self,
        warehouse: Warehouse,
        client: httpx.AsyncClient,
        hands: WarehouseHands,
        order: PlacedOrder,
        some: tuple[ShipmentLine, ...],
    ) -> None:
        await hands.begin_by_hand(order, some, "shipped")
        (found,) = await warehouse.look_up_unasked(order.order_id)
        await adopt(warehouse, order, found, 1)
        pick = await held(warehouse, order, 1)
        carrier = ConnectorCarrier(client, SETTLED_AFTER)
        parcel = Parcel(shipment_id=pick.shipment_id, packages=pick.packages, ship_to=order.shipping)
        labels = await carrier.create_labels(parcel, key=effect_key(order.order_id, "labels", "s1"))
        assert len(labels.labels) == 1
        assert hands.world.deliver(pick.shipment_id) == [pick.shipment_id]
        assert await carrier.track(pick.shipment_id) == Tracking(
            shipment_id=pick.shipment_id, state=TrackingState.DELIVERED
        )
        (kept,) = await hands.find("parcels", shipment_id=pick.shipment_id)
        assert [label["tracking_number"] for label in kept["labels"]] == [labels.labels[0].tracking_number]


class TestReturns(ReturnsContract):
    hands_of = ReturnHands

    @pytest.fixture
    def warehouse(self, client: httpx.AsyncClient) -> Warehouse:
        return ConnectorWarehouse(client, SETTLED_AFTER)


class TestRestock(RestockContract):
    hands_of = ReturnHands

    @pytest.fixture
    def warehouse(self, client: httpx.AsyncClient) -> Warehouse:
        return ConnectorWarehouse(client, SETTLED_AFTER)

    @pytest.fixture
    def stock(self, client: httpx.AsyncClient) -> Stock:
        return ConnectorStock(client, SETTLED_AFTER)

    async def test_more_than_came_back_is_not_put_on_the_shelf(
        self, stock: Stock, hands: ReturnHands, notice: ReturnNotice, receipt: Receipt
    ) -> None:
        (good, damaged) = receipt.lines
        more = receipt.model_copy(update={"lines": (good.model_copy(update={"quantity": 3}), damaged)})
        with pytest.raises(Refused, match="not_received"):
            await restock(stock, notice, more)
        assert await hands.on_hand(notice.lines[0].sku) == 7


class TestReturnLabel(ReturnLabelContract):
    hands_of = CarrierHands

    @pytest.fixture
    def carrier(self, client: httpx.AsyncClient) -> Carrier:
        return ConnectorCarrier(client, SETTLED_AFTER)


class TestErp(ErpContract):
    hands_of = ErpHands

    @pytest.fixture
    def erp(self, client: httpx.AsyncClient) -> Erp:
        return ConnectorErp(client, SETTLED_AFTER)

    async def test_an_order_cancelled_before_it_was_entered_is_not_entered_by_a_late_request(
        self, erp: Erp, hands: ErpHands, order: PlacedOrder
    ) -> None:
        await cancel(erp, order)
        with pytest.raises(Refused):
            await enter(erp, order)
        assert await hands.open_orders(order.order_id) == 0


class TestErpPartlyShipped(PartlyShippedContract):
    hands_of = ErpHands

    @pytest.fixture
    def erp(self, client: httpx.AsyncClient) -> Erp:
        return ConnectorErp(client, SETTLED_AFTER)


class TestEditedErp(EditedErpContract):
    hands_of = ClerkHands

    @pytest.fixture
    def erp(self, client: httpx.AsyncClient) -> Erp:
        return ConnectorErp(client, SETTLED_AFTER)


class TestErpCreditNotes(CreditNoteContract):
    hands_of = ErpHands

    @pytest.fixture
    def erp(self, client: httpx.AsyncClient) -> Erp:
        return ConnectorErp(client, SETTLED_AFTER)

    async def test_more_units_or_more_money_than_there_was_are_not_credited(
        self, erp: Erp, hands: ErpHands, invoiced: PlacedOrder
    ) -> None:
        with pytest.raises(Refused, match="over_returned"):
            await credit(erp, invoiced, 1, {LineId("2"): 2}, "5.00")
        with pytest.raises(Refused, match="exceeds_invoice"):
            await credit(erp, invoiced, 2, {}, "1000.00")
        await credit(erp, invoiced, 3, {}, "5.00")
        with pytest.raises(Refused, match="return_differs"):
            await erp.post_credit_note(
                credit_note(invoiced, 3, {}, "6.00"), key=effect_key(invoiced.order_id, "another")
            )
        assert await hands.credit_notes(invoiced.order_id) == [Money.parse("5.00", "EUR")]


class TestErpCustomers(RegisterContract):
    hands_of = ErpHands

    @pytest.fixture
    def register(self, client: httpx.AsyncClient) -> Erp:
        return ConnectorErp(client, SETTLED_AFTER)


class TestErpAccounts(CreditContract):
    hands_of = AccountHands

    @pytest.fixture
    def erp(self, client: httpx.AsyncClient) -> Erp:
        return ConnectorErp(client, SETTLED_AFTER)

    @pytest.fixture
    async def order(self, hands: AccountHands, name: str) -> PlacedOrder:
        return place(name, [(await hands.stocked(100), 3, "19.99")])

    @pytest.fixture
    def other(self, order: PlacedOrder, name: str) -> PlacedOrder:
        return order.model_copy(update={"platform_id": f"{name}-other"})

    async def test_credit_asked_for_after_the_cancel_is_refused(
        self, erp: Erp, buyer: CustomerRef, order: PlacedOrder
    ) -> None:
        await cancel(erp, order)
        with pytest.raises(Refused, match="cancelled"):
            await ask(erp, order, buyer, order.total)


class TestStock(StockContract):
    hands_of = StockHands

    @pytest.fixture
    def stock(self, client: httpx.AsyncClient) -> Stock:
        return ConnectorStock(client, SETTLED_AFTER)


class TestWarehouses(WarehousesContract):
    hands_of = SeveralHands

    @pytest.fixture
    def stock(self, client: httpx.AsyncClient) -> Stock:
        return ConnectorStock(client, SETTLED_AFTER)


class TestCarrier(CarrierContract):
    hands_of = CarrierHands

    @pytest.fixture
    def carrier(self, client: httpx.AsyncClient) -> Carrier:
        return ConnectorCarrier(client, SETTLED_AFTER)


class TestCrm(CrmContract):
    hands_of = CrmHands

    @pytest.fixture
    def crm(self, client: httpx.AsyncClient) -> Crm:
        return ConnectorCrm(client, SETTLED_AFTER)


class TestCrmCustomers(RegisterContract):
    hands_of = CrmHands

    @pytest.fixture
    def register(self, client: httpx.AsyncClient) -> Crm:
        return ConnectorCrm(client, SETTLED_AFTER)


class TestNotifier(NotifierContract):
    hands_of = NotifierHands

    @pytest.fixture
    def notifier(self, client: httpx.AsyncClient) -> Notifier:
        return ConnectorNotifier(client, SETTLED_AFTER)
