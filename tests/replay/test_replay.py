"""Orders that began with former code go on with this code: their histories replay."""

import pytest
from temporalio import workflow

from tests.replay.histories import FLOWS, flow_of, history, recorded, text_of
from tests.replay.releases import Changed, Patched
from tests.replay.replaying import replay
from workflows.order import Order


def _reserved(name: str) -> bool:
    """Whether the order came past its reservation in this run: what is changed stands between that and the pick."""
    return name in FLOWS and '"request_pick"' in text_of(name)


def test_every_flow_is_recorded() -> None:
    assert {flow_of(run) for run in recorded()} == FLOWS.keys(), "python -m tests.replay.record FLOW"


def test_flows_are_found_by_themselves_and_helpers_are_none() -> None:
    assert {"settled", "cancelled_while_picking", "erp_down_for_a_while"} <= FLOWS.keys()
    assert "deliver_and_close" not in FLOWS


@pytest.mark.parametrize("name", sorted(recorded()))
async def test_a_recorded_history_replays(name: str) -> None:
    await replay(Order, history(name))


@pytest.mark.parametrize("name", [*filter(_reserved, sorted(recorded()))])
async def test_a_change_without_a_patch_is_noticed(name: str) -> None:
    with pytest.raises(workflow.NondeterminismError):
        await replay(Changed, history(name))


@pytest.mark.parametrize("name", sorted(recorded()))
async def test_the_same_change_with_a_patch_is_safe_for_running_orders(name: str) -> None:
    await replay(Patched, history(name))
