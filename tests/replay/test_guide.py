"""docs/versioning.md says what is so."""

import asyncio
import inspect
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.common import RetryPolicy

from entrypoints.cli.commands import COMMANDS
from entrypoints.embedded.temporal import temporal_cli
from tests.replay import histories, releases
from tests.replay.histories import history, keep
from tests.replay.record import recording
from tests.replay.replaying import replay
from tests.workflows.world import World
from workflows import visibility
from workflows.effects import Effects
from workflows.order import Order
from workflows.todo import Todo

GUIDE = (Path(__file__).parents[2] / "docs" / "versioning.md").read_text()
_TABLE = dict(re.findall(r"^\| (.+) \| (yes|no) \|$", GUIDE, re.MULTILINE))
_FENCES = re.findall(r"^( *)```(\w+)\n(.*?)^ *```$", GUIDE, re.MULTILINE | re.DOTALL)


def _before_reserving(monkeypatch: pytest.MonkeyPatch, what: Callable[[Order], Any]) -> None:
    reserve = Order._reserve_stock

    async def changed(order: Order) -> None:
        done = what(order)
        if inspect.isawaitable(done):
            await done
        await reserve(order)

    monkeypatch.setattr(Order, "_reserve_stock", changed)


def _reservation(monkeypatch: pytest.MonkeyPatch, change: Callable[[Todo[Any]], Todo[Any]]) -> None:
    made = Effects.reserve_stock
    monkeypatch.setattr(Effects, "reserve_stock", lambda effects: change(made(effects)))


_CHANGES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "an effect or a read more, fewer, or in another order": lambda patch: _before_reserving(
        patch, lambda order: order.owner.do(order.effects.crm_note("reserving"))
    ),
    "a timer: a sleep, or a wait with a deadline": lambda patch: _before_reserving(
        patch, lambda _: asyncio.sleep(1)
    ),
    "another activity id of an effect": lambda patch: _reservation(
        patch, lambda todo: replace(todo, name="keep")
    ),
    "a search attribute set at another point": lambda patch: _before_reserving(
        patch, lambda _: workflow.upsert_search_attributes([visibility.ON_HOLD.value_set(value=False)])
    ),
    "when an order goes on as new (`NextRun.is_due`, its limits)": lambda patch: patch.setattr(
        "workflows.next_run.EVENTS", 100
    ),
    "a line of the timeline, or other words in the Web UI": lambda patch: _before_reserving(
        patch, lambda order: order.owner.note("something is said")
    ),
    "other arguments of an effect": lambda patch: _reservation(
        patch, lambda todo: replace(todo, call=todo.call.model_copy(update={"adapter": "another"}))
    ),
    "other timeouts or intervals of retries": lambda patch: patch.setattr(
        "workflows.attempts.RetryPolicy", lambda **_: RetryPolicy(maximum_attempts=3)
    ),
}


def test_every_kind_of_change_is_tried() -> None:
    assert _TABLE.keys() == _CHANGES.keys()


@pytest.mark.parametrize("change", _CHANGES)
async def test_a_change_needs_a_patch_where_the_guide_says_so(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await replay(Order, history("settled"))
    _CHANGES[change](monkeypatch)
    if _TABLE[change] == "yes":
        with pytest.raises(workflow.NondeterminismError):
            await replay(Order, history("settled"))
    else:
        await replay(Order, history("settled"))


def test_the_code_of_the_steps_is_the_code_that_the_tests_run() -> None:
    steps = [_flat(body) for _, language, body in _FENCES if language == "python"]
    tried = (releases.Patched, releases.Deprecating, releases.Changed)
    assert len(steps) == len(tried)
    for step, release in zip(steps, tried, strict=True):
        assert _flat(inspect.getsource(release._reserve_stock)).endswith(step)


def test_the_commands_of_the_guide_exist() -> None:
    shell = "\n".join(body for _, language, body in _FENCES if language == "sh")
    assert {
        *re.findall(r"ordersaga (\w+)", shell + " ".join(re.findall(r"`(.+?)`", GUIDE)))
    } <= COMMANDS.keys()
    assert {"deploy", "ui", "worker"} <= {*re.findall(r"ordersaga (\w+)", shell)}
    assert "python -m tests.replay.record settled " in shell


async def test_a_flow_is_recorded_and_its_recording_replays(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "FOLDER", tmp_path)
    keep("cancelled_while_picking", await recording(world, "cancelled_while_picking"))
    await replay(Order, history("cancelled_while_picking"))


async def test_a_history_that_the_command_line_prints_replays(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    (show,) = re.findall(r"temporal (workflow show .+) > history.json", GUIDE)
    shown = await _temporal(world, show.replace("order:shop-de:1001", story.id))
    await replay(Order, WorkflowHistory.from_json(story.id, shown))


async def test_the_count_of_orders_from_before_a_release_counts_them(world: World) -> None:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    (count,) = re.findall(r"temporal (workflow count .+)", GUIDE)
    before, after = (re.sub(r"\d{4}(-\d\d-\d\dT)", rf"{year}\1", count) for year in (1999, 2999))
    assert await _temporal(world, before) == "Total: 0\n"
    assert await _temporal(world, after) != "Total: 0\n"


async def _temporal(world: World, command: str) -> str:
    """What the guide's command says of this world."""
    address = world.temporal.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        temporal_cli(), *shlex.split(command), "--address", address, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


def _flat(code: str) -> str:
    return " ".join(code.split())
