"""The connector's adapters but payments, over real HTTP, against the simulated world in a process of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.connector.carrier import ConnectorCarrier
from adapters.connector.crm import ConnectorCrm
from adapters.connector.erp import ConnectorErp
from adapters.connector.notifications import ConnectorNotifier
from adapters.connector.stock import ConnectorStock
from adapters.connector.storefront import ConnectorStorefront
from adapters.connector.warehouse import ConnectorWarehouse
from domain.customers import Article
from domain.errors import Refused
from domain.ids import CustomerRef, Location, OrderId, ShipmentId, Sku, order_of
from domain.keys import effect_key
from domain.money import Money, total
from domain.notifications import Mail
from domain.orders import Address, PlacedOrder
from domain.ports import Carrier, Crm, Erp, Notifier, Stock, Storefront, Warehouse
from domain.shipments import Labels, Package, PickRequest, ShipmentLine
from tests.contracts.carrier import CarrierContract
from tests.contracts.crm import CrmContract
from tests.contracts.customers import CreditContract, RegisterContract, ask
from tests.contracts.erp import ErpContract, cancel, enter
from tests.contracts.lossy import Lossy
from tests.contracts.notifier import NotifierContract
from tests.contracts.placing import demand_of, labels_for, pick_request, place
from tests.contracts.simulator_process import Simulator, simulator
from tests.contracts.stock import StockContract
from tests.contracts.storefront import StorefrontContract
from tests.contracts.warehouse import WarehouseContract
from tests.contracts.warehouses import WarehousesContract

SETTLED_AFTER = timedelta(seconds=5)
_skus = itertools.count(1)


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


def _money(wire: dict[str, str]) -> Money:
    return Money.parse(wire["amount"], wire["currency"])


def _wire(money: Money) -> dict[str, str]:
    return {"amount": f"{money.major:f}", "currency": money.currency}


class Hands:
    """Acts as shopper, clerk, picker and driver, and reads the simulated systems' own books."""

    def __init__(self, world: Simulator) -> None:
        self.world = world

    async def find(self, kind: str, **those: str) -> list[dict[str, Any]]:
        return [
            record
            for record in self.world.books()[kind]
            if all(record[name] == value for name, value in those.items())
        ]

    async def stocked(self, units: int) -> Sku:
        sku = Sku(f"SKU-{next(_skus)}")
        self.world.call("PUT", "/world/stock", {"on_hand": {sku: units}})
        return sku


@pytest.fixture
def hands(request: pytest.FixtureRequest, world: Simulator) -> Hands:
    made: Hands = request.cls.hands_of(world)
    return made


class StorefrontHands(Hands):
    async def placed(self, order: PlacedOrder) -> None:
        lines = [
            {"line_id": line.line_id, "sku": line.sku, "quantity": line.quantity, "total": _wire(line.total)}
            for line in order.lines
        ]
        self.world.place_order(order.order_id, lines, _wire(order.total))

    async def sells(self, articles: Sequence[Article]) -> None:
        told = {"system": "storefront", "articles": [article.model_dump() for article in articles]}
        self.world.call("PUT", "/world/articles", told)

    async def tracking_numbers(self, order: OrderId) -> list[str]:
        (shown,) = await self.find("orders", order_id=order)
        reports = [shipment["report"] for shipment in shown["shipments"]]
        return [label["tracking_number"] for report in reports for label in report["labels"]["labels"]]

    async def paid(self, order: OrderId) -> Money:
        (shown,) = await self.find("orders", order_id=order)
        return total((_money(shipment["report"]["captured"]) for shipment in shown["shipments"]), "EUR")


class TestStorefront(StorefrontContract):
    hands_of = StorefrontHands

    @pytest.fixture
    def shop(self, client: httpx.AsyncClient) -> Storefront:
        return ConnectorStorefront(client, SETTLED_AFTER)


