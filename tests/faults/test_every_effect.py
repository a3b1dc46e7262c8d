"""The fault matrix: every effect, through a whole order, with everything that can happen to it.

An order goes its way once with an effect that comes too late, and once with all other faults, one after the other; every effect
of that way meets each fault once. In the end the books are what they are without it: everything once, or everything undone. Each
pair of an effect and a fault is reported as a subtest, which asserts that the fault was really met.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from activities.steps import step_of
from adapters.database.incidents import SqlIncidents
from adapters.database.records import SqlRecords
from domain.errors import Unavailable
from domain.orders import PlacedOrder
from tests.workflows import flows
from tests.workflows.books import Books, settled, undone
from tests.workflows.story import Story
from tests.workflows.world import World

DEATHS = ("before", "after")  # its worker dies at the first attempt, and at the second, which is slow as well
# The adapter of `impatient` gives up after 0.5 s, and asks again 0.6 s later.
SECONDS = {"late_commit": 0.8, "slow": 0.2}
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


IN_PARTS = ("backordered", "confirmed", "delivered", "delivered-2", "shipped", "shipped-2")


def in_two_parts(placed: PlacedOrder, **other: Any) -> Books:
    """The hold of the second part is another one than that of the first."""
    facts: dict[str, Any] = {
        "shop_told": 2,
        "erp_told": 2,
        "payment": ("captured", "captured"),
        "captured": ("11.90", "17.73"),
        "voided": ("11.90",),
        "movements": ("captured 11.90 EUR", "captured 17.73 EUR"),
        "on_hand": 0,
        "picks": ("shipped", "shipped"),
        "parcels": ("delivered", "delivered"),
        "labels": 2,
        "notes": ("confirmed", "shipped", "shipped"),
        "mails": IN_PARTS,
    }
    return settled(placed, **facts | other)


def backorder_and_return(placed: PlacedOrder) -> Books:
    return in_two_parts(
        placed,
        refunded=("11.90",),
        on_hand=1,
        mails=(*IN_PARTS[:4], "return_credited", "return_expected", *IN_PARTS[4:]),
        movements=("captured 11.90 EUR", "captured 17.73 EUR", "refunded 11.90 EUR", "voided 11.90 EUR"),
    )


def paid_by_a_link(placed: PlacedOrder) -> Books:
    return in_two_parts(placed, mails=(*IN_PARTS[:4], "pay_link-1190", *IN_PARTS[4:]))


def rest_cancelled(placed: PlacedOrder) -> Books:
    return settled(
        placed,
        payment=("captured", "voided"),
        captured=("17.73",),
        invoiced=("17.73",),
        on_hand=0,
        voided=("11.90", "2.27"),
        mails=("backordered", "confirmed", "delivered", "partly_cancelled-2", "shipped"),
        movements=("captured 17.73 EUR", "voided 11.90 EUR"),
    )


def amended_by_a_signal(placed: PlacedOrder) -> Books:
    """For the same price."""
    return settled(
        placed,
        notes=("amended", "confirmed", "shipped"),
        mails=("amended-2", "confirmed", "delivered", "shipped"),
        told=("committed",),
    )


def disputed_later(placed: PlacedOrder) -> Books:
    return settled(placed, operators=("needs_person",))


class Flow(NamedTuple):
    go: Callable[..., Awaitable[Story]]
    books: Callable[[PlacedOrder], Books]

    @property
    def name(self) -> str:
        return self.go.__name__


class Outside(NamedTuple):
    """The flow in which the activity makes the operation's first request, and whether it asks again for what has happened.

    Otherwise it looks first: a request that did something is its last one.
    """

    flow: Flow
    system: str
    operation: str
    asks_again: bool = True

    @property
    def rounds(self) -> list[tuple[str, ...]]:
        """The faults of one order, and of another one. At first nothing happens; what was done is answered with garbage."""
        failed = ("down", "rate_limited", "error5xx", "garbage")
        if self.asks_again:
            return [("late_commit",), (*failed, "reply_lost")]
        return [("late_commit",), failed, ("reply_lost",)]


class Inside(NamedTuple):
    """Our own database: whose method loses its reply, and in which flow."""

    flow: Flow
    holder: type
    method: str

    @property
    def rounds(self) -> list[tuple[str, ...]]:
        return [("late_commit",), ("reply_lost",)]


HAPPY = Flow(flows.settled, settled)
UNDO = Flow(flows.cancelled_with_labels, cancelled_with_labels)
REFUND = Flow(flows.prepaid_and_cancelled, prepaid_and_cancelled)
CREDIT = Flow(flows.on_account, on_account)
REFUSED = Flow(flows.refused_by_the_erp, refused_by_the_erp)
OUTAGE = Flow(flows.erp_down_for_a_while, settled)
BACK = Flow(flows.backorder_and_return, backorder_and_return)
LINK = Flow(flows.paid_by_a_link_and_sent_by_hand, paid_by_a_link)
SIGNAL = Flow(flows.amended_by_a_signal, amended_by_a_signal)
LATE = Flow(flows.disputed_after_it_closed, disputed_later)
REST = Flow(flows.hold_made_larger_and_rest_cancelled, rest_cancelled)

OUTSIDE = {
    "register_customer_in_erp": Outside(BACK, "erp", "register_customer"),
    "register_customer_in_crm": Outside(BACK, "crm", "register_customer"),
    "enter_erp_order": Outside(BACK, "erp", "enter_order"),
    "reserve_stock": Outside(BACK, "stock", "reserve"),
    "request_pick": Outside(BACK, "warehouse", "request_pick"),
    "create_labels": Outside(BACK, "carrier", "create_labels"),
    "hand_over": Outside(BACK, "warehouse", "hand_over"),
    "capture_payment": Outside(BACK, "payments", "capture"),
    "record_shipment_in_erp": Outside(BACK, "erp", "record_shipment"),
    "report_shipment_to_shop": Outside(BACK, "storefront", "report_shipment"),
    "post_invoice": Outside(BACK, "erp", "post_invoice"),
    "note_in_crm": Outside(BACK, "crm", "note"),
    "mail_customer": Outside(BACK, "notifications", "send"),
    "void_holds": Outside(UNDO, "payments", "void", asks_again=False),
    "cancel_erp_order": Outside(UNDO, "erp", "cancel_order"),
    "release_stock": Outside(UNDO, "stock", "release"),
    "cancel_pick": Outside(UNDO, "warehouse", "cancel_pick"),
    "void_labels": Outside(UNDO, "carrier", "void_labels"),
    "cancel_shop_order": Outside(UNDO, "storefront", "cancel_order"),
    "refund_payment": Outside(BACK, "payments", "refund"),
    "approve_credit": Outside(CREDIT, "erp", "approve_credit"),
    "expect_return": Outside(BACK, "warehouse", "expect_return"),
    "create_return_label": Outside(BACK, "carrier", "create_return_label"),
    "restock": Outside(BACK, "stock", "restock"),
    "post_credit_note": Outside(BACK, "erp", "post_credit_note"),
    "record_refund_in_shop": Outside(BACK, "storefront", "record_refund"),
    "amend_shop_order": Outside(REST, "storefront", "amend_order"),
    "hold_payment": Outside(BACK, "payments", "hold"),
    "increment_hold": Outside(REST, "payments", "increment"),
    "make_pay_link": Outside(LINK, "payments", "pay_link"),
    "adopt_shipment": Outside(LINK, "warehouse", "adopt"),
    "tell_sender": Outside(SIGNAL, "notifications", "amendment_ended", asks_again=False),
    "tell_operators": Outside(REFUSED, "notifications", "send"),
}
INSIDE = {
    "close_order_record": Inside(BACK, SqlRecords, "close_order"),
    "reopen_order_record": Inside(LATE, SqlRecords, "reopen_order"),
    "begin_outage": Inside(OUTAGE, SqlIncidents, "begin"),
    "end_outage": Inside(OUTAGE, SqlIncidents, "end"),
    "capture_payment, its record": Inside(BACK, SqlRecords, "record_movement"),
    "refund_payment, its record": Inside(REFUND, SqlRecords, "record_movement"),
    "void_holds, its record": Inside(UNDO, SqlRecords, "record_movement"),
}
EFFECTS = {name: case.flow for name, case in OUTSIDE.items()} | {
    name: case.flow for name, case in INSIDE.items() if "," not in name
}

# One order each: the way it goes, and which faults the effects meet on it.
FAULTY: dict[tuple[Flow, int], dict[str, tuple[str, ...]]] = defaultdict(dict)
DEADLY: dict[Flow, list[str]] = defaultdict(list)
for name, case in (OUTSIDE | INSIDE).items():
    for number, kinds in enumerate(case.rounds):
        FAULTY[case.flow, number][name] = kinds
for name, flow in EFFECTS.items():
    DEADLY[flow].append(name)


def named(told: object) -> str:
    return told.name if isinstance(told, Flow) else str(told)


def test_every_effect_has_its_case(running_world: World) -> None:
    effects = {step.name for step in map(step_of, running_world.activities) if step.mutates}
    assert effects == EFFECTS.keys()
    faulty = sum(len(kinds) for faults in FAULTY.values() for kinds in faults.values())
    pairs = faulty + len(DEATHS) * sum(map(len, DEADLY.values())) + len(OUTSIDE)
    print(f"{len(effects)} effects, {pairs} pairs of an effect and a fault")  # noqa: T201


class FaultyDatabase:
    """Methods of our database fail once, when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._late: list[asyncio.Task[None]] = []
        self.met: dict[Inside, str] = {}

    def fail_once(self, case: Inside, kind: str) -> None:
        real = getattr(case.holder, case.method)

        async def later(*args: Any) -> None:
            await asyncio.sleep(DATABASE_LATE_SECONDS)
            await real(*args)

        async def faulty(*args: Any) -> Any:
            if case in self.met:
                return await real(*args)
            self.met[case] = kind
            if kind == "late_commit":
                self._late.append(asyncio.create_task(later(*args)))
            else:
                await real(*args)
            raise Unavailable("the reply was lost")

        self._monkeypatch.setattr(case.holder, case.method, faulty)

    async def settled(self) -> None:
        """Whatever is on its way has arrived."""
        await asyncio.gather(*self._late)


