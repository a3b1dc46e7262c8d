"""Everything an order meets, running: Temporal with time skipping, the simulated world over HTTP, a database, a worker."""

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity, workflow
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from activities.incidents import Telling
from adapters.connector.wire import plain, priced
from adapters.database.engine import migrate, open_database
from adapters.database.orders import Orders
from domain.ids import ChannelId, Sku, System
from domain.money import Money
from domain.orders import Customer, OrderLine, PaymentTerm, PlacedOrder
from domain.phases import Phase
from domain.policies import OrderPolicies
from domain.records import OrderState
from entrypoints.embedded.temporal import temporal_cli
from tests.contracts.placing import place
from tests.contracts.simulator_process import Simulator, simulator
from tests.workflows.books import ON_HAND
from tests.workflows.runs import histories
from tests.workflows.story import PATIENCE_SECONDS, Story
from workers.clock import now
from workers.settings import ChannelSettings, ConnectorSettings, Settings, WebhookSettings
from workers.temporal import Started, look_after, start_order
from workers.wiring import wired
from workflows import visibility
from workflows.aftermath import Aftermath
from workflows.order import Order
from workflows.sweep import TellIncidents

QUEUE = "orders"
OPERATORS = "operators@example.com"
_TOKEN = "of-the-tests"
_SECRET = "whsec-of-the-desk"
_FLAGS = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.workflowIdReuseMinimalInterval": '"0s"',  # otherwise a run that follows a short one waits
    "history.timerProcessorMaxTimeShift": '"1ms"',
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
}
_REPLAYER = Replayer(
    workflows=[Order, Aftermath],
    workflow_runner=UnsandboxedWorkflowRunner(),
    data_converter=pydantic_data_converter,
)


def policies(adapter: str = "connector", **other: Any) -> OrderPolicies:
    """Quick where a test waits, and as long as in production where time is skipped. Looks again once a day."""
    facts: dict[str, Any] = {
        "adapters": dict.fromkeys(System, adapter),
        "operators": OPERATORS,
        "amendments_told_to": f"{adapter}-desk",
        "look_again_minutes": 24 * 60,
        "attempt_seconds": 10,
        "request_seconds_max": 0.5,
        "retry_seconds_min": 0.05,
        "retry_seconds_max": 0.2,
    }
    return OrderPolicies.model_validate({**facts, **other})


# By channel: an order of the channel has these policies. `hasty` calls an effect blocked after a second;
# `patient` then asks only every hour; `mortal` gives up on a dead
# worker after a second; `complete` ships all together, and `at-once` cancels what is not there; `pro-rata` charges
# freight by the value of what ships; `wholesale` lets new business accounts wait for an approval; `impatient` hangs up
# on requests that its systems are still working on; `rash` is that and `hasty`; `own-prices` are the shop's to set.
CHANNELS = {
    "shop": policies(),
    "hasty": policies(attention_seconds=1, attempt_seconds=1),
    "mortal": policies(attempt_seconds=1),
    "wholesale": policies(business_approval=True),
    "own-prices": policies(ownership={"prices": "storefront"}),
    "complete": policies(shortage="wait_for_all"),
    "at-once": policies(shortage="cancel_missing"),
    "careful": policies(return_approval=True, restocking_fee_percent=10),
    "pro-rata": policies(freight="pro_rata"),
    "patient": policies(attention_seconds=1, retry_seconds_min=3600, retry_seconds_max=3600),
    "impatient": policies(adapter="impatient", request_seconds_max=1),
    "rash": policies(adapter="impatient", request_seconds_max=1, attention_seconds=1, attempt_seconds=1),
}


