"""The fault matrix: every effect, through a whole order, with everything that can happen to it.

In the end the books are what they are without the fault: everything once, or everything undone. What changes something
outside without our learning of it, and a worker that dies, is tried on every effect alone; what changes nothing at its
first try hits all effects of a flow in one run. Each run asserts that each of its faults was really met.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest

from activities.steps import step_of
from adapters.database.incidents import SqlIncidents
from adapters.database.records import SqlRecords
from domain.errors import Unavailable
from domain.orders import PlacedOrder
from tests.workflows import flows
from tests.workflows.books import Books, settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World

ALONE = ("reply_lost", "late_commit")
TOGETHER = ("down", "rate_limited", "error5xx", "slow", "garbage")
DEATHS = ("before", "after")
LATE_SECONDS = 0.8  # the adapter of `impatient` gives up after 0.5 s, and asks again 0.6 s later
DATABASE_LATE_SECONDS = 0.3


def cancelled_with_labels(placed: PlacedOrder) -> Books:
    return undone(
        placed,
        erp=("cancelled",),
        picks=("cancelled",),
        labels_voided=1,
        notes=("cancelled", "confirmed"),
        mails=("cancelled", "confirmed"),
    )


def refused_by_the_erp(placed: PlacedOrder) -> Books:
    return undone(placed, erp=("cancelled",), on_hand=0, operators=("needs_person",))


def prepaid_and_cancelled(placed: PlacedOrder) -> Books:
    total = f"{placed.total.major:f}"
    return undone(
        placed,
        payment=("captured",),
        captured=(total,),
        refunded=(total,),
        voided=(),
        erp=("cancelled",),
        picks=("cancelled",),
        notes=("cancelled", "confirmed"),
        mails=("cancelled", "confirmed"),
        movements=(f"refunded {placed.total}",),
    )


def on_account(placed: PlacedOrder) -> Books:
    return settled(placed, payment=(), captured=(), movements=(), credit=(f"{placed.total.major:f}",))


class Flow(NamedTuple):
    go: Callable[..., Awaitable[Story]]
    books: Callable[[PlacedOrder], Books]


class Case(NamedTuple):
    """The flow in which the activity makes the operation's first request."""

    flow: Flow
    system: str
    operation: str


HAPPY = Flow(flows.settled, settled)
UNDO = Flow(flows.cancelled_with_labels, cancelled_with_labels)
REFUND = Flow(flows.prepaid_and_cancelled, prepaid_and_cancelled)
CREDIT = Flow(flows.on_account, on_account)
REFUSED = Flow(flows.refused_by_the_erp, refused_by_the_erp)
OUTAGE = Flow(flows.erp_down_for_a_while, settled)

CASES = {
    "register_customer_in_erp": Case(HAPPY, "erp", "register_customer"),
    "register_customer_in_crm": Case(HAPPY, "crm", "register_customer"),
    "enter_erp_order": Case(HAPPY, "erp", "enter_order"),
    "reserve_stock": Case(HAPPY, "stock", "reserve"),
    "request_pick": Case(HAPPY, "warehouse", "request_pick"),
    "create_labels": Case(HAPPY, "carrier", "create_labels"),
    "hand_over": Case(HAPPY, "warehouse", "hand_over"),
    "capture_payment": Case(HAPPY, "payments", "capture"),
    "record_shipment_in_erp": Case(HAPPY, "erp", "record_shipment"),
    "report_shipment_to_shop": Case(HAPPY, "storefront", "report_shipment"),
    "post_invoice": Case(HAPPY, "erp", "post_invoice"),
    "note_in_crm": Case(HAPPY, "crm", "note"),
    "mail_customer": Case(HAPPY, "notifications", "send"),
    "void_holds": Case(UNDO, "payments", "void"),
    "cancel_erp_order": Case(UNDO, "erp", "cancel_order"),
    "release_stock": Case(UNDO, "stock", "release"),
    "cancel_pick": Case(UNDO, "warehouse", "cancel_pick"),
    "void_labels": Case(UNDO, "carrier", "void_labels"),
    "cancel_shop_order": Case(UNDO, "storefront", "cancel_order"),
    "refund_payment": Case(REFUND, "payments", "refund"),
    "approve_credit": Case(CREDIT, "erp", "approve_credit"),
    "tell_operators": Case(REFUSED, "notifications", "send"),
}
# Our own database: whose method loses its reply, and in which flow.
IN_THE_DATABASE: dict[str, tuple[type, str, Flow]] = {
    "close_order_record": (SqlRecords, "close_order", HAPPY),
    "begin_outage": (SqlIncidents, "begin", OUTAGE),
    "end_outage": (SqlIncidents, "end", OUTAGE),
    "capture_payment, its record": (SqlRecords, "record_movement", HAPPY),
    "refund_payment, its record": (SqlRecords, "record_movement", REFUND),
    "void_holds, its record": (SqlRecords, "record_movement", UNDO),
}
FLOWS = {case.flow: case.flow.go.__name__ for case in CASES.values()}
EFFECTS = {name: case.flow for name, case in CASES.items()} | {
    name: flow for name, (_, _, flow) in IN_THE_DATABASE.items() if "," not in name
}


