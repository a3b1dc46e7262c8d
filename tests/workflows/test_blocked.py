"""A system is down: the order says so, operators are told once per system, and it goes on by itself."""

import asyncio

from domain.ids import System
from domain.phases import Phase
from tests.workflows import flows
from tests.workflows.books import settled
from tests.workflows.world import World
from workflows.visibility import BLOCKED_ON, BLOCKED_SINCE


async def test_an_erp_that_is_down_blocks_the_order_and_nothing_else_until_it_is_up(world: World) -> None:
    told = len(world.incident_mails())
    world.simulator.fault("erp", "down", "enter_order")
    story = await world.begin(channel="hasty")
    document = await story.blocked_on(System.ERP)
    assert document.phase is Phase.ENTERING_ERP
    assert [mark.step for mark in document.blocked] == ["Enter the sales order in the ERP"]
    assert "unavailable" in document.blocked[0].last_error
    found = (await story.handle.describe()).typed_search_attributes
    assert found[BLOCKED_ON] == ["erp"]
    assert found[BLOCKED_SINCE] == document.blocked[0].since
    await world.operators_are_told("erp does not answer", since=told)

    world.simulator.clear_faults()
    await story.waits_for("the warehouse to pack")
    await world.operators_are_told("erp does not answer", "No order waits for erp any more", since=told)
    await story.pack()
    found = (await story.handle.describe()).typed_search_attributes
    assert found.get(BLOCKED_ON) is None
    assert found.get(BLOCKED_SINCE) is None
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_a_rate_limited_gateway_is_asked_again_when_it_said_and_no_sooner(world: World) -> None:
    story = await world.begin()
    await story.pack()
    await story.waits_for("the goods to leave")
    world.simulator.fault("payments", "rate_limited", "capture", times=1, retry_after=1)
    begun = asyncio.get_running_loop().time()
    await story.ship()
    await story.waits_for("the delivery")
    assert asyncio.get_running_loop().time() - begun >= 1
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_mail_that_is_down_is_not_told_by_mail(world: World) -> None:
    world.simulator.fault("notifications", "down")
    story = await world.begin(channel="hasty")
    await story.blocked_on(System.NOTIFICATIONS)
    world.simulator.clear_faults()
    await story.pack()
    await story.ship()
    await flows.deliver_and_close(story)
    assert await story.books() == settled(story.placed)


async def test_two_systems_down_at_once_are_both_named(world: World) -> None:
    world.simulator.fault("erp", "down", "register_customer")
    world.simulator.fault("crm", "down", "register_customer")
    story = await world.begin(channel="hasty")
    await story.until(lambda document: {mark.system for mark in document.blocked} == {"erp", "crm"})
    world.simulator.clear_faults()
    await story.waits_for("the warehouse to pack")
    assert (await story.document()).blocked == []


async def test_a_read_that_fails_is_visible_and_goes_on(world: World) -> None:
    story = await world.begin(channel="hasty")
    await story.waits_for("the warehouse to pack")
    world.simulator.fault("warehouse", "down", "look_up_pick")
    world.simulator.pack(story.shipment)
    await story.hint(System.WAREHOUSE)
    document = await story.blocked_on(System.WAREHOUSE)
    assert [mark.step for mark in document.blocked] == ["look up picks"]
    world.simulator.clear_faults()
    await story.waits_for("the goods to leave")