class World:
    def __init__(
        self,
        *,
        temporal: WorkflowEnvironment,
        simulator: Simulator,
        state: Path,
        engine: AsyncEngine,
        activities: list[Callable[..., Any]],
    ) -> None:
        self.temporal = temporal
        self.simulator = simulator
        self.engine = engine
        self.orders = Orders(engine, now)
        self.activities = activities
        self.dies: dict[
            str, list[str]
        ] = {}  # where the worker dies, by attempt: `before` the effect or `after`
        self.webhooks = "ordered"  # or `duplicated`, or `reordered`
        self.at_work: WeakValueDictionary[str, Order] = (
            WeakValueDictionary()
        )  # the orders in this process's memory
        self._state = state
        self._numbers = count(1)
        self._stories: list[Story] = []

    def order(
        self,
        *,
        channel: str = "shop",
        price: str = "10.00",
        freight: str = "4.90",
        ships: bool = True,
        term: PaymentTerm = PaymentTerm.AUTHORIZE_THEN_CAPTURE,
        customer: Customer | None = None,
        more: Sequence[tuple[int, str]] = (),
    ) -> PlacedOrder:
        """Two pieces of an article of its own, with VAT and freight: 29.63 EUR. Nobody has placed it yet.

        `more` lines: each so many units at such a price, of SKU-{n}-2 and so on.
        """
        name = f"{next(self._numbers)}"
        lines = [(Sku(f"SKU-{name}-{number}"), *line) for number, line in enumerate(more, 2)]
        placed = place(name, [(Sku(f"SKU-{name}"), 2, price), *lines], freight=freight)
        facts = {
            "channel": ChannelId(channel),
            "lines": [line.model_copy(update={"ships": ships}) for line in placed.lines],
            "payment": placed.payment.model_copy(update={"term": term}),
            "customer": customer or placed.customer,
        }
        return PlacedOrder.model_validate(placed.model_dump() | facts)

    def place(
        self,
        placed: PlacedOrder,
        *,
        payment: str | None = "authorised",
        tenders: Sequence[dict[str, Any]] = (),
        on_hand: int | None = ON_HAND,
        shop_total: Money | None = None,
    ) -> None:
        """The shopper orders in the shop and pays at the checkout; the article lies on the shelf. None: there is none.

        `payment` is the state of a card's payment of the whole amount; `tenders` are several, in the world's words.
        """
        if on_hand is not None:
            self.stock(placed.lines[0].sku, on_hand)
        whole = {"amount": _told(placed.total), "state": payment}
        self.simulator.place_order(
            placed.order_id,
            _shop_lines(placed),
            _told(shop_total or placed.total),
            shipping=plain(placed.shipping),
            payment=whole if payment and not tenders else None,
            payments=list(tenders),
        )

    def card(self, total: Money, **capabilities: Any) -> dict[str, Any]:
        """A hold of so much that can be taken in parts."""
        return {"amount": _told(total), "state": "authorised", "multicapture": True} | capabilities

    async def start(self, placed: PlacedOrder, *, queue: str = QUEUE) -> Story:
        """Our side takes the order in."""
        await self.orders.accept(placed)
        assert await start_order(self.temporal.client, placed, task_queue=queue) is Started.NEW
        handle: WorkflowHandle[Order, OrderState] = self.temporal.client.get_workflow_handle(
            placed.order_id, result_type=OrderState
        )
        story = Story(self, placed, handle)
        self._stories.append(story)
        return story

    async def look_after(self, story: Story) -> None:
        """What the forwarder does when a closed order's payments have news."""
        client, closed = self.temporal.client, await self.orders.get(story.id)
        assert closed is not None
        run = (await story.handle.describe()).run_id
        former = client.get_workflow_handle(story.id, run_id=run, result_type=OrderState)
        await look_after(client, closed.placed, Phase(closed.state), task_queue=QUEUE)
        self._stories.append(Story(self, story.placed, former))

    async def begin(
        self,
        *,
        channel: str = "shop",
        term: PaymentTerm = PaymentTerm.AUTHORIZE_THEN_CAPTURE,
        customer: Customer | None = None,
        **how: Any,
    ) -> Story:
        """An order as most are, placed and taken in."""
        placed = self.order(channel=channel, term=term, customer=customer)
        self.place(placed, **how)
        return await self.start(placed)

    def worker(self, queue: str = QUEUE, **options: Any) -> Worker:
        """As in production, without the sandbox: `test_sandbox.py` runs orders in it."""
        options.setdefault("workflow_runner", UnsandboxedWorkflowRunner())
        return Worker(
            self.temporal.client,
            task_queue=queue,
            workflows=[Order, Aftermath, TellIncidents],
            activities=self.activities,
            max_eager_activity_reservations_per_workflow_task=10,
            interceptors=[_Mortal(self.dies), _Watching(self.at_work)],
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            **options,
        )

    def stock(self, sku: str, on_hand: int, location: str = "main") -> None:
        self.simulator.call("PUT", "/world/stock", {"on_hand": {sku: on_hand}, "location": location})

    def clock_is_ahead(self, by: timedelta) -> None:
        """The simulated world does not skip time with an order: its holds run out by its own clock."""
        self.simulator.call("PUT", "/world/clock", {"ahead_seconds": by.total_seconds()})

    def arrive(self, sku: str, units: int, location: str = "main") -> None:
        """Goods come in; the stock system tells the orders that it knows to wait for them."""
        self.simulator.call("POST", "/world/stock/arrive", {"units": {sku: units}, "location": location})

    def bank(self, story: Story, decision: str) -> None:
        """`authorise` or `decline` the pending payment."""
        self.simulator.call("POST", f"/world/payments/{decision}", {"order_id": story.id})

    def pay(self, story: Story, *, state: str = "authorised", **payment: Any) -> None:
        """The shopper pays once more."""
        asked = {"order_id": story.id, "amount": _told(story.placed.total), "state": state} | payment
        self.simulator.call("POST", "/world/payments/pay", asked)

    def transfer(self, story: Story, amount: str, which: str = "first") -> None:
        """Money arrives at the bank."""
        euros = {"amount": amount, "currency": "EUR"}
        asked = {"order_id": story.id, "amount": euros, "bank_reference": f"{story.id}/{which}"}
        self.simulator.call("POST", "/world/payments/transfer", asked)

    def holds(self, story: Story, decline: str | None) -> None:
        """New and larger holds of the order are declined with this reason from now on, or granted."""
        self.simulator.call("PUT", "/world/payments/script", {"order_id": story.id, "decline_holds": decline})

    def refunds(self, story: Story, state: str) -> None:
        """The next refunds of the order are answered so: `pending`, `failed`, `succeeded`."""
        self.simulator.call("PUT", "/world/payments/script", {"order_id": story.id, "refunds": state})

    def refunds_end(self, story: Story, state: str) -> None:
        """Pending refunds come to their end."""
        self.simulator.call("POST", "/world/payments/refunds", {"order_id": story.id, "state": state})

    def buyer(self, *, limit: str | None = None, approval: str = "approved") -> Customer:
        """A business that the ERP knows already: with a credit limit in EUR, or not approved yet."""
        number = next(self._numbers)
        buyer = Customer(
            name="Erika Einkauf",
            email=f"einkauf-{number}@example.com",
            company="Einkauf GmbH",
            vat_id=f"DE{number:09}",
        )
        known: dict[str, Any] = {
            "system": "erp",
            "customers": [buyer.model_dump(mode="json")],
            "approval": approval,
        }
        if limit:
            known["limit"] = {"amount": limit, "currency": "EUR"}
        self.simulator.call("POST", "/world/customers", known)
        return buyer

    def customer_by_hand(self, customer: Customer) -> str:
        """Somebody makes the ERP's record by hand; its number."""
        known = {"system": "erp", "customers": [customer.model_dump(mode="json")]}
        (reference,) = self.simulator.call("POST", "/world/customers", known)["customers"]
        return str(reference)

    def edit_erp(self, story: Story, **edit: Any) -> None:
        """A representative edits the sales order in the ERP: `set`, `add`, `remove`, `shipping`, `freight`."""
        asked = {"order_id": story.id, "actor": "representative"} | edit
        self.simulator.call("POST", "/world/erp/edit", asked)

    def edit_shop(self, story: Story, **edit: Any) -> None:
        """Somebody edits the order in the shop."""
        self.simulator.call("POST", "/world/shop/edit", {"order_id": story.id, "actor": "shop"} | edit)

    def price(self, sku: str, amount: str, *, rate: str = "0.19", taxes_included: bool = False) -> None:
        """The ERP sells an article at a price in EUR."""
        price = {"amount": amount, "currency": "EUR"}
        told = {
            "sku": sku,
            "name": "Shade",
            "unit_price": price,
            "taxes_included": taxes_included,
            "tax_rates": [rate],
        }
        self.simulator.call("PUT", "/world/erp/prices", {"prices": [told]})

    def set_limit(self, story: Story, limit: str) -> None:
        euros = {"amount": limit, "currency": "EUR"}
        self.simulator.call(
            "PUT", "/world/customers/limit", {"customer": self._erp_customer(story), "limit": euros}
        )

    def approval(self, story: Story, decision: str) -> None:
        asked = {"customer": self._erp_customer(story), "approval": decision}
        self.simulator.call("PUT", "/world/customers/approval", asked)

    def _erp_customer(self, story: Story) -> str:
        email = story.placed.customer.email
        (known,) = [
            record["reference"]
            for record in self.simulator.books(email)["customers"]
            if record["system"] == "erp" and record["customer"]["email"] == email
        ]
        return str(known)

    def of_order(self, story: Story, kind: str) -> list[dict[str, Any]]:
        """The simulated systems' records of one kind, as they keep them."""
        kept = self.simulator.books(story.id)[kind]
        return [record for record in kept if record.get("order_id") == story.id]

    def records(self, story: Story) -> dict[str, list[dict[str, Any]]]:
        """What the simulated systems keep of the order and its articles, by kind.

        From their memory itself: the books of a thousand orders are long.
        """
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        of_order = ("orders", "payments", "pay_links", "sales_orders", "credits", "reservations", "picks")
        skus = [line.sku for line in story.placed.lines]
        query = "SELECT body FROM documents WHERE kind = ? AND json_extract(body, '$.order_id') = ?"
        for kind in of_order:
            for (body,) in self._remembered(query, kind, story.id):
                found[kind].append(json.loads(body))
        for sku in skus:
            (article,) = self._remembered("SELECT body FROM documents WHERE kind = 'stock' AND id = ?", sku)
            found["stock"].append(json.loads(article[0]))
        return found

    def told_money(self, story: Story) -> tuple[str, str]:
        """What ERP and shop were told to have been paid for the order, in EUR."""
        erp, shop = (
            sum(
                Decimal(report["captured"]["amount"])
                for record in self.records(story)[kind]
                for told in record["shipments"]
                for report in (told["report"], *told["later"])
            )
            for kind in ("sales_orders", "orders")
        )
        return f"{erp}", f"{shop}"

    def outcomes(self, story: Story) -> set[tuple[str, str]]:
        """What the order's requests met: (system, outcome), where a fault is an outcome, too."""
        query = "SELECT system, outcome FROM requests WHERE key BETWEEN ? AND ?"
        return set(self._remembered(query, f"{story.id}/", f"{story.id}0"))

    def _remembered(self, query: str, *values: str) -> list[Any]:
        database = sqlite3.connect(self._state, timeout=5)
        try:
            return database.execute(query, values).fetchall()
        finally:
            database.close()

    def mail(self, story: Story, occasion: str) -> str:
        """The text of the one mail of this occasion to the order's customer."""
        key = f"{story.id}/mail/{occasion}"
        (mail,) = [mail["plain"] for mail in self.simulator.books(key)["mails"] if mail["key"] == key]
        return str(mail)

    def hold_is(self, story: Story, state: str) -> None:
        """The bank changes its mind about a hold, without telling anybody."""
        (payment,) = self.of_order(story, "payments")
        self.edit("payments", payment["reference"], lambda record: record.update(state=state))

    def edit(self, kind: str, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Somebody edits a record of the simulated world by hand, past all its rules."""
        database = sqlite3.connect(self._state, timeout=5)
        try:
            with database:
                where = "WHERE kind = ? AND id = ?"
                (body,) = database.execute(f"SELECT body FROM documents {where}", (kind, name)).fetchone()  # noqa: S608
                record = json.loads(body)
                change(record)
                database.execute(f"UPDATE documents SET body = ? {where}", (json.dumps(record), kind, name))  # noqa: S608
        finally:
            database.close()

    async def operators_are_told(self, *subjects: str, since: int = 0) -> None:
        """By mails of incidents, these and no more: what the schedule does is done until it finds nothing to tell.

        `since` leaves out so many mails of incidents before. Another system that was slow meanwhile is not looked at.
        """
        system = subjects[0].split()[0]
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (told := await self._tell_incidents()) or self._mails_about(system, since) != list(subjects):
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"operators were told {self.incident_mails()}, {told} just now"

    async def _tell_incidents(self) -> int:
        told = await self.temporal.client.execute_workflow(
            TellIncidents.run, Telling(), id=f"incidents-{next(self._numbers)}", task_queue=QUEUE
        )
        return told.messages

    def _mails_about(self, system: str, since: int) -> list[str]:
        return [subject for subject in self.incident_mails()[since:] if system in subject.split()]

    def incident_mails(self) -> list[str]:
        mails = self.simulator.books("incident:")["mails"]
        return [mail["subject"] for mail in mails if mail["key"].startswith("incident:")]

    async def replay_stories(self) -> None:
        """Replay the history of every order since the last time. The first that does not replay raises."""
        stories, self._stories = self._stories, []
        for story in stories:
            for history in await histories(self.temporal.client, story.handle):
                await _REPLAYER.replay_workflow(history)


class _Watching(Interceptor):
    """Knows the orders that a worker of this process has in memory."""

    def __init__(self, at_work: "WeakValueDictionary[str, Order]") -> None:
        self.at_work = at_work

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002  the SDK's name
    ) -> type[WorkflowInboundInterceptor]:
        at_work = self.at_work

        class Watched(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002  the SDK's name
                if isinstance(order := workflow.instance(), Order):
                    at_work[workflow.info().workflow_id] = order
                return await super().execute_workflow(input)

        return Watched


class _Mortal(Interceptor):
    """A worker that dies at an effect: nobody learns what became of the attempt until its time is over."""

    def __init__(self, dies: dict[str, list[str]]) -> None:
        self.dies = dies

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  the SDK's name
        return _MortalActivity(next, self.dies)


class _MortalActivity(ActivityInboundInterceptor):
    def __init__(self, inner: ActivityInboundInterceptor, dies: dict[str, list[str]]) -> None:
        super().__init__(inner)
        self._dies = dies

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  the SDK's name
        deaths = self._dies.get(activity.info().activity_type)
        when = deaths.pop(0) if deaths else None
        if when == "before":
            activity.raise_complete_async()
        result = await super().execute_activity(input)
        if when == "after":
            activity.raise_complete_async()
        return result


@asynccontextmanager
async def open_world(directory: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{directory / 'ordersaga.sqlite'}"
    await migrate(url)
    engine = open_database(url)
    still = {"pick_seconds": "off", "deliver_seconds": "off"}
    with simulator(directory, token=_TOKEN, webhook_secret=_SECRET, **still) as simulated:
        settings = _settings(url, simulated.url)
        async with _time_skipping() as temporal, wired(settings, temporal.client) as activities:
            world = World(
                temporal=temporal,
                simulator=simulated,
                state=directory / "simulated.sqlite",
                engine=engine,
                activities=activities,
            )
            async with world.worker():
                yield world
    await engine.dispose()


@asynccontextmanager
async def _time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server where time passes as it does, until an order is told to skip some."""
    attributes = [value for value in vars(visibility).values() if isinstance(value, SearchAttributeKey)]
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        data_converter=pydantic_data_converter,
        search_attributes=attributes,
        dev_server_existing_path=temporal_cli(),
        dev_server_log_level="error",
        dev_server_extra_args=[
            argument
            for name, value in _FLAGS.items()
            for argument in ("--dynamic-config-value", f"{name}={value}")
        ],
    )
    async with environment:
        with environment.with_time_skipping_disabled():
            yield environment