@pytest_asyncio.fixture(loop_scope="session")
async def database(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FaultyDatabase]:
    faulty = FaultyDatabase(monkeypatch)
    yield faulty
    await faulty.settled()


def met(world: World, story: Story) -> set[tuple[str, str, str]]:
    """What really hit requests of this order: system, operation, and what came of it."""
    return {
        (request["system"], request["operation"], outcome)
        for request in world.simulator.books(story.id)["requests"]
        for outcome in request["outcomes"]
        if request["key"].startswith(f"{story.id}/")
    }


@pytest.mark.parametrize(("flow", "number"), FAULTY, ids=named)
async def test_every_effect_happens_once_whatever_becomes_of_its_request_or_reply(
    world: World, database: FaultyDatabase, subtests: pytest.Subtests, flow: Flow, number: int
) -> None:
    faults = FAULTY[flow, number]
    outside = [(OUTSIDE[effect], kind) for effect in faults if effect in OUTSIDE for kind in faults[effect]]
    inside = {INSIDE[effect]: kind for effect in faults if effect in INSIDE for kind in faults[effect]}
    for system, operation, kind in dict.fromkeys(
        (case.system, case.operation, kind) for case, kind in outside
    ):
        world.simulator.fault(system, kind, operation, times=1, seconds=SECONDS.get(kind, 0), retry_after=0)
    for kept, kind in inside.items():
        database.fail_once(kept, kind)
    story = await (flow.go(world, channel="impatient") if outside else flow.go(world))
    await database.settled()
    hit = met(world, story)
    for case, kind in outside:
        with subtests.test(effect=case.operation, fault=kind):
            assert (case.system, case.operation, kind) in hit
    for kept, kind in inside.items():
        with subtests.test(effect=kept.method, fault=kind):
            assert database.met.get(kept) == kind
    assert await story.books() == flow.books(story.placed)


