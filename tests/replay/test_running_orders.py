"""A new build with a changed workflow takes over the orders that run, wherever they stand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.ids import System
from tests.replay.releases import Changed, Deprecating, Patched
from tests.replay.replaying import replay
from tests.workflows import flows, runs
from tests.workflows.books import settled
from tests.workflows.story import PATIENCE_SECONDS, Story
from tests.workflows.world import World
from workers.deployment import become_current, builds, deployment_of
from workers.settings import Settings
from workflows.order import Order

_OLD_WAY = ("confirmed", "shipped")
_NEW_WAY = ("confirmed", "reserved", "shipped")
_numbers = count(1)


class Releases:
    """A deployment with a queue of its own, in the running world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._name = f"releases-{next(_numbers)}"

    def settings(self, build: str) -> Settings:
        namespace = self.world.temporal.client.namespace
        return Settings(namespace=namespace, deployment=self._name, task_queue=self._name, build_id=build)

    @asynccontextmanager
    async def carried_by(self, build: str, order: type[Order]) -> AsyncIterator[None]:
        """By one worker, as in production, whose build is made current."""
        settings = self.settings(build)
        worker = Worker(
            self.world.temporal.client,
            task_queue=settings.task_queue,
            workflows=[order],
            activities=self.world.activities,
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            max_eager_activity_reservations_per_workflow_task=10,
            deployment_config=deployment_of(settings),
        )
        async with worker:
            await become_current(self.world.temporal.client, settings)
            yield

    async def order(self, *, channel: str = "shop", **how: Any) -> Story:
        placed = self.world.order(channel=channel)
        self.world.place(placed, **how)
        return await self.world.start(placed, queue=self._name)

    async def known(self) -> dict[str, bool]:
        """Every build, and whether it is current."""
        found = await builds(self.world.temporal.client, self.settings("any"))
        return {build.build_id: build.current for build in found}


@pytest_asyncio.fixture(loop_scope="session")
async def releases(running_world: World) -> AsyncIterator[Releases]:
    yield Releases(running_world)
    running_world.simulator.clear_faults()
    running_world._stories.clear()  # the released workflow does not replay them: each test says what does


async def ended(story: Story) -> WorkflowHistory:
    """Its first run, in which stock was reserved."""
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    return (await runs.histories(story.world.temporal.client, story.handle))[0]


async def task_failed(story: Story) -> None:
    """Until Temporal has been told that the order does not replay, and tries again."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        found = await story.handle.fetch_history()
        causes = [event.workflow_task_failed_event_attributes.cause for event in found.events]
        if WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR in causes:
            return
        assert asyncio.get_running_loop().time() < deadline, "it replayed"
        await asyncio.sleep(0.05)


async def answers_again(story: Story) -> None:
    """Until a build has replayed it; before, Temporal refuses queries about an order whose task failed often."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            await story.document()
        except RPCError as error:
            late = asyncio.get_running_loop().time() > deadline
            if late or error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            await asyncio.sleep(0.05)
        else:
            return


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param(False, id="after-the-old-worker", marks=pytest.mark.long),
        pytest.param(True, id="beside-the-old-worker"),
    ],
)
async def test_running_orders_go_on_in_a_changed_workflow(releases: Releases, *, beside: bool) -> None:
    """Who is past the change ends without it; who has not come to it yet, and who is new, goes the new way."""
    world = releases.world
    async with AsyncExitStack() as old, AsyncExitStack() as new:
        await old.enter_async_context(releases.carried_by("1", Order))
        unpaid = await releases.order(payment="pending")
        await unpaid.waits_for("the payment, which is pending")
        picked = await releases.order()
        await picked.waits_for("the warehouse to pack")
        delivered = await releases.order()
        await delivered.pack()
        await delivered.ship()
        await delivered.deliver()
        await delivered.waits_for("the return window to end")
        world.simulator.fault("erp", "down", "enter_order")
        blocked = await releases.order(channel="hasty")
        await blocked.blocked_on(System.ERP)
        if not beside:
            await old.aclose()

        await new.enter_async_context(releases.carried_by("2", Patched))
        assert await releases.known() == {"1": False, "2": True}
        for story, waits in (
            (unpaid, "the payment"),
            (picked, "the warehouse"),
            (delivered, "the return window"),
        ):
            assert waits in (await story.document()).waits_for
        await blocked.blocked_on(System.ERP)
        world.simulator.clear_faults()
        world.bank(unpaid, "authorise")
        await unpaid.hint(System.PAYMENTS)
        late = await releases.order()
        histories = [await ended(story) for story in (unpaid, picked, blocked, late)]
        await delivered.until_closed()
        histories.append(await delivered.handle.fetch_history())

    for story in (picked, delivered):
        assert await story.books() == settled(story.placed, notes=_OLD_WAY)
    for story in (unpaid, late):
        assert await story.books() == settled(story.placed, notes=_NEW_WAY)
    assert (await blocked.books()).notes == _NEW_WAY
    assert (await blocked.books()).captured == settled(blocked.placed).captured
    for history in histories:
        await replay(Patched, history)


@pytest.mark.long
async def test_the_patch_goes_in_two_more_releases_each_when_no_order_needs_it_any_more(
    releases: Releases,
) -> None:
    """And what goes wrong when it goes too early: the replay of that order says so."""
    async with releases.carried_by("1", Order):
        without = await ended(await releases.order())
    async with releases.carried_by("2", Patched):
        patched = await ended(await releases.order())
    async with releases.carried_by("3", Deprecating):
        deprecated = await ended(await releases.order())
    await replay(Deprecating, patched)
    await replay(Changed, deprecated)
    for order, too_old in ((Deprecating, without), (Changed, patched), (Order, patched)):
        with pytest.raises(workflow.NondeterminismError):
            await replay(order, too_old)


async def test_a_running_order_that_does_not_replay_waits_unharmed_for_a_build_that_can(
    releases: Releases,
) -> None:
    async with releases.carried_by("1", Order):
        story = await releases.order()
        await story.waits_for("the warehouse to pack")
    async with releases.carried_by("2", Changed):
        releases.world.simulator.pack(story.shipment)
        await story.hint(System.WAREHOUSE)
        await task_failed(story)
    async with releases.carried_by("3", Patched):
        await answers_again(story)
        await story.ship()
        await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)
