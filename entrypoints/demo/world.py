"""The simulated world as the demo plays it: its people, its faults, and its books."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from domain.ids import System
from domain.money import Money
from domain.notifications import Occasion
from domain.orders import Customer
from entrypoints.demo.tenders import wire

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

    async def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        response = await self._client.request(method, path, json=content)
        return response.raise_for_status().json()


@asynccontextmanager
async def opened_world(url: str, token: str) -> AsyncIterator[World]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS, headers=headers) as client:
        yield World(client)
