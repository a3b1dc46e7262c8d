"""A whole installation with one order of each kind that an operator looks for in the Web UI."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from temporalio.client import Client

from domain.document import OrderDocument
from domain.ids import OrderId, System
from domain.policies import OrderPolicies
from entrypoints.demo.run import wishes
from entrypoints.demo.shopper import checkout
from entrypoints.embedded.installation import installation
from entrypoints.intake import opened_intake
from tests.e2e.commands import ordersaga
from tests.e2e.product import SHOP, Product, document, until
from workers.connection import connect
from workers.settings import Settings
from workflows.order import Order

STORY, ATTEMPTS = "its story, and what a person can do", "what is tried, and when again"


@dataclass(frozen=True)
class Scene:
    """Who is blocked on the ERP, needs a person, is on hold, and only waits for the warehouse."""

    directory: Path
    temporal: Client
    blocked: OrderId
    asking: OrderId
    held: OrderId
    quiet: OrderId

    def links(self, *order: OrderId | str) -> dict[str, str]:
        """What `ordersaga ui` prints, by name."""
        answer = ordersaga("ui", *order, "--json", settings=self.directory / "settings.json")
        assert answer.code == 0, answer.err
        return {link["name"]: link["url"] for link in answer.last["links"]}

    async def document(self, order: OrderId) -> OrderDocument:
        return await self.temporal.get_workflow_handle(order).query(Order.read_document)


def _patient(policies: OrderPolicies) -> OrderPolicies:
    """Soon blocked, and then in no hurry: whoever looks finds it waiting for its next attempt."""
    return policies.model_copy(update={"attention_seconds": 1, "retry_seconds_max": 120})


@asynccontextmanager
async def scene(directory: Path) -> AsyncIterator[Scene]:
    """The ERP is down for the one that is blocked; the warehouse leaves everything where it is."""
    quick = wishes(frozenset())
    wished = replace(
        quick,
        policies=lambda given: _patient(quick.policies(given)),
        pick_seconds="off",
        deliver_seconds="off",
    )
    async with (
        installation(directory, wished) as running,
        httpx.AsyncClient(base_url=running.simulator_url, timeout=30) as world,
    ):
        product = Product(running, await connect(running.settings), world)
        quiet, held = await product.place("QUIET"), await product.place("HELD")
        asking = await _place(running.settings, _unknown_article("ASKING"))
        await _until(product, quiet, lambda order: "warehouse" in order.waits_for)
        await _until(product, held, lambda order: "warehouse" in order.waits_for)
        await product.temporal.get_workflow_handle(held).execute_update(
            Order.hold, args=["customer service", "the customer moves house"]
        )
        await _until(product, asking, lambda order: order.attention is not None)
        await product.fault(System.ERP, "down")
        blocked = await product.place("BLOCKED")
        await _until(product, blocked, lambda order: bool(order.blocked))
        yield Scene(directory, product.temporal, blocked=blocked, asking=asking, held=held, quiet=quiet)


def _unknown_article(number: str) -> bytes:
    placed = json.loads(document(number))
    placed["lines"][0]["sku"] = "NOBODY-KNOWS"
    return json.dumps(placed).encode()


async def _place(settings: Settings, content: bytes) -> OrderId:
    async with opened_intake(settings) as intake:
        answer = await intake.accept(
            await checkout(settings, SHOP, content), channel=SHOP, platform="ordersaga"
        )
    return OrderId(answer.model_dump()["order_id"])


async def _until(product: Product, order: OrderId, true: Callable[[OrderDocument], bool]) -> None:
    handle = product.temporal.get_workflow_handle(order)

    async def is_true() -> bool:
        return true(await handle.query(Order.read_document))

    await until(is_true)