class WarehouseHands(Hands):
    async def reserve(self, order: PlacedOrder) -> None:
        async with httpx.AsyncClient(base_url=self.world.url) as client:
            stock = ConnectorStock(client, SETTLED_AFTER)
            key = effect_key(order.order_id, "reserve-stock", "r1")
            await stock.reserve(order.order_id, demand_of(order), key=key)

    async def picks(self, shipment: ShipmentId) -> int:
        return len([p for p in await self.find("picks", shipment_id=shipment) if p["state"] != "cancelled"])

    async def pick(self, shipment: ShipmentId) -> None:
        assert self.world.pick(shipment)

    async def pack(self, shipment: ShipmentId) -> None:
        assert self.world.pack(shipment)

    async def ship(self, shipment: ShipmentId) -> None:
        assert self.world.ship(shipment)

    async def tracking_numbers(self, shipment: ShipmentId) -> list[str]:
        (pick,) = await self.find("picks", shipment_id=shipment)
        return [label["tracking_number"] for label in pick["labels"]["labels"]]


class TestWarehouse(WarehouseContract):
    hands_of = WarehouseHands

    @pytest.fixture
    def warehouse(self, client: httpx.AsyncClient) -> Warehouse:
        return ConnectorWarehouse(client, SETTLED_AFTER)

    async def test_what_ships_leaves_the_shelf_and_the_reservation(
        self, warehouse: Warehouse, hands: WarehouseHands, pick: PickRequest
    ) -> None:
        await _ship(hands, warehouse, pick)
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


async def _ship(hands: WarehouseHands, warehouse: Warehouse, pick: PickRequest) -> Labels:
    await warehouse.request_pick(pick, key=effect_key(pick.order_id, "request-pick", "s1"))
    await hands.pack(pick.shipment_id)
    packed = await warehouse.look_up_pick(pick.shipment_id)
    assert packed is not None
    labels = labels_for(packed.packages, "T")
    await warehouse.hand_over(pick.shipment_id, labels, key=effect_key(pick.order_id, "hand-over", "s1"))
    await hands.ship(pick.shipment_id)
    return labels


class ErpHands(WarehouseHands):
    async def customers(self, name: str) -> int:
        return len([c for c in await self.find("customers", system="erp") if c["customer"]["name"] == name])

    async def open_orders(self, order: OrderId) -> int:
        return len([o for o in await self.find("sales_orders", order_id=order) if o["state"] != "cancelled"])

    async def ship_order(self, order: PlacedOrder) -> Labels:
        await self.reserve(order)
        async with httpx.AsyncClient(base_url=self.world.url) as client:
            return await _ship(self, ConnectorWarehouse(client, SETTLED_AFTER), pick_request(order))

    async def money(self, order: OrderId) -> list[Money]:
        (sales,) = await self.find("sales_orders", order_id=order)
        return [_money(shipment["report"]["captured"]) for shipment in sales["shipments"]]

    async def invoices(self, order: OrderId) -> list[Money]:
        return [_money(invoice["total"]) for invoice in await self.find("invoices", order_id=order)]


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


class AccountHands(ErpHands):
    async def counted(self, order: PlacedOrder) -> Money:
        return order.total

    async def limit(self, customer: CustomerRef, limit: Money | None) -> None:
        told = {"customer": customer, "limit": _wire(limit) if limit else None}
        self.world.call("PUT", "/world/customers/limit", told)


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


class StockHands(Hands):
    async def receive(self, sku: Sku, units: int) -> None:
        (article,) = await self.find("stock", sku=sku)
        self.world.call("PUT", "/world/stock", {"on_hand": {sku: article["on_hand"] + units}})

    async def reserved(self, sku: Sku) -> int:
        (article,) = await self.find("stock", sku=sku)
        kept: int = article["reserved"]
        lines = [
            line for r in self.world.books()["reservations"] for line in r["lines"] if line["sku"] == sku
        ]
        assert kept == sum(line["reserved"] for line in lines)
        return kept

    async def enter(self, order: PlacedOrder) -> None:
        """Stock takes any order."""


