"""A clerk's edits of an order in Tryton, through its own client library, by the ids of our lines."""

from decimal import Decimal
from itertools import count
from typing import Any

from proteus import Wizard

from adapters.tryton.client import TrytonClient
from adapters.tryton.sale_records import line_note
from domain.ids import LineId, OrderId, Sku
from domain.orders import Address
from entrypoints.demo.clerk import Clerk
from tests.contracts.placing import RATE

_ACCOUNTS = ("account_revenue", "account_expense")
_numbers = count(1)


class EditingClerk:
    tryton: TrytonClient
    clerk: Clerk

    def first_sale(self, order: OrderId) -> Any:
        """The one that the order was entered as."""
        ours = [("reference", "=", order)]
        (found,) = self.clerk.model("sale.sale").find(ours, order=[("id", "ASC")], limit=1)
        return found

    def amend_line(self, line: Any, *, quantity: int | None = None, price: str | None = None) -> None:
        amendment = self.clerk.model("sale.amendment")(sale=line.sale)
        change = amendment.lines.new(action="line")
        change.line = line
        if quantity is not None:
            change.quantity = float(quantity)
        if price is not None:
            change.unit_price = Decimal(price)
        amendment.save()
        amendment.click("validate_amendment")

    async def set_quantity(self, order: OrderId, line: LineId, quantity: int) -> None:
        self.amend_line(self._line(order, line), quantity=quantity)

    async def set_price(self, order: OrderId, line: LineId, price: str) -> None:
        self.amend_line(self._line(order, line), price=price)

    async def remove_line(self, order: OrderId, line: LineId) -> None:
        """A processed sale loses none: it is amended to nought."""
        self.amend_line(self._line(order, line), quantity=0)

    async def add_line(self, order: OrderId, sku: Sku, quantity: int, price: str) -> None:
        """A second sale under the order's reference, with German VAT on top, through to processing."""
        first = self.first_sale(order)
        sale = self.clerk.model("sale.sale")(party=first.party)
        sale.reference = order
        sale.shipment_address = first.shipment_address
        sale.warehouse = first.warehouse
        line = sale.lines.new()
        (line.product,) = self.clerk.model("product.product").find([("code", "=", sku)])
        line.quantity = float(quantity)
        line.taxes.extend(self.clerk.model("account.tax").find([("rate", "=", RATE)]))
        line.unit_price = Decimal(price)
        sale.save()
        for button in ("quote", "confirm", "process"):
            if sale.state != "processing":  # confirming may have processed it already
                sale.click(button)

    async def readdress(self, order: OrderId, address: Address) -> None:
        sale = self.first_sale(order)
        (country,) = self.clerk.model("country.country").find([("code", "=", address.country)])
        new = self.clerk.model("party.address")(
            party=sale.party,
            party_name=address.name,
            street=address.street,
            postal_code=address.postal_code,
            city=address.city,
            country=country,
        )
        new.save()
        amendment = self.clerk.model("sale.amendment")(sale=sale)
        change = amendment.lines.new(action="party")
        change.shipment_address = new
        amendment.save()
        amendment.click("validate_amendment")

    async def cancel_by_hand(self, order: OrderId) -> None:
        """As Tryton lets a clerk: shipments and draft invoices cancelled, and ignored by the sale."""
        sale = self.first_sale(order)
        for shipment in sale.shipments:
            shipment.click("cancel")
        for invoice in sale.invoices:
            invoice.click("cancel")
        for wizard in ("sale.handle.shipment.exception", "sale.handle.invoice.exception"):
            handling = Wizard(wizard, [self.first_sale(order)], config=self.clerk.model("sale.sale")._config)
            handling.execute("handle")

    async def priced(self, price: str) -> Sku:
        """Sold by the list price, in a category with German VAT."""
        (like,) = await self.tryton.search("product.category", [["name", "=", "Sales"]], _ACCOUNTS)
        (tax,) = await self.tryton.search("account.tax", [["rate", "=", RATE]], ["id"])
        taxed = {**{name: like[name] for name in _ACCOUNTS}, "name": "Taxed", "accounting": True}
        taxed["customer_taxes"] = [["add", [tax["id"]]]]
        category = await self.tryton.create("product.category", taxed, ["id"])
        (unit,) = await self.tryton.search("product.uom", [["name", "=", "Unit"]], ["id"])
        sku = Sku(f"P-{next(_numbers)}")
        values = {
            "name": f"Goods {sku}",
            "type": "goods",
            "default_uom": unit["id"],
            "sale_uom": unit["id"],
            "salable": True,
            "list_price": Decimal(price),
            "account_category": category["id"],
            "products": [["create", [{"suffix_code": sku}]]],
        }
        await self.tryton.create("product.template", values, ["id"])
        return sku

    def _line(self, order: OrderId, line: LineId) -> Any:
        return next(one for one in self.first_sale(order).lines if one.note == line_note(line))
