"""Cancels that race with the hand-over to the driver: whoever wins, the answer is what the books say."""

import asyncio
import os
import random  # noqa: TID251  timing is what a race is about; the seed is told

import pytest

from domain.ids import System
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World

HEATS = 4
RACES = 50  # in each heat: 200 in all
FEW = 10  # where there is less time
AT_ONCE = 10
MOMENTS = ("at once", "packed", "labelled", "left")
LATER_SECONDS_MAX = 0.08  # an effect takes about 20 ms
UNDER_WAY = {Phase.CANCELLING, Phase.CANCELLED}
SEED = int(os.environ.get("ORDERSAGA_TEST_SEED", "20261122"))
_LOOK_SECONDS = 0.02


class Race:
    def __init__(self, story: Story, chance: random.Random) -> None:
        self.story = story
        self.moment = chance.choice(MOMENTS)
        self.later = chance.uniform(0, LATER_SECONDS_MAX)
        # Temporal's own cancel gives no answer; the order's end is one.
        self.in_temporal = chance.random() < 0.2
        self.packed, self.left = asyncio.Event(), asyncio.Event()

    async def drive(self) -> None:
        """Take the parcel as soon as it is packed and has its labels, if it ever is."""
        await self.story.pack()
        self.packed.set()
        ship = self.story.world.simulator.ship
        while not ship(self.story.shipment):  # noqa: ASYNC110  the warehouse is another process
            await asyncio.sleep(_LOOK_SECONDS)
        self.left.set()
        await self.story.hint(System.WAREHOUSE)

    async def cancel(self) -> bool:
        """At once, when it is packed, has its labels, or has left: and a little later."""
        match self.moment:
            case "packed":
                await self.packed.wait()
            case "labelled":
                await self.story.until(lambda order: order.shipments[0].labels)
            case "left":
                await self.left.wait()
        await asyncio.sleep(self.later)
        if not self.in_temporal:
            return (await self.story.cancel()).allowed
        await self.story.handle.cancel()
        order = await self.story.until(
            lambda order: order.phase in UNDER_WAY or order.phase is Phase.AFTER_SALES
        )
        return order.phase in UNDER_WAY


async def run(world: World, chance: random.Random) -> OrderState:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    race = Race(story, chance)
    driving = asyncio.create_task(race.drive())
    if await race.cancel():
        driving.cancel()
        await story.result()
        books = await story.books()
        assert books == undone(
            story.placed,
            erp=("cancelled",),
            picks=("cancelled",),
            labels_voided=books.labels_voided,
            notes=("cancelled", "confirmed"),
            mails=("cancelled", "confirmed"),
        )
    else:
        await driving
        await flows.deliver_and_close(story)
        assert await story.books() == settled(story.placed)
    return await story.result()


@pytest.mark.parametrize(
    ("heat", "races"), [(0, FEW), *(pytest.param(n, RACES, marks=pytest.mark.long) for n in range(HEATS))]
)
async def test_cancels_race_with_the_hand_over_and_every_answer_is_true(
    world: World, heat: int, races: int
) -> None:
    """ORDERSAGA_TEST_SEED chooses other moments."""
    chance = random.Random(SEED + heat)  # noqa: S311  no secret
    print(f"heat {heat} of seed {SEED}")  # noqa: T201
    ends: list[OrderState] = []
    for _ in range(races // AT_ONCE):
        ends += await asyncio.gather(*(run(world, chance) for _ in range(AT_ONCE)))
    assert len(ends) == races
    assert set(ends) == {OrderState.COMPLETED, OrderState.CANCELLED}
