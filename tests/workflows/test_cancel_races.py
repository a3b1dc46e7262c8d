"""Cancels that race with the hand-over to the driver: whoever wins, the answer is what the books say."""

import asyncio

from domain.ids import System
from domain.phases import Phase
from domain.records import OrderState
from tests.workflows import flows
from tests.workflows.books import settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World

RACES = 40
AT_ONCE = 10
STAGES = 4
STEP_SECONDS = 0.008  # the races of a stage are this far apart; an effect takes about 20 ms
UNDER_WAY = {Phase.CANCELLING, Phase.CANCELLED}
_LOOK_SECONDS = 0.02


class Race:
    def __init__(self, story: Story, number: int) -> None:
        self.story = story
        self.stage, self.steps = number % STAGES, number // STAGES
        self.in_temporal = (
            number % 5 == 0
        )  # Temporal's own cancel: it gives no answer, the order's end is one
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
        """At once, when it is packed, has its labels, or has left: each a little later than the race before."""
        match self.stage:
            case 1:
                await self.packed.wait()
            case 2:
                await self.story.until(lambda order: order.shipments[0].labels)
            case 3:
                await self.left.wait()
        await asyncio.sleep(self.steps * STEP_SECONDS)
        if not self.in_temporal:
            return (await self.story.cancel()).allowed
        await self.story.handle.cancel()
        order = await self.story.until(
            lambda order: order.phase in UNDER_WAY or order.phase is Phase.AFTER_SALES
        )
        return order.phase in UNDER_WAY


async def run(world: World, number: int) -> OrderState:
    story = await world.begin()
    await story.waits_for("the warehouse to pack")
    race = Race(story, number)
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


async def test_forty_cancels_race_with_the_hand_over_and_every_answer_is_true(world: World) -> None:
    ends: list[OrderState] = []
    for first in range(RACES // AT_ONCE):
        numbers = range(first, RACES, RACES // AT_ONCE)
        ends += await asyncio.gather(*(run(world, number) for number in numbers))
    assert len(ends) == RACES
    assert set(ends) == {OrderState.COMPLETED, OrderState.CANCELLED}