@pytest.mark.parametrize("flow", DEADLY, ids=named)
async def test_a_worker_that_dies_before_or_after_an_effect_is_replaced(
    world: World, subtests: pytest.Subtests, flow: Flow
) -> None:
    """Of a dead worker the server hears nothing: it gives the effect to another when the attempt's time is over."""
    world.dies.update({effect: list(DEATHS) for effect in DEADLY[flow]})
    slow = {(case.system, case.operation) for name, case in OUTSIDE.items() if name in DEADLY[flow]}
    for system, operation in slow:
        world.simulator.fault(system, "slow", operation, times=1, seconds=SECONDS["slow"], retry_after=0)
    story = await flow.go(world, channel="hasty" if flow == OUTAGE else "mortal")
    for effect, when in product(DEADLY[flow], DEATHS):
        with subtests.test(effect=effect, dies=when):
            assert when not in world.dies[effect]
    hit = met(world, story)
    for system, operation in slow:
        with subtests.test(system=system, operation=operation, fault="slow"):
            assert (system, operation, "slow") in hit
    assert await story.books() == flow.books(story.placed)


@pytest.mark.parametrize("webhooks", ["duplicated", "reordered"])
@pytest.mark.parametrize("flow", [HAPPY, REFUND, CREDIT], ids=named)
async def test_webhooks_that_come_twice_or_in_another_order_change_nothing(
    world: World, flow: Flow, webhooks: str
) -> None:
    world.webhooks = webhooks
    story = await flow.go(world)
    assert await story.books() == flow.books(story.placed)