class TestStock(StockContract):
    hands_of = StockHands

    @pytest.fixture
    def stock(self, client: httpx.AsyncClient) -> Stock:
        return ConnectorStock(client, SETTLED_AFTER)


class SeveralHands(StockHands):
    def warehouses(self) -> tuple[Location, Location]:
        return Location("north"), Location("south")

    async def stocked_in(self, units: dict[Location, int]) -> Sku:
        sku = Sku(f"SKU-{next(_skus)}")
        for location, on_hand in units.items():
            self.world.call("PUT", "/world/stock", {"on_hand": {sku: on_hand}, "location": location})
        return sku

    async def reserved_in(self, sku: Sku, location: Location) -> int:
        (shelf,) = await self.find("shelves", sku=sku, location=location)
        units: int = shelf["reserved"]
        return units


class TestWarehouses(WarehousesContract):
    hands_of = SeveralHands

    @pytest.fixture
    def stock(self, client: httpx.AsyncClient) -> Stock:
        return ConnectorStock(client, SETTLED_AFTER)


class CarrierHands(Hands):
    async def address(self) -> Address:
        return Address(name="Buyer", street="1 Main Street", postal_code="10115", city="Berlin", country="DE")

    async def unserved(self) -> Address:
        return Address(name="Penguin", country="AQ")

    async def to_pay_for(self, shipment: ShipmentId) -> list[str]:
        return [
            label["tracking_number"]
            for parcel in await self.find("parcels", shipment_id=shipment)
            for label in parcel["labels"]
        ]

    async def collect(self, shipment: ShipmentId) -> None:
        """Parcels are collected where they are packed: the same labels through the simulated warehouse."""
        sku = await self.stocked(1)
        line = ShipmentLine.model_validate({"line_id": "1", "sku": sku, "quantity": 1})
        (parcel,) = await self.find("parcels", shipment_id=shipment)
        async with httpx.AsyncClient(base_url=self.world.url) as client:
            warehouse = ConnectorWarehouse(client, SETTLED_AFTER)
            order = order_of(shipment)
            pick = PickRequest(
                shipment_id=shipment, order_id=order, order_number="1", lines=(line,), ship_to=None
            )
            await warehouse.request_pick(pick, key=effect_key(order, "request-pick", "s1"))
            self.world.pack(shipment)
            first = Package(package_id=f"{shipment}/p1", lines=(line,))
            labels = labels_for([first], parcel["labels"][0]["tracking_number"])
            await warehouse.hand_over(shipment, labels, key=effect_key(order, "hand-over", "s1"))
        assert self.world.ship(shipment)

    async def deliver(self, shipment: ShipmentId) -> None:
        assert self.world.deliver(shipment)


class TestCarrier(CarrierContract):
    hands_of = CarrierHands

    @pytest.fixture
    def carrier(self, client: httpx.AsyncClient) -> Carrier:
        return ConnectorCarrier(client, SETTLED_AFTER)


class CrmHands(Hands):
    async def customers(self, name: str) -> int:
        return len([c for c in await self.find("customers", system="crm") if c["customer"]["name"] == name])

    async def notes(self, customer: CustomerRef) -> list[str]:
        return [note["text"] for note in await self.find("notes", customer=customer)]


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


class NotifierHands(Hands):
    async def mailbox(self, address: str) -> list[Mail]:
        return [
            Mail.model_validate({name: mail[name] for name in Mail.model_fields})
            for mail in self.world.call("GET", "/world/mails")
            if mail["to"] == address
        ]


class TestNotifier(NotifierContract):
    hands_of = NotifierHands

    @pytest.fixture
    def notifier(self, client: httpx.AsyncClient) -> Notifier:
        return ConnectorNotifier(client, SETTLED_AFTER)
