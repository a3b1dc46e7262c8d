"""Orders that began with former code go on with this code: their histories replay."""

from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from domain.orders import PlacedOrder
from domain.records import OrderState
from tests.replay.histories import FLOWS, FOLDER
from workflows.order import Order

HISTORIES = sorted(FOLDER.glob("*.json"))


@workflow.defn(name="Order")
class Silent(Order):
    """An order that is no longer confirmed to its customer: a change that running orders do not survive."""

    @workflow.run
    async def run(self, placed: PlacedOrder) -> OrderState:
        return await super().run(placed)

    async def _confirm_to_customer(self) -> None:
        pass


def replayer(order: type[Order]) -> Replayer:
    return Replayer(
        workflows=[order],
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=pydantic_data_converter,
    )


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"order:replay:{path.stem}", path.read_text())


def test_every_flow_is_recorded() -> None:
    assert {path.stem for path in HISTORIES} == FLOWS.keys()


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer(Order).replay_workflow(history(path))


async def test_a_change_that_is_not_safe_for_running_orders_is_noticed() -> None:
    with pytest.raises(workflow.NondeterminismError, match="mail-confirmed"):
        await replayer(Silent).replay_workflow(history(FOLDER / "settled.json"))