def _settings(database_url: str, world_url: str) -> Settings:
    peer: dict[str, Any] = {"kind": "connector", "url": world_url, "token": _TOKEN}
    desk = {"kind": "webhook", "url": f"{world_url}/world/subscriber/amendments", "secret": _SECRET}
    return Settings(
        database_url=database_url,
        adapters={
            "connector": ConnectorSettings(**peer, settled_after_seconds=0.5),
            "impatient": ConnectorSettings(**peer, timeout_seconds=0.5, settled_after_seconds=0.6),
            "connector-desk": WebhookSettings(**desk, settled_after_seconds=0.5),
            "impatient-desk": WebhookSettings(**desk, timeout_seconds=0.5, settled_after_seconds=0.6),
        },
        channels={
            ChannelId(name): ChannelSettings(platform="ordersaga", policies=known)
            for name, known in CHANNELS.items()
        },
    )


def _shop_lines(placed: PlacedOrder) -> list[dict[str, Any]]:
    told = priced(placed)
    return [
        {
            "line_id": item.line_id,
            "sku": item.sku if isinstance(item, OrderLine) else None,
            "quantity": item.quantity if isinstance(item, OrderLine) else 1,
            "ships": isinstance(item, OrderLine) and item.ships,
            "total": _told(item.total),
            "item": wired_item,
        }
        for item, wired_item in zip(placed.priced, [*told["lines"], *told["surcharges"]], strict=True)
    ]


def _told(money: Money) -> dict[str, str]:
    return {"amount": f"{money.major:f}", "currency": money.currency}
