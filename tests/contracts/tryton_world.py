"""A Tryton server for the tests, and hands in it: scenes are set over REST, the clerk works through proteus."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from proteus import config

from adapters.tryton import entering
from adapters.tryton.client import Record, TrytonClient, reference
from adapters.tryton.erp import TrytonErp
from adapters.tryton.places import place_called, places
from adapters.tryton.sales import sales_of
from adapters.tryton.stock import TrytonStock
from adapters.tryton.warehouse import TrytonWarehouse
from domain.erp import SalesOrder
from domain.ids import MAIN, Location, OrderId, ReturnId, ShipmentId, Sku
from domain.keys import effect_key
from domain.money import Money
from domain.orders import Customer, PlacedOrder
from domain.ports import Stock
from domain.reservations import Demand, Reservation
from domain.shipments import Labels, PickRequest
from entrypoints.demo.clerk import Clerk
from entrypoints.embedded.tryton import TrytonServer, count
from tests.contracts import erp, warehouse
from tests.contracts.lossy import Lossy
from tests.contracts.placing import EUR, labels_for, pick_request
from tests.contracts.tryton_clerk import EditingClerk

REGULAR = Customer(
    name="Regular buyer", email="regular@example.com"
)  # registering another costs some requests
_numbers = iter(range(1, 1_000_000))
_SHELF = 8
_PATIENCE = timedelta(seconds=120)  # a machine that is busy with other tests is no finding
_OPEN = ("draft", "quotation", "confirmed", "processing")


@pytest.fixture(scope="session")
def server(running_tryton: TrytonServer) -> TrytonServer:
    """One for all tests of a process; they share no goods, customers or orders."""
    return running_tryton


@pytest.fixture(scope="module")
def clerk(server: TrytonServer) -> Iterator[Clerk]:
    with config.set_xmlrpc_session(server.rpc_url, server.user, server.password) as session:
        yield Clerk(session)


@pytest.fixture(scope="module")
def shelves(server: TrytonServer) -> dict[int, list[Sku]]:  # noqa: ARG001  as long as the server whose goods they are
    """SKUs that no test has used yet, by their units on hand."""
    return {}


@pytest.fixture
async def tryton(server: TrytonServer, network: Lossy) -> AsyncIterator[TrytonClient]:
    """The adapter's client: everything it sends goes through `network`."""
    login = server.url, server.database, server.api_key
    async with TrytonClient(*login, timeout=_PATIENCE, transport=network) as client:
        yield client


@pytest.fixture
async def hands(server: TrytonServer, clerk: Clerk, shelves: dict[int, list[Sku]]) -> "AsyncIterator[Hands]":
    async with TrytonClient(server.url, server.database, server.api_key, timeout=_PATIENCE) as client:
        yield Hands(client, clerk, shelves)


async def reserve(
    stock: Stock, order: PlacedOrder, quantity: int | None = None, *, at: Location = MAIN
) -> Reservation:
    """All of the order, or so many units of each line, in one warehouse."""
    demand = tuple(
        Demand(line_id=line.line_id, sku=line.sku, quantity=quantity or line.quantity, location=at)
        for line in order.shippable
    )
    return await stock.reserve(order.order_id, demand, key=effect_key(order.order_id, "reserve-stock"))