def test_every_effect_has_its_case(running_world: World) -> None:
    effects = {step.name for step in map(step_of, running_world.activities) if step.mutates}
    assert effects == EFFECTS.keys()
    outside = len(CASES) * (len(ALONE) + len(TOGETHER))
    database, deaths = len(IN_THE_DATABASE) * len(ALONE), len(EFFECTS) * len(DEATHS)
    print(f"{len(effects)} effects, {outside + database + deaths} cases")  # noqa: T201


def met(world: World, story: Story, case: Case, kind: str) -> bool:
    """Whether the fault really hit a request of this order."""
    return any(
        kind in request["outcomes"] and request["key"].startswith(f"{story.id}/")
        for request in world.simulator.books()["requests"]
        if (request["system"], request["operation"]) == (case.system, case.operation)
    )


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("effect", CASES)
async def test_an_effect_happens_once_whatever_becomes_of_its_reply(
    world: World, effect: str, kind: str
) -> None:
    case = CASES[effect]
    world.simulator.fault(case.system, kind, case.operation, times=1, seconds=LATE_SECONDS)
    story = await case.flow.go(world, channel="impatient")
    assert met(world, story, case, kind)
    assert await story.books() == case.flow.books(story.placed)


@pytest.mark.parametrize("kind", TOGETHER)
@pytest.mark.parametrize("flow", FLOWS, ids=FLOWS.values())
async def test_every_effect_of_a_flow_is_tried_again(world: World, flow: Flow, kind: str) -> None:
    cases = [case for case in CASES.values() if case.flow == flow]
    for system, operation in {(case.system, case.operation) for case in cases}:
        world.simulator.fault(system, kind, operation, times=1, seconds=0.2, retry_after=0)
    story = await flow.go(world, channel="impatient")
    assert [case for case in cases if not met(world, story, case, kind)] == []
    assert await story.books() == flow.books(story.placed)


@pytest.mark.parametrize("when", DEATHS)
@pytest.mark.parametrize("effect", EFFECTS)
async def test_a_worker_that_dies_before_or_after_the_effect_is_replaced(
    world: World, effect: str, when: str
) -> None:
    """Of a dead worker the server hears nothing: it gives the effect to another when the attempt's time is over."""
    world.dies[effect] = when
    flow = EFFECTS[effect]
    story = await flow.go(world, channel="hasty" if flow == OUTAGE else "mortal")
    assert effect not in world.dies
    assert await story.books() == flow.books(story.placed)


@pytest.fixture
def faulty_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type, str, str], list[str]]]:
    """Let a method of our database fail once in the way of `kind`. The list that it answers tells when it did."""
    late: list[asyncio.Task[None]] = []

    def fail_once(holder: type, method: str, kind: str) -> list[str]:
        real, met = getattr(holder, method), list[str]()

        async def later(*args: Any) -> None:
            await asyncio.sleep(DATABASE_LATE_SECONDS)
            await real(*args)

        async def faulty(*args: Any) -> Any:
            if met:
                return await real(*args)
            met.append(kind)
            if kind == "late_commit":
                late.append(asyncio.create_task(later(*args)))
            else:
                await real(*args)
            raise Unavailable("the reply was lost")

        monkeypatch.setattr(holder, method, faulty)
        return met

    yield fail_once
    assert all(task.done() and task.exception() is None for task in late)


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("effect", IN_THE_DATABASE)
async def test_what_our_database_keeps_is_kept_once(
    world: World, faulty_database: Callable[[type, str, str], list[str]], effect: str, kind: str
) -> None:
    holder, method, flow = IN_THE_DATABASE[effect]
    met = faulty_database(holder, method, kind)
    story = await flow.go(world)
    await asyncio.sleep(2 * DATABASE_LATE_SECONDS)
    assert met == [kind]
    assert await story.books() == flow.books(story.placed)


@pytest.mark.parametrize("webhooks", ["duplicated", "reordered"])
@pytest.mark.parametrize("flow", [HAPPY, REFUND, CREDIT], ids=lambda flow: flow.go.__name__)
async def test_webhooks_that_come_twice_or_in_another_order_change_nothing(
    world: World, flow: Flow, webhooks: str
) -> None:
    world.webhooks = webhooks
    story = await flow.go(world)
    assert await story.books() == flow.books(story.placed)
