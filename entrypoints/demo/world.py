"""The simulated world as the demo plays it: its people, its faults, and its books."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from adapters.tls import trusted
from domain.ids import System
from domain.money import Money
from domain.notifications import Occasion
from domain.orders import Customer, OrderLine
from entrypoints.demo.tenders import wire
from entrypoints.demo.watching import DemoFailed

_TIMEOUT_SECONDS = 30


class World:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    # -- money -------------------------------------------------------------------------------------------------

    async def pay_again(self, order: str, amount: Money) -> None:
        """The shopper pays with another card."""
        await self._ask("POST", "/world/payments/pay", {"order_id": order, "amount": wire(amount)})

    async def transfer(self, order: str, amount: Money, bank_reference: str) -> None:
        """Money arrives at the bank, which tells of it."""
        arrived = {"order_id": order, "amount": wire(amount), "bank_reference": bank_reference}
        await self._ask("POST", "/world/payments/transfer", arrived)

    async def next_refunds(self, order: str, state: str) -> None:
        """How the gateway answers the order's next refunds: `pending`, `succeeded`."""
        await self._ask("PUT", "/world/payments/script", {"order_id": order, "refunds": state})

    async def refunds_end(self, order: str, state: str) -> None:
        """The order's pending refunds come to their end: `succeeded`, `failed`."""
        await self._ask("POST", "/world/payments/refunds", {"order_id": order, "state": state})

    async def disputes(self, order: str) -> None:
        """The customer takes their money back through their bank."""
        await self._ask("POST", "/world/payments/dispute", {"order_id": order})

    async def dispute_ends(self, order: str, state: str) -> None:
        """The bank decides: `won` by the merchant, or `lost`."""
        await self._ask("POST", "/world/payments/dispute/decide", {"order_id": order, "state": state})

    # -- goods -------------------------------------------------------------------------------------------------

    async def lies(self, location: str, on_hand: Mapping[str, int]) -> None:
        """So many units of each article in one warehouse; an article that was unknown is known from now on."""
        await self._ask("PUT", "/world/stock", {"on_hand": dict(on_hand), "location": location})

    async def hides(self, location: str, sku: str, units: int) -> None:
        """The pickers there will find so many fewer than the books have."""
        await self._ask("PUT", "/world/stock/missing", {"location": location, "sku": sku, "units": units})

    async def arrives(self, sku: str, units: int) -> None:
        await self._ask("POST", "/world/stock/arrive", {"units": {sku: units}})

    async def begins_by_hand(self, order: str, line: OrderLine, units: int) -> None:
        """People in the warehouse send units of an order off that nobody asked them for."""
        lines = [{"line_id": line.line_id, "sku": line.sku, "quantity": units}]
        asked = {"order_id": order, "lines": lines, "state": "shipped"}
        await self._ask("POST", "/world/warehouse/by-hand", asked)

    async def pickers_wait(self, order: str, *, wait: bool) -> None:
        """Nobody goes on picking the order, until they need not wait any more."""
        await self._ask("PUT", "/world/warehouse/wait", {"order_id": order, "wait": wait})

    async def will_be_lost(self, shipment: str) -> None:
        await self._ask("PUT", "/world/carrier/loses", {"shipment_id": shipment})

    async def comes_back(self, back: str, line: OrderLine, *, good: int, damaged: int = 0) -> None:
        """The box of a return is opened, and nothing more is expected of it."""
        found = {"good": good, "damaged": damaged}
        lines = [
            {"line_id": line.line_id, "quantity": units, "condition": condition}
            for condition, units in found.items()
            if units
        ]
        asked = {"return_id": back, "lines": lines, "complete": True}
        await self._ask("POST", "/world/returns/receive", asked)

    # -- the merchant's people ---------------------------------------------------------------------------------

    async def add_account(self, customer: Customer, *, limit: Money | None, approval: str) -> str:
        """A business customer in the ERP, made by hand; its number there."""
        asked = {
            "system": "erp",
            "customers": [customer.model_dump(mode="json")],
            "limit": wire(limit) if limit else None,
            "approval": approval,
        }
        (number,) = (await self._ask("POST", "/world/customers", asked))["customers"]
        return str(number)

    async def approve(self, account: str) -> None:
        await self._ask("PUT", "/world/customers/approval", {"customer": account, "approval": "approved"})

    async def set_limit(self, account: str, limit: Money) -> None:
        await self._ask("PUT", "/world/customers/limit", {"customer": account, "limit": wire(limit)})

    async def cancel_in_shop(self, order: str) -> None:
        await self._ask("POST", "/world/orders/cancel", {"order_id": order})

    async def edits_in_erp(self, order: str, **edit: Any) -> bool:
        """A representative edits it there: `set`, `add`, `remove`, `shipping`, `freight`. False: it is not entered yet."""
        response = await self._edit("erp", order, edit)
        return response.status_code != httpx.codes.NOT_FOUND

    async def edits_in_shop(self, order: str, **edit: Any) -> None:
        (await self._edit("shop", order, edit)).raise_for_status()

    async def _edit(self, where: str, order: str, edit: Mapping[str, Any]) -> httpx.Response:
        """DemoFailed: it cannot be edited any more."""
        asked = {"order_id": order, "actor": "representative", **edit}
        response = await self._client.post(f"/world/{where}/edit", json=asked)
        if response.status_code == httpx.codes.CONFLICT:
            raise DemoFailed(f"{order} cannot be edited in the {where}: {response.json().get('detail')}")
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()
        return response

    async def sells(self, sku: str, name: str, unit_price: Money, rate: str) -> None:
        """The ERP has a net price for it from now on."""
        price = {"sku": sku, "name": name, "unit_price": wire(unit_price)}
        listed = {**price, "taxes_included": False, "tax_rates": [rate]}
        await self._ask("PUT", "/world/erp/prices", {"prices": [listed]})

    async def declines_holds(self, order: str) -> None:
        """The customer's bank does so from now on."""
        script = {"order_id": order, "decline_holds": "insufficient_funds"}
        await self._ask("PUT", "/world/payments/script", script)

    # -- faults and books --------------------------------------------------------------------------------------

    async def fault(self, system: str, kind: str, operation: str = "*", **more: float) -> None:
        """Until it is cleared."""
        await self._ask("PUT", f"/faults/{system}", {"kind": kind, "operation": operation, **more})

    async def clear(self, system: str, kind: str, operation: str = "*") -> None:
        await self._ask("DELETE", f"/faults/{system}?kind={kind}&operation={operation}")

    async def mails(self, prefix: str) -> list[dict[str, Any]]:
        """Those that were sent under a key that begins so."""
        return [mail for mail in await self._ask("GET", "/world/mails") if mail["key"].startswith(prefix)]

    async def outages_told(self, system: System) -> tuple[int, int]:
        """How often operators were mailed that the system is down, and that it is up again."""
        mails = [mail for mail in await self.mails("incident:") if system in mail["subject"]]
        ends = [mail["key"].rpartition("/")[2] for mail in mails]
        return ends.count(Occasion.SYSTEM_DOWN), ends.count(Occasion.SYSTEM_UP)

    async def requests(self, operation: str) -> list[dict[str, Any]]:
        """What was asked for, one entry per key."""
        requests = (await self._ask("GET", "/books"))["requests"]
        return [request for request in requests if request["operation"] == operation]

    async def books(self) -> dict[str, Any]:
        books: dict[str, Any] = await self._ask("GET", "/books")
        return books

    async def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        response = await self._client.request(method, path, json=content)
        return response.raise_for_status().json()


@asynccontextmanager
async def opened_world(url: str, token: str) -> AsyncIterator[World]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        verify=trusted(), base_url=url, timeout=_TIMEOUT_SECONDS, headers=headers
    ) as client:
        yield World(client)