class Hands(EditingClerk):
    def __init__(self, tryton: TrytonClient, clerk: Clerk, shelves: dict[int, list[Sku]]) -> None:
        self.tryton = tryton
        self.clerk = clerk
        self._shelves = shelves
        self._erp, self._stock = TrytonErp(tryton), TrytonStock(tryton)
        self._warehouse = TrytonWarehouse(tryton)

    async def stocked(self, units: int) -> Sku:
        shelf = self._shelves.setdefault(units, [])
        if not shelf:
            shelf.extend(await self._stock_shelf(units))
        return shelf.pop()

    async def _stock_shelf(self, units: int) -> list[Sku]:
        """Several at once, as variants of one product: a request each would take most of the tests' time."""
        skus = [Sku(f"T-{next(_numbers)}") for _ in range(_SHELF)]
        (category,) = await self.tryton.search("product.category", [["name", "=", "Sales"]], ["id"])
        (unit,) = await self.tryton.search("product.uom", [["name", "=", "Unit"]], ["id"])
        values = {
            "name": f"Goods {skus[0]}",
            "type": "goods",
            "default_uom": unit["id"],
            "sale_uom": unit["id"],
            "salable": True,
            "account_category": category["id"],
            "products": [["create", [{"suffix_code": sku} for sku in skus]]],
        }
        template = await self.tryton.create("product.template", values, ["products"])
        await count(self.tryton, dict.fromkeys(template["products"], units))
        return skus

    async def receive(self, sku: Sku, units: int, location: Location = MAIN) -> None:
        (product,) = await self.tryton.search("product.product", [["code", "=", sku]], ["id"])
        await count(self.tryton, {product["id"]: await self.on_hand(sku, location) + units}, location)

    async def on_hand(self, sku: Sku, location: Location = MAIN) -> int:
        storage = place_called(await places(self.tryton), location).shelf
        (product,) = await self.tryton.search(
            "product.product", [["code", "=", sku]], ["quantity"], locations=[storage]
        )
        return int(product["quantity"])

    async def reserved(self, sku: Sku, location: Location | None = None) -> int:
        """In all warehouses, where none is named."""
        storages = [place.storage for place in await places(self.tryton) if location in (None, place.name)]
        assigned = [
            ["product.code", "=", sku],
            ["from_location", "in", storages],
            ["state", "=", "assigned"],
        ]
        return sum(
            int(move["quantity"]) for move in await self.tryton.search("stock.move", assigned, ["quantity"])
        )

    async def enter(self, order: PlacedOrder) -> None:
        await erp.enter(self._erp, order)

    async def leave_in(self, order: PlacedOrder, state: str) -> None:
        """The sale as an attempt that broke off leaves it: the adapter's own, stopped on its way."""
        key = effect_key(order.order_id, "customer")
        customer = await self._erp.register_customer(order.customer, key=key)
        await entering.create(self.tryton, SalesOrder(order=order, customer=customer))
        (sale,) = await sales_of(self.tryton, order.order_id)
        if state != "draft":
            await self.tryton.act("sale.sale", sale.id, "quote")

    def sale(self, order: PlacedOrder) -> Any:
        """As proteus shows it to the clerk."""
        return self.first_sale(order.order_id)

    def amend(
        self, order: PlacedOrder, line: int = 0, *, quantity: int | None = None, price: str | None = None
    ) -> None:
        """A clerk's amendment of one line; what is not given stays as the form shows it."""
        self.amend_line(self.sale(order).lines[line], quantity=quantity, price=price)

    def copy_sale(self, order: PlacedOrder) -> Any:
        """A draft like it, as "Duplicate" in the client makes it."""
        sales = self.clerk.model("sale.sale")
        (copied,) = sales._proxy.copy([self.sale(order).id], {}, sales._config.context)
        return sales(copied)

    # -- the warehouse

    async def reserve(self, order: PlacedOrder) -> None:
        await self.enter(order)
        assert not (await reserve(self._stock, order)).short

    async def picks(self, shipment: ShipmentId) -> int:
        domain = [["reference", "=", shipment], ["state", "!=", "cancelled"]]
        return len(await self.tryton.search("stock.shipment.out", domain, ["id"]))

    async def pick(self, shipment: ShipmentId) -> None:
        assert self.clerk.pick(self.shipment(shipment))

    async def pack(self, shipment: ShipmentId) -> None:
        assert self.clerk.pack(self.shipment(shipment))

    async def ship(self, shipment: ShipmentId) -> None:
        assert self.clerk.ship(self.shipment(shipment))

    async def tracking_numbers(self, shipment: ShipmentId) -> list[str]:
        return [box.shipping_reference for box in self.shipment(shipment).packages]

    def shipment(self, shipment: ShipmentId) -> Any:
        """As proteus shows it to the clerk."""
        (found,) = self.clerk.model("stock.shipment.out").find([("reference", "=", shipment)])
        return found

    # -- what comes back

    def returns(self, returned: ReturnId) -> int:
        """Those that are not cancelled."""
        wanted = [("reference", "=", returned), ("state", "!=", "cancelled")]
        return len(self.clerk.model("stock.shipment.out.return").find(wanted))

    def receive_return(self, returned: ReturnId, came: Mapping[Sku, int] | None = None) -> None:
        """All that is expected, or of these so many units only."""
        found = self._return(returned)
        for move in found.incoming_moves:
            move.quantity = float((came or {}).get(move.product.code, move.quantity))
        found.save()
        found.click("receive")

    def put_away(self, returned: ReturnId, damaged: Sku | None = None) -> None:
        """Into storage, but for one unit of this."""
        found = self._return(returned)
        if damaged:
            (losses,) = self.clerk.model("stock.location").find([("type", "=", "lost_found")])
            (good,) = (move for move in found.inventory_moves if move.product.code == damaged)
            good.quantity -= 1
            found.inventory_moves.new(
                product=good.product,
                quantity=1.0,
                from_location=good.from_location,
                to_location=losses,
            )
            found.save()
        found.click("do")

    def announce_box(self, returned: ReturnId, units: Mapping[Sku, int]) -> None:
        """Somebody in the warehouse expects one more under the same reference."""
        first = self._return(returned)
        box = self.clerk.model("stock.shipment.out.return")(
            customer=first.customer, warehouse=first.warehouse, reference=returned
        )
        for like in first.incoming_moves:
            if like.product.code in units:
                box.incoming_moves.new(
                    product=like.product,
                    quantity=float(units[like.product.code]),
                    from_location=like.from_location,
                    to_location=like.to_location,
                    unit_price=like.unit_price,
                    currency=like.currency,
                    origin=like.origin,
                )
        box.save()

    def _return(self, returned: ReturnId) -> Any:
        """The first that is not put away."""
        wanted = [("reference", "=", returned), ("state", "in", ["draft", "received"])]
        found: Any = self.clerk.model("stock.shipment.out.return").find(
            wanted, order=[("id", "ASC")], limit=1
        )
        return found[0]

    def credited(self, returned: ReturnId) -> dict[str, Decimal]:
        """The posted credit note's taxes by name, and its net amount."""
        (note,) = self.clerk.model("account.invoice").find([("reference", "=", returned)])
        assert note.state == "posted"
        taxes: dict[str, Decimal] = {}
        for tax in note.taxes:
            taxes[tax.description] = taxes.get(tax.description, Decimal(0)) + tax.amount
        return taxes | {"net": note.untaxed_amount}

    # -- the ERP's books

    async def customers(self, name: str) -> int:
        return len(await self.tryton.search("party.party", [["name", "=", name]], ["id"]))

    async def open_orders(self, order: OrderId) -> int:
        fields = ["state", "shipments.state"]
        found = await self.tryton.search("sale.sale", [["reference", "=", order]], fields)
        return sum(sale["state"] in _OPEN or _anything_left(sale) for sale in found)

    async def ship_order(self, order: PlacedOrder) -> Labels:
        await reserve(self._stock, order)
        pick = pick_request(order)
        await warehouse.request_pick(self._warehouse, pick)
        return await self.send(pick)

    async def send(self, pick: PickRequest) -> Labels:
        """Everything from the pick to the lorry."""
        await self.pick(pick.shipment_id)
        await self.pack(pick.shipment_id)
        labels = await self.hand_over(pick)
        await self.ship(pick.shipment_id)
        return labels

    async def hand_over(self, pick: PickRequest) -> Labels:
        labels = labels_for(await warehouse.packages(self._warehouse, pick), "T")
        await self._warehouse.hand_over(
            pick.shipment_id, labels, key=effect_key(pick.order_id, "hand-over", "s1")
        )
        return labels

    def pick_short(self, shipment: ShipmentId, units: int) -> None:
        """The clerk finds so many of the one line only, and leaves the rest of it out."""
        found = self.shipment(shipment)
        found.click("wait")
        (move,) = found.inventory_moves
        move.quantity = float(units)
        found.save()
        found.click("assign_try")
        assert self.clerk.pick(found)

    def ship_by_hand(
        self, order: PlacedOrder, at: Location, only: Sequence[str] = ("pick", "pack", "ship", "do")
    ) -> str:
        """Somebody does it without having been asked, and without labels of ours. The shipment's number."""
        found = next(shipment for shipment in self.sale(order).shipments if shipment.warehouse.code == at)
        for step in only:
            if step == "pack":
                self.clerk.pack(found)
            else:
                found.click(step)
        return str(found.number)

    async def money(self, order: OrderId) -> list[Money]:
        sale, *_ = await sales_of(self.tryton, order)
        domain = [["origin", "=", reference("sale.sale", sale.id)], ["state", "not in", ["draft", "failed"]]]
        payments = await self.tryton.search("account.payment", domain, ["amount"])
        return [Money.parse(payment["amount"], EUR) for payment in payments]

    async def invoices(self, order: OrderId) -> list[Money]:
        found = await sales_of(self.tryton, order)
        return [
            invoice.total
            for sale in found
            for invoice in sale.invoices
            if invoice.state in ("posted", "paid")
        ]


def _anything_left(sale: Record) -> bool:
    return any(shipment["state"] != "cancelled" for shipment in sale["shipments"])
