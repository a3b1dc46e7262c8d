"""What is personal in an order stays with us: Temporal stores it encrypted, and no log has it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson

from domain.ids import OrderId
from domain.records import OrderState
from tests.e2e.product import Product, document, product, until
from tests.personal import EMAIL, TRACES, bought_by_her, traces_in
from tests.workflows.runs import histories
from workers.payloads import data_converter
from workflows.order import Order

pytestmark = pytest.mark.e2e


async def test_the_search_finds_what_is_not_encrypted() -> None:
    placed = bought_by_her(json.loads(document("SEEN")))
    (payload,) = await data_converter.encode([placed])
    exported = MessageToJson(payload)
    assert "Zorblina" not in exported
    for found in (payload.SerializeToString(), exported.encode(), b64encode(exported.encode())):
        assert traces_in(found) == set(TRACES)


async def test_temporal_stores_nothing_personal_and_no_log_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERSAGA_LOG_LEVEL", "debug")
    async with product(tmp_path) as running:
        await running.fault("erp", "down")
        order = await running.take(json.dumps(bought_by_her(json.loads(document("PERSONAL")))).encode())
        handle = running.temporal.get_workflow_handle(order)
        await until(lambda: _blocked(running, order))
        stuck = await handle.describe()
        await running.clear_faults()
        assert await running.ended(order) is OrderState.COMPLETED
        told = await handle.query(Order.read_document)
        runs = await histories(running.temporal, handle)
        ended = await handle.describe()
        begun = await running.temporal.get_workflow_handle(order, run_id=runs[0].run_id).describe()
        summary = await begun.static_summary()
    assert told.order.customer.email == EMAIL
    assert summary is not None
    assert summary.startswith("Order PERSONAL")
    exported = b"".join(run.to_json().encode() for run in runs)
    payloads = [payload for run in runs for payload in _payloads(run.to_json_dict())]
    assert {b64decode(one["encoding"]) for one in payloads} == {b"binary/encrypted"}
    assert {b64decode(one["encryption-order"]).decode() for one in payloads} == {order}
    written = {
        "the exported histories": exported,
        "what the Web UI is told while it is stuck": MessageToJson(stuck.raw_description).encode(),
        "what the Web UI is told at its end": MessageToJson(ended.raw_description).encode(),
    }
    kept = [*tmp_path.glob("temporal.sqlite*"), *tmp_path.glob("logs/*.log")]
    assert {"temporal.sqlite", "worker-1.log", "webhooks.log", "codec.log"} <= {file.name for file in kept}
    assert b"DEBUG" in (tmp_path / "logs" / "worker-1.log").read_bytes()
    written |= {file.name: file.read_bytes() for file in kept}
    assert {where: found for where, data in written.items() if (found := traces_in(data, depth=1))} == {}


def _payloads(told: Any) -> Iterator[dict[str, str]]:
    """The metadata of every payload but the search attributes, which Temporal must read and which name nobody."""
    if isinstance(told, list):
        for item in told:
            yield from _payloads(item)
    elif isinstance(told, dict):
        if "encoding" in told.get("metadata", {}):
            yield told["metadata"]
        for name, item in told.items():
            if name not in {"searchAttributes", "metadata"}:
                yield from _payloads(item)


async def _blocked(running: Product, order: OrderId) -> bool:
    requests = await running.requests("register_customer", order)
    return any(request["attempts"] + sum(request["outcomes"].values()) >= 2 for request in requests)
