"""An order of every payment term through the whole product, and what the audit says of them together."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowHandle

from adapters.documents import PARSERS, load
from domain.ids import OrderId
from domain.money import Money
from domain.orders import OrderLine, PaymentTerm
from domain.records import OrderState
from entrypoints.intake import opened_intake
from tests.e2e.product import SHOP, Product, document, product, until
from workflows.order import Order

pytestmark = [pytest.mark.e2e, pytest.mark.long]


async def test_orders_of_every_term_end_well_and_every_promise_is_kept(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        total = PARSERS["ordersaga"](load(document("any")), channel=SHOP, skus={}).total
        rest = total - Money.parse("20.00", "EUR")
        gift = {"amount": _wire("20.00"), "method": "gift_card", "state": "captured"}
        asked = {"amount": _told(total), "method": "bank_transfer"}
        ended = [
            await place(running, "CARD", PaymentTerm.AUTHORIZE_THEN_CAPTURE, {"amount": _told(total)}),
            await place(running, "GIFT", PaymentTerm.AUTHORIZE_THEN_CAPTURE, gift, {"amount": _told(rest)}),
            await place(running, "PAID", PaymentTerm.PREPAID, {"amount": _told(total), "state": "captured"}),
            await place(running, "ACCOUNT", PaymentTerm.ON_ACCOUNT),
            await place(running, "AGAIN", PaymentTerm.PREPAID, {"amount": _told(total), "state": "pending"}),
            await place(running, "BANK", PaymentTerm.BANK_TRANSFER, asked),
        ]
        late = await place(running, "LATE", PaymentTerm.BANK_TRANSFER, asked)
        await pays(running, ended[4], "pay", amount=_told(total))
        await pays(running, ended[5], "transfer", amount=_wire("500.00"), bank_reference="bank-1")
        handle: WorkflowHandle[Order, OrderState] = running.temporal.get_workflow_handle_for(Order.run, late)
        assert (await handle.execute_update(Order.cancel, args=["the test", "it took too long"])).allowed
        await pays(running, late, "transfer", amount=_wire("7.00"), bank_reference="bank-2")
        for order in ended:
            assert await running.ended(order) is OrderState.COMPLETED
        await until(lambda: _went_back(running, late))
        report = await running.audit()
        assert report.kept, [promise.violations for promise in report.promises]
        assert (report.orders.completed, report.orders.cancelled, report.orders.open) == (6, 1, 0)


async def place(running: Product, number: str, term: PaymentTerm, *tenders: dict[str, Any]) -> OrderId:
    """A shopper checks out with these tenders, and the shop's document is taken in."""
    content = json.loads(document(number)) | {"payment": {"term": term}}
    placed = PARSERS["ordersaga"](load(json.dumps(content).encode()), channel=SHOP, skus={})
    lines = [
        {
            "line_id": item.line_id,
            "sku": item.sku if isinstance(item, OrderLine) else None,
            "quantity": item.quantity if isinstance(item, OrderLine) else 1,
            "ships": isinstance(item, OrderLine) and item.ships,
            "total": _told(item.total),
        }
        for item in placed.priced
    ]
    wanted = {
        "channel": SHOP,
        "platform": "ordersaga",
        "order_id": placed.order_id,
        "document": content,
        "lines": lines,
        "total": _told(placed.total),
        "payments": tenders,
    }
    await _post(running, "/world/orders", wanted)
    async with opened_intake(running.running.settings) as intake:
        await intake.accept(json.dumps(content).encode(), channel=SHOP, platform="ordersaga")
    return placed.order_id


async def pays(running: Product, order: OrderId, how: str, **facts: Any) -> None:
    await _post(running, f"/world/payments/{how}", {"order_id": order, **facts})


async def _post(running: Product, path: str, body: dict[str, Any]) -> None:
    async with httpx.AsyncClient(base_url=running.running.simulator_url, timeout=30) as world:
        (await world.post(path, json=body)).raise_for_status()


async def _went_back(running: Product, order: OrderId) -> bool:
    return any(refund["order_id"] == order for refund in (await running.books())["refunds"])


def _told(money: Money) -> dict[str, str]:
    return {"amount": f"{money.major:f}", "currency": money.currency}


def _wire(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}
