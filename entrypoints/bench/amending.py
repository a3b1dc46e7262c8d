"""How long a change by phone takes: its quote, and from the call to the revision that holds in every system."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import httpx
from temporalio.client import WorkflowHandle

from adapters.tls import trusted
from domain.amendments import Amended, Amendment, AmendmentState, Changes, SetQuantity
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
    async with httpx.AsyncClient(verify=trusted(), base_url=on.running.simulator_url) as world:
        (await world.put("/world/stock", json={"on_hand": {_LATER: 0}})).raise_for_status()
    took: list[_Took] = []
    async with opened_intake(on.settings(_QUEUE)) as intake:
        for number in range(_WARM_UP + orders):
            seconds = await _amended(on, intake, number)
            took += seconds if number >= _WARM_UP else []
            watch(number)
    amending, quoting = ([one.amending for one in took], [one.quoting for one in took])
    return Amendments(
        amendments=len(took),
        p50_ms=percentile(amending, 50) * 1000,
        p99_ms=percentile(amending, 99) * 1000,
        quote_p50_ms=percentile(quoting, 50) * 1000,
        quote_p99_ms=percentile(quoting, 99) * 1000,
    )


class _Took(NamedTuple):
    """Seconds."""

    quoting: float
    amending: float


async def _amended(on: Stage, intake: Intake, number: int) -> list[_Took]:
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
) -> _Took:
    loop = asyncio.get_running_loop()
    changes = (SetQuantity(line_id=line, quantity=quantity),)
    amendment = Amendment(
        amendment_id=f"bench-{revision}",
        expected_revision=revision,
        actor="bench",
        reason="the customer called",
        changes=changes,
    )
    asked = loop.time()
    quote = await handle.query(Order.read_quote, Changes(changes=changes))
    if not quote.allowed:
        raise BenchFailed(f"{order} would not be amended: {quote.verdicts}")
    began = loop.time()
    told: Amended = await handle.execute_update("amend", amendment, result_type=Amended)
    if told.state is not AmendmentState.COMMITTED:
        raise BenchFailed(f"{order} was not amended: {told.why}")
    return _Took(quoting=began - asked, amending=loop.time() - began)


async def _waits_for_stock(handle: WorkflowHandle[Order, OrderState]) -> None:
    async with asyncio.timeout(_PATIENCE.total_seconds()):
        while "stock" not in (await handle.query(Order.read_document)).waits_for:  # noqa: ASYNC110  it waits elsewhere
            await asyncio.sleep(_LOOK_SECONDS)
