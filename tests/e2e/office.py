"""The whole product with a real Tryton in it, and the people who work there: nobody but them touches its sales."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

from proteus import config
from temporalio.client import WorkflowHandle

from adapters.database.engine import open_database
from adapters.database.sweeps import SqlSweeps
from adapters.documents import PARSERS, load
from adapters.tryton.client import TrytonClient
from domain.document import OrderDocument
from domain.ids import MAIN, LineId, Location, OrderId, ReturnId, ShipmentId, Sku
from domain.money import Money
from domain.orders import PlacedOrder
from domain.policies import OrderPolicies
from domain.records import OrderState
from domain.returns import ReturnAsked, ReturnState
from entrypoints.demo.cart import cart, of_articles
from entrypoints.demo.clerk import Clerk
from entrypoints.demo.documents import demo_document
from entrypoints.demo.tenders import Tenders, by_card_on_file
from tests.contracts.tryton_world import Hands
from tests.e2e.product import SHOP, Product, product, until
from workers.clock import now
from workflows.order import Order

STOCKED = 8
_EACH = 3
_ARTICLES = ("KETTLE-17", "MUG-BLUE")
_LOOK_SECONDS = 0.3
_PATIENCE_SECONDS = 240  # Tryton serves one request at a time, and other tests want the machine as well


@dataclass
class Office:
    """`hands` are the clerk's: at sales, in the warehouse, at what comes back."""

    product: Product
    hands: Hands
    clerk: Clerk
    _placed: int = 0

    async def place(
        self, on_hand: Mapping[LineId, Mapping[Location, int]] | None = None, pays: Tenders = by_card_on_file
    ) -> PlacedOrder:
        """Two articles that no other order wants, three units of each; `on_hand` None: enough in the main warehouse."""
        self._placed += 1
        plain = of_articles(cart(self._placed, ["EUR"]), _ARTICLES)
        lines = []
        for number, line in enumerate(plain.lines, 1):
            there = {MAIN: STOCKED} if on_hand is None else on_hand.get(LineId(str(number)), {})
            sku = await self.hands.stocked(there.get(MAIN, 0))
            for location in there.keys() - {MAIN}:
                await self.hands.receive(sku, there[location], location)
            lines.append(replace(line, sku=sku, quantity=_EACH, discount=0))
        sent = demo_document(replace(plain, lines=tuple(lines)), "ordersaga")
        content = json.dumps(sent.document).encode()
        await self.product.take(content, pays)
        return PARSERS["ordersaga"](load(content), channel=SHOP, skus={})

    def _handle(self, order: PlacedOrder) -> WorkflowHandle[Order, OrderState]:
        return self.product.temporal.get_workflow_handle_for(Order.run, order.order_id)

    async def document(self, order: PlacedOrder) -> OrderDocument:
        return await self._handle(order).query(Order.read_document)

    async def until(
        self, order: PlacedOrder, true: Callable[[OrderDocument], object], *, work: bool = False
    ) -> OrderDocument:
        """What the order says when it has come true; with `work` the clerk does what the order asks for meanwhile."""
        document = await self.document(order)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not true(document):
                    if work:
                        self._work()
                    await asyncio.sleep(_LOOK_SECONDS)
                    document = await self.document(order)
        except TimeoutError:
            raise AssertionError([happened.what for happened in document.timeline], document.waits) from None
        return document

    def _work(self) -> None:
        """Whoever writes the same record at the same moment as we do tries again."""
        with suppress(Fault):
            self.clerk.work()

    async def asks_for_a_pick(self, order: PlacedOrder) -> ShipmentId:
        document = await self.until(order, lambda told: told.shipments and told.shipments[-1].state)
        return document.shipments[-1].shipment_id

    async def hold(self, order: PlacedOrder) -> None:
        answer = await self._handle(order).execute_update(Order.hold, args=["the test", "it waits"])
        assert answer.allowed, answer.why

    async def release(self, order: PlacedOrder) -> None:
        answer = await self._handle(order).execute_update(Order.release, args=["the test", "it goes on"])
        assert answer.allowed, answer.why

    async def send_back(self, order: PlacedOrder, line: LineId, units: int) -> ReturnId:
        """So many units are announced, and Tryton expects them."""
        asked = ReturnAsked(request="by phone", actor="the test", reason="too many", units={line: units})
        answer = await self._handle(order).execute_update(Order.send_back, asked)
        assert answer.allowed, answer.why
        document = await self.until(
            order, lambda told: told.returns and told.returns[-1].state is ReturnState.EXPECTED
        )
        return document.returns[-1].return_id

    async def looked_for(self, sku: Sku) -> None:
        """The sweep knows how much of it is there: what comes from now on is an arrival."""
        engine = open_database(self.product.running.settings.database_url)
        books = SqlSweeps(engine, now)

        async def known() -> bool:
            return f"{sku}@" in (await books.cursor("stock/tryton") or "")

        await until(known)
        await engine.dispose()

    def sold(self, order: PlacedOrder) -> dict[str, float]:
        """Goods that Tryton's sales of it hold, by what their lines note."""
        sales = self.clerk.model("sale.sale").find([("reference", "=", order.order_id)])
        lines = [
            line for sale in sales for line in sale.lines if line.quantity and line.product.type == "goods"
        ]
        return {line.note: line.quantity for line in lines}

    async def books(self, order: OrderId) -> dict[str, Any]:
        """What the simulated shop, gateway, carrier and mail hold of it."""
        books = await self.product.books()
        return {
            kind: [one for one in told if order in json.dumps(one)]
            for kind, told in books.items()
            if isinstance(told, list)
        }


@asynccontextmanager
async def office(directory: Path) -> AsyncIterator[Office]:
    async with product(directory, _unhurried, counterparts=frozenset({"tryton"})) as running:
        server = running.running.tryton
        assert server is not None
        login = server.url, server.database, server.api_key
        with config.set_xmlrpc_session(server.rpc_url, server.user, server.password) as session:
            clerk = Clerk(session, running.running.simulator_url)
            async with TrytonClient(*login) as tryton:
                yield Office(running, Hands(tryton, clerk, {}), clerk)


def money(told: dict[str, str]) -> Money:
    return Money.parse(told["amount"], told["currency"])


def _unhurried(policies: OrderPolicies) -> OrderPolicies:
    """By itself an order looks once in hours: what it hears of in these tests, somebody told it. Goods may come back."""
    return policies.model_copy(update={"look_again_minutes": 240, "return_window_days": 1})
