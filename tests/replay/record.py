"""`python -m tests.replay.record [FLOW …]` records histories anew: of new flows, or of all after a change that is not
safe for running orders. CHANGELOG.md must say so then.

The customers in them are made up, as all of the simulated world.
"""

import asyncio
import gc
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowExecutionStatus

from tests.replay.histories import FLOWS, FOLDER, flow_of, keep, path_of, recorded
from tests.workflows.runs import histories
from tests.workflows.story import Story
from tests.workflows.world import World, open_world

_PROCESS = re.compile(r"^\d+@\S+$")  # 4711@host, and the queues that are called so
_SDK_ENDS_SECONDS = 0.5


async def record(names: list[str]) -> None:
    """The named flows, or all of them; then nothing else is kept."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        async with open_world(Path(directory)) as world:
            for name in names or FLOWS:
                keep(name, await recording(world, name))
                sys.stdout.write(f"{name}\n")
    for run in recorded():
        if flow_of(run) not in FLOWS:
            path_of(run).unlink()


async def recording(world: World, name: str) -> list[str]:
    """Of every run."""
    story = await FLOWS[name](world)
    world.simulator.clear_faults()
    await _come_to_rest(story)
    runs = await histories(world.temporal.client, story.handle)
    return [_text(run.to_json_dict()["events"]) for run in runs]


async def _come_to_rest(story: Story) -> None:
    """A flow may leave its order open: then until it waits for something."""
    if (await story.handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        await story.until(lambda document: document.waits_for)
    await story.idle()


def _text(events: list[Any]) -> str:
    """An event a line."""
    lines = [json.dumps(_anonymous(event), separators=(",", ":")) for event in events]
    return '{"events":[\n' + ",\n".join(lines) + "\n]}\n"


def _anonymous(value: Any) -> Any:
    """Without the names of the machine and its processes."""
    if isinstance(value, dict):
        return {
            key: _anonymous(item) for key, item in value.items() if key not in {"stackTrace", "workerVersion"}
        }
    if isinstance(value, str):
        return _PROCESS.sub("worker", value)
    return [_anonymous(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
    gc.collect()  # the SDK's threads need a moment, or the interpreter aborts
    time.sleep(_SDK_ENDS_SECONDS)
