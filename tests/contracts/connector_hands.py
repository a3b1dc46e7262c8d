"""Whoever acts on the simulated systems in the contract suites, and reads their own books."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import httpx

from adapters.connector.stock import ConnectorStock
from adapters.connector.warehouse import ConnectorWarehouse
from adapters.connector.wire import plain, priced
from adapters.tls import trusted
from domain.customers import Article
from domain.ids import (
    MAIN,
    CustomerRef,
    LineId,
    Location,
    OrderId,
    ReturnId,
    ShipmentId,
    Sku,
    order_of,
    shipment_number_of,
)
from domain.keys import effect_key
from domain.money import Money, total
from domain.notifications import Mail
from domain.orders import Address, PlacedOrder
from domain.ports import Warehouse
from domain.returns import Condition
from domain.shipments import Labels, Package, PickRequest, ShipmentLine
from tests.contracts.placing import demand_of, labels_for, pick_request
from tests.contracts.simulator_process import Simulator

SETTLED_AFTER = timedelta(seconds=5)
_skus = itertools.count(1)


def money(wire: dict[str, str]) -> Money:
    return Money.parse(wire["amount"], wire["currency"])


def wire(money: Money) -> dict[str, str]:
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


class EditingHands(Hands):
    """A person at the screens of `place`: the ERP or the shop."""

    place: str

    async def set_quantity(self, order: OrderId, line: LineId, quantity: int) -> None:
        self.edit(order, set=[{"line_id": line, "quantity": quantity}])

    async def set_price(self, order: OrderId, line: LineId, price: str) -> None:
        self.edit(order, set=[{"line_id": line, "unit_price": price}])

    async def add_line(self, order: OrderId, sku: Sku, quantity: int, price: str) -> None:
        self.edit(order, add=[{"sku": sku, "quantity": quantity, "unit_price": price}])

    async def remove_line(self, order: OrderId, line: LineId) -> None:
        self.edit(order, remove=[line])

    async def readdress(self, order: OrderId, address: Address) -> None:
        self.edit(order, shipping=plain(address))

    def edit(self, order: OrderId, **changes: Any) -> None:
        told = {"order_id": order, "actor": "Clara", **changes}
        self.world.call("POST", f"/world/{self.place}/edit", told)


class StorefrontHands(EditingHands):
    place = "shop"

    async def placed(self, order: PlacedOrder) -> None:
        told = priced(order)
        goods = [
            {
                "line_id": line.line_id,
                "sku": line.sku,
                "quantity": line.quantity,
                "total": wire(line.total),
                "item": item,
            }
            for line, item in zip(order.lines, told["lines"], strict=True)
        ]
        extras = [
            {
                "line_id": extra.line_id,
                "quantity": 1,
                "ships": False,
                "total": wire(extra.total),
                "item": item,
            }
            for extra, item in zip(order.surcharges, told["surcharges"], strict=True)
        ]
        self.world.place_order(
            order.order_id, [*goods, *extras], wire(order.total), shipping=plain(order.shipping)
        )

    async def sells(self, articles: Sequence[Article]) -> None:
        told = {"system": "storefront", "articles": [article.model_dump() for article in articles]}
        self.world.call("PUT", "/world/articles", told)

    async def tracking_numbers(self, order: OrderId) -> list[str]:
        (shown,) = await self.find("orders", order_id=order)
        reports = [shipment["report"] for shipment in shown["shipments"]]
        return [label["tracking_number"] for report in reports for label in report["labels"]["labels"]]

    async def refunded(self, order: OrderId) -> Money:
        (shown,) = await self.find("orders", order_id=order)
        return total((money(refund["note"]["amount"]) for refund in shown["refunds"]), "EUR")

    async def paid(self, order: OrderId) -> Money:
        (shown,) = await self.find("orders", order_id=order)
        return total(_captured(shown), "EUR")


class WarehouseHands(Hands):
    async def reserve(self, order: PlacedOrder) -> None:
        async with httpx.AsyncClient(verify=trusted(), base_url=self.world.url) as client:
            stock = ConnectorStock(client, SETTLED_AFTER)
            key = effect_key(order.order_id, "reserve-stock", "r1")
            await stock.reserve(order.order_id, demand_of(order), key=key)

    async def picks(self, shipment: ShipmentId) -> int:
        return len([p for p in await self.find("picks", shipment_id=shipment) if p["state"] != "cancelled"])

    async def pick(self, shipment: ShipmentId) -> None:
        assert self.world.pick(shipment)

    async def pack(self, shipment: ShipmentId) -> None:
        assert self.world.pack(shipment)

    async def begin_by_hand(
        self, order: PlacedOrder, lines: tuple[ShipmentLine, ...], state: Literal["packed", "shipped"]
    ) -> None:
        told = {
            "order_id": order.order_id,
            "lines": [line.model_dump() for line in lines],
            "state": state,
        }
        self.world.call("POST", "/world/warehouse/by-hand", told)

    async def ship(self, shipment: ShipmentId) -> None:
        assert self.world.ship(shipment)

    async def tracking_numbers(self, shipment: ShipmentId) -> list[str]:
        (pick,) = await self.find("picks", shipment_id=shipment)
        return [label["tracking_number"] for label in pick["labels"]["labels"]]


async def ship_all(hands: WarehouseHands, warehouse: Warehouse, pick: PickRequest) -> Labels:
    number = f"s{shipment_number_of(pick.shipment_id)}"
    await warehouse.request_pick(pick, key=effect_key(pick.order_id, "request-pick", number))
    await hands.pack(pick.shipment_id)
    packed = await warehouse.look_up_pick(pick.shipment_id)
    assert packed is not None
    labels = labels_for(packed.packages, "T")
    await warehouse.hand_over(pick.shipment_id, labels, key=effect_key(pick.order_id, "hand-over", number))
    await hands.ship(pick.shipment_id)
    return labels


class ErpHands(WarehouseHands):
    async def customers(self, name: str) -> int:
        return len([c for c in await self.find("customers", system="erp") if c["customer"]["name"] == name])

    async def open_orders(self, order: OrderId) -> int:
        return len([o for o in await self.find("sales_orders", order_id=order) if o["state"] != "cancelled"])

    async def ship_order(self, order: PlacedOrder) -> Labels:
        await self.reserve(order)
        async with httpx.AsyncClient(verify=trusted(), base_url=self.world.url) as client:
            return await ship_all(self, ConnectorWarehouse(client, SETTLED_AFTER), pick_request(order))

    async def ship_part(self, order: PlacedOrder, number: int, units: Mapping[LineId, int]) -> Labels:
        lines = tuple(
            ShipmentLine(line_id=line_id, sku=order.line(line_id).sku, quantity=quantity)
            for line_id, quantity in units.items()
        )
        pick = pick_request(order, number).model_copy(update={"lines": lines})
        async with httpx.AsyncClient(verify=trusted(), base_url=self.world.url) as client:
            return await ship_all(self, ConnectorWarehouse(client, SETTLED_AFTER), pick)

    async def credit_notes(self, order: OrderId) -> list[Money]:
        return [money(note["total"]) for note in await self.find("credit_notes", order_id=order)]

    async def money(self, order: OrderId) -> list[Money]:
        (sales,) = await self.find("sales_orders", order_id=order)
        return _captured(sales)

    async def invoices(self, order: OrderId) -> list[Money]:
        return [money(invoice["total"]) for invoice in await self.find("invoices", order_id=order)]


class ReturnHands(ErpHands):
    async def left(self, order: PlacedOrder) -> Location:
        await self.ship_order(order)
        return MAIN

    async def receive(
        self, returned: ReturnId, found: Mapping[tuple[LineId, Condition], int], *, complete: bool
    ) -> None:
        lines = [
            {"line_id": line_id, "quantity": units, "condition": condition}
            for (line_id, condition), units in found.items()
        ]
        told = {"return_id": returned, "lines": lines, "complete": complete}
        self.world.call("POST", "/world/returns/receive", told)

    async def on_hand(self, sku: Sku) -> int:
        (article,) = await self.find("stock", sku=sku)
        units: int = article["on_hand"]
        return units


class ClerkHands(EditingHands):
    place = "erp"

    async def priced(self, price: str) -> Sku:
        sku = await self.stocked(100)
        listed = {
            "sku": sku,
            "name": "Mug",
            "unit_price": {"amount": price, "currency": "EUR"},
            "taxes_included": False,
            "tax_rates": ["0.19"],
        }
        self.world.call("PUT", "/world/erp/prices", {"prices": [listed]})
        return sku

    async def cancel_by_hand(self, order: OrderId) -> None:
        self.world.call("POST", "/world/erp/cancel", {"order_id": order, "actor": "Clara"})


class AccountHands(ErpHands):
    async def counted(self, order: PlacedOrder) -> Money:
        return order.total

    async def limit(self, customer: CustomerRef, limit: Money | None) -> None:
        told = {"customer": customer, "limit": wire(limit) if limit else None}
        self.world.call("PUT", "/world/customers/limit", told)


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


class CarrierHands(Hands):
    async def address(self) -> Address:
        return Address(name="Buyer", street="1 Main Street", postal_code="10115", city="Berlin", country="DE")

    async def unserved(self) -> Address:
        return Address(name="Penguin", country="AQ")

    async def return_labels(self, returned: ReturnId) -> list[str]:
        parcels = await self.find("return_parcels", return_id=returned)
        return [parcel["label"]["tracking_number"] for parcel in parcels]

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
        async with httpx.AsyncClient(verify=trusted(), base_url=self.world.url) as client:
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


class CrmHands(Hands):
    async def customers(self, name: str) -> int:
        return len([c for c in await self.find("customers", system="crm") if c["customer"]["name"] == name])

    async def notes(self, customer: CustomerRef) -> list[str]:
        return [note["text"] for note in await self.find("notes", customer=customer)]


class NotifierHands(Hands):
    async def mailbox(self, address: str) -> list[Mail]:
        return [
            Mail.model_validate({name: mail[name] for name in Mail.model_fields})
            for mail in self.world.call("GET", "/world/mails")
            if mail["to"] == address
        ]


def _captured(record: dict[str, Any]) -> list[Money]:
    """As shop or ERP were told, with a shipment and later for it."""
    reports = (report for told in record["shipments"] for report in (told["report"], *told["later"]))
    return [money(report["captured"]) for report in reports]
