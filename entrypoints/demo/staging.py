"""What every story of the demo needs of its installation: the stage, orders placed as their shops tell of them, a watch."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.database.schema import InboxState
from domain.ids import ChannelId
from entrypoints.commands import opened_commands
from entrypoints.demo.progress import Part, Progress
from entrypoints.demo.scene import Stage
from entrypoints.demo.sender import tell_of_order
from entrypoints.demo.shopper import checkout
from entrypoints.demo.watching import LOOK_SECONDS, STALLED_SECONDS, DemoFailed, Watch
from entrypoints.demo.world import opened_world
from entrypoints.doors import opened_doors
from entrypoints.embedded.installation import Installation
from entrypoints.intake import opened_inbox
from workers.connection import connect


@asynccontextmanager
async def opened_stage(running: Installation) -> AsyncIterator[Stage]:
    settings = running.settings
    async with (
        opened_world(running.simulator_url, running.token) as world,
        opened_doors(settings) as doors,
        opened_commands(settings) as commands,
    ):
        yield Stage(world, Watch(await connect(settings)), doors, commands)


async def place(running: Installation, part: Part) -> None:
    """The shopper pays, and the shop tells of the order."""
    channel = ChannelId(part.scene.sent.channel)
    document = json.dumps(part.scene.sent.document).encode()
    content = await checkout(running.settings, channel, document, part.kind.checkout)
    await tell_of_order(running.settings, channel, content)


async def watch_all(running: Installation, progress: Progress, watch: Callable[[Progress], None]) -> None:
    """Look at all orders twice a second until all are at rest; DemoFailed when none moved for two minutes."""
    loop = asyncio.get_running_loop()
    seen, since = progress.picture, loop.time()
    while not progress.at_rest:
        await progress.watch.look()
        progress.note_questions()
        watch(progress)
        if progress.picture != seen:
            seen, since = progress.picture, loop.time()
        if loop.time() - since > STALLED_SECONDS:
            stands = dict(Counter(map(progress.phase, progress.parts)))
            why = [f"no order moved for {STALLED_SECONDS} s: {stands}"]
            why += [*progress.otherwise(), *await progress.waited_for(), *await _parked(running)]
            raise DemoFailed("; ".join(why))
        await asyncio.sleep(LOOK_SECONDS)


async def _parked(running: Installation) -> list[str]:
    """What came through the door and could not be used."""
    async with opened_inbox(running.settings) as inbox:
        return [
            f"inbox item {item.id} is parked: {item.reason} {item.problems}"
            for item in await inbox.list(InboxState.PARKED)
        ]
