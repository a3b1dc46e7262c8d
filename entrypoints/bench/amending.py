"""How long a change by phone takes, from the call to the revision that holds in every system, each answering at once."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import httpx
from temporalio.client import WorkflowHandle

from domain.amendments import Amended, Amendment, AmendmentState, SetQuantity
from domain.ids import LineId, OrderId
from domain.records import OrderState
from entrypoints.bench.figures import Amendments, percentile
from entrypoints.bench.stage import Stage
from entrypoints.bench.workloads import CHANNEL, PLATFORM, BenchFailed, numbered_document
from entrypoints.demo.shopper import checkout
from entrypoints.demo.tenders import by_card_on_file
from entrypoints.intake import Intake, Parked, opened_intake
from workflows.order import Order

_QUEUE = "bench-amend"
_LATER = "BENCH-LATER"  # an article that nobody has: its orders are paid and entered, and wait
_WARM_UP = 3
_LOOK_SECONDS = 0.05
_PATIENCE = timedelta(seconds=60)


async def measure_amendments(on: Stage, orders: int, watch: Callable[[int], None]) -> Amendments:
    """Each order gets a piece more, which needs a new hold, and then one less."""
    await on.worker("order", _QUEUE)
    async with httpx.AsyncClient(base_url=on.running.simulator_url) as world:
        (await world.put("/world/stock", json={"on_hand": {_LATER: 0}})).raise_for_status()
    took: list[float] = []
    async with opened_intake(on.settings(_QUEUE)) as intake:
        for number in range(_WARM_UP + orders):
            seconds = await _amended(on, intake, number)
            took += seconds if number >= _WARM_UP else []
            watch(number)
    return Amendments(
        amendments=len(took), p50_ms=percentile(took, 50) * 1000, p99_ms=percentile(took, 99) * 1000
    )


async def _amended(on: Stage, intake: Intake, number: int) -> list[float]:
    document = numbered_document("amend", number)
    document["lines"] = [line | {"sku": _LATER} for line in document["lines"]]
    content = await checkout(on.running.settings, CHANNEL, json.dumps(document).encode(), by_card_on_file)
    answer = await intake.accept(content, channel=CHANNEL, platform=PLATFORM)
    if isinstance(answer, Parked):
        raise BenchFailed(f"order {number} was parked: {answer.problems}")
    handle = on.client.get_workflow_handle(answer.order_id, result_type=OrderState)
    await _waits_for_stock(handle)
    line = document["lines"][0]
    took = [
        await _amend(handle, answer.order_id, LineId(line["id"]), line["quantity"] + more, revision)
        for revision, more in ((1, 1), (2, 0))
    ]
    await handle.execute_update(Order.cancel, args=["bench", "it has been measured"])
    return took


async def _amend(
    handle: WorkflowHandle[Order, OrderState], order: OrderId, line: LineId, quantity: int, revision: int
) -> float:
    loop = asyncio.get_running_loop()
    amendment = Amendment(
        amendment_id=f"bench-{revision}",
        expected_revision=revision,
        actor="bench",
        reason="the customer called",
        changes=(SetQuantity(line_id=line, quantity=quantity),),
    )
    began = loop.time()
    told: Amended = await handle.execute_update("amend", amendment, result_type=Amended)
    if told.state is not AmendmentState.COMMITTED:
        raise BenchFailed(f"{order} was not amended: {told.why}")
    return loop.time() - began


async def _waits_for_stock(handle: WorkflowHandle[Order, OrderState]) -> None:
    async with asyncio.timeout(_PATIENCE.total_seconds()):
        while "stock" not in (await handle.query(Order.read_document)).waits_for:  # noqa: ASYNC110  it waits elsewhere
            await asyncio.sleep(_LOOK_SECONDS)
