"""The ERP is down for 20 hours, and 100 orders arrive meanwhile: all wait visibly, and flow in by themselves."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

from domain.ids import System
from domain.phases import Phase
from tests.workflows.story import Story
from tests.workflows.world import World

ORDERS = 100
AT_ONCE = 20
DOWN = timedelta(hours=20)
A_RETRY = timedelta(hours=1, minutes=1)  # in the channel `patient` an hour passes between two tries


async def of_all(stories: list[Story], act: Callable[[Story, int], Awaitable[object]]) -> None:
    """A few at a time: this is one small machine."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, story: Story) -> None:
        async with free:
            await act(story, number)

    await asyncio.gather(*(one(number, story) for number, story in enumerate(stories)))


async def arrives(story: Story, number: int) -> None:
    """One every twelve minutes: the first waits for the whole outage, the last one only for its end."""
    document = await story.blocked_on(System.ERP)
    assert document.phase is Phase.ENTERING_ERP
    waits = DOWN - number * (DOWN / ORDERS)
    await story.pass_time(waits)
    assert [mark.system for mark in (await story.document()).blocked] == [System.ERP]


async def flows_in(story: Story, number: int) -> None:
    del number
    await story.pass_time(A_RETRY)
    await story.waits_for("the warehouse to pack")


async def test_all_are_in_the_erp_once_and_operators_read_two_messages(world: World) -> None:
    told = len(world.incident_mails())
    world.simulator.fault("erp", "down", "enter_order")
    stories = [await world.begin(channel="patient") for _ in range(ORDERS)]
    await of_all(stories, arrives)
    await world.operators_are_told("erp does not answer", since=told)

    world.simulator.clear_faults()
    await of_all(stories, flows_in)
    await world.operators_are_told("erp does not answer", "No order waits for erp any more", since=told)

    mine = {story.id for story in stories}
    entered = Counter(
        order["order_id"] for order in world.simulator.books()["sales_orders"] if order["order_id"] in mine
    )
    assert entered == Counter(mine)
    documents = [await story.document() for story in stories]
    assert not [document for document in documents if document.attention or document.blocked]
