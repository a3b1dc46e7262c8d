"""The API before real orders: Temporal, a worker, the simulated world, a database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest_asyncio

from adapters.database.engine import open_database
from adapters.database.inbox import Inbox
from adapters.database.orders import Orders
from adapters.database.schema import InboxKind
from adapters.database.tokens import Tokens
from adapters.database.trail import Trail
from adapters.documents import PARSERS, load
from domain.ids import ChannelId, OrderId
from domain.phases import Phase
from domain.records import OrderState
from entrypoints.api.app import create_app
from entrypoints.api.desk import LiveDesk
from entrypoints.api.roles import Role
from entrypoints.commands import commands_of
from entrypoints.doors import Doors
from entrypoints.intake import open_intake
from entrypoints.webhooks.forwarder import Forwarder
from tests.api.test_orders import document
from tests.entrypoints.receiving import forwarding
from tests.workflows.world import QUEUE, World, _settings
from workers.clock import now
from workers.settings import ApiSettings
from workers.temporal import start_order

_PATIENCE_SECONDS = 60
_ANSWER_SECONDS = 1.5
WHY = {"reason": "the customer has changed their mind"}


class Live:
    def __init__(self, world: World, http: httpx.AsyncClient, trail: Trail, forwarder: Forwarder) -> None:
        self.world = world
        self.http = http
        self.trail = trail
        self.forwarder = forwarder

    async def __call__(self, method: str, address: str, **request: Any) -> httpx.Response:
        return await self.http.request(method, address, **request)

    async def get(self, address: str, **request: Any) -> Any:
        answer = await self.http.get(address, **request)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    async def until(self, true: Callable[[], Awaitable[Any]]) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await true():  # noqa: ASYNC110  it is another process that changes it
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def live(world: World) -> AsyncIterator[Live]:
    database = f"sqlite:///{world.engine.url.database}"
    engine = open_database(database)
    settings = _settings(database, world.simulator.url)
    settings.temporal_address = world.temporal.client.service_client.config.target_host
    doors = Doors(settings, Orders(engine, now))
    commands = commands_of(engine, world.temporal.client)
    intake = open_intake(engine, world.temporal.client, clock=now, task_queue=QUEUE)
    tokens, trail = Tokens(engine, now), Trail(engine, now)
    app = create_app(
        desk=LiveDesk(engine, doors, commands, intake, answer_seconds=_ANSWER_SECONDS),
        tokens_known=tokens,
        trail=trail,
        clock=now,
        settings=ApiSettings(),
        channels=settings.channels,
    )
    until = now().replace(year=now().year + 1)
    _, token = await tokens.create("operations", Role.OPERATOR, ("*",), until)
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http:
        yield Live(world, http, trail, Forwarder(Inbox(engine, now), commands.forward, {InboxKind.COMMAND}))
    await engine.dispose()


async def test_an_order_that_came_through_the_api_is_carried_and_cancelled(live: Live) -> None:
    content = document(id="api-1")
    live.world.place(PARSERS["ordersaga"](load(content), channel=ChannelId("shop"), skus={}), payment=None)
    placed = await live("POST", "/v1/orders", params={"channel": "shop"}, content=content)
    assert placed.status_code == 201, placed.json()
    address = placed.headers["Location"]
    order = OrderId(placed.json()["order_id"])

    async def waits() -> bool:
        return bool((await live.get(f"{address}/timeline"))["waits"])

    await live.until(waits)
    listed = await live.get("/v1/orders", params={"number": "S-11001", "channel": "shop"})
    assert [(one["order_id"], one["state"]) for one in listed["orders"]] == [(order, OrderState.STARTED)]
    cancelled = await live("POST", f"{address}/cancel", json=WHY, headers={"Idempotency-Key": "c-1"})
    assert cancelled.status_code == 200, cancelled.json()

    async def over() -> bool:
        return bool((await live.get(address))["phase"] == Phase.CANCELLED)

    await live.until(over)
    await live.world.temporal.client.get_workflow_handle(order).result()
    again = await live("POST", f"{address}/cancel", json=WHY, headers={"Idempotency-Key": "c-1"})
    assert (again.status_code, again.json()) == (200, cancelled.json())
    (given,) = [one for one in await live.trail.page(order_id=order) if one.action == "orders.cancel"]
    assert (given.actor, given.outcome) == ("operations", "done")


async def test_a_repeated_command_is_the_same_one(live: Live) -> None:
    story = await live.world.begin()
    await story.waits_for("the warehouse")
    keyed: dict[str, Any] = {"json": WHY, "headers": {"Idempotency-Key": "hold-1"}}
    first = await live("POST", f"/v1/orders/{story.id}/hold", **keyed)
    assert first.status_code == 200, first.json()
    released = await live("POST", f"/v1/orders/{story.id}/release", json=WHY)
    assert released.status_code == 200
    again = await live("POST", f"/v1/orders/{story.id}/hold", **keyed)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await story.document()).hold is None
    refused = await live("POST", f"/v1/orders/{story.id}/release", json=WHY)
    assert (refused.status_code, refused.json()["detail"]) == (409, "it is not on hold")


async def test_an_order_is_quoted_and_amended_and_a_repeat_is_the_same_amendment(live: Live) -> None:
    story = await live.world.begin()
    await story.waits_for("the warehouse")
    address = f"/v1/orders/{story.id}"
    line = story.placed.lines[0].line_id
    changes = {"changes": [{"kind": "set_quantity", "line_id": line, "quantity": 1}]}
    quoted = (await live("POST", f"{address}/quote", json=changes)).json()
    assert (quoted["allowed"], quoted["revision"]) == (True, 1), quoted
    headers = {"If-Match": (await live("GET", address)).headers["ETag"], "Idempotency-Key": "call-1"}
    asked: dict[str, Any] = {"json": changes | WHY, "headers": headers}
    answer = await live("POST", f"{address}/amend", **asked)
    if answer.status_code == 202:  # on a busy machine it takes longer than an asker waits

        async def told() -> bool:
            return bool((await live.get(f"{address}/commands/call-1"))["outcome"] != "unknown")

        await live.until(told)
        answer = await live("POST", f"{address}/amend", **asked)
    assert answer.status_code == 200, answer.json()
    amended = answer.json()["amended"]
    assert (amended["state"], amended["revision"]) == ("committed", 2)
    assert amended["total"] == quoted["total_after"]
    assert (await live("POST", f"{address}/amend", **asked)).json() == answer.json()
    assert (await live.get(f"{address}/commands/call-1"))["outcome"] == "done"
    stale = await live(
        "POST", f"{address}/amend", json=changes | WHY, headers=headers | {"Idempotency-Key": "x"}
    )
    assert (stale.status_code, stale.json()["revision"]) == (412, 2)


async def test_a_slow_answer_is_promised_and_told_later(live: Live) -> None:
    """The order first ends the effect that it is in."""
    live.world.simulator.fault("stock", "slow", "reserve", seconds=8, times=1)
    story = await live.world.begin()
    await story.until(lambda order: order.phase is Phase.RESERVING)
    answer = await live("POST", f"/v1/orders/{story.id}/cancel", json=WHY)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "unknown")
    status = answer.headers["Location"]
    assert (await live.get(status))["outcome"] == "unknown"

    async def told() -> bool:
        return bool((await live.get(status))["outcome"] == "done")

    await live.until(told)
    assert await story.result() is OrderState.CANCELLED
    assert (await live.get(status))["outcome"] == "done"


async def test_what_needs_a_person_is_listed_and_decided(live: Live) -> None:
    story = await live.world.begin(on_hand=None)
    await story.needs_person()

    async def listed() -> bool:
        found = await live.get("/v1/attention", params={"needs": "order_refused", "channel": "shop"})
        return story.id in [one["order_id"] for one in found["orders"]]

    await live.until(listed)
    body = {"filter": {"needs": "order_refused", "channel": "shop"}, "action": "retry", "reason": "mended"}
    live.world.stock(story.sku, 10)
    told = (await live("POST", "/v1/attention/resolve", json=body)).json()
    assert story.id in [one["order_id"] for one in told["orders"] if one["outcome"] == "done"], told
    await story.until(lambda order: order.attention is None)
    unasked = await live(
        "POST", f"/v1/attention/{story.id}/resolve", json={"action": "skip", "reason": "nothing to skip"}
    )
    assert unasked.status_code == 409


async def test_a_command_to_an_order_that_is_not_started_yet_is_kept_and_given_later(live: Live) -> None:
    placed = live.world.order()
    await live.world.orders.accept(placed)
    address = f"/v1/orders/{placed.order_id}"
    answer = await live("POST", f"{address}/hold", json=WHY)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "unreached")
    status = answer.headers["Location"]
    assert (await live.get(status))["outcome"] == "unreached"
    document = await live.get(address)
    assert document["waits"][0]["what"].startswith("Temporal, to be started")
    live.world.place(placed)
    await start_order(live.world.temporal.client, placed, task_queue=QUEUE)
    await live.world.orders.started(placed.order_id)

    async def held() -> bool:
        return bool((await live.get(status))["outcome"] == "done")

    async with forwarding(live.forwarder):
        await live.until(held)
    assert (await live.get(address))["hold"]["reason"] == WHY["reason"]
    (given,) = await live.trail.page(order_id=placed.order_id)
    assert (given.action, given.outcome) == ("orders.hold", "done")


async def test_all_is_well(live: Live) -> None:
    assert await live.get("/readyz") == {"ready": True, "dependencies": {"database": "up", "temporal": "up"}}
