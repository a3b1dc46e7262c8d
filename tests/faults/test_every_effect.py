"""Every effect of every system, through the whole order: its reply lost, and committed after its caller gave up.

In the end the books are what they are without the fault: everything once, or everything undone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest

from activities.steps import step_of
from adapters.database.records import SqlRecords
from domain.errors import Unavailable
from domain.orders import PlacedOrder
from tests.workflows import flows
from tests.workflows.books import Books, settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World

KINDS = ("reply_lost", "late_commit")
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


class Case(NamedTuple):
    """The flow in which the activity makes the operation's first request, and the books at its end."""

    flow: Callable[..., Awaitable[Story]]
    books: Callable[[PlacedOrder], Books]
    system: str
    operation: str


def happy(system: str, operation: str) -> Case:
    return Case(flows.settled, settled, system, operation)


def undo(system: str, operation: str) -> Case:
    return Case(flows.cancelled_with_labels, cancelled_with_labels, system, operation)


CASES = {
    "register_customer_in_erp": happy("erp", "register_customer"),
    "register_customer_in_crm": happy("crm", "register_customer"),
    "enter_erp_order": happy("erp", "enter_order"),
    "reserve_stock": happy("stock", "reserve"),
    "request_pick": happy("warehouse", "request_pick"),
    "create_labels": happy("carrier", "create_labels"),
    "hand_over": happy("warehouse", "hand_over"),
    "capture_payment": happy("payments", "capture"),
    "record_shipment_in_erp": happy("erp", "record_shipment"),
    "report_shipment_to_shop": happy("storefront", "report_shipment"),
    "post_invoice": happy("erp", "post_invoice"),
    "note_in_crm": happy("crm", "note"),
    "mail_customer": happy("notifications", "send"),
    "void_hold": undo("payments", "void"),
    "cancel_erp_order": undo("erp", "cancel_order"),
    "release_stock": undo("stock", "release"),
    "cancel_pick": undo("warehouse", "cancel_pick"),
    "void_labels": undo("carrier", "void_labels"),
    "cancel_shop_order": undo("storefront", "cancel_order"),
    "tell_operators": Case(flows.refused_by_the_erp, refused_by_the_erp, "notifications", "send"),
}
# Our own database: the method that loses its reply, and in which flow.
IN_THE_DATABASE = {
    "close_order_record": ("close_order", flows.settled, settled),
    "capture_payment, its record": ("record_movement", flows.settled, settled),
    "void_hold, its record": ("record_movement", flows.cancelled_with_labels, cancelled_with_labels),
}


def test_every_effect_has_its_case(running_world: World) -> None:
    effects = {step.name for step in map(step_of, running_world.activities) if step.mutates}
    assert effects == CASES.keys() | {name for name in IN_THE_DATABASE if "," not in name}
    print(f"{len(effects)} effects, {len(KINDS) * (len(CASES) + len(IN_THE_DATABASE))} cases")  # noqa: T201


def met(world: World, story: Story, case: Case, kind: str) -> bool:
    """Whether the fault really hit a request of this order."""
    return any(
        kind in request["outcomes"] and request["key"].startswith(f"{story.id}/")
        for request in world.simulator.books()["requests"]
        if (request["system"], request["operation"]) == (case.system, case.operation)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("effect", CASES)
async def test_an_effect_happens_once_whatever_becomes_of_its_reply(
    world: World, effect: str, kind: str
) -> None:
    case = CASES[effect]
    world.simulator.fault(case.system, kind, case.operation, times=1, seconds=LATE_SECONDS)
    story = await case.flow(world, channel="impatient")
    assert met(world, story, case, kind)
    assert await story.books() == case.books(story.placed)


@pytest.fixture
def faulty_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], list[str]]]:
    """Let a method of our records fail once in the way of `kind`. The list that it answers tells when it did."""
    late: list[asyncio.Task[None]] = []

    def fail_once(method: str, kind: str) -> list[str]:
        real, met = getattr(SqlRecords, method), list[str]()

        async def later(*args: Any) -> None:
            await asyncio.sleep(DATABASE_LATE_SECONDS)
            await real(*args)

        async def faulty(*args: Any) -> None:
            if not met:
                met.append(kind)
                if kind == "late_commit":
                    late.append(asyncio.create_task(later(*args)))
                else:
                    await real(*args)
                raise Unavailable("the reply was lost")
            await real(*args)

        monkeypatch.setattr(SqlRecords, method, faulty)
        return met

    yield fail_once
    assert all(task.done() and task.exception() is None for task in late)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("effect", IN_THE_DATABASE)
async def test_what_our_database_keeps_is_kept_once(
    world: World, faulty_database: Callable[[str, str], list[str]], effect: str, kind: str
) -> None:
    method, flow, books = IN_THE_DATABASE[effect]
    met = faulty_database(method, kind)
    story = await flow(world)
    await asyncio.sleep(2 * DATABASE_LATE_SECONDS)
    assert met == [kind]
    assert await story.books() == books(story.placed)
